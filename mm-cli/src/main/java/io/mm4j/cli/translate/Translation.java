// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.translate;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.Segmentation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** One translation, step by step: segment, tables, physical address. */
public final class Translation {
  /** An entry that was read. */
  private record Step(int level, long tablePfn, int index, long entry) {}

  private final Machine machine;
  private final PageTableFormat format;
  private final EntryText text;
  private final String rootName;
  private final long root;
  private final long address;
  private final int selector;
  private final OptionalLong linear;
  private @Nullable String place;
  private final List<Step> steps = new ArrayList<>();
  private long paddr = PageTables.NOT_MAPPED;

  /**
   * Translates an address of the data segment that belongs to it: the user's or the kernel's.
   *
   * @param rootName what the root is called
   */
  public Translation(Machine machine, String rootName, long root, long address) {
    this.machine = machine;
    this.format = machine.pageTables().format();
    this.text = new EntryText(format);
    this.rootName = rootName;
    this.root = root;
    this.address = address;
    Segmentation segments = machine.pageTables().segmentation();
    boolean kernel = format.kernel().contains(address);
    selector = kernel ? segments.kernelData() : segments.userData();
    linear = segments.linear(selector, address, 1, kernel ? 0 : Mmu.USER);
    if (linear.isPresent()) {
      paddr =
          machine
              .pageTables()
              .walk(
                  root,
                  linear.getAsLong(),
                  (level, pfn, index, entry) -> steps.add(new Step(level, pfn, index, entry)));
    }
  }

  /** Says in which mapping of its process the address lies. */
  public Translation in(String mapping) {
    place = mapping;
    return this;
  }

  private String segmentName() {
    return format.kernel().contains(address) ? "__KERNEL_DS" : "__USER_DS";
  }

  private String fault() {
    Segmentation segments = machine.pageTables().segmentation();
    return segments.longMode()
        ? "general protection fault: the address is not canonical, bits "
            + (format.shape().addressBits() - 1)
            + " to 63 differ"
        : String.format(
            "general protection fault: beyond the limit 0x%x of the segment",
            segments.limit(segments.descriptor(selector)));
  }

  /** As lines. */
  public String toText() {
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            "%s: %d levels, root of %s in frame 0x%x%n",
            format.name(),
            format.levels(),
            rootName,
            root));
    Segmentation segments = machine.pageTables().segmentation();
    long descriptor = segments.descriptor(selector);
    String limit =
        segments.longMode()
            ? "base and limit do not count"
            : String.format(
                "base 0x%x limit 0x%x", segments.base(descriptor), segments.limit(descriptor));
    line(
        out,
        "segment",
        String.format(
            "%s 0x%02x: descriptor 0x%016x, %s", segmentName(), selector, descriptor, limit));
    if (linear.isEmpty()) {
      line(out, "", "-> " + fault());
      return out.toString();
    }
    line(out, "linear", String.format("0x%x", linear.getAsLong()));
    if (place != null) {
      line(out, "mapping", place);
    }
    for (Step step : steps) {
      line(
          out,
          text.level(step.level),
          String.format(
              "frame 0x%x [%d] at 0x%x: %s  %s",
              step.tablePfn,
              step.index,
              paddr(step),
              text.hex(step.entry),
              String.join(" ", text.flags(step.level, step.entry))));
      line(out, "", "-> " + text.meaning(step.level, step.entry));
    }
    if (paddr == PageTables.NOT_MAPPED) {
      line(out, "physical", "none: an access is a page fault");
    } else {
      line(
          out,
          "physical",
          String.format(
              "0x%x: frame 0x%x + 0x%x, %s",
              paddr,
              paddr >>> Pages.PAGE_SHIFT,
              paddr & (Pages.PAGE_SIZE - 1),
              new WalkText(machine)
                  .frame(paddr >>> Pages.PAGE_SHIFT)
                  .replaceFirst("^0x[0-9a-f]+, ", "")));
    }
    return out.toString();
  }

  private static void line(StringBuilder out, String what, String value) {
    out.append(String.format("  %-9s %s%n", what, value.stripTrailing()));
  }

  private long paddr(Step step) {
    return (step.tablePfn << Pages.PAGE_SHIFT) + (long) step.index * format.shape().entryBytes();
  }

  /** Who holds the frame, or null if there is none. */
  private @Nullable String owner() {
    MemMap map = machine.memory().memMap();
    long pfn = paddr >>> Pages.PAGE_SHIFT;
    return pfn < map.endPfn() ? map.owner(pfn).name() : null;
  }

  /** As JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("address", hex(address));
    map.put("format", format.name());
    map.put("root", rootName);
    map.put("root_pfn", root);
    map.put("segment", segmentName());
    map.put("selector", selector);
    map.put("linear", linear.isPresent() ? hex(linear.getAsLong()) : "");
    List<Map<String, Object>> list = new ArrayList<>();
    for (Step step : steps) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("level", step.level);
      one.put("name", text.level(step.level));
      one.put("table_pfn", step.tablePfn);
      one.put("index", step.index);
      one.put("entry_paddr", hex(paddr(step)));
      one.put("entry", text.hex(step.entry));
      one.put("kind", text.kind(step.level, step.entry));
      one.put("flags", text.flags(step.level, step.entry));
      list.add(one);
    }
    if (place != null) {
      map.put("mapping", place);
    }
    map.put("steps", list);
    map.put("mapped", paddr != PageTables.NOT_MAPPED);
    if (linear.isEmpty()) {
      map.put("fault", fault());
    }
    if (paddr != PageTables.NOT_MAPPED) {
      map.put("physical", hex(paddr));
      map.put("pfn", paddr >>> Pages.PAGE_SHIFT);
      String owner = owner();
      map.put("owner", owner == null ? "" : owner);
      if (owner != null) {
        MemMap frames = machine.memory().memMap();
        long pfn = paddr >>> Pages.PAGE_SHIFT;
        boolean process =
            owner.equals(FrameOwner.ANON.name()) || owner.equals(FrameOwner.FILE.name());
        if (process) {
          long head = frames.head(pfn);
          int whole = frames.order(pfn) == 0 ? 0 : frames.entireMapcount(head);
          map.put("refcount", frames.refcount(head));
          map.put("mapcount", frames.mapcount(pfn) + whole);
          map.put("order", frames.order(pfn));
        }
      }
    }
    return map;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
