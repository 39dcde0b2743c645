// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/** The rule about how the cost of calls grows with the number of VMAs. */
public final class GrowthRule extends Rule<VmaIndexProvider> {
  private static final int SMALL = 128;
  private static final int LARGE = 128 * SMALL;

  /** As many times as dear a call may be with 128 times as many VMAs: a tenth of linear. */
  private static final int TIMES = 12;

  private static final int CALLS = 128;
  private static final long BASE = 1 << 20;
  private static final long STEP = 64;
  private static final long LENGTH = 32;

  /** What calls gave, so that none of them is compiled away. */
  @SuppressWarnings("UnusedVariable") // it is there to be written
  private static volatile long kept;

  public GrowthRule() {
    super(
        Spi.VMA_INDEX,
        new RuleInfo(
            "VI-19",
            "slow-growth",
            "With 128 times as many VMAs, and as many free handles, no call takes 12 times the CPU"
                + " time: find, neighbours, ends, setRange, erase and insert; searches for gaps"
                + " where fastGaps is claimed.",
            "A process may have 65530 VMAs, and each fault of each of its threads looks one up.",
            "mm/mmap.c find_vma, lib/maple_tree.c mas_empty_area",
            "a list is walked, or an array is moved, where a tree would be asked"));
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public @Nullable String missing(VmaIndexProvider provider, Options options) {
    return provider.capabilities().maxVmas() < 2 * LARGE
        ? "it holds fewer than " + 2 * LARGE + " VMAs"
        : null;
  }

  /**
   * An index with VMAs at equal distances, far above a gap at the bottom, and with as many free
   * handles.
   */
  private static final class Filled {
    private final VmaIndex index;
    private final int[] handles;
    private int at;

    Filled(VmaIndex index, int vmas) {
      this.index = index;
      handles = new int[vmas];
      for (int i = 0; i < vmas; i++) {
        handles[i] = index.insert(start(i), start(i) + LENGTH);
      }
      int[] erased = new int[vmas];
      for (int i = 0; i < vmas; i++) {
        erased[i] = index.insert(start(vmas + i), start(vmas + i) + LENGTH);
      }
      for (int vma : erased) {
        index.erase(vma);
      }
    }

    static long start(int place) {
      return BASE + STEP * place;
    }

    long end() {
      return start(handles.length);
    }

    /** The CPU time of some calls, each about another VMA, far from the one before. */
    long costNs(ObjIntConsumer<Filled> call) {
      return Growth.costNs(
          () -> {
            for (int i = 0; i < CALLS; i++) {
              // an odd step below a power of two meets every place
              at = (at + 10007) & (handles.length - 1);
              call.accept(this, at);
            }
          });
    }
  }

  @Override
  public Trial<VmaSubject> trial(VmaIndexProvider provider, Options options, long seed) {
    boolean gaps = provider.capabilities().fastGaps();
    Operation<VmaSubject> whole =
        new Operation<>() {
          @Override
          public void apply(VmaSubject subject) {
            Filled small = new Filled(subject.index().copy(), SMALL);
            judge(small, new Filled(subject.index(), LARGE), gaps);
          }

          @Override
          public String toString() {
            return "calls with " + SMALL + " and with " + LARGE + " VMAs";
          }
        };
    return new Trial<>() {
      @Override
      public List<Operation<VmaSubject>> operations() {
        return List.of(whole);
      }

      @Override
      public VmaSubject open() {
        return new VmaSubject(provider.create(2 * LARGE, options), 2 * LARGE);
      }
    };
  }

  private static void judge(Filled small, Filled large, boolean gaps) {
    compare("find", small, large, (f, at) -> kept = f.index.find(Filled.start(at) - 1));
    compare("next and prev", small, large, GrowthRule::neighbours);
    compare("first, last and size", small, large, GrowthRule::ends);
    compare("setRange", small, large, GrowthRule::setRange);
    compare("erase and insert", small, large, GrowthRule::eraseAndInsert);
    if (gaps) {
      compare("gapAbove", small, large, (f, at) -> kept = gapAbove(f, at));
      compare("gapBelow", small, large, (f, at) -> kept = gapBelow(f, at));
    }
  }

  private static void compare(
      String calls, Filled small, Filled large, ObjIntConsumer<Filled> call) {
    Growth.check(
        calls + " with " + LARGE + " VMAs against " + SMALL,
        TIMES,
        () -> small.costNs(call),
        () -> large.costNs(call));
  }

  private static void neighbours(Filled f, int at) {
    int vma = f.handles[at];
    kept = f.index.next(vma) + f.index.prev(vma) + f.index.start(vma) + f.index.end(vma);
  }

  private static void ends(Filled f, int at) {
    boolean there = f.index.contains(f.handles[at]);
    long ends = (long) f.index.first() + f.index.last() + f.index.size();
    kept = ends + (there ? f.index.capacity() : 0);
  }

  private static void setRange(Filled f, int at) {
    long start = Filled.start(at);
    f.index.setRange(f.handles[at], start + 8, start + LENGTH - 8);
    f.index.setRange(f.handles[at], start, start + LENGTH);
  }

  private static void eraseAndInsert(Filled f, int at) {
    f.index.erase(f.handles[at]);
    f.handles[at] = f.index.insert(Filled.start(at), Filled.start(at) + LENGTH);
  }

  /** No gap between two VMAs is long enough: the answer lies above all. */
  private static long gapAbove(Filled f, int at) {
    return f.index.gapAbove(BASE + (at & 7), VmaIndex.MAX_ADDRESS, STEP);
  }

  /** And here below all. */
  private static long gapBelow(Filled f, int at) {
    return f.index.gapBelow(0, f.end() - (at & 7), STEP);
  }
}
