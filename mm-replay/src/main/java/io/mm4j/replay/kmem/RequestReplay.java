// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.Cpu;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Asks a machine of any shape for what was asked of another one: a policy replay without the other
 * machine's memory. The machine has just booted, so all its memory is free; frees of blocks that
 * were in use before the trace began are left out, and nothing is reclaimed.
 *
 * <p>A free of a part of a block splits it first, as its holder would have done.
 */
public final class RequestReplay {
  /** A block that a request here got. */
  private record Held(long pfn, int order) {}

  private final Machine machine;
  private final PageAllocator pages;
  private final MemMap memMap;

  /** By the first recorded frame. */
  private final Map<Long, Held> held = new HashMap<>();

  private final Long[] failures = new Long[Counts.ORDERS];
  private String firstFailure = "";
  private long asked;
  private long askedPages;
  private long frees;
  private long freesLeftOut;
  private long recordedFailures;

  private RequestReplay(Machine machine) {
    this.machine = machine;
    this.pages = machine.pages();
    this.memMap = machine.memory().memMap();
    Arrays.fill(failures, 0L);
  }

  /**
   * Plays a trace to its end and closes it.
   *
   * @param config the machine, as it is to boot
   * @throws io.mm4j.api.InputException if the trace cannot be read or the machine cannot be
   */
  public static RequestRun run(RequestTrace trace, MachineConfig config) {
    try (trace;
        Machine machine = config.contents(false).boot()) {
      return new RequestReplay(machine).play(trace);
    }
  }

  private RequestRun play(RequestTrace trace) {
    long start = pages.freePages();
    long lowest = start;
    boolean first = true;
    long timeNs = 0;
    while (trace.next()) {
      machine.clock().advance(first ? 0 : Math.max(0, trace.timeNs() - timeNs));
      timeNs = trace.timeNs();
      first = false;
      if (trace.isFree()) {
        free(trace);
      } else if (trace.pfn() < 0) {
        recordedFailures++;
      } else {
        allocate(trace);
        lowest = Math.min(lowest, pages.freePages());
      }
    }
    List<String> blocks = new ArrayList<>();
    long managed = 0;
    for (ManagedZone zone : machine.zones()) {
      managed += zone.zone().managedPages();
      StringBuilder line = new StringBuilder(zone.zone().toString()).append(':');
      for (int o = 0; o < Counts.ORDERS; o++) {
        line.append(' ').append(zone.frames().freeBlocks(o));
      }
      blocks.add(line.toString());
    }
    return new RequestRun(
        Objects.requireNonNull(machine.plugins().get(Spi.PAGE_ALLOCATOR)).name(),
        Objects.requireNonNull(machine.plugins().get(Spi.FRAME_ALLOCATOR)).name(),
        asked,
        askedPages,
        List.of(failures),
        frees,
        freesLeftOut,
        recordedFailures,
        managed,
        start,
        lowest,
        pages.freePages(),
        pages.pcpPages(),
        firstFailure,
        blocks,
        trace.notes());
  }

  private Cpu cpu(RequestTrace trace) {
    return machine.cpus().get(trace.cpu() % machine.cpus().count());
  }

  private void allocate(RequestTrace trace) {
    long pfn = trace.pfn();
    int order = trace.order();
    if (order > Pages.MAX_PAGE_ORDER) {
      recordedFailures++;
      return;
    }
    // Whoever has the frame now has lost its free: the trace shows it in use again.
    giveBack(trace, pfn, order, false);
    asked++;
    askedPages += 1L << order;
    long got;
    try {
      got = pages.allocPages(cpu(trace), trace.gfp(), order);
    } catch (MemoryDeadlockException e) {
      got = PageAllocator.NO_PAGE;
    }
    if (got == PageAllocator.NO_PAGE) {
      failures[order]++;
      if (firstFailure.isEmpty()) {
        firstFailure =
            String.format(
                Locale.ROOT,
                "request %,d, line %,d: order %d, %s, with %,d pages free",
                asked,
                trace.line(),
                order,
                Gfp.format(trace.gfp()),
                pages.freePages());
      }
      return;
    }
    held.put(pfn, new Held(got, order));
  }

  private void free(RequestTrace trace) {
    if (giveBack(trace, trace.pfn(), trace.order(), true)) {
      frees++;
    } else {
      freesLeftOut++;
    }
  }

  /** Gives back what these recorded frames stand for; whether it was anything. */
  private boolean giveBack(RequestTrace trace, long pfn, int order, boolean asBlock) {
    Held exact = held.get(pfn);
    if (exact != null && exact.order() == order && asBlock) {
      held.remove(pfn);
      pages.freePages(cpu(trace), exact.pfn(), order);
      return true;
    }
    boolean any = false;
    long end = pfn + (1L << Math.min(order, Pages.MAX_PAGE_ORDER));
    for (long p = pfn; p < end; p++) {
      split(p);
      Held page = held.remove(p);
      if (page != null) {
        any = true;
        pages.freePages(cpu(trace), page.pfn(), 0);
      }
    }
    return any;
  }

  /** Makes single pages of the block that holds this recorded frame, if it is larger. */
  private void split(long pfn) {
    for (int o = 1; o < Counts.ORDERS; o++) {
      // Blocks are aligned where they were recorded.
      long head = pfn & -(1L << o);
      Held block = held.get(head);
      if (block == null || block.order() < 1 || head + (1L << block.order()) <= pfn) {
        continue;
      }
      for (long p = block.pfn(); p < block.pfn() + (1L << block.order()); p++) {
        memMap.setFlags(p, 0);
      }
      pages.splitPage(block.pfn(), block.order());
      for (int i = 0; i < 1 << block.order(); i++) {
        held.put(head + i, new Held(block.pfn() + i, 0));
      }
      return;
    }
  }
}
