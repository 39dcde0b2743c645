// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.stress.Life;
import io.mm4j.testkit.stress.Steps;

/** Several indexes in use, each of which must give its own answers. */
final class IndexesAtOnce {
  /** Calls of which each access is interrupted, and as many accesses are. */
  private static final int CALLS_BY_STEP = 120;

  private static final int MOST_STEPS = 6_000;

  private static final int CALLS_AT_ONCE = 8_000;

  private static final int CALLS_BEFORE = 150;

  private static final int CALLS_OF_COPIES = 200;

  private IndexesAtOnce() {}

  /** One thread makes a call before each access of the other's calls. */
  static void stepped(VmaIndexProvider provider, Options options) {
    VmaIndexProvider copy = Steps.copyOf(VmaIndexProvider.class, provider);
    if (copy == null) {
      return;
    }
    Life.stepped(
        new IndexLife(copy, options, 1, CALLS_BY_STEP),
        new IndexLife(copy, options, 2, Integer.MAX_VALUE),
        MOST_STEPS);
  }

  /** An index, a copy of it and a copy of that, with a call each in turn. */
  static void copies(VmaIndexProvider provider, Options options) {
    for (long seed = 5; seed < 9; seed++) {
      IndexLife[] together = family(provider, options, seed);
      for (int i = 0; i < CALLS_OF_COPIES; i++) {
        for (IndexLife life : together) {
          life.call();
        }
      }
      for (int i = 0; i < together.length; i++) {
        IndexLife alone = family(provider, options, seed)[i];
        alone.run();
        together[i].compareWith(
            alone, i == 0 ? "with its copies at work" : "as a copy beside others");
      }
    }
  }

  private static IndexLife[] family(VmaIndexProvider provider, Options options, long seed) {
    IndexLife first = new IndexLife(provider, options, seed, CALLS_BEFORE + CALLS_OF_COPIES);
    for (int i = 0; i < CALLS_BEFORE; i++) {
      first.call();
    }
    IndexLife copy = new IndexLife(first, seed + 100, CALLS_OF_COPIES);
    return new IndexLife[] {first, copy, new IndexLife(copy, seed + 200, CALLS_OF_COPIES)};
  }

  /** Both at work. */
  static void race(VmaIndexProvider provider, Options options) {
    Life.atOnce(
        new IndexLife(provider, options, 3, CALLS_AT_ONCE),
        new IndexLife(provider, options, 4, CALLS_AT_ONCE));
  }
}
