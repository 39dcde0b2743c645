// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.Machine;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code mm explain}. */
@Command(
    sortOptions = false,
    description =
        "Does one operation on a machine that has just booted, step by step, with the reason for"
            + " each: which zone and why, which list, which block was split. Operations:"
            + " alloc_pages GFP ORDER.",
    footer = {
      "",
      "Examples:",
      "  mm explain alloc_pages GFP_KERNEL 3",
      "  mm explain alloc_pages 'GFP_KERNEL|__GFP_DMA32' 0 --memory 16G",
      "  mm explain alloc_pages GFP_ATOMIC 9 --memory 64M --cmdline vm.min_free_kbytes=8192",
    })
final class ExplainCommand extends MmCommand {
  private static final String FORM = "alloc_pages GFP ORDER";

  @Parameters(arity = "0..*", paramLabel = "OPERATION", description = "alloc_pages GFP ORDER")
  private List<String> words = new ArrayList<>();

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (words.isEmpty() || !words.getFirst().equals("alloc_pages")) {
      String what =
          words.isEmpty() ? "no operation is named" : "cannot explain " + words.getFirst();
      throw new InputException(what, "mm explain", FORM);
    }
    if (words.size() != 3) {
      throw new InputException(
          "alloc_pages takes 2 arguments, not " + (words.size() - 1), "mm explain", FORM);
    }
    int gfp = Gfp.parse(words.get(1), "GFP");
    long order = Sizes.parseNumber(words.get(2), "ORDER");
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new InputException(
          "order " + order + " is too large", "ORDER", "0 to " + Pages.MAX_PAGE_ORDER);
    }
    try (Machine booted = machine.config(machine.registry(io)).contents(false).boot()) {
      explain(io, booted, gfp, (int) order);
    }
    return Main.GOOD;
  }

  private static void explain(Io io, Machine machine, int gfp, int order) {
    io.out()
        .printf(
            Locale.ROOT,
            "alloc_pages(gfp=%s, order=%d): %d page%s of %s memory, from zone %s or lower%n",
            Gfp.format(gfp),
            order,
            1 << order,
            order == 0 ? "" : "s in a row",
            Migratetype.name(Gfp.migratetype(gfp)),
            Gfp.highestZone(gfp).procName());
    PageAllocator pages = machine.pages();
    List<String> before = blocks(machine);
    if (!pages.watch(new Teller(io))) {
      io.out().println("  (this page allocator does not show its steps)");
    }
    long pfn = pages.allocPages(machine.cpus().get(0), gfp, order);
    pages.watch(null);
    if (pfn == PageAllocator.NO_PAGE) {
      io.out().println("result: no page");
      return;
    }
    io.out()
        .printf(
            Locale.ROOT, "result: pfn %d, physical address 0x%x%n", pfn, pfn << Pages.PAGE_SHIFT);
    List<String> after = blocks(machine);
    for (int i = 0; i < before.size(); i++) {
      if (!before.get(i).equals(after.get(i))) {
        io.out().println("free blocks by order, 0 to 10");
        io.out().println("  before  " + before.get(i));
        io.out().println("  after   " + after.get(i));
      }
    }
  }

  private static List<String> blocks(Machine machine) {
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

  /** Prints the steps and the tracepoints as they come. */
  private record Teller(Io io) implements PageEvents {
    @Override
    public boolean explains() {
      return true;
    }

    @Override
    public void step(Cpu cpu, String text) {
      io.out().println("  " + text);
    }

    @Override
    public void allocZoneLocked(
        Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
      io.out()
          .printf(
              Locale.ROOT,
              "  mm_page_alloc_zone_locked: %s, pfn=%d order=%d migratetype=%s percpu_refill=%d%n",
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
      io.out()
          .printf(
              Locale.ROOT,
              "  mm_page_alloc_extfrag: %s, pfn=%d order=%d out of order %d, %s taken from %s%n",
              zone,
              pfn,
              allocOrder,
              fallbackOrder,
              Migratetype.name(allocMigratetype),
              Migratetype.name(fallbackMigratetype));
    }

    @Override
    public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
      io.out().println("  kswapd is woken for " + zone);
    }
  }
}
