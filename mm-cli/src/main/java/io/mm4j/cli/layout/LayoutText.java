// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.layout;

import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelRegion;
import io.mm4j.api.kernel.LowMemory;
import io.mm4j.api.memory.Pages;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A layout for people: the boot log's lines or the documented map, then a drawing in which every
 * row covers as many addresses as the others.
 */
public final class LayoutText {
  private static final int ROWS = 32;
  private static final long KIB = 1L << 10;
  private static final String[] UNITS = {"bytes", "kB", "MB", "GB", "TB", "PB"};

  private final KernelLayout layout;
  private final LowMemory low;

  /** The text of a layout. */
  public LayoutText(KernelLayout layout, LowMemory low) {
    this.layout = layout;
    this.low = low;
  }

  private boolean isWide() {
    return layout.addressBits() > 32;
  }

  /** Everything. */
  public String toText() {
    StringBuilder text = new StringBuilder();
    if (isWide()) {
      documented(text);
    } else {
      bootLog(text);
    }
    text.append('\n');
    drawing(text);
    text.append('\n');
    notes().forEach(note -> text.append(note).append('\n'));
    return text.toString();
  }

  /** {@code mem_init()} of arch/x86/mm/init_32.c, Linux 2.6.26 to 5.6. */
  private void bootLog(StringBuilder text) {
    long high = low.endPfn() - low.lowPfn();
    if (layout.form().highmemSupport()) {
      text.append(String.format(Locale.ROOT, "%dMB HIGHMEM available.%n", high >> 8));
    }
    text.append(String.format(Locale.ROOT, "%dMB LOWMEM available.%n", low.lowPfn() >> 8));
    text.append("virtual kernel memory layout:\n");
    line(text, "fixmap", "kB", 10);
    layout.region("pkmap").ifPresent(r -> line(text, "pkmap", "kB", 10));
    line(text, "vmalloc", "MB", 20);
    line(text, "lowmem", "MB", 20);
  }

  private void line(StringBuilder text, String name, String unit, int shift) {
    KernelRegion r = layout.region(name).orElseThrow();
    text.append(
        String.format(
            Locale.ROOT,
            "    %-7s : 0x%08x - 0x%08x   (%4d %s)%n",
            name,
            r.start(),
            r.last() + 1,
            r.bytes() >>> shift,
            unit));
  }

  /** Documentation/arch/x86/x86_64/mm.rst. */
  private void documented(StringBuilder text) {
    text.append("   start addr    |     end addr     |    size | area\n");
    for (KernelRegion r : layout.regions()) {
      text.append(
          String.format(
              Locale.ROOT,
              "%016x | %016x | %7s | %s%n",
              r.start(),
              r.last(),
              size(r.bytes()),
              r.hole() && r.name().equals("hole") ? "... unused hole" : r.name()));
    }
  }

  /** The kernel's half from the top, each row as large as the others. */
  private void drawing(StringBuilder text) {
    long first = isWide() ? -1L << (layout.addressBits() - 1) : layout.architecture().pageOffset();
    long span = isWide() ? 1L << (layout.addressBits() - 1) : (1L << 32) - first;
    long row = span / ROWS;
    text.append(
        String.format(
            Locale.ROOT,
            "the kernel's %s, each row %s; below each border what begins there%n",
            size(span),
            size(row)));
    for (int i = ROWS - 1; i >= 0; i--) {
      long start = first + i * row;
      long last = start + row - 1;
      List<KernelRegion> here = new ArrayList<>();
      for (KernelRegion r : layout.regions()) {
        boolean begins =
            Long.compareUnsigned(r.start(), start) >= 0
                && Long.compareUnsigned(r.start(), last) <= 0;
        if (begins) {
          here.add(r);
        }
      }
      Collections.reverse(here);
      KernelRegion bottom = layout.find(start).orElseThrow();
      String fill = bottom.hole() ? "      " : "######";
      text.append(
          String.format(
              Locale.ROOT,
              isWide() ? "  %016x |%s|" : "  %08x |%s|",
              start,
              here.size() > 1 ? "######" : fill));
      String separator = " ";
      for (KernelRegion r : here) {
        text.append(separator).append(r.name()).append(' ').append(size(r.bytes()));
        separator = ", ";
      }
      text.append('\n');
    }
  }

  /** What the lines do not say. */
  private List<String> notes() {
    List<String> notes = new ArrayList<>();
    KernelRegion user = layout.regions().getFirst();
    notes.add(
        String.format(
            Locale.ROOT,
            "a process has 0x%x to 0x%x (%s)",
            user.start(),
            user.last(),
            size(user.bytes())));
    notes.add(
        String.format(
            Locale.ROOT,
            "high_memory 0x%x: RAM up to 0x%x has permanent addresses from 0x%x on",
            layout.highMemory(),
            low.lowPfn() << Pages.PAGE_SHIFT,
            layout.highMemory() - (low.lowPfn() << Pages.PAGE_SHIFT)));
    notes.add(
        isWide()
            ? "no image is loaded, and mem_map, which a kernel has at vmemmap, is kept outside of"
                + " RAM"
            : "no image is loaded, hence no .init, .data and .text; mem_map, which a kernel has in"
                + " lowmem, is kept outside of RAM");
    return notes;
  }

  /** A size in the largest unit that loses little. */
  static String size(long bytes) {
    if (bytes == 0) {
      return "16 EB";
    }
    if (bytes < 0) {
      return "~" + (bytes >>> 60) + " EB";
    }
    int unit = 0;
    long value = bytes;
    long rest = 0;
    while (value >= KIB && unit < UNITS.length - 1) {
      rest = value % KIB; // of the units below, only the next counts
      value /= KIB;
      unit++;
    }
    double exact = value + rest / (double) KIB;
    boolean round = value >= 100 || Math.abs(exact - Math.rint(exact)) < 0.05;
    return String.format(Locale.ROOT, round ? "%.0f %s" : "%.1f %s", exact, UNITS[unit]);
  }

  /** The same for programs: addresses as text, as they do not fit a number of JSON. */
  public Map<String, Object> toMap() {
    List<Map<String, Object>> regions = new ArrayList<>();
    for (KernelRegion r : layout.regions()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", r.name());
      one.put("start", hex(r.start()));
      one.put("last", hex(r.last()));
      one.put("bytes", Long.toUnsignedString(r.bytes()));
      one.put("hole", r.hole());
      regions.add(one);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("architecture", layout.architecture().id());
    map.put("address_bits", layout.addressBits());
    map.put("older_form", !isWide() && layout.form().older());
    map.put("high_memory", hex(layout.highMemory()));
    map.put("lowmem_pages", low.lowPfn());
    map.put("highmem_pages", low.endPfn() - low.lowPfn());
    map.put("vmalloc_start", hex(layout.vmallocStart()));
    map.put("vmalloc_end", hex(layout.vmallocEnd()));
    map.put("regions", regions);
    return map;
  }

  private static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
