// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.FrameAllocatorProvider.Choice;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.frames.naive.FreeBlocks;
import io.mm4j.testkit.frames.naive.FreeBlocks.Block;
import io.mm4j.testkit.frames.naive.ReservedTrees;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A frame allocator under test beside its model. Every call goes to the plugin first; what it
 * answers is carried into the model, so that a plugin may choose which block it gives.
 *
 * <p>The model has two parts: which frames are free ({@code free}), which is true of every plugin,
 * and the free blocks with their types ({@code blocks}), which only one that merges always must
 * match.
 */
final class FrameSubject extends Subject {
  /** A block that was handed out. */
  record Held(long pfn, int order) {
    // Written out: what a record has by itself is linked at its first use, a start's milliseconds.
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Held(long otherPfn, int otherOrder)
          && pfn == otherPfn
          && order == otherOrder;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(pfn) * 31 + order;
    }

    @Override
    public String toString() {
      return String.format("0x%x/%d", pfn, order);
    }
  }

  /** The calls that rules look at. */
  enum Call {
    NONE,
    ALLOCATE,
    ALLOCATE_FROM,
    FREE,
    RANGE,
    TAKE,
    MOVE
  }

  final FrameZone where;
  final Zone zone;
  final FrameAllocator frames;
  final FrameAllocatorProvider.Capabilities can;
  final BitSet usable;
  final BitSet free = new BitSet();
  final FreeBlocks blocks;
  private final Pageblocks pageblocks;
  final List<Held> held = new ArrayList<>();

  /** What the last call was, and what was true just before it. */
  Call call = Call.NONE;

  int order;
  int type;

  /** What it answered: a frame, 0 or 1, or a count. */
  long answer;

  /** The smallest order that would have sufficed; -1 if none. */
  int sufficient;

  /** The block that its choice makes the plugin give; {@link #UNKNOWN} if it promises none. */
  long expected;

  static final long UNKNOWN = -2;

  private final @Nullable ReservedTrees trees;

  /** The free block that the answer was taken from, by the model. */
  @Nullable Block source;

  private final FrameAllocatorProvider provider;
  private final Options options;

  FrameSubject(FrameAllocatorProvider provider, Options options, FrameZone where) {
    this.provider = provider;
    this.options = options;
    this.where = where;
    this.zone = where.create();
    this.can = provider.capabilities(options);
    this.usable = where.usable();
    this.pageblocks = where.create().pageblocks();
    this.blocks = new FreeBlocks(pageblocks, can.migratetypes(), can.maxOrder());
    this.trees =
        can.choice() == Choice.RESERVED_TREES
            ? new ReservedTrees(zone.startPfn(), zone.endPfn(), ReservedTrees.Quirk.NONE)
            : null;
    this.frames = provider.create(zone, options);
  }

  private long choose(int wantedOrder, int wantedType) {
    if (trees != null) {
      return trees.choose(wantedOrder, wantedType);
    }
    if (can.choice() == Choice.FIRST_FIT) {
      return blocks.firstFit(wantedOrder);
    }
    Block head = blocks.head(sufficient, can.migratetypes() ? wantedType : Migratetype.MOVABLE);
    return can.choice() == Choice.ANY ? UNKNOWN : head == null ? FrameAllocator.NONE : head.pfn();
  }

  int maxOrder() {
    return can.maxOrder();
  }

  int bit(long pfn) {
    return Math.toIntExact(pfn - zone.startPfn());
  }

  /** Whether every frame of a block lies in the zone and is free, by the model. */
  boolean isFree(long pfn, int blockOrder) {
    long end = pfn + (1L << blockOrder);
    return pfn >= zone.startPfn()
        && end <= zone.endPfn()
        && freeIn(pfn, blockOrder) == 1 << blockOrder;
  }

  int freeIn(long pfn, int blockOrder) {
    int from = bit(Math.max(pfn, zone.startPfn()));
    int to = bit(Math.min(pfn + (1L << blockOrder), zone.endPfn()));
    return free.get(from, to).cardinality();
  }

  /** Frees the memory of the zone as boot does: in the largest aligned blocks. */
  void boot() {
    boot(usable);
  }

  /** A new instance to which the free frames of this one are given, in the largest blocks. */
  FrameSubject recover() {
    FrameSubject again = new FrameSubject(provider, options, where);
    again.boot(free);
    return again;
  }

  /** Frees the memory of the zone as a machine does: by ranges whose pageblocks are alike. */
  void bootByRanges() {
    freeTheRest();
  }

  /** Frees all memory that is neither free nor held, by ranges. */
  void freeTheRest() {
    BitSet rest = (BitSet) usable.clone();
    rest.andNot(free);
    held.forEach(block -> rest.clear(bit(block.pfn()), bit(block.pfn()) + (1 << block.order())));
    int from = rest.nextSetBit(0);
    while (from >= 0) {
      int to = rest.nextClearBit(from);
      while (from < to) {
        long pfn = zone.startPfn() + from;
        int end = from;
        while (end < to && typeAt(zone.startPfn() + end) == typeAt(pfn)) {
          end = Math.min(to, bit(pageblocks.start(zone.startPfn() + end) + pageblocks.pages()));
        }
        freeRange(pfn, zone.startPfn() + end, typeAt(pfn));
        from = end;
      }
      from = rest.nextSetBit(to);
    }
  }

  /** A new instance of which nothing is free. */
  FrameSubject anew() {
    return new FrameSubject(provider, options, where);
  }

  private void boot(BitSet frameBits) {
    int from = frameBits.nextSetBit(0);
    while (from >= 0) {
      int to = frameBits.nextClearBit(from);
      while (from < to) {
        long pfn = zone.startPfn() + from;
        int o = Math.min(maxOrder(), Long.numberOfTrailingZeros(pfn));
        while (from + (1 << o) > to) {
          o--;
        }
        free(pfn, o, zone.pageblocks().get(pfn));
        from += 1 << o;
      }
      from = frameBits.nextSetBit(to);
    }
  }

  /** Allocates; true if a block came. */
  boolean allocate(int wantedOrder, int wantedType) {
    began(Call.ALLOCATE, wantedOrder, wantedType);
    sufficient = blocks.smallest(wantedOrder, wantedType);
    expected = choose(wantedOrder, wantedType);
    return given(frames.allocate(wantedOrder, wantedType), wantedType, null);
  }

  /** Allocates from the head of a list; true if a block came. */
  boolean allocateFrom(int fromOrder, int fromType, int wantedOrder, int restType) {
    began(Call.ALLOCATE_FROM, wantedOrder, fromType);
    sufficient = blocks.count(fromOrder, fromType) > 0 ? fromOrder : -1;
    expected = frames.head(fromOrder, fromType);
    Block head = blocks.at(expected);
    return given(frames.allocateFrom(fromOrder, fromType, wantedOrder, restType), restType, head);
  }

  private boolean given(long pfn, int restType, @Nullable Block expectedSource) {
    answer = pfn;
    if (pfn == FrameAllocator.NONE) {
      tell("none");
      return false;
    }
    Held block = new Held(pfn, order);
    tell(block.toString());
    RuleViolation.check(
        (pfn & ((1L << order) - 1)) == 0, "a block at a multiple of its size", "" + block);
    RuleViolation.check(
        pfn >= zone.startPfn() && pfn + (1L << order) <= zone.endPfn(),
        "a block inside the zone",
        "" + block);
    RuleViolation.check(
        isFree(pfn, order),
        "a block whose frames are all free",
        block + " of which " + freeIn(pfn, order) + " frames are free");
    source = blocks.holder(pfn);
    if (expectedSource != null) {
      RuleViolation.check(
          expectedSource.equals(source), "a part of the head " + expectedSource, "" + block);
    }
    // The rest goes where the call says; the model's own holder may be of another type if the
    // plugin took a block from the wrong list, which the rule about lists reports.
    blocks.carve(pfn, order, restType);
    noLongerFree(pfn, order);
    held.add(block);
    return true;
  }

  /** Frees a block that is wholly held or was never freed. */
  void free(long pfn, int blockOrder, int intoType) {
    began(Call.FREE, blockOrder, intoType);
    tell(new Held(pfn, blockOrder).toString());
    frames.free(pfn, blockOrder, intoType);
    freed(pfn, blockOrder, intoType, false);
  }

  /** The same, to the tail of its list. */
  void freeToTail(long pfn, int blockOrder, int intoType) {
    began(Call.FREE, blockOrder, intoType);
    tell(new Held(pfn, blockOrder) + " to the tail");
    frames.freeToTail(pfn, blockOrder, intoType);
    freed(pfn, blockOrder, intoType, true);
  }

  /** Frees a range whose pageblocks are of one type, none of which is free. */
  void freeRange(long startPfn, long endPfn, int intoType) {
    began(Call.RANGE, 0, intoType);
    if (telling()) {
      tell(String.format("0x%x-0x%x", startPfn, endPfn));
    }
    frames.freeRange(startPfn, endPfn, intoType, maxOrder());
    for (long pfn = startPfn; pfn < endPfn; ) {
      int o = Math.min(maxOrder(), Long.numberOfTrailingZeros(pfn));
      while (pfn + (1L << o) > endPfn) {
        o--;
      }
      freed(pfn, o, intoType, true);
      pfn += 1L << o;
    }
  }

  private void freed(long pfn, int blockOrder, int intoType, boolean tail) {
    answer = pfn;
    free.set(bit(pfn), bit(pfn) + (1 << blockOrder));
    blocks.insert(pfn, blockOrder, intoType, tail);
    if (trees != null) {
      trees.freed(pfn, blockOrder, intoType);
    }
  }

  private void noLongerFree(long pfn, int blockOrder) {
    free.clear(bit(pfn), bit(pfn) + (1 << blockOrder));
    if (trees != null) {
      trees.taken(pfn, blockOrder);
    }
  }

  /** Takes exactly a block that lies in the zone. */
  boolean take(long pfn, int blockOrder) {
    began(Call.TAKE, blockOrder, Migratetype.MOVABLE);
    sufficient = isFree(pfn, blockOrder) ? blockOrder : -1;
    source = blocks.holder(pfn);
    boolean taken = frames.take(pfn, blockOrder);
    answer = taken ? 1 : 0;
    tell((taken ? "took " : "refused ") + new Held(pfn, blockOrder));
    if (taken) {
      RuleViolation.check(
          sufficient >= 0,
          "take of 0x" + Long.toHexString(pfn) + "/" + blockOrder + " = false",
          "true with " + freeIn(pfn, blockOrder) + " frames free");
      blocks.carve(pfn, blockOrder, source == null ? Migratetype.MOVABLE : source.type());
      noLongerFree(pfn, blockOrder);
      held.add(new Held(pfn, blockOrder));
    }
    return taken;
  }

  /** Moves a pageblock to another type. */
  void movePageblock(long pfn, int toType) {
    began(Call.MOVE, pageblocks.order(), toType);
    sufficient = blocks.movePageblock(pfn, toType);
    answer = frames.movePageblock(pfn, toType);
    tell(String.format("pageblock of 0x%x: %d frames", pfn, answer));
  }

  /** The held block that an operation means by a number, or null if none is held. */
  @Nullable Held pick(int number) {
    return held.isEmpty() ? null : held.get(number % held.size());
  }

  /** Takes a held block off the list; the last one moves to its place. */
  void drop(Held block) {
    int at = held.indexOf(block);
    Held last = held.removeLast();
    if (at < held.size()) {
      held.set(at, last);
    }
  }

  /** The type of the pageblock that a block lies in, as the plugin has it. */
  int typeAt(long pfn) {
    return zone.pageblocks().get(pfn);
  }

  private void began(Call newCall, int newOrder, int newType) {
    call = newCall;
    order = newOrder;
    type = newType;
    answer = FrameAllocator.NONE;
    sufficient = -1;
    expected = UNKNOWN;
    source = null;
  }

  /** The types of the pageblocks, by the model. */
  Pageblocks pageblocks() {
    return pageblocks;
  }

  /** Everything that can be seen from outside, as text: equal texts mean that nothing changed. */
  String snapshot() {
    StringBuilder all = new StringBuilder("free pages ").append(frames.freePages());
    frames.forEachFree(
        (pfn, blockOrder, blockType) ->
            all.append(' ')
                .append(pfn)
                .append('/')
                .append(blockOrder)
                .append('/')
                .append(blockType));
    for (int o = 0; o <= maxOrder(); o++) {
      for (int t = 0; t < Migratetype.TYPES; t++) {
        all.append(' ').append(frames.freeBlocks(o, t));
      }
    }
    for (long pfn = zone.startPfn(); pfn < zone.endPfn(); pfn += pageblocks.pages()) {
      all.append(' ').append(typeAt(pfn));
    }
    return all.toString();
  }

  @Override
  public void validate() {
    frames.validate();
  }
}
