// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Explains requests to the page allocator: {@code alloc_pages GFP ORDER}. */
public final class PageExplainer {
  /** The operation. */
  public static final String OPERATION = "alloc_pages";

  /** How it is typed. */
  public static final String FORM = "alloc_pages GFP ORDER";

  private final int gfp;
  private final int order;

  /**
   * Reads the operation.
   *
   * @param words the operation and its arguments
   * @throws InputException if they are wrong
   */
  public PageExplainer(List<String> words) {
    if (words.size() != 3) {
      throw new InputException(
          "alloc_pages takes 2 arguments, not " + (words.size() - 1), "mm explain", FORM);
    }
    gfp = Gfp.parse(words.get(1), "GFP");
    int both = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;
    if ((gfp & both) == both) {
      throw new InputException(
          "a request is movable or reclaimable, not both: gfp=" + Gfp.format(gfp),
          "GFP",
          "__GFP_MOVABLE, __GFP_RECLAIMABLE, or neither; Linux warns of a kernel bug there");
    }
    long typed = Sizes.parseNumber(words.get(2), "ORDER");
    if (typed > Pages.MAX_PAGE_ORDER) {
      throw new InputException(
          "order " + typed + " is too large", "ORDER", "0 to " + Pages.MAX_PAGE_ORDER);
    }
    order = (int) typed;
  }

  /** Does it on a machine. */
  public Explanation explain(Machine machine) {
    String call =
        String.format(
            Locale.ROOT,
            "alloc_pages(gfp=%s, order=%d): %d page%s of %s memory, from zone %s or lower",
            Gfp.format(gfp),
            order,
            1 << order,
            order == 0 ? "" : "s in a row",
            Migratetype.name(Gfp.migratetype(gfp)),
            Gfp.highestZone(gfp).procName());
    PageAllocator pages = machine.pages();
    List<String> before = blocks(machine);
    List<Step> steps = new ArrayList<>();
    if (!pages.watch(new Teller(steps))) {
      steps.add(new Step("note", "this page allocator does not show its steps"));
    }
    long pfn = PageAllocator.NO_PAGE;
    String never = null;
    try {
      pfn = pages.allocPages(machine.cpus().get(0), gfp, order);
    } catch (MemoryDeadlockException e) {
      never = "never comes back: " + e.getMessage();
    } finally {
      pages.watch(null);
    }
    List<String> after = blocks(machine);
    List<String> removed = new ArrayList<>();
    List<String> added = new ArrayList<>();
    for (int i = 0; i < before.size(); i++) {
      if (!before.get(i).equals(after.get(i))) {
        removed.add(before.get(i));
        added.add(after.get(i));
      }
    }
    boolean none = pfn == PageAllocator.NO_PAGE && never == null;
    Map<String, String> arguments = new LinkedHashMap<>();
    arguments.put("gfp", Gfp.format(gfp));
    arguments.put("order", Integer.toString(order));
    return new Explanation(
        call,
        arguments,
        steps,
        never != null
            ? never
            : none
                ? "no page"
                : String.format(
                    Locale.ROOT, "pfn %d, physical address 0x%x", pfn, pfn << Pages.PAGE_SHIFT),
        none ? "ENOMEM" : null,
        removed.isEmpty()
            ? List.of()
            : List.of(new Change("free blocks by order, 0 to 10", "free_blocks", removed, added)));
  }

  static List<String> blocks(Machine machine) {
    List<String> lines = new ArrayList<>();
    for (ManagedZone zone : machine.zones()) {
      StringBuilder line = new StringBuilder(zone.zone().toString()).append(':');
      for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
        line.append(' ').append(zone.frames().freeBlocks(order));
      }
      lines.add(line.toString());
    }
    return lines;
  }

  /** Notes the steps and the tracepoints as they come. */
  private record Teller(List<Step> steps) implements PageEvents {
    @Override
    public boolean explains() {
      return true;
    }

    @Override
    public void step(Cpu cpu, String text) {
      steps.add(new Step("step", text));
    }

    @SuppressWarnings("AnnotateFormatMethod") // a shorthand for the two events below
    private void event(String name, String form, Object... values) {
      steps.add(new Step("event", name + ": " + String.format(Locale.ROOT, form, values)));
    }

    @Override
    public void allocZoneLocked(
        Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
      event(
          "mm_page_alloc_zone_locked",
          "%s, pfn=%d order=%d migratetype=%s percpu_refill=%d",
          zone,
          pfn,
          order,
          Migratetype.name(migratetype),
          percpuRefill ? 1 : 0);
    }

    @Override
    public void allocExtfrag(
        Cpu cpu,
        Zone zone,
        long pfn,
        int allocOrder,
        int fallbackOrder,
        int allocMigratetype,
        int fallbackMigratetype,
        boolean changeOwnership) {
      event(
          "mm_page_alloc_extfrag",
          "%s, pfn=%d order=%d out of order %d, %s taken from %s",
          zone,
          pfn,
          allocOrder,
          fallbackOrder,
          Migratetype.name(allocMigratetype),
          Migratetype.name(fallbackMigratetype));
    }

    @Override
    public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
      steps.add(new Step("step", "kswapd is woken for " + zone));
    }
  }
}
