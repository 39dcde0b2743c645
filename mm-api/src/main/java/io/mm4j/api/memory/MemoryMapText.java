// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Reads a memory map from text: the boot log of a kernel ({@code dmesg}), {@code /proc/iomem}, or
 * the same lines without the rest.
 *
 * <pre>
 * [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
 *  BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
 *  modified: 0000000000100000 - 000000001fff0000 (usable)
 * 00100000-1fffffff : System RAM
 * 0x100000-0x1fffffff usable
 * </pre>
 *
 * <p>The first form and the last two give the last byte, the others, of old kernels, one past it.
 * Of a boot log the map that was printed last counts: that of {@code user:} or {@code modified:}
 * after the firmware's, and of two boots in one log the second; {@code e820: update} and {@code
 * remove} lines behind it change it. Lines about gaps name no memory. Nodes are read from the lines
 * {@code node 0: [mem ...]}, else from {@code SRAT: Node 0 PXM 0 ...}. Other text is skipped if
 * there is a map, and an error otherwise. {@code #} begins a comment.
 */
@API(status = API.Status.MAINTAINED)
public final class MemoryMapText {
  private MemoryMapText() {}

  /**
   * What a text tells.
   *
   * @param map the memory map
   * @param numa the nodes, or null if the text names none
   * @param notes what was passed over or decided, in words
   */
  public record Found(MemoryMap map, @Nullable NumaTopology numa, List<String> notes) {
    /** Copies the list. */
    public Found {
      notes = List.copyOf(notes);
    }
  }

  /**
   * Reads the map.
   *
   * @param text the lines
   * @param where the file, for messages
   */
  public static MemoryMap parse(String text, String where) {
    return read(text, where).map();
  }

  /**
   * Reads the map and what stands beside it.
   *
   * @param text the lines
   * @param where the file, for messages
   */
  public static Found read(String text, String where) {
    return new MapReading(where).read(text);
  }

  /** Writes a map as a kernel's boot log does, without time stamps. */
  public static String format(MemoryMap map) {
    StringBuilder out = new StringBuilder();
    for (MemoryMap.Range range : map.ranges()) {
      out.append(
          String.format(
              "BIOS-e820: [mem 0x%016x-0x%016x] %s%n",
              range.start(), range.end() - 1, MapWords.name(range.type())));
    }
    return out.toString();
  }
}
