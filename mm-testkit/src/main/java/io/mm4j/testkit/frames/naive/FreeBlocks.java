// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.naive;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The free blocks of a zone as a sorted map, and their lists as sorted maps of numbers: the model
 * that answers are compared with.
 *
 * <p>Joining follows the contract: buddies of one order become one block, up to the largest order;
 * from a pageblock upwards not if just one of the two is of a reserved type (HIGHATOMIC, ISOLATE),
 * and the buddy's pageblocks take the type of what was freed.
 *
 * <p>Lists are in the kernel's order: a block that is added gets a number below all others of its
 * list, or above them if it goes to the tail. A model of a plugin that promises no order keeps that
 * order too, and nobody looks at it.
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

  /** What a model does otherwise on purpose, to be a fault. */
  public enum Quirk {
    /** Nothing. */
    NONE,
    /** Every freed block goes to the tail. */
    FREED_TO_TAIL,
    /** The tail is never asked for. */
    NEVER_TO_TAIL,
    /** Blocks that will be joined soon do not wait at the tail. */
    NO_WAITING,
    /** What is left of a split goes to the tail. */
    RESTS_TO_TAIL,
    /** Blocks that move with their pageblock go to the head. */
    MOVED_TO_HEAD,
    /** What goes to the tail is not joined. */
    TAIL_NOT_JOINED,
    /** Pageblocks of the reserve join others. */
    RESERVE_JOINS,
    /** A lower pageblock keeps its type when the upper one joins it. */
    LOWER_KEEPS_TYPE
  }

  private final TreeMap<Long, Block> blocks = new TreeMap<>();
  private final Map<Long, Long> numbers = new HashMap<>();
  private final List<TreeMap<Long, Long>> lists = new ArrayList<>();
  private long toHead;
  private long toTail;
  private long pages;
  private final Pageblocks pageblocks;
  private final boolean types;
  private final int maxOrder;
  private final int joinOrder;
  private final Quirk quirk;

  /**
   * Creates it empty.
   *
   * @param pageblocks types to read, and to change where blocks join
   * @param types whether blocks are kept apart by type; if not, all are MOVABLE
   */
  public FreeBlocks(Pageblocks pageblocks, boolean types, int maxOrder) {
    this(pageblocks, types, maxOrder, maxOrder, Quirk.NONE);
  }

  FreeBlocks(Pageblocks pageblocks, boolean types, int maxOrder, int joinOrder, Quirk quirk) {
    this.quirk = quirk;
    this.pageblocks = pageblocks;
    this.types = types;
    this.maxOrder = maxOrder;
    this.joinOrder = joinOrder;
    for (int i = 0; i < (maxOrder + 1) * Migratetype.TYPES; i++) {
      lists.add(new TreeMap<>());
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

  /** The block at the head of a list, or null. */
  public @Nullable Block head(int order, int type) {
    if (order < 0 || order > maxOrder || normal(type) != type) {
      return null;
    }
    Map.Entry<Long, Long> first = list(order, type).firstEntry();
    return first == null ? null : blocks.get(first.getValue());
  }

  /** The blocks of a list from head to tail, as frame numbers. */
  public List<Long> inOrder(int order, int type) {
    return List.copyOf(list(order, type).values());
  }

  /** The lowest block of exactly this order, of whatever type, or null. */
  public @Nullable Block lowest(int order) {
    for (Block block : blocks.values()) {
      if (block.order == order) {
        return block;
      }
    }
    return null;
  }

  /** The lowest place of this order whose frames are all in one free block, or -1. */
  public long firstFit(int order) {
    for (Block block : blocks.values()) {
      if (block.order >= order) {
        return block.pfn;
      }
    }
    return -1;
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
      put(inUpper ? at : upper, o, restType, quirk == Quirk.RESTS_TO_TAIL);
      at = inUpper ? upper : at;
    }
  }

  /** Adds a block and joins it with its free buddies. */
  public void insert(long freed, int freedOrder, int freedType) {
    insert(freed, freedOrder, freedType, false);
  }

  /** The same; what came of it goes to the tail of its list, or where the kernel would put it. */
  public void insert(long freed, int freedOrder, int freedType, boolean tail) {
    long pfn = freed;
    int order = freedOrder;
    int type = normal(freedType);
    while (order < joinOrder && !(tail && quirk == Quirk.TAIL_NOT_JOINED)) {
      Block buddy = blocks.get(pfn ^ (1L << order));
      if (buddy == null || buddy.order != order || !joins(buddy, type)) {
        break;
      }
      drop(buddy);
      pfn &= ~(1L << order);
      order++;
    }
    boolean waits = joinsSoon(pfn, order) && quirk != Quirk.NO_WAITING;
    boolean asked = tail && quirk != Quirk.NEVER_TO_TAIL;
    put(pfn, order, type, asked || waits || quirk == Quirk.FREED_TO_TAIL);
  }

  /**
   * Whether only the buddy is missing for a block of twice the size that would be joined at once.
   */
  private boolean joinsSoon(long pfn, int order) {
    long both = pfn & -(2L << order);
    Block next = blocks.get(both ^ (2L << order));
    return order + 1 < maxOrder && next != null && next.order == order + 1;
  }

  private boolean joins(Block buddy, int type) {
    if (!types || buddy.order < pageblocks.order()) {
      return true;
    }
    int other = pageblocks.get(buddy.pfn);
    if (other != type) {
      boolean reserved = other >= Migratetype.PCPTYPES || type >= Migratetype.PCPTYPES;
      if (reserved && quirk != Quirk.RESERVE_JOINS) {
        return false;
      }
      if (quirk == Quirk.LOWER_KEEPS_TYPE && (buddy.pfn >> buddy.order & 1) == 0) {
        return true;
      }
      pageblocks.setRange(buddy.pfn, buddy.order, type);
    }
    return true;
  }

  /** Gives a pageblock a type, and with it the free blocks in it; returns the frames of these. */
  public int movePageblock(long pfn, int type) {
    long first = pageblocks.start(pfn);
    long end = first + pageblocks.pages();
    Block whole = holder(first);
    if (types && whole != null && whole.order >= pageblocks.order()) {
      drop(whole);
      pageblocks.setRange(whole.pfn, whole.order, type);
      insert(whole.pfn, whole.order, type, true);
      return 1 << whole.order;
    }
    pageblocks.set(first, type);
    int moved = pagesIn(first, pageblocks.order());
    for (Block block : types ? overlapping(first, end) : List.<Block>of()) {
      drop(block);
      put(block.pfn, block.order, type, quirk != Quirk.MOVED_TO_HEAD);
    }
    return moved;
  }

  private void put(long pfn, int order, int type, boolean tail) {
    blocks.put(pfn, new Block(pfn, order, normal(type)));
    long number = tail ? ++toTail : --toHead;
    numbers.put(pfn, number);
    list(order, normal(type)).put(number, pfn);
    pages += 1L << order;
  }

  private void drop(Block block) {
    blocks.remove(block.pfn);
    Long number = numbers.remove(block.pfn);
    if (number != null) {
      list(block.order, block.type).remove(number);
    }
    pages -= 1L << block.order;
  }

  private NavigableMap<Long, Long> list(int order, int type) {
    return lists.get(order * Migratetype.TYPES + type);
  }

  private int normal(int type) {
    return types ? type : Migratetype.MOVABLE;
  }
}
