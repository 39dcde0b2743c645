// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.stress.OtherThread;
import io.mm4j.testkit.stress.Steps;

/** PM-40: two calls on the counts of one frame, one made within the other. */
final class CountsByStepRule extends Rule<PhysicalMemoryProvider> {
  private static final long PFN = 0x110;

  /** More accesses than a call on one frame makes. */
  private static final int MOST_STEPS = 200;

  /** What is atomic towards the others. */
  private enum Call {
    MAP {
      @Override
      int make(MemMap map) {
        return map.addMapcount(PFN, 1);
      }
    },
    UNMAP {
      @Override
      int make(MemMap map) {
        return map.addMapcount(PFN, -1);
      }
    },
    MAP_HUGE {
      @Override
      int make(MemMap map) {
        return map.addEntireMapcount(PFN, 1);
      }
    },
    GET {
      @Override
      int make(MemMap map) {
        map.get(PFN);
        return 0;
      }
    },
    TRY_GET {
      @Override
      int make(MemMap map) {
        return map.tryGet(PFN) ? 1 : 0;
      }
    },
    PUT {
      @Override
      int make(MemMap map) {
        return map.putUnlessLast(PFN) ? 1 : 0;
      }
    },
    DROP {
      @Override
      int make(MemMap map) {
        return map.drop(PFN, 0) ? 1 : 0;
      }
    },
    FREEZE {
      @Override
      int make(MemMap map) {
        return map.freeze(PFN, 3) ? 1 : 0;
      }
    };

    /** Makes it; what it answers. */
    abstract int make(MemMap map);

    /** The same, and -1 if it is refused, as of a frozen frame. */
    int answer(MemMap map) {
      try {
        return make(map);
      } catch (MisuseException e) {
        return -1;
      }
    }
  }

  /** What two calls answered, and what the frame has after them. */
  private record Outcome(
      int first, int second, int references, int mappings, int hugeMappings, long mapping) {}

  CountsByStepRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-40",
            "counts-at-every-access",
            "Two calls that take or give up a reference or a mapping of one frame answer, and leave"
                + " the counts, as one after the other would, at whichever access of the one call"
                + " the other one is made.",
            "A count that is one too low frees a page that somebody still maps.",
            "include/linux/page_ref.h; mm/rmap.c __folio_add_rmap, __folio_remove_rmap",
            "a count is read and written in two steps"));
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    return new OneCheck(() -> check(provider, options));
  }

  private static void check(PhysicalMemoryProvider provider, Options options) {
    PhysicalMemoryProvider copy = Steps.copyOf(PhysicalMemoryProvider.class, provider);
    if (copy == null) {
      return; // its classes cannot be interrupted
    }
    try (PhysicalMemory memory = copy.create(MemorySubject.layout(), Contents.NONE, options);
        OtherThread other = new OtherThread()) {
      for (Call first : Call.values()) {
        for (Call second : Call.values()) {
          meet(memory.memMap(), other, first, second);
        }
      }
    }
  }

  private static void meet(MemMap map, OtherThread other, Call first, Call second) {
    prepare(map);
    int answer = first.answer(map);
    Outcome before = outcome(map, answer, second.answer(map));
    prepare(map);
    answer = second.answer(map);
    Outcome after = outcome(map, first.answer(map), answer);
    boolean interrupted = true;
    for (int step = 0; interrupted && step < MOST_STEPS; step++) {
      prepare(map);
      int[] left = {step};
      int[] answers = new int[2];
      Runnable within = () -> answers[1] = second.answer(map);
      Steps.during(
          () -> answers[0] = first.answer(map),
          () -> {
            if (left[0]-- == 0) {
              other.run(within);
            }
          });
      other.await();
      interrupted = left[0] < 0;
      if (interrupted) {
        Outcome seen = outcome(map, answers[0], answers[1]);
        if (!seen.equals(before) && !seen.equals(after)) {
          String what = first + " with " + second + " made before access " + step + ": ";
          throw new RuleViolation(what + before + " or " + after, seen.toString());
        }
      }
    }
  }

  /** A held frame of three references that is mapped twice and, as a whole, once. */
  private static void prepare(MemMap map) {
    map.release(PFN, 0, FrameOwner.PCP);
    map.prepare(PFN, 0, FrameOwner.KERNEL);
    map.hold(PFN, 0, FrameOwner.ANON, 0, 9, 1);
    map.get(PFN);
    map.get(PFN);
    map.addMapcount(PFN, 2);
    map.addEntireMapcount(PFN, 1);
  }

  private static Outcome outcome(MemMap map, int first, int second) {
    return new Outcome(
        first,
        second,
        map.refcount(PFN),
        map.mapcount(PFN),
        map.entireMapcount(PFN),
        map.mapping(PFN));
  }
}
