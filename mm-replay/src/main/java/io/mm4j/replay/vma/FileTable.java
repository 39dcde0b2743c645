// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files and opens of one recording as objects of the process floor, and the recordings' names
 * for what the floor maps: shared anonymous objects are Z1, Z2... in the order in which they first
 * appear.
 */
final class FileTable {
  /** Descriptor of D1 is this plus 1, away from the small numbers of closed descriptors. */
  static final int FD_BASE = 1000;

  private final boolean synthetic;
  private final Map<String, MappedFile> files = new HashMap<>();
  private final Map<String, Mount> mounts = new HashMap<>();
  private final Map<String, Integer> descriptors = new LinkedHashMap<>();
  private final Map<String, String> paths = new HashMap<>();
  private final Map<Integer, OpenFile> opens = new LinkedHashMap<>();
  private final Map<String, OpenFile> openedByExec = new HashMap<>();
  private final IdentityHashMap<MappedFile, String> sharedNames = new IdentityHashMap<>();

  FileTable(VmaHeader header) {
    synthetic = !header.real();
    header.files().forEach(this::add);
    header.opens().forEach(this::add);
  }

  /** Adds a file. */
  void add(VmaHeader.FileLine line) {
    MappedFile file = made(line);
    MappedFile.Owner owner = line.owner();
    files.put(line.name(), owner == null ? file : file.owned(owner));
    if (!line.path().isEmpty()) {
      paths.put(line.name(), line.path());
    }
  }

  private MappedFile.@Nullable Content content(VmaHeader.FileLine line) {
    String name = line.name();
    if (!synthetic || !name.matches("F[0-9]{1,6}")) {
      return null;
    }
    int add = 7 * Integer.parseInt(name.substring(1)) + 1;
    return offset -> (int) (((offset >>> 12) + add) & 0xff);
  }

  private MappedFile made(VmaHeader.FileLine line) {
    Mount mount = mounts.get(line.mount());
    if (mount != null) {
      return MappedFile.on(mount, line.name());
    }
    if (!line.mount().isEmpty()) { // it could not be mounted here
      return MappedFile.sparse(line.name(), line.kind(), 0);
    }
    return line.kind() == MappedFile.Kind.PIPE
        ? MappedFile.pipe(line.name())
        : new MappedFile(
            line.name(), line.kind(), line.sizeBytes(), content(line), line.writtenBytes());
  }

  /** A file system was mounted. */
  void mounted(String name, Mount mount) {
    mounts.put(name, mount);
  }

  /** Adds an open and gives its descriptor. */
  int add(VmaHeader.OpenLine line) {
    MappedFile file = files.get(line.file());
    if (file == null) {
      throw new IllegalStateException("open=" + line.name() + " of unknown file=" + line.file());
    }
    int fd = FD_BASE + opens.size() + 1;
    descriptors.put(line.name(), fd);
    opens.put(fd, new OpenFile(file, line.mode()));
    return fd;
  }

  /** A descriptor for an open that a call makes, away from all others. */
  int nextMade() {
    return FD_BASE / 2 + descriptors.size();
  }

  /** An open that a call has made. */
  void made(String name, int fd) {
    descriptors.put(name, fd);
  }

  /** The descriptor of an open. */
  int fd(String open) {
    return descriptors.getOrDefault(open, -1);
  }

  /** The open file of a name that the recording gave, or null. */
  @Nullable OpenFile open(@Nullable String name) {
    return name == null ? null : opens.get(fd(name));
  }

  /** All opens by name, with their descriptors. */
  Map<String, Integer> descriptors() {
    return descriptors;
  }

  /** The path of a file; its name if the recording gives none. */
  String pathOf(String file) {
    return paths.getOrDefault(file, file);
  }

  /** All opens by descriptor. */
  Map<Integer, OpenFile> opens() {
    return opens;
  }

  /** The open file behind the VMAs of that name in the start state: exec opened each file once. */
  OpenFile atStart(String name) {
    return openedByExec.computeIfAbsent(
        name,
        key -> {
          MappedFile known = files.get(key);
          MappedFile file =
              known != null
                  ? known
                  : new MappedFile(key, MappedFile.Kind.EXT4, Long.MAX_VALUE >> 1);
          return new OpenFile(file, OpenFile.Mode.READ_ONLY);
        });
  }

  /** How maps of the recordings name a VMA of the floor. */
  String nameOf(String name, @Nullable OpenFile open) {
    if (open != null && open.file().kind() == MappedFile.Kind.SHMEM) {
      return sharedNames.computeIfAbsent(open.file(), f -> "Z" + (sharedNames.size() + 1));
    }
    if (synthetic && name.startsWith("/memfd:")) {
      return name.substring("/memfd:".length()).replace(" (deleted)", "");
    }
    if (synthetic && name.startsWith("/SYSV")) {
      return "SHM";
    }
    if (name.isEmpty() || (open != null && open.file().kind().isHugetlb())) {
      return "-";
    }
    return name.replace(" (deleted)", "(deleted)");
  }
}
