// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The free blocks of a zone as a sorted map: the model that answers are compared with.
 *
 * <p>Joining follows the contract: buddies of one order become one block, up to the largest order;
 * from a pageblock upwards not if just one of the two is of a reserved type (HIGHATOMIC, ISOLATE),
 * and the buddy's pageblocks take the type of what was freed.
 */
public final class FreeBlocks {
  /** A free block. */
  public record Block(long pfn, int order, int type) {
    /** One past its last frame. */
    public long end() {
      return pfn + (1L << order);
    }

    /** Whether it holds this frame. */
    public boolean holds(long frame) {
      return frame >= pfn && frame < end();
    }

    @Override
    public String toString() {
      return String.format("0x%x/%d %s", pfn, order, Migratetype.name(type));
    }
  }

  private final TreeMap<Long, Block> blocks = new TreeMap<>();
  private final List<NavigableSet<Long>> lists = new ArrayList<>();
  private long pages;
  private final Pageblocks pageblocks;
  private final boolean types;
  private final int maxOrder;
  private final int joinOrder;

  /**
   * Creates it empty.
   *
   * @param pageblocks types to read, and to change where blocks join
   * @param types whether blocks are kept apart by type; if not, all are MOVABLE
   */
  public FreeBlocks(Pageblocks pageblocks, boolean types, int maxOrder) {
    this(pageblocks, types, maxOrder, maxOrder);
  }

  FreeBlocks(Pageblocks pageblocks, boolean types, int maxOrder, int joinOrder) {
    this.pageblocks = pageblocks;
    this.types = types;
    this.maxOrder = maxOrder;
    this.joinOrder = joinOrder;
    for (int i = 0; i < (maxOrder + 1) * Migratetype.TYPES; i++) {
      lists.add(new TreeSet<>());
    }
  }

  /** All blocks, in ascending order. */
  public Collection<Block> all() {
    return blocks.values();
  }

  /** The block that holds this frame, or null. */
  public @Nullable Block holder(long pfn) {
    Map.Entry<Long, Block> entry = blocks.floorEntry(pfn);
    return entry != null && entry.getValue().holds(pfn) ? entry.getValue() : null;
  }

  /** The block that begins at this frame, or null. */
  public @Nullable Block at(long pfn) {
    return blocks.get(pfn);
  }

  /** The lowest block of exactly this order and type, or null. */
  public @Nullable Block lowest(int order, int type) {
    if (order < 0 || order > maxOrder) {
      return null;
    }
    NavigableSet<Long> list = list(order, normal(type));
    return list.isEmpty() ? null : blocks.get(list.first());
  }

  /** The smallest sufficient order of which a type has a block; -1 if there is none. */
  public int smallest(int order, int type) {
    for (int o = order; o <= maxOrder; o++) {
      if (!list(o, normal(type)).isEmpty()) {
        return o;
      }
    }
    return -1;
  }

  /** How many blocks of exactly this order and type there are. */
  public long count(int order, int type) {
    return order < 0 || order > maxOrder ? 0 : list(order, type).size();
  }

  /** Free frames in all. */
  public long pages() {
    return pages;
  }

  /** Free frames in a block. */
  public int pagesIn(long pfn, int order) {
    long end = pfn + (1L << order);
    long free = 0;
    for (Block block : overlapping(pfn, end)) {
      free += Math.min(block.end(), end) - Math.max(block.pfn, pfn);
    }
    return (int) free;
  }

  private List<Block> overlapping(long start, long end) {
    Block first = holder(start);
    List<Block> list = new ArrayList<>(blocks.subMap(start, end).values());
    if (first != null && first.pfn < start) {
      list.addFirst(first);
    }
    return list;
  }

  /**
   * Takes a block out that is free as a whole; what is left of its holders gets {@code restType}.
   */
  public void carve(long pfn, int order, int restType) {
    long p = pfn;
    while (p < pfn + (1L << order)) {
      Block holder = holder(p);
      if (holder == null) {
        throw new IllegalStateException("not free: pfn=" + p);
      }
      drop(holder);
      if (holder.order > order) {
        split(holder, pfn, order, restType);
      }
      p = holder.end();
    }
  }

  private void split(Block block, long pfn, int order, int restType) {
    long at = block.pfn;
    for (int o = block.order - 1; o >= order; o--) {
      long upper = at + (1L << o);
      boolean inUpper = pfn >= upper;
      put(inUpper ? at : upper, o, restType);
      at = inUpper ? upper : at;
    }
  }

  /** Adds a block and joins it with its free buddies. */
  public void insert(long freed, int freedOrder, int freedType) {
    long pfn = freed;
    int order = freedOrder;
    int type = normal(freedType);
    while (order < joinOrder) {
      Block buddy = blocks.get(pfn ^ (1L << order));
      if (buddy == null || buddy.order != order || !joins(buddy, type)) {
        break;
      }
      drop(buddy);
      pfn &= ~(1L << order);
      order++;
    }
    put(pfn, order, type);
  }

  private boolean joins(Block buddy, int type) {
    if (!types || buddy.order < Pages.PAGEBLOCK_ORDER) {
      return true;
    }
    int other = pageblocks.get(buddy.pfn);
    if (other != type) {
      if (other >= Migratetype.PCPTYPES || type >= Migratetype.PCPTYPES) {
        return false;
      }
      pageblocks.setRange(buddy.pfn, buddy.order, type);
    }
    return true;
  }

  /** Gives a pageblock a type, and with it the free blocks in it; returns the frames of these. */
  public int movePageblock(long pfn, int type) {
    long first = pfn & -(long) Pages.PAGEBLOCK_NR_PAGES;
    long end = first + Pages.PAGEBLOCK_NR_PAGES;
    Block whole = holder(first);
    if (types && whole != null && whole.order >= Pages.PAGEBLOCK_ORDER) {
      drop(whole);
      pageblocks.setRange(whole.pfn, whole.order, type);
      insert(whole.pfn, whole.order, type);
      return 1 << whole.order;
    }
    pageblocks.set(first, type);
    int moved = pagesIn(first, Pages.PAGEBLOCK_ORDER);
    for (Block block : overlapping(first, end)) {
      drop(block);
      put(block.pfn, block.order, type);
    }
    return moved;
  }

  private void put(long pfn, int order, int type) {
    blocks.put(pfn, new Block(pfn, order, normal(type)));
    list(order, normal(type)).add(pfn);
    pages += 1L << order;
  }

  private void drop(Block block) {
    blocks.remove(block.pfn);
    list(block.order, block.type).remove(block.pfn);
    pages -= 1L << block.order;
  }

  private NavigableSet<Long> list(int order, int type) {
    return lists.get(order * Migratetype.TYPES + type);
  }

  private int normal(int type) {
    return types ? type : Migratetype.MOVABLE;
  }
}
