// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** Files on file systems with a size that typed calls mount. */
final class MountedFiles {
  /** The kinds by their words in calls. */
  static final List<String> KINDS = List.of("tmpfs", "hugetlbfs", "hugetlbfs_1g");

  private static final List<MappedFile.Kind> FILES =
      List.of(MappedFile.Kind.TMPFS, MappedFile.Kind.HUGETLB, MappedFile.Kind.HUGETLB_1G);

  /** Their descriptors begin here. */
  private static final int FIRST_FD = 100;

  private final List<MappedFile> files = new ArrayList<>();

  /** Those whose names have not gone. */
  private final Set<MappedFile> named = Collections.newSetFromMap(new IdentityHashMap<>());

  /**
   * Mounts a file system and opens a new file on it.
   *
   * @param kind by its place in {@link #KINDS}
   * @return its descriptor, or a negated errno
   * @throws InputException for limits that no mount has
   */
  long mount(RunningProcess process, int kind, long mostBytes, long leastBytes, String where) {
    Mount mount;
    try {
      mount = new Mount(FILES.get(kind), mostBytes, leastBytes);
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "a tmpfs has no least size", where, "mount hugetlbfs SIZE MIN_SIZE, mount tmpfs SIZE");
    }
    long error = floor(process).mount(mount);
    return error == 0 ? open(process, mount) : error;
  }

  /** Opens a new file beside one of these; its descriptor. */
  long create(RunningProcess process, long fd, String where) {
    Mount mount = file(fd, where).mount();
    if (mount == null) {
      throw new IllegalStateException("fd=" + fd + " lies on no mount");
    }
    return open(process, mount);
  }

  /** The name of one of these goes: 0, or a negated errno if it has none any more. */
  long unlink(RunningProcess process, long fd, String where) {
    MappedFile file = file(fd, where);
    if (!named.remove(file)) {
      return -Errno.ENOENT;
    }
    floor(process).unlink(file);
    return 0;
  }

  /** What a mount or a new file came to, in words. */
  static String told(long result) {
    return switch ((int) -result) {
      case Errno.EINVAL -> "the least size is larger than the size";
      case Errno.ENOMEM -> "the pool has too few free pages to promise the least size";
      case Errno.ENODEV -> "the machine has no huge pages of this size";
      default -> "descriptor " + result + " is a new and empty file on it";
    };
  }

  private long open(RunningProcess process, Mount mount) {
    int fd = FIRST_FD + files.size();
    MappedFile file = MappedFile.on(mount, "/mnt/file" + (files.size() + 1));
    files.add(file);
    named.add(file);
    process.mm().installFd(fd, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    return fd;
  }

  private MappedFile file(long fd, String where) {
    if (fd < FIRST_FD || fd >= FIRST_FD + files.size()) {
      throw new InputException(
          fd + " is no file on a file system that `mount` has mounted here",
          where,
          files.isEmpty()
              ? "mount FS SIZE first, which gives the descriptor of a file"
              : FIRST_FD + " to " + (FIRST_FD + files.size() - 1));
    }
    return files.get((int) fd - FIRST_FD);
  }

  private static ProcessFloor floor(RunningProcess process) {
    return process.machine().processes();
  }
}
