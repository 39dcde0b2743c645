// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The operations on a frame allocator. Numbers mean "modulo how many there are". */
sealed interface FrameOp extends Operation<FrameSubject> {

  /** Frees the zone's memory, if that was not done. */
  record Boot() implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      if (s.free.isEmpty() && s.held.isEmpty()) {
        s.boot();
      }
    }

    @Override
    public String toString() {
      return "boot";
    }
  }

  /** Allocates a block. */
  record Allocate(int order, int type) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      s.allocate(Math.min(order, s.maxOrder()), type);
    }

    @Override
    public List<FrameOp> simpler() {
      return order == 0 ? List.of() : List.of(new Allocate(0, type), new Allocate(order - 1, type));
    }

    @Override
    public String toString() {
      return "allocate order=" + order + " " + Migratetype.name(type);
    }
  }

  /** Frees a held block to the lists of its pageblock. */
  record Free(int number) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Held block = s.pick(number);
      if (block != null) {
        s.drop(block);
        s.free(block.pfn(), block.order(), s.typeAt(block.pfn()));
      }
    }

    @Override
    public List<FrameOp> simpler() {
      return number == 0 ? List.of() : List.of(new Free(0), new Free(number / 2));
    }

    @Override
    public String toString() {
      return "free held#" + number;
    }
  }

  /** Frees the block that was given last for a migratetype, whatever its pageblock's. */
  record FreeLast(int type) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      if (!s.held.isEmpty()) {
        CaseRule.backAs(s, type);
      }
    }

    @Override
    public String toString() {
      return "free what was given last as " + Migratetype.name(type);
    }
  }

  /** Frees the zone's memory by ranges, if that was not done. */
  record BootByRanges() implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      if (s.free.isEmpty() && s.held.isEmpty()) {
        s.bootByRanges();
      }
    }

    @Override
    public String toString() {
      return "boot by ranges";
    }
  }

  /** Frees a held block to the tail of the list of its pageblock. */
  record FreeToTail(int number) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Held block = s.pick(number);
      if (block != null) {
        s.drop(block);
        s.freeToTail(block.pfn(), block.order(), s.typeAt(block.pfn()));
      }
    }

    @Override
    public List<FrameOp> simpler() {
      return List.of(new Free(number));
    }

    @Override
    public String toString() {
      return "free held#" + number + " to the tail";
    }
  }

  /** Frees a run of neighbouring held blocks, whose pageblocks are alike, as one range. */
  record FreeRange(int number, int atMost) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Held first = s.pick(number);
      if (first == null) {
        return;
      }
      int type = s.typeAt(first.pfn());
      Map<Long, Held> byPfn = new HashMap<>();
      s.held.forEach(block -> byPfn.put(block.pfn(), block));
      long end = first.pfn();
      for (int i = 0; i < atMost; i++) {
        Held next = byPfn.get(end);
        if (next == null || !alike(s, next, type)) {
          break;
        }
        s.drop(next);
        end = next.pfn() + (1L << next.order());
      }
      if (end > first.pfn()) {
        s.freeRange(first.pfn(), end, type);
      }
    }

    private static boolean alike(FrameSubject s, Held block, int type) {
      long last = block.pfn() + (1L << block.order()) - 1;
      return s.typeAt(block.pfn()) == type && s.typeAt(last) == type;
    }

    @Override
    public List<FrameOp> simpler() {
      return atMost == 1 ? List.of(new Free(number)) : List.of(new FreeRange(number, 1));
    }

    @Override
    public String toString() {
      return "free held#" + number + " and up to " + (atMost - 1) + " neighbours as a range";
    }
  }

  /** Frees a block of frames that nobody had yet, if all of it is memory and none of it free. */
  record FreeNew(int at, int order) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      int o = Math.min(order, s.maxOrder());
      long pfn = (s.zone.startPfn() + at % s.where.frames()) & -(1L << o);
      if (pfn >= s.zone.startPfn() && pfn + (1L << o) <= s.zone.endPfn()) {
        int bit = s.bit(pfn);
        boolean memory = s.usable.nextClearBit(bit) >= bit + (1 << o);
        if (memory && s.freeIn(pfn, o) == 0) {
          s.free(pfn, o, s.typeAt(pfn));
        }
      }
    }

    @Override
    public String toString() {
      return "free order=" + order + " at +" + at + " for the first time";
    }
  }

  /** Frees all memory that is neither free nor held. */
  record FreeTheRest() implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      s.freeTheRest();
    }

    @Override
    public String toString() {
      return "free what nobody had yet, by ranges";
    }
  }

  /** Frees one part of a held block; the other parts stay held. */
  record FreePart(int number, int partOrder, int part) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Held block = s.pick(number);
      if (block == null) {
        return;
      }
      s.drop(block);
      int order = Math.min(partOrder, block.order());
      int parts = 1 << (block.order() - order);
      for (int i = 0; i < parts; i++) {
        long pfn = block.pfn() + ((long) i << order);
        if (i == part % parts) {
          s.free(pfn, order, s.typeAt(pfn));
        } else {
          s.held.add(new Held(pfn, order));
        }
      }
    }

    @Override
    public List<FrameOp> simpler() {
      return List.of(new Free(number));
    }

    @Override
    public String toString() {
      return "free part " + part + " of order " + partOrder + " of held#" + number;
    }
  }

  /** Frees the larger block around a held one in one call, if all of it is held. */
  record FreeLarger(int number, int levels) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Held block = s.pick(number);
      if (block == null) {
        return;
      }
      int order = Math.min(block.order() + levels, s.maxOrder());
      long pfn = block.pfn() & -(1L << order);
      List<Held> parts = new ArrayList<>();
      long frames = 0;
      for (Held other : s.held) {
        if (other.pfn() >= pfn && other.pfn() + (1L << other.order()) <= pfn + (1L << order)) {
          parts.add(other);
          frames += 1L << other.order();
        }
      }
      if (frames == 1L << order) {
        parts.forEach(s::drop);
        s.free(pfn, order, s.typeAt(pfn));
      }
    }

    @Override
    public List<FrameOp> simpler() {
      return levels <= 1 ? List.of() : List.of(new FreeLarger(number, levels - 1));
    }

    @Override
    public String toString() {
      return "free the block " + levels + " orders larger around held#" + number;
    }
  }

  /** Takes exactly a block at a place in the zone, free or not. */
  record Take(int at, int order) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      int o = Math.min(order, s.maxOrder());
      long pfn = (s.zone.startPfn() + at % s.where.frames()) & -(1L << o);
      if (pfn >= s.zone.startPfn() && pfn + (1L << o) <= s.zone.endPfn()) {
        s.take(pfn, o);
      }
    }

    @Override
    public List<FrameOp> simpler() {
      return order == 0 ? List.of() : List.of(new Take(at, 0), new Take(at, order - 1));
    }

    @Override
    public String toString() {
      return "take order=" + order + " at +" + at;
    }
  }

  /** Takes the head of a list, as a fallback does. */
  record AllocateFrom(int fromOrder, int fromType, int order, int restType) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      int from = Math.min(fromOrder, s.maxOrder());
      s.allocateFrom(from, fromType, Math.min(order, from), restType);
    }

    @Override
    public List<FrameOp> simpler() {
      return order == 0 ? List.of() : List.of(new AllocateFrom(fromOrder, fromType, 0, restType));
    }

    @Override
    public String toString() {
      return String.format(
          "allocate order=%d from the head of order %d %s, rest to %s",
          order, fromOrder, Migratetype.name(fromType), Migratetype.name(restType));
    }
  }

  /** Gives a pageblock another type. */
  record MovePageblock(int at, int type) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      s.movePageblock(s.zone.startPfn() + at % s.where.frames(), type);
    }

    @Override
    public List<FrameOp> simpler() {
      int first = at & -Pages.PAGEBLOCK_NR_PAGES;
      return at == first ? List.of() : List.of(new MovePageblock(first, type));
    }

    @Override
    public String toString() {
      return "make the pageblock at +" + at + " " + Migratetype.name(type);
    }
  }

  /** Allocates blocks of one order until there are none for any of the three types. */
  record Exhaust(int order) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        int limit = s.where.frames() + 1;
        while (limit-- > 0 && s.allocate(Math.min(order, s.maxOrder()), type)) {}
      }
    }

    @Override
    public String toString() {
      return "allocate order=" + order + " until none is left";
    }
  }

  /** Frees all that is held, in an order that the seed decides. */
  record FreeAll(long seed) implements FrameOp {
    @Override
    public void apply(FrameSubject s) {
      Seeded random = new Seeded(seed);
      while (!s.held.isEmpty()) {
        new Free(random.below(s.held.size())).apply(s);
      }
    }

    @Override
    public String toString() {
      return "free all that is held";
    }
  }
}
