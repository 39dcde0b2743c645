// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;

/** Rules that need two allocators of one plugin at once. */
public final class PairRules {
  private PairRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(new Determinism(), new Independence(), new Refusals());
  }

  /** Two subjects of one plugin on two equal zones. */
  private static final class Pair extends Subject {
    final FrameSubject one;
    final FrameSubject two;

    Pair(FrameSubject one, FrameSubject two) {
      this.one = one;
      this.two = two;
    }

    void apply(String name, FrameSubject part, Operation<FrameSubject> operation) {
      tellOf(name, part, () -> operation.apply(part));
    }

    @Override
    public void validate() {
      one.validate();
      two.validate();
    }
  }

  /** One operation for the first subject, the second, or both. */
  private record On(Operation<FrameSubject> operation, boolean first, boolean second)
      implements Operation<Pair> {
    @Override
    public void apply(Pair pair) {
      if (first) {
        pair.apply("first", pair.one, operation);
      }
      if (second) {
        pair.apply("second", pair.two, operation);
      }
    }

    @Override
    public List<On> simpler() {
      return operation.simpler().stream().map(o -> new On(o, first, second)).toList();
    }

    @Override
    public String toString() {
      return (first && second ? "both" : first ? "first" : "second") + ": " + operation;
    }
  }

  private abstract static class PairRule extends Rule<FrameAllocatorProvider> {
    PairRule(RuleInfo info) {
      super(Spi.FRAME_ALLOCATOR, info);
    }

    abstract List<Operation<Pair>> operations(List<Operation<FrameSubject>> single, Seeded random);

    void after(Pair pair) {}

    void atTheEnd(Pair pair) {
      after(pair);
    }

    @Override
    public Trial<Pair> trial(FrameAllocatorProvider provider, Options options, long seed) {
      Seeded random = new Seeded(seed);
      FrameZone where = FrameZone.of(random.next());
      var can = provider.capabilities(options);
      List<Operation<Pair>> list =
          operations(
              FrameMix.ALL.generate(random, 120, can.maxOrder(), can.takesExactly()), random);
      return new Trial<>() {
        @Override
        public List<Operation<Pair>> operations() {
          return list;
        }

        @Override
        public Pair open() {
          return new Pair(
              new FrameSubject(provider, options, where),
              new FrameSubject(provider, options, where));
        }

        @Override
        public String setup() {
          return "two times a " + where;
        }

        @Override
        public void afterStep(Pair pair) {
          after(pair);
        }

        @Override
        public void atEnd(Pair pair) {
          atTheEnd(pair);
        }
      };
    }
  }

  private static final class Determinism extends PairRule {
    Determinism() {
      super(
          new RuleInfo(
              "FA-29",
              "determinism",
              "The same calls on an equal zone give the same answers and the same free blocks.",
              "One seed, one history: replays and failures can be repeated.",
              "mm4j's rule: one thread, one seed, the same bytes",
              "a hash code, the clock, or state shared by all zones has a say"));
    }

    @Override
    List<Operation<Pair>> operations(List<Operation<FrameSubject>> single, Seeded random) {
      List<Operation<Pair>> list = new ArrayList<>();
      single.forEach(op -> list.add(new On(op, true, true)));
      return list;
    }

    @Override
    void after(Pair pair) {
      check(
          pair.one.answer == pair.two.answer,
          "the same answer from both",
          String.format("0x%x and 0x%x", pair.one.answer, pair.two.answer));
      String one = pair.one.snapshot();
      check(one.equals(pair.two.snapshot()), "the same free blocks in both", "a difference");
    }
  }

  private static final class Independence extends PairRule {
    Independence() {
      super(
          new RuleInfo(
              "FA-30",
              "independent-zones",
              "Calls on one zone's allocator change nothing in another zone's.",
              "A machine has several zones of one plugin.",
              "include/linux/mmzone.h struct zone",
              "a static field holds state that belongs to a zone"));
    }

    @Override
    List<Operation<Pair>> operations(List<Operation<FrameSubject>> single, Seeded random) {
      List<Operation<Pair>> list = new ArrayList<>();
      for (Operation<FrameSubject> op : single) {
        boolean first = random.oneIn(2);
        boolean boot = op instanceof FrameOp.Boot;
        list.add(new On(op, first || boot, !first || boot));
      }
      return list;
    }

    @Override
    void after(Pair pair) {
      for (FrameSubject s : List.of(pair.one, pair.two)) {
        check(
            s.free.cardinality() == s.frames.freePages(),
            "freePages() = " + s.free.cardinality() + " in each zone",
            "" + s.frames.freePages());
      }
    }
  }

  private static final class Refusals extends PairRule {
    Refusals() {
      super(
          new RuleInfo(
              "FA-54",
              "refusals-leave-no-trace",
              "A call that is refused, or has none to give, changes nothing: not even which block"
                  + " is given next, and which after it.",
              "A replay with a failed call would part from one without it.",
              "mm4j's contract of FrameAllocator",
              "a block is taken off its list before it is known that the call is wrong"));
    }

    @Override
    List<Operation<Pair>> operations(List<Operation<FrameSubject>> single, Seeded random) {
      List<Operation<Pair>> list = new ArrayList<>();
      for (Operation<FrameSubject> op : single) {
        list.add(new On(op, true, true));
        if (random.oneIn(2)) {
          list.add(new On(MisuseRules.any(random), true, false));
        }
      }
      return list;
    }

    @Override
    void after(Pair pair) {
      String one = pair.one.snapshot();
      check(one.equals(pair.two.snapshot()), "the free blocks of a zone without", "others");
    }

    /** Takes all that is free, the largest blocks first, so that each list shows its order. */
    @Override
    void atTheEnd(Pair pair) {
      int left = pair.one.where.frames();
      for (int order = pair.one.maxOrder(); order >= 0; order--) {
        for (int type = 0; type < Migratetype.TYPES; type++) {
          for (long pfn = 0; pfn != FrameAllocator.NONE; ) {
            pfn = pair.one.frames.allocate(order, type);
            long without = pair.two.frames.allocate(order, type);
            check(
                pfn == without,
                String.format("the next block of order %d at 0x%x, as without", order, without),
                String.format("0x%x", pfn));
            check(pfn == FrameAllocator.NONE || left-- > 0, "no more blocks than frames", "more");
          }
        }
      }
    }
  }
}
