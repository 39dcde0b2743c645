// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.RangeBootAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The ranges of the boot allocator: {@code memblock_debug_show()} of mm/memblock.c (Linux 6.18).
 * Kernels that keep memblock after boot have these files (CONFIG_ARCH_KEEP_MEMBLOCK).
 */
public final class MemblockFiles {
  /** All memory. */
  static final String MEMORY = "/sys/kernel/debug/memblock/memory";

  /** What boot took of it. */
  static final String RESERVED = "/sys/kernel/debug/memblock/reserved";

  /** By bit; of several that are set the lowest is shown. */
  private static final List<String> FLAGS =
      List.of("HOTPLUG", "MIRROR", "NOMAP", "DRV_MNG", "RSV_NIT", "RSV_KERN", "KHO_SCRATCH");

  private MemblockFiles() {}

  static boolean isOne(String path) {
    return path.equals(MEMORY) || path.equals(RESERVED);
  }

  static String memory(MachineView view) {
    return text(memory(view.memblock(), view.settings().architecture()));
  }

  static String reserved(MachineView view) {
    return text(reserved(view.memblock(), view.settings().architecture()));
  }

  private static String text(List<String> lines) {
    return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
  }

  /** The lines of {@code memory}. */
  public static List<String> memory(RangeBootAllocator boot, Architecture architecture) {
    List<String> lines = new ArrayList<>();
    boot.forEachMemory(
        (start, end, node, flags) ->
            lines.add(line(lines.size(), start, end, node, flags, architecture)));
    return lines;
  }

  /** The lines of {@code reserved}. */
  public static List<String> reserved(RangeBootAllocator boot, Architecture architecture) {
    List<String> lines = new ArrayList<>();
    boot.forEachReserved(
        (start, end, node, flags) ->
            lines.add(line(lines.size(), start, end, node, flags, architecture)));
    return lines;
  }

  /** {@code %pa} is as wide as a physical address; a kernel without NUMA has node 0 alone. */
  private static String line(
      int number, long start, long end, int node, int flags, Architecture architecture) {
    int digits = architecture.physicalEnd() > 1L << 32 ? 16 : 8;
    int shown = architecture.is64Bit() ? node : 0;
    return String.format(
        Locale.ROOT,
        "%4d: 0x%0" + digits + "x..0x%0" + digits + "x %4s %s",
        number,
        start,
        end - 1,
        shown < 0 ? "x" : Integer.toString(shown),
        flag(flags));
  }

  private static String flag(int flags) {
    int bit = Integer.numberOfTrailingZeros(flags);
    return flags == 0 ? "NONE" : bit < FLAGS.size() ? FLAGS.get(bit) : "UNKNOWN";
  }
}
