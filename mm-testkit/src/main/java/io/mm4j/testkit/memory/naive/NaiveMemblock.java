// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.RangeBootAllocator;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.testkit.memory.naive.NaiveRanges.Clearer;
import io.mm4j.testkit.memory.naive.NaiveRanges.Piece;
import java.util.ArrayList;
import java.util.List;

/**
 * memblock as its documentation describes it: every free range is listed anew for each allocation.
 * Models mm/memblock.c of Linux 6.18 for the rules of the kit.
 */
public class NaiveMemblock implements RangeBootAllocator {
  private static final long SMP_CACHE_BYTES = 64;

  private final NaiveRanges memory = new NaiveRanges();
  private final NaiveRanges reserved = new NaiveRanges();
  private final Clearer clearer;
  private boolean bottomUp;
  private long currentLimit;

  /** Creates it with the usable memory of the layout, in whole pages, each zone's on its node. */
  public NaiveMemblock(MemoryLayout layout, Clearer clearer) {
    this.clearer = clearer;
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        memory.add(range.start(), range.end(), ANY_NODE, 0);
      }
    }
    currentLimit = layout.endPfn() << Pages.PAGE_SHIFT;
    for (Node node : layout.nodes()) {
      for (Zone zone : node.zones()) {
        long start = zone.startPfn() << Pages.PAGE_SHIFT;
        memory.setNode(start, zone.endPfn() << Pages.PAGE_SHIFT, node.id());
        if (zone.type() == ZoneType.HIGHMEM) {
          currentLimit = Math.min(currentLimit, start);
        }
      }
    }
    memory.trim(Pages.PAGE_SIZE);
    memory.remove(0, Pages.PAGE_SIZE);
  }

  @Override
  public void addNode(long start, long bytes, int nodeId, int flags) {
    memory.add(start, NaiveRanges.end(start, bytes), nodeId, flags);
  }

  @Override
  public void remove(long start, long bytes) {
    memory.remove(start, NaiveRanges.end(start, bytes));
  }

  @Override
  public void setBottomUp(boolean up) {
    bottomUp = up;
  }

  @Override
  public void setCurrentLimit(long limit) {
    currentLimit = limit;
  }

  @Override
  public void reserve(long start, long bytes) {
    reserved.add(start, NaiveRanges.end(start, bytes), ANY_NODE, 0);
  }

  @Override
  public void free(long start, long bytes) {
    reserved.remove(start, NaiveRanges.end(start, bytes));
  }

  @Override
  public long alloc(long bytes, long align, long min, long max, int nodeId) {
    long found = allocRaw(bytes, align, min, max, nodeId);
    if (found != NONE) {
      clearer.clear(found, bytes);
    }
    return found;
  }

  @Override
  public long allocRaw(long bytes, long align, long min, long max, int nodeId) {
    List<Integer> order = nodeId == ANY_NODE ? List.of(ANY_NODE) : List.of(nodeId, ANY_NODE);
    return allocate(bytes, align, min, max, order);
  }

  @Override
  public long allocExact(long bytes, long align, long min, long max, int nodeId) {
    long found = allocate(bytes, align, min, max, List.of(nodeId));
    if (found != NONE) {
      clearer.clear(found, bytes);
    }
    return found;
  }

  private long allocate(long bytes, long align, long min, long max, List<Integer> nodes) {
    long limit = max == 0 ? currentLimit : Math.min(max, currentLimit);
    long alignment = align == 0 ? SMP_CACHE_BYTES : align;
    for (long low : min > 0 ? new long[] {min, 0} : new long[] {0}) {
      for (int node : nodes) {
        for (Piece piece : freePieces(node)) {
          long start = Math.max(piece.start(), Math.max(low, Pages.PAGE_SIZE));
          long at = place(start, Math.min(piece.end(), limit), bytes, alignment);
          if (at != NONE) {
            reserved.add(at, at + bytes, piece.node(), RSRV_KERN);
            return at;
          }
        }
      }
    }
    return NONE;
  }

  /** Where a block fits between two addresses, at the end from which the search comes. */
  protected long place(long start, long end, long bytes, long align) {
    long at =
        bottomUp
            ? -Math.floorDiv(-start, align) * align
            : Math.floorDiv(end - bytes, align) * align;
    return at >= start && at + bytes <= end ? at : NONE;
  }

  /** What is memory of this node and not reserved, in the order of the search. */
  private List<Piece> freePieces(int node) {
    List<Piece> free = new ArrayList<>();
    for (Piece piece : NaiveRanges.without(memory.pieces(), reserved.pieces())) {
      if (node == ANY_NODE || piece.node() == node) {
        free.add(piece);
      }
    }
    return bottomUp ? free : free.reversed();
  }

  @Override
  public void forEachMemory(RegionVisitor visitor) {
    memory.pieces().forEach(p -> visitor.region(p.start(), p.end(), p.node(), p.flags()));
  }

  @Override
  public void forEachReserved(RegionVisitor visitor) {
    reserved.pieces().forEach(p -> visitor.region(p.start(), p.end(), p.node(), p.flags()));
  }

  @Override
  public void handOver(RangeVisitor visitor) {
    for (Piece piece : memory.pieces()) {
      reserved.setNode(piece.start(), piece.end(), piece.node());
    }
    for (Piece piece : NaiveRanges.without(memory.pieces(), reserved.pieces())) {
      long first = (piece.start() + Pages.PAGE_SIZE - 1) / Pages.PAGE_SIZE;
      long end = piece.end() / Pages.PAGE_SIZE;
      if (first < end) {
        visitor.range(first, end);
      }
    }
  }
}
