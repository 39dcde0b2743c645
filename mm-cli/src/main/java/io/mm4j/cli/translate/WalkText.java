// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.translate;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Page tables and frames of a machine in words. */
public final class WalkText {
  /** What stands in the place of a level for the frame at the end. */
  public static final String FRAME = "frame";

  /**
   * One step of a walk.
   *
   * @param level {@code PGD} to {@code PTE}, or {@link #FRAME}
   * @param text where the entry lies, its value, what it says and where it leads
   * @param entry its value; 0 for the frame
   * @param kind what it is in few words
   */
  public record Line(String level, String text, long entry, String kind) {}

  private final Machine machine;
  private final EntryText entries;

  /** Of a machine with page tables. */
  public WalkText(Machine machine) {
    this.machine = machine;
    this.entries = new EntryText(machine.pageTables().format());
  }

  /** The steps from the top table to the frame; without one if nothing is mapped. */
  public List<Line> lines(long root, long address) {
    List<Line> lines = new ArrayList<>();
    PageTables tables = machine.pageTables();
    PageTableFormat format = tables.format();
    if (!format.shape().isCanonical(address)) {
      return lines;
    }
    long paddr =
        tables.walk(
            root,
            address,
            (level, table, index, entry) ->
                lines.add(
                    new Line(
                        entries.level(level),
                        step(level, table, index, entry),
                        entry,
                        kind(level, entry))));
    if (paddr != PageTables.NOT_MAPPED) {
      lines.add(new Line(FRAME, frame(paddr >>> Pages.PAGE_SHIFT), 0, ""));
    }
    return lines;
  }

  private String kind(int level, long entry) {
    String kind = entries.kind(level, entry);
    return kind.equals("none") ? "none" : entries.hex(entry) + ", a " + kind;
  }

  private String step(int level, long table, int index, long entry) {
    long at =
        (table << Pages.PAGE_SHIFT)
            + (long) index * machine.pageTables().format().shape().entryBytes();
    return String.format(
        Locale.ROOT,
        "frame 0x%x [%d] at 0x%x: %s %s -> %s",
        table,
        index,
        at,
        entries.hex(entry),
        String.join(" ", entries.flags(level, entry)),
        entries.meaning(level, entry));
  }

  /** A frame: who has it, and who refers to it. */
  public String frame(long pfn) {
    MemMap map = machine.memory().memMap();
    if (pfn >= map.endPfn() || !map.isPresent(pfn)) {
      return String.format(Locale.ROOT, "0x%x, outside RAM", pfn);
    }
    FrameOwner owner = map.owner(pfn);
    String text = String.format(Locale.ROOT, "0x%x, owner %s", pfn, owner);
    if (owner != FrameOwner.ANON && owner != FrameOwner.FILE) {
      return text;
    }
    long head = map.head(pfn);
    int order = map.order(pfn);
    int mapped = map.mapcount(pfn) + (order == 0 ? 0 : map.entireMapcount(head));
    return text
        + String.format(
            Locale.ROOT,
            ", mapped %s, %d reference%s%s",
            mapped == 1 ? "once" : mapped + " times",
            map.refcount(head),
            map.refcount(head) == 1 ? "" : "s",
            order == 0
                ? ""
                : String.format(
                    Locale.ROOT, " to its folio of order %d that begins at 0x%x", order, head));
  }
}
