// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PageState;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * A {@link PageAllocator} for one CPU: {@link #alloc} and {@link #free} do what {@code allocPages}
 * and {@code freePages} with that CPU do, for less. Got by {@link PageAllocator#on} and kept by
 * whoever allocates often.
 *
 * <p><b>Fast paths.</b> Blocks of order 0 to 3 are taken from and put on {@link PcpList}s that the
 * plugin has opened, without a call that depends on the plugin, so that they cost the same however
 * many plugins a program uses. {@link #alloc} finds its list by order and the flags that choose
 * zone and migratetype, and makes one comparison, with the list's floor. {@link #free} compares the
 * frame's {@link PageState} with what it is if the block comes back to the list that one of its
 * order came back to last, untouched: reference count, order, flags and the tag, which names zone
 * and migratetype, at once; else the tag names another list. A frame gets its tag when it comes
 * back without one and its pageblock is looked at, within the zone whose frame came back last; it
 * keeps it on the list and with its next holder, until the pageblock's type changes. All else is
 * the plugin's {@link #allocSlow} and {@link #freeSlow}.
 *
 * <p>A plugin without per-cpu lists opens nothing.
 *
 * <p>Threads: the owner of the CPU. Nothing is allocated on the heap.
 */
@API(status = API.Status.MAINTAINED)
public abstract class CpuPages {
  /** Lists are of orders below. */
  public static final int ORDERS = 4;

  /** The flags that choose zone and migratetype, the lowest ones. */
  public static final int KINDS =
      Gfp.__GFP_DMA
          | Gfp.__GFP_HIGHMEM
          | Gfp.__GFP_DMA32
          | Gfp.__GFP_MOVABLE
          | Gfp.__GFP_RECLAIMABLE;

  private static final int KIND_BITS = 5;

  /** Frame numbers are smaller than 2 to this power; a larger one has no frame. */
  private static final int MAX_PFN_BITS = 40;

  private static final int FINISH = Gfp.__GFP_ZERO | Gfp.__GFP_COMP;

  /** What a block may come back with: any owner, and the mark of a compound page's head. */
  private static final long WHOEVER =
      PageState.OWNER_MASK | PageState.withFlags(0, PageFlags.PG_HEAD);

  private static final long KERNEL = FrameOwner.KERNEL.code();
  private static final long PCP = FrameOwner.PCP.code();

  /** What is not open. */
  static final PcpList CLOSED = new PcpList(0, new PcpCounts(), 0);

  private final Cpu cpu;
  private final FrameStates states;

  /** By order and kind of the request. */
  private final PcpList[] fronts = new PcpList[ORDERS << KIND_BITS];

  /** The zone of {@link #freeUntagged}, and what is read of it each time. */
  private PcpZone back = new PcpZone();

  private long backFirst;
  private long backBlocks;
  private int backOrder;
  private int backSkip;
  private byte[] backTypes = back.types;
  private PcpList[] backs = back.lists;

  /** The list that a block of each order came back to last by its tag. */
  private PcpList home0 = CLOSED;

  private PcpList home1 = CLOSED;
  private PcpList home2 = CLOSED;
  private PcpList home3 = CLOSED;

  /** By tag; {@link #CLOSED} where this CPU has no list yet. */
  private PcpList[] tagged = {CLOSED};

  /**
   * With nothing open.
   *
   * @param states of all frames; {@link FrameStates#NONE} if {@code mem_map} keeps them otherwise
   */
  protected CpuPages(Cpu cpu, FrameStates states) {
    this.cpu = cpu;
    this.states = states;
    Arrays.fill(fronts, CLOSED);
  }

  /** The CPU. */
  public final Cpu cpu() {
    return cpu;
  }

  /** {@link PageAllocator#allocPages} on the CPU's own node. */
  public final long alloc(int gfp, int order) {
    if ((order & -ORDERS) == 0) {
      PcpList list = fronts[(order << KIND_BITS) | (gfp & KINDS)];
      int top = list.top - 1;
      if (top >= list.floor) {
        long pfn = list.stack[top];
        list.top = top;
        list.counts.freeCount >>= 1;
        handOut(pfn, order);
        if ((gfp & FINISH) != 0) {
          finish(pfn, gfp, order);
        }
        return pfn;
      }
    }
    return allocSlow(gfp, order, PageAllocator.NUMA_NO_NODE);
  }

  /** {@link PageAllocator#allocPages} with a preferred node. */
  public final long alloc(int gfp, int order, int nodeId) {
    return nodeId < 0 || nodeId == cpu.nodeId() ? alloc(gfp, order) : allocSlow(gfp, order, nodeId);
  }

  /** {@link PageAllocator#freePages}. */
  public final void free(long pfn, int order) {
    if ((order & -ORDERS) == 0 && pfn >>> MAX_PFN_BITS == 0) {
      long[] words = states.wordsIfAny(pfn);
      int at = states.at(pfn);
      if (Integer.compareUnsigned(at, words.length) < 0) {
        long state = words[at] & ~WHOEVER;
        PcpList list = home(order);
        if ((state == list.home || (list = find(state, order)) != CLOSED)
            && putBack(list, pfn, order, words, at)) {
          return;
        }
      }
    }
    freeSlow(pfn, order);
  }

  private PcpList home(int order) {
    return switch (order) {
      case 0 -> home0;
      case 1 -> home1;
      case 2 -> home2;
      default -> home3;
    };
  }

  /** The list that the tag names, if nothing was done to the block; else {@link #CLOSED}. */
  private PcpList find(long state, int order) {
    int tag = PageState.tag(state);
    if (tag == 0 || tag >= tagged.length) {
      return CLOSED;
    }
    PcpList list = tagged[tag];
    if (list.home != state || list.order != order) {
      return CLOSED;
    }
    switch (order) {
      case 0 -> home0 = list;
      case 1 -> home1 = list;
      case 2 -> home2 = list;
      default -> home3 = list;
    }
    return list;
  }

  /** Puts a block on a list, if there is room and its other frames came back untouched, too. */
  private boolean putBack(PcpList list, long pfn, int order, long[] words, int at) {
    int top = list.top;
    PcpCounts counts = list.counts;
    int row = counts.freeCount;
    if (top >= list.limit || (order != 0 && row >= list.rowLimit)) {
      return false;
    }
    if (order != 0) {
      if ((orOfTails(words, at, order) & PageState.HELD) != 0) {
        return false;
      }
      fillTails(words, at, order, PCP);
    }
    words[at] = list.rests;
    count(list, counts, row, order);
    list.stack[top] = pfn;
    list.top = top + 1;
    return true;
  }

  private static void count(PcpList list, PcpCounts counts, int row, int order) {
    if (row < list.rowLimit) {
      counts.freeCount = row + (1 << order);
    }
    counts.freedLarge = order != 0;
    counts.frees++;
    if (order != 0) {
      list.frees++;
    }
  }

  /**
   * Puts a block on the list that its pageblock names, and gives it that list's tag: for plugins,
   * of what comes to {@link #freeSlow} without one.
   *
   * @return false, and nothing is changed, if it lies in another zone than {@link #setBack} named,
   *     something was done to it, or there is no room
   */
  protected final boolean freeUntagged(long pfn, int order) {
    long block = (pfn >>> backOrder) - backFirst;
    return (order & -ORDERS) == 0
        && Long.compareUnsigned(block, backBlocks) < 0
        && putUntagged(list((int) block, order), pfn, order);
  }

  /** Where blocks of an order go that lie in a pageblock of the zone. */
  private PcpList list(int block, int order) {
    return backs[(order << PcpZone.TYPE_BITS) | backTypes[block + backSkip]];
  }

  /** Puts a block on a list, if there is room and it comes back as it was handed out. */
  private boolean putUntagged(PcpList list, long pfn, int order) {
    PcpCounts counts = list.counts;
    int row = counts.freeCount;
    if (list.top >= list.limit
        || (order != 0 && row >= list.rowLimit)
        || !takeBack(pfn, order, list.rests)) {
      return false;
    }
    count(list, counts, row, order);
    list.pushFront(pfn);
    return true;
  }

  /** The frames of a block that leaves a list: nobody has written anything to them. */
  private void handOut(long pfn, int order) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (Integer.compareUnsigned(at, words.length) < 0) {
      words[at] = (words[at] & PageState.TAG_MASK) | PageState.plain(order, 0) | KERNEL;
      if (order != 0) {
        fillTails(words, at, order, (PageState.plain(order, 0) - PageState.ONE_REFERENCE) | KERNEL);
      }
    } else {
      prepare(pfn, order);
    }
  }

  /** The frames of a block that goes to a list, if it comes back as it was handed out. */
  private boolean takeBack(long pfn, int order, long rests) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (Integer.compareUnsigned(at, words.length) >= 0) {
      return release(pfn, order);
    }
    if (!PageState.isPlainLast(words[at], order)) {
      return false;
    }
    if (order != 0) {
      if ((orOfTails(words, at, order) & PageState.HELD) != 0) {
        return false;
      }
      fillTails(words, at, order, PCP);
    }
    words[at] = rests;
    return true;
  }

  /** Written out, as loops of so few steps cost more than the steps. */
  private static void fillTails(long[] words, int at, int order, long state) {
    words[at + 1] = state;
    if (order > 1) {
      words[at + 2] = state;
      words[at + 3] = state;
      if (order > 2) {
        words[at + 4] = state;
        words[at + 5] = state;
        words[at + 6] = state;
        words[at + 7] = state;
      }
    }
  }

  private static long orOfTails(long[] words, int at, int order) {
    long all = words[at + 1];
    if (order > 1) {
      all |= words[at + 2] | words[at + 3];
      if (order > 2) {
        all |= words[at + 4] | words[at + 5] | words[at + 6] | words[at + 7];
      }
    }
    return all;
  }

  /** The frames of a block that leaves a list, where there are no {@link FrameStates}. */
  protected abstract void prepare(long pfn, int order);

  /**
   * The frames of a block that goes to a list, where there are no {@link FrameStates}.
   *
   * @return false, and nothing is changed, if it may not or that cannot be told cheaply
   */
  protected abstract boolean release(long pfn, int order);

  /** What {@code __GFP_COMP} and {@code __GFP_ZERO} ask for, of a block that has left a list. */
  protected abstract void finish(long pfn, int gfp, int order);

  /**
   * An allocation that the fast path does not serve, from its beginning.
   *
   * @param nodeId the preferred node, or {@link PageAllocator#NUMA_NO_NODE}
   */
  protected abstract long allocSlow(int gfp, int order, int nodeId);

  /** A free that the fast path does not take, from its beginning. */
  protected abstract void freeSlow(long pfn, int order);

  /**
   * From now on requests of this kind and order take from a list, as far as its front is open.
   *
   * @param gfp of which the {@link #KINDS} count
   */
  protected final void setFront(int gfp, PcpList list) {
    fronts[(list.order << KIND_BITS) | (gfp & KINDS)] = list;
  }

  /**
   * From now on frames with the tags of this zone's lists come back through the fast path, and
   * {@link #freeUntagged} takes those of this zone, to lists that are open.
   *
   * @return false if it was so already
   */
  protected final boolean setBack(PcpZone zone) {
    if (zone == back) {
      return false;
    }
    back = zone;
    backFirst = zone.firstBlock;
    backBlocks = zone.blocks;
    backOrder = zone.order;
    backSkip = zone.skip;
    backTypes = zone.types;
    backs = zone.lists;
    for (PcpList list : zone.lists) {
      if (list.isTagged()) {
        int tag = PageState.tag(list.home);
        if (tag >= tagged.length) {
          int old = tagged.length;
          tagged = Arrays.copyOf(tagged, tag + 1);
          Arrays.fill(tagged, old, tag, CLOSED);
        }
        tagged[tag] = list;
      }
    }
    return true;
  }
}
