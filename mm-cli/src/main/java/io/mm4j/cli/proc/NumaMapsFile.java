// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.process.NumaStats;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.RunningProcess;
import java.util.Locale;

/** {@code /proc/PID/numa_maps} ({@code show_numa_map()}, fs/proc/task_mmu.c of Linux 6.18). */
final class NumaMapsFile {
  private NumaMapsFile() {}

  /** Its text. */
  static String text(Scene scene, RunningProcess process) {
    StringBuilder out = new StringBuilder();
    process
        .mm()
        .forEachVma(
            vma -> {
              if (!vma.name().equals("[vsyscall]")) { // of no address space
                line(out, process, vma);
              }
            });
    return out.toString();
  }

  private static void line(StringBuilder out, RunningProcess process, VmaInfo vma) {
    out.append(
        String.format(Locale.ROOT, "%08x %s", vma.start(), process.mm().memoryPolicy(vma.start())));
    if (vma.file() != null) {
      out.append(" file=").append(escaped(MapsFile.name(process, vma)));
    } else if (vma.name().equals("[heap]")) {
      out.append(" heap");
    } else if (vma.name().equals("[stack]")) {
      out.append(" stack");
    }
    boolean huge = vma.flags().contains("ht");
    out.append(huge ? " huge" : "");
    NumaStats stats = process.mm().numaStats(vma.start());
    if (stats.pages() > 0) {
      sums(out, stats, huge);
      out.append(" kernelpagesize_kB=").append(ProcessFiles.pageKb(vma));
    }
    out.append('\n');
  }

  private static void sums(StringBuilder out, NumaStats stats, boolean huge) {
    put(out, "anon", stats.anon(), stats.anon() > 0);
    put(out, "dirty", stats.dirty(), stats.dirty() > 0);
    boolean others = stats.pages() != stats.anon() && stats.pages() != stats.dirty();
    put(out, "mapped", stats.pages(), others);
    put(out, "mapmax", stats.mapcountMax(), stats.mapcountMax() > 1);
    put(out, "active", stats.active(), stats.active() < stats.pages() && !huge);
    stats.byNode().forEach((node, pages) -> put(out, "N" + node, pages, true));
  }

  private static void put(StringBuilder out, String name, long pages, boolean shown) {
    if (shown) {
      out.append(' ').append(name).append('=').append(pages);
    }
  }

  /**
   * {@code seq_path()} with blanks, line ends and {@code =} as what has to be written otherwise.
   */
  private static String escaped(String path) {
    return path.replace("\\", "\\134")
        .replace("\n", "\\012")
        .replace("\t", "\\011")
        .replace("=", "\\075")
        .replace(" ", "\\040");
  }
}
