// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * {@code /proc/PID/maps}: {@code show_map_vma()} in fs/proc/task_mmu.c of Linux 6.18. Which disk a
 * file was on and what its inode number was is in no recording: files get device 08:01 (shared
 * memory 00:01, tmpfs 00:1a, {@code /dev/zero} 00:06) and numbers of their own.
 */
public final class MapsFile {
  private static final int NAME_COLUMN = 72;
  private static final long FIRST_INODE = 1025;
  private static final long NAMED_INODES = 1L << 24;

  private final IdentityHashMap<MappedFile, Long> shared = new IdentityHashMap<>();

  /**
   * Over the processes of one machine: shared memory is numbered in their order.
   *
   * @param processes all that may be shown
   */
  public MapsFile(List<RunningProcess> processes) {
    for (RunningProcess process : processes) {
      process.mm().forEachMap(this::inode);
    }
  }

  /** The whole file. */
  public String text(RunningProcess process) {
    StringBuilder out = new StringBuilder();
    process.mm().forEachMap(vma -> line(out, process, vma));
    return out.toString();
  }

  /** Its lines, without their ends. */
  public List<String> lines(RunningProcess process) {
    List<String> lines = new ArrayList<>();
    process.mm().forEachMap(vma -> lines.add(line(process, vma)));
    return lines;
  }

  /** One line, without its end. */
  String line(RunningProcess process, VmaInfo vma) {
    StringBuilder out = new StringBuilder();
    line(out, process, vma);
    out.setLength(out.length() - 1);
    return out.toString();
  }

  private void line(StringBuilder out, RunningProcess process, VmaInfo vma) {
    String name = vma.file() == null ? vma.name() : name(process, vma);
    line(out, vma, device(vma), inode(vma), name);
  }

  /** One line with its end. */
  static void line(StringBuilder out, VmaInfo vma, String device, long inode, String name) {
    int begin = out.length();
    hex(out, vma.start());
    out.append('-');
    hex(out, vma.end());
    out.append(' ').append(vma.perms()).append(' ');
    hex(out, vma.offsetBytes());
    out.append(' ').append(device).append(' ').append(inode).append(' ');
    if (!name.isEmpty()) {
      while (out.length() - begin < NAME_COLUMN) {
        out.append(' ');
      }
      out.append(' ').append(name.replace("\n", "\\012"));
    }
    out.append('\n');
  }

  /** The address at which a line begins. */
  public static long start(String line) {
    return Long.parseUnsignedLong(line.substring(0, line.indexOf('-')), 16);
  }

  /** At least eight digits. */
  private static void hex(StringBuilder out, long value) {
    String digits = Long.toHexString(value);
    out.append("0".repeat(Math.max(0, 8 - digits.length()))).append(digits);
  }

  /** The name of what is mapped. */
  static String name(RunningProcess process, VmaInfo vma) {
    boolean zero = vma.file() != null && vma.file().file().kind() == MappedFile.Kind.DEV_ZERO;
    return zero ? "/dev/zero" : process.nameOf(vma);
  }

  private static String device(VmaInfo vma) {
    if (vma.file() == null) {
      return "00:00";
    }
    return switch (vma.file().file().kind()) {
      case EXT4, OTHER, PROC, PIPE -> "08:01";
      case SECRET -> "00:0e";
      case TMPFS -> "00:1a";
      case SHMEM -> "00:01";
      case HUGETLB -> "00:0f";
      case HUGETLB_1G -> "00:10";
      case DEV_ZERO -> "00:06";
    };
  }

  private long inode(VmaInfo vma) {
    if (vma.file() == null) {
      return 0;
    }
    MappedFile file = vma.file().file();
    if (file.kind() == MappedFile.Kind.SHMEM) {
      return shared.computeIfAbsent(file, f -> FIRST_INODE + (long) shared.size());
    }
    // The same file has the same number whenever it is looked at.
    return NAMED_INODES + (file.name().hashCode() & (NAMED_INODES - 1));
  }
}
