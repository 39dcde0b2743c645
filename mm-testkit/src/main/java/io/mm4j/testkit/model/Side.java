// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.Machine;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ReclaimRequest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** One of two machines that do the same, with a reclaimer above it. */
final class Side implements AutoCloseable {
  final Machine machine;
  final PageAllocator pages;
  final MemMap map;
  final Recorder recorder = new Recorder();

  /** What the reclaimer can give up. */
  final Deque<Twins.Held> reclaimable = new ArrayDeque<>();

  private final List<String> asked = new ArrayList<>();

  Side(Machine machine) {
    this.machine = machine;
    pages = machine.pages();
    map = machine.memory().memMap();
    machine.pressure().register(this::reclaim);
  }

  private long reclaim(ReclaimRequest request) {
    asked.add(request.toString());
    long freed = 0;
    while (freed < request.pages() && !reclaimable.isEmpty()) {
      Twins.Held block = reclaimable.removeFirst();
      pages.freePages(request.cpu(), block.pfn(), block.order());
      freed += 1L << block.order();
    }
    return freed;
  }

  /** Gives a whole pageblock of no reserve another type; -1 if it is none. */
  long retype(long pfn, int type) {
    for (ManagedZone managed : pages.zones()) {
      Zone zone = managed.zone();
      long first = pfn & -(long) Pages.PAGEBLOCK_NR_PAGES;
      boolean whole = first >= zone.startPfn() && first + Pages.PAGEBLOCK_NR_PAGES <= zone.endPfn();
      if (whole && zone.pageblocks().get(pfn) < Migratetype.PCPTYPES) {
        return managed.frames().movePageblock(pfn, type);
      }
    }
    return -1;
  }

  Cpu cpu(int number) {
    return machine.cpus().get(number % machine.cpus().count());
  }

  /** What the reclaimer was asked since the last call. */
  List<String> takeAsked() {
    List<String> taken = List.copyOf(asked);
    asked.clear();
    return taken;
  }

  @Override
  public void close() {
    machine.close();
  }
}
