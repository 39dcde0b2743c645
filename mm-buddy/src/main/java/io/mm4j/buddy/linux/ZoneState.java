// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A zone as the page allocator sees it: watermarks, reserves, flags and the per-cpu lists over the
 * free blocks. Models the rest of {@code struct zone} and {@code __zone_watermark_ok()} of
 * mm/page_alloc.c (Linux 6.18).
 *
 * <p>{@code free} is a copy of the frame allocator's count, refreshed whenever the zone's lock was
 * held; {@code spare} says whether the fast paths of allocations may be open. Boost and reserve
 * change under the lock; flags are hints, set and cleared without it as in the kernel.
 */
final class ZoneState {
  final ManagedZone managed;
  final Zone zone;

  final FrameAllocator frames;
  final Pageblocks pageblocks;
  final int pageblockOrder;
  final ZoneMarks marks;
  final long startPfn;
  final long endPfn;
  final long[] protection;

  /** Its node as a set. */
  final NodeMask nodeOnly;

  /** By number of the CPU; null until it first allocates or frees here. */
  final @Nullable PcpPages[] pcps;

  /** Whether this plugin's frames can go on per-cpu lists, and fall back to other types. */
  final boolean listsOn;

  final boolean typesOn;
  final int maxOrder;

  /** {@link #freePages()} when somebody last looked. */
  long free;

  /**
   * What is free beyond the high watermark, boost and atomic reserve: if that is more than the
   * protection, nothing need be computed. Very little while a boost wants kswapd woken.
   */
  private long spare;

  /** The most that is kept here from a request that prefers this zone. */
  private long reserve;

  /** Some CPU's fronts may be open; those for blocks larger than a page, too. */
  private boolean opened;

  private boolean openedLarge;

  /** Where there was a block of {@link #LARGE} or more when somebody last looked. */
  private int largeOrder;

  private int largeType;

  long boost;

  /** {@code nr_reserved_highatomic} and {@code nr_free_highatomic}. */
  long reservedHighatomic;

  long freeHighatomic;

  /** The largest order that takes the fast path. */
  private static final int LARGE = CpuPages.ORDERS - 1;

  /** {@code ZONE_BELOW_HIGH}: lists shrink as long as it is set. */
  private static final int BELOW_HIGH = 1;

  /** {@code ZONE_RECLAIM_ACTIVE}: kswapd is at work. */
  private static final int RECLAIM_ACTIVE = 2;

  private static final VarHandle FLAGS = flagsHandle();

  /** The two flags above; changed by atomic steps, since nobody holds a lock for them. */
  private int flags;

  /**
   * Pageblocks that ranges under way have isolated; {@code nr_isolate_pageblock}, with the lock.
   */
  int isolatedBlocks;

  /** A contiguous range is being taken that isolation cannot protect; with the lock. */
  boolean rangeTaken;

  /** {@code ZONE_BOOSTED_WATERMARK}: a boost wants kswapd woken. */
  private boolean boosted;

  /** Where a row of removals under one lock looks first: see {@link FreeListQueue}. */
  int mode;

  /** Its place among the machine's zones. */
  private final int number;

  ZoneState(ManagedZone managed, int number, ZoneMarks marks, int cpus) {
    this.number = number;
    this.managed = managed;
    this.zone = managed.zone();
    this.frames = managed.frames();
    this.pageblocks = zone.pageblocks();
    this.pageblockOrder = pageblocks.order();
    this.marks = marks;
    this.startPfn = zone.startPfn();
    this.endPfn = zone.endPfn();
    this.protection = marks.protection().stream().mapToLong(Long::longValue).toArray();
    this.nodeOnly = NodeMask.of(zone.nodeId());
    this.pcps = new PcpPages[cpus];
    this.typesOn = managed.capabilities().migratetypes();
    this.listsOn = !managed.capabilities().ownReservations();
    this.maxOrder = Math.min(Pages.MAX_PAGE_ORDER, managed.capabilities().maxOrder());
    refresh();
  }

  /** The lists of a CPU, made when it first comes. */
  PcpPages pcp(int cpu) {
    PcpPages pcp = pcps[cpu];
    if (pcp == null) {
      pcp = new PcpPages(zone, number, marks.batch(), marks.highMin(), marks.highMax());
      pcps[cpu] = pcp;
    }
    return pcp;
  }

  /** Takes over the counts of the frame allocator; with the lock, or alone. */
  void refresh() {
    if (reservedHighatomic > 0) {
      long pages = 0;
      for (int order = 0; order <= maxOrder; order++) {
        pages += frames.freeBlocks(order, Migratetype.HIGHATOMIC) << order;
      }
      freeHighatomic = pages;
    } else {
      freeHighatomic = 0;
    }
    free = freePages();
    updateSpare();
  }

  /** {@code NR_FREE_PAGES}: what lies in isolated pageblocks is free for nobody. */
  long freePages() {
    long pages = frames.freePages();
    for (int order = 0; order <= maxOrder && isolatedBlocks > 0; order++) {
      pages -= frames.freeBlocks(order, Migratetype.ISOLATE) << order;
    }
    return pages;
  }

  /** {@code NR_FREE_PAGES_BLOCKS}: of these, what lies in blocks of a pageblock or more. */
  long freeInBlocks() {
    long pages = 0;
    for (int order = pageblockOrder; order <= maxOrder; order++) {
      long blocks = frames.freeBlocks(order);
      pages += blocks << order;
      if (isolatedBlocks > 0) {
        pages -= frames.freeBlocks(order, Migratetype.ISOLATE) << order;
      }
    }
    return pages;
  }

  private void updateSpare() {
    spare = boosted ? Long.MIN_VALUE : free - marks.high() - boost - freeHighatomic;
    if (opened) {
      int orders = fastOrders();
      if (orders == 0 || (openedLarge && orders < CpuPages.ORDERS)) {
        closeFronts(orders);
      }
    }
  }

  /** A request that prefers this zone leaves so much here; at boot. */
  void keeps(long pages) {
    reserve = Math.max(reserve, pages);
  }

  /**
   * Requests of orders below that prefer this zone find that it may serve, whatever else they say:
   * 0, 1 or {@link CpuPages#ORDERS}. Any thread; old for anybody but who holds the lock.
   */
  int fastOrders() {
    if (spare <= reserve) {
      return 0;
    }
    return spare - ((1 << LARGE) - 1) > reserve && hasLarge() ? CpuPages.ORDERS : 1;
  }

  /** Whether there is a block of {@link #LARGE} or more, looked for first where there was one. */
  private boolean hasLarge() {
    if (isThere(largeOrder, largeType)) {
      return true;
    }
    for (int order = maxOrder; order >= LARGE; order--) {
      for (int type = 0; type < (typesOn ? Migratetype.PCPTYPES : 1); type++) {
        if (isThere(order, type)) {
          largeOrder = order;
          largeType = type;
          return true;
        }
      }
    }
    return false;
  }

  private boolean isThere(int order, int type) {
    return order >= LARGE
        && (typesOn ? frames.freeBlocks(order, type) : frames.freeBlocks(order)) > 0;
  }

  /** A CPU's fronts are about to be opened. */
  void opens() {
    opened = true;
    openedLarge = true;
  }

  private void closeFronts(int orders) {
    opened = orders > 0;
    openedLarge = false;
    VarHandle.fullFence();
    for (PcpPages pcp : pcps) {
      if (pcp != null) {
        pcp.closeFronts(orders);
      }
    }
  }

  private static VarHandle flagsHandle() {
    try {
      return MethodHandles.lookup().findVarHandle(ZoneState.class, "flags", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private void setFlag(int flag, boolean on) {
    int _ =
        on ? (int) FLAGS.getAndBitwiseOr(this, flag) : (int) FLAGS.getAndBitwiseAnd(this, ~flag);
    if (on) {
      for (PcpPages pcp : pcps) {
        if (pcp != null) {
          pcp.closeBacks();
        }
      }
    }
  }

  /** Either flag is set: a free has more to look at than the length of the lists. */
  boolean isShort() {
    return flags != 0;
  }

  boolean belowHigh() {
    return (flags & BELOW_HIGH) != 0;
  }

  void setBelowHigh(boolean below) {
    setFlag(BELOW_HIGH, below);
  }

  boolean reclaimActive() {
    return (flags & RECLAIM_ACTIVE) != 0;
  }

  void setReclaimActive(boolean active) {
    setFlag(RECLAIM_ACTIVE, active);
  }

  boolean boosted() {
    return boosted;
  }

  /** With the lock. */
  void setBoosted(boolean wanted) {
    boosted = wanted;
    updateSpare();
  }

  /** {@code wmark_pages()}: the watermark that these flags name, boost included. */
  long mark(int allocFlags) {
    long base =
        switch (allocFlags & AllocFlags.WMARK_MASK) {
          case AllocFlags.WMARK_LOW -> marks.low();
          case AllocFlags.WMARK_HIGH -> marks.high();
          default -> marks.min();
        };
    return base + boost;
  }

  /** {@code zone_watermark_fast()}: whether the request may be served from here. */
  boolean watermarkFast(int order, long mark, int highest, int allocFlags) {
    if (watermarkOk(order, mark, highest, allocFlags, free)) {
      return true;
    }
    return order == 0
        && boost > 0
        && (allocFlags & AllocFlags.MIN_RESERVE) != 0
        && (allocFlags & AllocFlags.WMARK_MASK) == AllocFlags.WMARK_MIN
        && watermarkOk(order, marks.min(), highest, allocFlags, free);
  }

  /**
   * {@code __zone_watermark_ok()}: whether so many free pages would leave the watermark and the
   * protection intact after the request, and there is a block that is large enough.
   */
  boolean watermarkOk(int order, long mark, int highest, int allocFlags, long freePages) {
    long usable = freePages - ((1L << order) - 1);
    if ((allocFlags & AllocFlags.RESERVES) == 0) {
      usable -= freeHighatomic;
    }
    if (usable <= floor(mark, allocFlags) + protection[highest]) {
      return false;
    }
    return order == 0 || hasBlock(order, allocFlags);
  }

  /** How many pages {@link #watermarkOk} misses, 0 or less if it is not pages that it misses. */
  long missing(int order, long mark, int highest, int allocFlags) {
    long usable = free - ((1L << order) - 1);
    if ((allocFlags & AllocFlags.RESERVES) == 0) {
      usable -= freeHighatomic;
    }
    return floor(mark, allocFlags) + protection[highest] + 1 - usable;
  }

  /** The watermark as far as these flags must keep it. */
  static long floor(long mark, int allocFlags) {
    long floor = mark;
    if ((allocFlags & AllocFlags.MIN_RESERVE) != 0) {
      floor -= floor / 2;
      if ((allocFlags & AllocFlags.NON_BLOCK) != 0) {
        floor -= floor / 4;
      }
    }
    return floor;
  }

  private boolean hasBlock(int order, int allocFlags) {
    for (int o = order; o <= maxOrder; o++) {
      if (!typesOn) {
        if (frames.freeBlocks(o) > 0) {
          return true;
        }
        continue;
      }
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        if (frames.freeBlocks(o, type) > 0) {
          return true;
        }
      }
      if ((allocFlags & AllocFlags.HIGHATOMIC) != 0
          && frames.freeBlocks(o, Migratetype.HIGHATOMIC) > 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@code boost_watermark()}: raises the watermarks after types were mixed, so that kswapd makes
   * room; with the lock.
   */
  boolean boost(int factor) {
    if (factor == 0 || (long) pageblocks.pages() * 4 > marks.managed()) {
      return false;
    }
    long most = marks.high() / 10000 * factor + marks.high() % 10000 * factor / 10000;
    if (most == 0) {
      return false;
    }
    most = Math.max(pageblocks.pages(), most);
    boost = Math.min(boost + pageblocks.pages(), most);
    updateSpare();
    return true;
  }

  /** Takes the boost back once kswapd has made room; with the lock. */
  void unboost(long pages) {
    boost -= Math.min(boost, pages);
    updateSpare();
  }

  boolean contains(long pfn) {
    return pfn >= startPfn && pfn < endPfn;
  }

  @Override
  public String toString() {
    return zone.toString();
  }
}
