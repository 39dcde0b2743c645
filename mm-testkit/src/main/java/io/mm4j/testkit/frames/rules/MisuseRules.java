// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.naive.FreeBlocks.Block;
import io.mm4j.testkit.frames.rules.FrameRule.Generator;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Rules about callers who break the contract. */
public final class MisuseRules {
  private MisuseRules() {}

  /** What a caller does wrong. */
  private enum Wrong {
    DOUBLE_FREE,
    FREE_INSIDE,
    MISALIGNED,
    OUTSIDE,
    ORDER,
    TAKE_OUTSIDE,
    OVER_THE_EDGE,
    TAKE_OVER_THE_EDGE,
    TAKE_HELD,
    TOO_LARGE
  }

  /** One wrong call, between right ones. */
  private record Misuse(Wrong wrong, int number) implements Operation<FrameSubject> {
    @Override
    public void apply(FrameSubject s) {
      long start = s.zone.startPfn();
      int max = s.maxOrder();
      switch (wrong) {
        case DOUBLE_FREE -> {
          Block block = freeBlock(s);
          if (block != null) {
            refuse(s, block.pfn(), block.order());
          }
        }
        case FREE_INSIDE -> {
          Block block = freeBlock(s);
          if (block != null && block.order() > 0) {
            int order = number % block.order();
            long parts = 1L << (block.order() - order);
            refuse(s, block.pfn() + ((1 + number % (parts - 1)) << order), order);
          }
        }
        case MISALIGNED -> {
          if (max == 0) {
            return;
          }
          int order = 1 + number % max;
          refuse(s, ((start + (1L << order)) & -(1L << order)) + 1 + number % order, order);
        }
        case OUTSIDE -> {
          refuse(s, start - 1, 0);
          refuse(s, s.zone.endPfn() + number, 0);
          refuse(s, -1, 0);
          refuse(s, (s.zone.endPfn() + 1023) & -1024L, max);
        }
        case ORDER -> {
          refuse(s, 0, 40);
          refuse(s, (start + 2047) & -2048L, max + 1);
          refuse(s, start, -1);
          refuse(s, start, -64);
          refuse(s, start, 64);
        }
        case TAKE_OUTSIDE -> refuseTake(s, number);
        case OVER_THE_EDGE -> {
          for (int order = 1; order <= max; order++) {
            for (long pfn : overTheEdges(s, order)) {
              refuse(s, pfn, order);
            }
          }
        }
        case TAKE_OVER_THE_EDGE -> {
          for (int order = 1; order <= Pages.MAX_PAGE_ORDER; order++) {
            for (long pfn : overTheEdges(s, order)) {
              refuseQuestions(s, pfn, order);
            }
          }
        }
        case TAKE_HELD -> {
          Held held = s.pick(number);
          if (held != null && s.can.takesExactly()) {
            int order = Math.min(max, held.order() + number % 3);
            long pfn = held.pfn() & -(1L << order);
            if (pfn >= start && pfn + (1L << order) <= s.zone.endPfn()) {
              check(!s.frames.take(pfn, order), "take of a held block = false", "true");
            }
          }
        }
        case TOO_LARGE -> {
          int type = number % Migratetype.PCPTYPES;
          int order = number % (max + 1);
          boolean served = s.frames.allocate(max + 1, type) != FrameAllocator.NONE;
          served |= s.frames.allocateFrom(order, type, order + 1, type) != FrameAllocator.NONE;
          served |= s.frames.allocateFrom(max + 1, type, 0, type) != FrameAllocator.NONE;
          check(!served, "no block where there is none", "one");
        }
      }
    }

    /** Aligned blocks of which a part lies in the zone. */
    private static List<Long> overTheEdges(FrameSubject s, int order) {
      List<Long> list = new ArrayList<>();
      long first = s.zone.startPfn() & -(1L << order);
      long last = (s.zone.endPfn() - 1) & -(1L << order);
      if (first < s.zone.startPfn()) {
        list.add(first);
      }
      if (last + (1L << order) > s.zone.endPfn() && last != first) {
        list.add(last);
      }
      return list;
    }

    private static void refuseQuestions(FrameSubject s, long pfn, int order) {
      String of = String.format("(0x%x, %d) over the edge of the zone", pfn, order);
      try {
        s.frames.freePagesIn(pfn, order);
        throw new RuleViolation("MisuseException from freePagesIn" + of, "no exception");
      } catch (MisuseException e) {
        check(e.getMessage() != null, "a message", "none");
      } catch (RuntimeException e) {
        throw RuleViolation.wrongException("MisuseException from freePagesIn" + of, e);
      }
      if (s.can.takesExactly() && order <= s.maxOrder()) {
        try {
          check(!s.frames.take(pfn, order), "false or MisuseException from take" + of, "true");
        } catch (MisuseException e) {
          s.tell("take" + of + " misuse");
        }
      }
    }

    private @Nullable Block freeBlock(FrameSubject s) {
      List<Block> all = new ArrayList<>(s.blocks.all());
      return all.isEmpty() ? null : all.get(number % all.size());
    }

    private static void refuse(FrameSubject s, long pfn, int order) {
      String call = String.format("free(0x%x, %d)", pfn, order);
      s.tell(call);
      String before = s.snapshot();
      try {
        s.frames.free(pfn, order, Migratetype.MOVABLE);
        throw new RuleViolation("MisuseException from " + call, "no exception");
      } catch (MisuseException e) {
        check(before.equals(s.snapshot()), "nothing changed by refused " + call, "a change");
        check(
            e.getMessage() != null && e.getMessage().contains(Long.toString(pfn)),
            "a message that names pfn=" + pfn,
            "" + e.getMessage());
      } catch (RuntimeException e) {
        throw RuleViolation.wrongException("MisuseException from " + call, e);
      }
    }

    private static void refuseTake(FrameSubject s, int number) {
      long[] frames = {s.zone.startPfn() - 1, s.zone.endPfn(), s.zone.endPfn() + number};
      String before = s.snapshot();
      for (long pfn : frames) {
        String call = String.format("take(0x%x, 0)", pfn);
        try {
          check(!s.frames.take(pfn, 0), "false or MisuseException from " + call, "true");
        } catch (MisuseException e) {
          s.tell(call + " misuse");
        }
      }
      check(before.equals(s.snapshot()), "nothing changed by take outside", "a change");
    }

    @Override
    public String toString() {
      return "misuse: " + wrong.name().toLowerCase(Locale.ROOT).replace('_', ' ') + " " + number;
    }
  }

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.of(
            new RuleInfo(
                "FA-24",
                "double-free",
                "Freeing a block that is free as a whole is a MisuseException, and nothing"
                    + " changes.",
                "The kernel's page allocator calls it bad_page; it would list a block twice.",
                "KASAN mempool_page_alloc_double_free; mm/page_alloc.c free_page_is_bad",
                "free does not look whether the first frame is free"),
            Needs.NOTHING,
            with(Wrong.DOUBLE_FREE),
            s -> {}),
        FrameRule.of(
            new RuleInfo(
                "FA-25",
                "double-free-of-a-part",
                "Freeing a part of a larger free block is a MisuseException, and nothing changes.",
                "A page that was freed, merged, and freed again is the common double free.",
                "KASAN kmalloc_large_invalid_free; mm/page_alloc.c",
                "only the heads of free blocks are recognised as free"),
            Needs.NOTHING,
            with(Wrong.FREE_INSIDE),
            s -> {}),
        FrameRule.of(
            new RuleInfo(
                "FA-26",
                "misaligned-free",
                "Freeing at a frame that is no multiple of the block's size is a MisuseException,"
                    + " and nothing changes.",
                "It would free frames of a neighbour.",
                "mm/page_alloc.c VM_BUG_ON_PAGE in __free_one_page",
                "the frame number is rounded down instead of refused"),
            Needs.NOTHING,
            with(Wrong.MISALIGNED),
            s -> {}),
        FrameRule.of(
            new RuleInfo(
                "FA-27",
                "free-outside-the-zone",
                "Freeing a frame of another zone, or of none, is a MisuseException, and nothing"
                    + " changes; take outside gives nothing.",
                "A foreign pointer must be named, not stored.",
                "mm/page_alloc.c bad_range",
                "an index is computed before the bounds are checked"),
            Needs.NOTHING,
            with(Wrong.OUTSIDE, Wrong.TAKE_OUTSIDE),
            s -> {}),
        FrameRule.of(
            new RuleInfo(
                "FA-28",
                "order-out-of-range",
                "Freeing with a negative order or one above max-order is a MisuseException, and"
                    + " nothing changes.",
                "A wrong order frees somebody else's memory.",
                "mm/page_alloc.c MAX_PAGE_ORDER",
                "the order is used as a shift before it is checked"),
            Needs.NOTHING,
            with(Wrong.ORDER),
            s -> {}),
        FrameRule.of(
            new RuleInfo(
                "FA-55",
                "over-the-edge",
                "A block of which a part lies outside the zone is refused by free and freePagesIn"
                    + " with a MisuseException, is not taken, and nothing changes; whatever the"
                    + " order.",
                "The frames behind the edge belong to another zone, or to nobody.",
                "mm/page_alloc.c bad_range, page_outside_zone_boundaries",
                "only the first frame of a block is compared with the bounds"),
            Needs.NOTHING,
            (random, can) -> {
              List<Operation<FrameSubject>> list = new ArrayList<>();
              list.add(new Misuse(Wrong.OVER_THE_EDGE, 0));
              list.add(new Misuse(Wrong.TAKE_OVER_THE_EDGE, 0));
              list.addAll(FrameMix.PLAIN.generate(random, 20, can.maxOrder(), false));
              list.add(new FrameOp.Exhaust(0));
              list.add(new Misuse(Wrong.OVER_THE_EDGE, 0));
              list.add(new Misuse(Wrong.TAKE_OVER_THE_EDGE, 0));
              return list;
            },
            s -> {}));
  }

  /** Any call that is refused, or has nothing to give. */
  static Operation<FrameSubject> any(Seeded random) {
    Wrong[] all = Wrong.values();
    return new Misuse(all[random.below(all.length)], random.below(1 << 12));
  }

  private static Generator with(Wrong... wrongs) {
    return (random, can) -> {
      var list = FrameMix.PARTS.generate(random, 60, can.maxOrder(), can.takesExactly());
      for (int i = 0; i < 12; i++) {
        Wrong wrong = wrongs[i % wrongs.length];
        list.add(1 + random.below(list.size()), new Misuse(wrong, random.below(1 << 12)));
      }
      return list;
    };
  }
}
