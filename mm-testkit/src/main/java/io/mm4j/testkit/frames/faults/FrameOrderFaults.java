// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.FrameAllocatorProvider.Choice;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.FreeBlocks;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.frames.naive.ReservedTrees;
import java.util.List;

/** Faults in which of several blocks is given. */
final class FrameOrderFaults {
  private static final int MAX = DelegatingFrames.MAX;

  private FrameOrderFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        FrameFaults.fault(
            "gives-the-upper-end",
            "Allocation splits the head and gives its upper end.",
            List.of("FA-40"),
            UpperEnd::new),
        quirk(
            "frees-to-the-tail",
            "Every freed block goes to the tail.",
            "FA-41",
            FreeBlocks.Quirk.FREED_TO_TAIL),
        quirk(
            "tail-is-head",
            "What is meant for the tail goes to the head.",
            "FA-42",
            FreeBlocks.Quirk.NEVER_TO_TAIL),
        quirk(
            "nothing-waits",
            "A block that will be joined soon goes to the head like others.",
            "FA-43",
            FreeBlocks.Quirk.NO_WAITING),
        quirk(
            "rests-to-the-tail",
            "What is left of a split goes to the tail.",
            "FA-44",
            FreeBlocks.Quirk.RESTS_TO_TAIL),
        quirk(
            "moved-to-the-head",
            "Blocks of a moved pageblock go to the head.",
            "FA-45",
            FreeBlocks.Quirk.MOVED_TO_HEAD),
        new Fault<>(
            "best-fit-as-first-fit",
            "The smallest sufficient block is taken and called the first fit.",
            List.of("FA-46"),
            new NaiveFrames(
                "best-fit-as-first-fit", false, Choice.FIRST_FIT, FrameOrderFaults::untyped)),
        quirk(
            "tail-is-not-joined",
            "What is freed to the tail is not joined.",
            "FA-47",
            FreeBlocks.Quirk.TAIL_NOT_JOINED),
        quirk(
            "reserve-joins-others",
            "Pageblocks of the reserve and isolated ones join others.",
            "FA-56",
            FreeBlocks.Quirk.RESERVE_JOINS),
        quirk(
            "lower-pageblock-keeps-its-type",
            "A lower pageblock keeps its type when the upper one joins it.",
            "FA-56",
            FreeBlocks.Quirk.LOWER_KEEPS_TYPE),
        tree(
            "forgets-its-tree",
            "Every search begins at the first tree, reserved or not.",
            "FA-70",
            ReservedTrees.Quirk.FORGETS_ITS_TREE),
        tree(
            "search-does-not-wrap",
            "The search for a tree ends with the last one.",
            "FA-70",
            ReservedTrees.Quirk.DOES_NOT_WRAP),
        tree(
            "trees-are-shared",
            "A tree that is reserved anew stays reserved for its old holder.",
            "FA-70",
            ReservedTrees.Quirk.SHARES_TREES),
        tree(
            "whole-trees-first",
            "Trees that are nearly free come before those that are partly used.",
            "FA-71",
            ReservedTrees.Quirk.FREE_TREES_FIRST),
        tree(
            "takes-reserved-trees",
            "Trees of others are as good as any.",
            "FA-71",
            ReservedTrees.Quirk.TAKES_RESERVED),
        tree(
            "splits-whole-children",
            "The first child that fits is taken, whole or not.",
            "FA-72",
            ReservedTrees.Quirk.SPLITS_WHOLE_CHILDREN),
        tree(
            "frees-reserve-nothing",
            "Frees are not counted.",
            "FA-73",
            ReservedTrees.Quirk.FREES_RESERVE_NOTHING));
  }

  private static FrameAllocator untyped(Zone zone) {
    return new NaiveFrameAllocator(zone, MAX, MAX, false, FreeBlocks.Quirk.NONE);
  }

  private static Fault<FrameAllocatorProvider> quirk(
      String name, String what, String rule, FreeBlocks.Quirk quirk) {
    return FrameFaults.fault(
        name, what, List.of(rule), zone -> new NaiveFrameAllocator(zone, MAX, MAX, true, quirk));
  }

  private static Fault<FrameAllocatorProvider> tree(
      String name, String what, String rule, ReservedTrees.Quirk quirk) {
    return new Fault<>(
        name,
        what,
        List.of(rule),
        new NaiveFrames(name, false, Choice.RESERVED_TREES, zone -> new TreeFrames(zone, quirk)));
  }

  private static final class UpperEnd extends DelegatingFrames {
    UpperEnd(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      for (int from = order; from <= MAX; from++) {
        long head = head(from, migratetype);
        if (head != NONE) {
          long pfn = head + (1L << from) - (1L << order);
          return take(pfn, order) ? pfn : NONE;
        }
      }
      return NONE;
    }
  }

  /** Chooses by reserved trees, with a quirk or without. */
  private static final class TreeFrames extends DelegatingFrames {
    private final ReservedTrees trees;

    TreeFrames(Zone zone, ReservedTrees.Quirk quirk) {
      super(zone, new NaiveFrameAllocator(zone, MAX, MAX, false, FreeBlocks.Quirk.NONE));
      trees = new ReservedTrees(zone.startPfn(), zone.endPfn(), quirk);
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = trees.choose(order, migratetype);
      return pfn != NONE && take(pfn, order) ? pfn : NONE;
    }

    @Override
    public boolean take(long pfn, int order) {
      boolean taken = super.take(pfn, order);
      if (taken) {
        trees.taken(pfn, order);
      }
      return taken;
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      long pfn = order > fromOrder ? NONE : head(fromOrder, fromType);
      return pfn != NONE && take(pfn, order) ? pfn : NONE;
    }

    @Override
    public long head(int order, int migratetype) {
      long[] lowest = {NONE};
      if (freeBlocks(order, migratetype) > 0) {
        forEachFree(
            (pfn, o, type) -> lowest[0] = lowest[0] == NONE && o == order ? pfn : lowest[0]);
      }
      return lowest[0];
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      super.free(pfn, order, migratetype);
      trees.freed(pfn, order, migratetype);
    }

    @Override
    public void freeToTail(long pfn, int order, int migratetype) {
      free(pfn, order, migratetype);
    }
  }
}
