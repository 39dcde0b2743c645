// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;

/**
 * Pages on their way through a CPU's lists: {@code rmqueue_pcplist()}, {@code
 * free_frozen_page_commit()}, {@code free_pcppages_bulk()} and {@code drain_pages()} of
 * mm/page_alloc.c (Linux 6.18).
 */
public final class PerCpu {
  private final State state;
  private final FreeLists lists;

  PerCpu(State state, FreeLists lists) {
    this.state = state;
    this.lists = lists;
  }

  /** {@code rmqueue_pcplist()}: the hottest block, after a refill if there is none. */
  long take(Cpu cpu, ModelZone zone, int order, int type, AllocFlags flags) {
    zone.cpus.get(cpu.id()).tuning.allocates();
    return takeMore(cpu, zone, order, type, flags);
  }

  /** {@code __rmqueue_pcplist()}: the same inside a row that was begun by another. */
  long takeMore(Cpu cpu, ModelZone zone, int order, int type, AllocFlags flags) {
    CpuLists own = zone.cpus.get(cpu.id());
    Deque<Long> list = own.lists.get(PcpTuning.list(order, type));
    if (list.isEmpty()) {
      refill(cpu, zone, order, type, flags, list);
    }
    if (list.isEmpty()) {
      return FrameAllocator.NONE;
    }
    own.tuning.count -= 1 << order;
    return list.removeFirst();
  }

  /** {@code rmqueue_bulk()}: in the order of the free lists, the first one is used first. */
  private void refill(
      Cpu cpu, ModelZone zone, int order, int type, AllocFlags flags, Deque<Long> list) {
    PcpTuning tuning = zone.cpus.get(cpu.id()).tuning;
    int wanted = state.choices.refill(tuning, order, zone.belowHigh);
    FreeLists.Taker taker = lists.new Taker(cpu, zone, flags, true);
    int got = 0;
    while (got < wanted) {
      long pfn = taker.next(order, type);
      if (pfn == FrameAllocator.NONE) {
        break;
      }
      state.map.setOwners(pfn, order, FrameOwner.PCP);
      list.addLast(pfn);
      got++;
    }
    tuning.count += got << order;
    state.counters.other("pcp_refill", 1);
  }

  /** {@code free_frozen_page_commit()}. */
  void put(Cpu cpu, ModelZone zone, long pfn, int order, int type) {
    CpuLists own = zone.cpus.get(cpu.id());
    int list = PcpTuning.list(order, type);
    state.choices.put(own.lists.get(list), pfn);
    int pages = own.tuning.freed(order, zone.belowHigh, zone.reclaiming);
    if (pages > 0) {
      drain(cpu, zone, own, pages, list);
      boolean enough =
          Watermark.ok(
              zone, 0, zone.mark(Mark.HIGH), new AllocFlags(Mark.MIN, Set.of()), ZoneType.MOVABLE);
      zone.belowHigh &= !enough;
    }
    serve(cpu);
  }

  /**
   * {@code free_pcppages_bulk()}: the oldest blocks of one list, then of the next one, until enough
   * pages went.
   */
  void drain(Cpu cpu, ModelZone zone, CpuLists own, int pages, int first) {
    int left = Math.min(pages, own.tuning.count);
    state.counters.other("pcp_drain", left > 0 ? 1 : 0);
    for (int i = first; left > 0; i = (i + 1) % PcpTuning.LISTS) {
      Deque<Long> list = own.lists.get(i);
      int order = PcpTuning.orderOf(i);
      while (left > 0 && !list.isEmpty()) {
        long pfn = state.choices.drained(list);
        left -= 1 << order;
        own.tuning.count -= 1 << order;
        int type = zone.typeOf(pfn);
        state.map.setOwners(pfn, order, FrameOwner.FREE);
        zone.frames.free(pfn, order, type);
        if (state.events != null) {
          state.events.pcpuDrain(cpu, zone.zone, pfn, order, type);
        }
      }
    }
  }

  /** {@code drain_pages()}: everything that a CPU keeps, of every zone. */
  void drainCpu(Cpu whose) {
    whose.drainServed();
    for (ModelZone zone : state.zones) {
      CpuLists own = zone.cpus.get(whose.id());
      drain(whose, zone, own, own.tuning.count, 0);
    }
  }

  /** The owner of the lists comes by: it serves a request to drain them. */
  void serve(Cpu cpu) {
    if (cpu.drainRequested()) {
      drainCpu(cpu);
    }
  }

  /** {@code drain_all_pages()}: the own lists first, then those of the other CPUs. */
  void drainAll(Cpu cpu) {
    state.counters.other("drain_all_pages", 1);
    drainCpu(cpu);
    for (Cpu other : state.cpus.all()) {
      if (state.zones.stream().anyMatch(z -> z.cpus.get(other.id()).tuning.count > 0)) {
        drainCpu(other);
      }
    }
  }

  /** {@code drain_all_pages()} of one zone. */
  void drainAll(Cpu cpu, ModelZone zone) {
    state.counters.other("drain_all_pages", 1);
    for (Cpu each : state.cpus.all()) {
      CpuLists lists = zone.cpus.get(each.id());
      drain(each, zone, lists, lists.tuning.count, 0);
    }
  }

  /** All blocks on the lists, for the model's own check. */
  List<Long> all() {
    List<Long> all = new ArrayList<>();
    for (ModelZone zone : state.zones) {
      zone.cpus.forEach(c -> c.lists.forEach(all::addAll));
    }
    return all;
  }
}
