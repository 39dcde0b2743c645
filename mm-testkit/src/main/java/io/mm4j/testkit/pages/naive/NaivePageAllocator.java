// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.RangeFlags;
import io.mm4j.api.page.ReclaimRequest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A page allocator with a reserve and per-cpu lists in the fewest lines, under one lock: freed
 * pages go to the CPU's list, which is emptied when it grows; a zone keeps 1/64 of its frames back,
 * half of that from __GFP_HIGH, nothing from PF_MEMALLOC.
 */
public final class NaivePageAllocator implements PageAllocator {
  private static final int LIST_MAX = 16;

  private final Floors floors;
  private final MemMap map;
  private final List<Deque<Long>> lists = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final AtomicBoolean takesRange = new AtomicBoolean();

  /** Creates it. */
  public NaivePageAllocator(Floors floors) {
    this.floors = floors;
    this.map = floors.memory().memMap();
    floors.cpus().all().forEach(cpu -> lists.add(new ArrayDeque<>()));
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return allocPages(cpu, gfp, order, nodeId, null);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    if (nodes != null && !nodes.intersects(floors.memory().nodes().size())) {
      throw new MisuseException("no node of this machine is in the mask: mask='" + nodes + "'");
    }
    if (order < 0 || order > Pages.MAX_PAGE_ORDER) {
      return NO_PAGE;
    }
    long pfn = attempt(cpu, gfp, order, nodeId, nodes);
    int idle = 0;
    while (pfn == NO_PAGE && (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0) {
      NodeMask wanted =
          (gfp & Gfp.__GFP_THISNODE) == 0 ? nodes : NodeMask.of(nodeId < 0 ? cpu.nodeId() : nodeId);
      ReclaimRequest request =
          ReclaimRequest.of(
              cpu, gfp, order, 1L << order, wanted, ReclaimRequest.DEF_PRIORITY - idle);
      idle = floors.pressure().reclaim(request) == 0 ? idle + 1 : 0;
      boolean noRetry = (gfp & Gfp.__GFP_NORETRY) != 0 || !floors.pressure().canReclaim();
      if (idle > (noRetry ? 0 : 2)) {
        if (!floors.pressure().outOfMemory(request)) {
          break;
        }
        idle = 0;
      }
      pfn = attempt(cpu, gfp, order, nodeId, nodes);
    }
    if (pfn != NO_PAGE && (gfp & Gfp.__GFP_ZERO) != 0) {
      floors.memory().clearPages(pfn, order);
    }
    return pfn;
  }

  private long attempt(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    lock.lock();
    try {
      int node = nodeId == NUMA_NO_NODE ? cpu.nodeId() : nodeId;
      long pfn = order == 0 ? fromList(cpu, gfp, node, nodes) : NO_PAGE;
      if (pfn == NO_PAGE) {
        pfn = fromZones(cpu, gfp, order, node, nodes);
      }
      if (pfn == NO_PAGE) {
        lists.forEach(this::empty);
        pfn = fromZones(cpu, gfp, order, node, nodes);
      }
      if (pfn != NO_PAGE) {
        map.prepare(pfn, order, FrameOwner.KERNEL);
      }
      return pfn;
    } finally {
      lock.unlock();
    }
  }

  private long fromList(Cpu cpu, int gfp, int node, @Nullable NodeMask nodes) {
    for (Long pfn : lists.get(cpu.id())) {
      Zone zone = zoneOf(pfn).zone();
      boolean allowed = nodes == null || nodes.contains(zone.nodeId());
      if (allowed && zone.type() == Gfp.highestZone(gfp) && zone.nodeId() == node) {
        lists.get(cpu.id()).remove(pfn);
        return pfn;
      }
    }
    return NO_PAGE;
  }

  private long fromZones(Cpu cpu, int gfp, int order, int node, @Nullable NodeMask nodes) {
    List<ManagedZone> zones = new ArrayList<>(floors.zones());
    zones.sort(
        (a, b) -> {
          int near = Integer.compare(distance(node, a), distance(node, b));
          return near != 0 ? near : b.zone().type().compareTo(a.zone().type());
        });
    for (ManagedZone managed : zones) {
      Zone zone = managed.zone();
      boolean far = (gfp & Gfp.__GFP_THISNODE) != 0 && zone.nodeId() != node;
      if (far
          || (nodes != null && !nodes.contains(zone.nodeId()))
          || zone.type().compareTo(Gfp.highestZone(gfp)) > 0
          || managed.frames().freePages() - (1L << order) < kept(cpu, gfp, zone)) {
        continue;
      }
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        long pfn = managed.frames().allocate(order, (type + Gfp.migratetype(gfp)) % 3);
        if (pfn != FrameAllocator.NONE) {
          return pfn;
        }
      }
    }
    return NO_PAGE;
  }

  private int distance(int node, ManagedZone zone) {
    return floors.memory().nodes().get(node).distances().get(zone.zone().nodeId());
  }

  private static long kept(Cpu cpu, int gfp, Zone zone) {
    if ((cpu.flags() & Cpu.PF_MEMALLOC) != 0 || (gfp & Gfp.__GFP_MEMALLOC) != 0) {
      return 0;
    }
    long min = zone.managedPages() / 64;
    long protection = zone.type() == Gfp.highestZone(gfp) ? 0 : 16;
    return protection + ((gfp & Gfp.__GFP_HIGH) != 0 ? min / 2 : min);
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    lock.lock();
    try {
      held(pfn, order);
      if (map.putUnlessLast(pfn)) {
        return;
      }
      if (map.mapcount(pfn) != 0 || map.entireMapcount(pfn) != 0) {
        throw new MisuseException("freed while mapped: pfn=" + pfn);
      }
      if (!map.freeze(pfn, 1)) { // somebody has found it in the meantime
        freePages(cpu, pfn, order);
        return;
      }
      if (order > 0) {
        map.release(pfn, order, FrameOwner.FREE);
        giveBack(pfn, order);
        return;
      }
      map.release(pfn, 0, FrameOwner.PCP);
      Deque<Long> list = lists.get(cpu.id());
      list.push(pfn);
      if (list.size() > LIST_MAX) {
        empty(list);
      }
    } finally {
      lock.unlock();
    }
  }

  private int held(long pfn, int order) {
    boolean known = pfn >= map.startPfn() && pfn < map.endPfn();
    if (!known || map.refcount(pfn) <= 0 || map.order(pfn) != order) {
      throw new MisuseException("not a block in use: pfn=" + pfn + " order=" + order);
    }
    return map.refcount(pfn);
  }

  private void empty(Deque<Long> list) {
    while (!list.isEmpty()) {
      long pfn = list.pop();
      map.setOwner(pfn, FrameOwner.FREE);
      giveBack(pfn, 0);
    }
  }

  private void giveBack(long pfn, int order) {
    ManagedZone managed = zoneOf(pfn);
    managed.frames().free(pfn, order, managed.zone().pageblocks().get(pfn));
  }

  @Override
  public void splitPage(long pfn, int order) {
    if (held(pfn, order) != 1) {
      throw new MisuseException("split while others hold it: pfn=" + pfn);
    }
    FrameOwner owner = map.owner(pfn);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      map.prepare(p, 0, owner);
    }
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    map.splitFolio(pfn, order, toOrder);
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    if (!RangeFlags.isAllowed(gfp) || !takesRange.compareAndSet(false, true)) {
      return false;
    }
    try {
      return takeRange(cpu, startPfn, endPfn, gfp);
    } finally {
      takesRange.set(false);
    }
  }

  private boolean takeRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    drainAllPages(cpu);
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      if (map.owner(pfn) != FrameOwner.FREE && !moveAway(cpu, pfn, startPfn, endPfn, gfp)) {
        drainAllPages(cpu);
        return false;
      }
    }
    drainAllPages(cpu);
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      if (map.owner(pfn) != FrameOwner.FREE) {
        return false; // a piece of what was a block when it was looked at
      }
    }
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      zoneOf(pfn).frames().take(pfn, 0);
      map.prepare(pfn, 0, FrameOwner.KERNEL);
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        floors.memory().clearPages(pfn, 0);
      }
    }
    return true;
  }

  /** Moves a block to one outside the range; refused ones are kept aside until that is found. */
  private boolean moveAway(Cpu cpu, long pfn, long startPfn, long endPfn, int gfp) {
    long head = map.head(pfn);
    int order = map.order(pfn);
    long pages = 1L << order;
    FrameOwner owner = map.owner(pfn);
    if (map.refcount(head) == 0) {
      return owner == FrameOwner.PCP;
    }
    if (!floors.pressure().canMigrate(owner) || !map.tryGet(head)) {
      return false;
    }
    if (map.owner(head) == owner && map.order(head) == order) {
      List<Long> inside = new ArrayList<>();
      boolean compound = (map.flags(head) & PageFlags.PG_HEAD) != 0;
      int flags = RangeFlags.destination(gfp, zoneOf(head).zone().type(), order, compound);
      long target = allocPages(cpu, flags, order);
      while (target != NO_PAGE
          && target < Math.max(endPfn, head + pages)
          && target + pages > Math.min(startPfn, head)) {
        inside.add(target);
        target = allocPages(cpu, flags, order);
      }
      inside.forEach(p -> freePages(cpu, p, order));
      try {
        boolean _ = target != NO_PAGE && floors.pressure().migrate(cpu, owner, head, target, order);
      } catch (RuntimeException e) {
        freePages(cpu, head, order);
        throw e;
      } finally {
        if (target != NO_PAGE) {
          // All of it, or the reference that went along.
          freePages(cpu, target, order);
        }
      }
    }
    boolean last = map.refcount(head) == 1;
    freePages(cpu, head, map.order(head));
    drainAllPages(cpu);
    return last;
  }

  @Override
  public void drainAllPages(Cpu cpu) {
    lock.lock();
    try {
      lists.forEach(this::empty);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<ManagedZone> zones() {
    return floors.zones();
  }

  @Override
  public long pcpPages() {
    return lists.stream().mapToLong(Deque::size).sum();
  }

  @Override
  public void validate() {
    for (ManagedZone zone : floors.zones()) {
      zone.frames()
          .forEachFree(
              (pfn, order, type) ->
                  CorruptStateError.check(
                      map.owner(pfn) == FrameOwner.FREE, "free, but owned: pfn=" + pfn));
    }
  }

  private ManagedZone zoneOf(long pfn) {
    for (ManagedZone managed : floors.zones()) {
      if (managed.zone().contains(pfn)) {
        return managed;
      }
    }
    throw new MisuseException("in no zone: pfn=" + pfn);
  }
}
