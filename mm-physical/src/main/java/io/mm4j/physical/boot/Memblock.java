// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.RangeBootAllocator;
import java.util.Locale;

/**
 * The early allocator: all memory, and what of it is reserved. What is in the first and not in the
 * second is free.
 *
 * <p><b>Steps of an allocation.</b> Free ranges are looked at from the highest down (or from the
 * lowest up, after {@link #setBottomUp}), first on the wanted node, then on any; the block is
 * aligned at the end at which the search began. If nothing was found the lower limit is dropped.
 * Frame 0 is never given out.
 *
 * <p>Models mm/memblock.c (Linux 6.18) without mirrored and driver-managed memory. One thread; O(n)
 * in the number of ranges.
 */
public final class Memblock implements RangeBootAllocator {
  private static final long CACHE_LINE = 64;

  /** Writes zeroes over a range of RAM. */
  @FunctionalInterface
  public interface Clearer {
    /** Clears. */
    void clear(long start, long bytes);
  }

  private final Regions memory = new Regions();
  private final Regions reserved = new Regions();
  private final Clearer clearer;
  private boolean bottomUp;
  private long currentLimit = Long.MAX_VALUE;
  private BootEvents events = BootEvents.NONE;

  /** Creates it without any memory. */
  public Memblock(Clearer clearer) {
    this.clearer = clearer;
  }

  Regions memory() {
    return memory;
  }

  Regions reserved() {
    return reserved;
  }

  /** {@code memblock_set_bottom_up()}. */
  @Override
  public void setBottomUp(boolean up) {
    bottomUp = up;
  }

  /** {@code memblock_set_current_limit()}: where allocations end that give no limit. */
  @Override
  public void setCurrentLimit(long limit) {
    currentLimit = limit;
  }

  @Override
  public boolean watch(BootEvents watcher) {
    events = watcher;
    return true;
  }

  @SuppressWarnings("AnnotateFormatMethod") // a shorthand for this file
  private void tell(String form, Object... values) {
    if (!events.equals(BootEvents.NONE)) {
      events.step(String.format(Locale.ROOT, form, values));
    }
  }

  /** {@code memblock_add()}. */
  public void add(long start, long bytes) {
    memory.add(start, bytes, ANY_NODE, 0);
  }

  /** {@code memblock_add_node()}. */
  @Override
  public void addNode(long start, long bytes, int nodeId, int flags) {
    memory.add(start, bytes, nodeId, flags);
  }

  /** {@code memblock_remove()}. */
  @Override
  public void remove(long start, long bytes) {
    memory.remove(start, bytes);
  }

  @Override
  public void reserve(long start, long bytes) {
    tell("memblock_reserve: 0x%x-0x%x, 0x%x bytes", start, start + bytes - 1, bytes);
    reserved.add(start, bytes, ANY_NODE, 0);
  }

  /** {@code memblock_phys_free()}. */
  @Override
  public void free(long start, long bytes) {
    tell("memblock_phys_free: 0x%x-0x%x, 0x%x bytes", start, start + bytes - 1, bytes);
    reserved.remove(start, bytes);
  }

  /** {@code memblock_set_node()} on memory. */
  public void setNode(long start, long bytes, int nodeId) {
    memory.setNode(start, bytes, nodeId);
  }

  /** {@code memblock_trim_memory()}. */
  public void trimMemory(long align) {
    memory.trim(align);
  }

  /** {@code memblock_alloc_try_nid()}: falls back to other nodes, clears. */
  @Override
  public long alloc(long bytes, long align, long min, long max, int nodeId) {
    return clear(find(bytes, align, min, max, nodeId, false), bytes);
  }

  /** {@code memblock_alloc_try_nid_raw()}: the same without clearing. */
  @Override
  public long allocRaw(long bytes, long align, long min, long max, int nodeId) {
    return find(bytes, align, min, max, nodeId, false);
  }

  /** {@code memblock_alloc_exact_nid_raw()} that clears: never another node. */
  @Override
  public long allocExact(long bytes, long align, long min, long max, int nodeId) {
    return clear(find(bytes, align, min, max, nodeId, true), bytes);
  }

  private long clear(long start, long bytes) {
    if (start != NONE) {
      clearer.clear(start, bytes);
    }
    return start;
  }

  private long find(long bytes, long align, long min, long max, int nodeId, boolean exact) {
    long limit = Math.min(max == 0 ? Long.MAX_VALUE : max, currentLimit);
    long alignment = align == 0 ? CACHE_LINE : align;
    tell(
        "memblock_alloc: 0x%x bytes, aligned to 0x%x, from 0x%x to 0x%x, node %s; the %s first",
        bytes,
        alignment,
        min,
        limit - 1,
        nodeId == ANY_NODE ? "any" : nodeId,
        bottomUp ? "lowest place" : "highest place");
    long start = findFrom(bytes, alignment, min, limit, nodeId, exact);
    if (start == NONE && min > 0) {
      tell("nothing is free from 0x%x on: the lower limit is dropped", min);
      start = findFrom(bytes, alignment, 0, limit, nodeId, exact);
    }
    if (start != NONE) {
      tell("reserved: 0x%x-0x%x on node %d", start, start + bytes - 1, nodeOf(start));
      reserved.add(start, bytes, nodeOf(start), RSRV_KERN);
    } else {
      tell("no place");
    }
    return start;
  }

  private long findFrom(long bytes, long align, long min, long max, int nodeId, boolean exact) {
    long start = findOn(bytes, align, min, max, nodeId);
    if (start != NONE || nodeId == ANY_NODE || exact) {
      return start;
    }
    tell("node %d has no place: any node", nodeId);
    return findOn(bytes, align, min, max, ANY_NODE);
  }

  private int nodeOf(long start) {
    for (int i = 0; i < memory.count(); i++) {
      if (memory.start(i) <= start && start < memory.end(i)) {
        return memory.node(i);
      }
    }
    return ANY_NODE;
  }

  /** {@code memblock_find_in_range_node()}. */
  private long findOn(long bytes, long align, long min, long max, int nodeId) {
    long low = Math.max(min, Pages.PAGE_SIZE);
    for (int k = 0; k < memory.count(); k++) {
      int i = bottomUp ? k : memory.count() - 1 - k;
      if (nodeId == ANY_NODE || memory.node(i) == nodeId) {
        long start = Math.max(low, memory.start(i));
        long end = Math.min(max, memory.end(i));
        long found = bottomUp ? fitUp(start, end, bytes, align) : fitDown(start, end, bytes, align);
        if (!events.equals(BootEvents.NONE)) {
          tell(
              "memory 0x%x-0x%x, node %d: %s",
              memory.start(i),
              memory.end(i) - 1,
              memory.node(i),
              found == NONE ? why(start, end, bytes) : "0x" + Long.toHexString(found));
        }
        if (found != NONE) {
          return found;
        }
      }
    }
    return NONE;
  }

  private static String why(long start, long end, long bytes) {
    return start >= end
        ? "outside the limits"
        : end - start < bytes
            ? "too small within the limits"
            : "what is reserved leaves no aligned gap of that size";
  }

  private long fitUp(long start, long end, long bytes, long align) {
    long at = Pages.alignUp(start, align);
    for (int r = 0; r < reserved.count(); r++) {
      if (at <= reserved.start(r) - bytes) {
        break;
      }
      if (reserved.end(r) > at) {
        at = Pages.alignUp(reserved.end(r), align);
      }
    }
    return at >= start && at <= end - bytes ? at : NONE; // a reservation may end with all addresses
  }

  private long fitDown(long start, long end, long bytes, long align) {
    long at = (end - bytes) & -align;
    for (int r = reserved.count() - 1; r >= 0; r--) {
      if (reserved.end(r) <= at) {
        break;
      }
      if (reserved.start(r) < at + bytes) {
        at = (reserved.start(r) - bytes) & -align;
      }
    }
    return at >= start ? at : NONE;
  }

  @Override
  public void forEachMemory(RegionVisitor visitor) {
    memory.forEach(visitor);
  }

  @Override
  public void forEachReserved(RegionVisitor visitor) {
    reserved.forEach(visitor);
  }

  @Override
  public void handOver(RangeVisitor visitor) {
    for (int i = 0; i < memory.count(); i++) {
      reserved.setNode(memory.start(i), memory.size(i), memory.node(i));
    }
    for (int i = 0; i < memory.count(); i++) {
      long at = memory.start(i);
      for (int r = 0; r < reserved.count() && at < memory.end(i); r++) {
        visit(visitor, at, Math.min(memory.end(i), reserved.start(r)));
        at = Math.max(at, reserved.end(r));
      }
      visit(visitor, at, memory.end(i));
    }
  }

  private static void visit(RangeVisitor visitor, long start, long end) {
    long first = Pages.pfnUp(start);
    long last = Pages.pfnDown(end);
    if (start < end && first < last) {
      visitor.range(first, last);
    }
  }
}
