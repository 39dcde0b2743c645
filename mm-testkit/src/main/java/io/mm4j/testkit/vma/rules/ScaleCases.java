// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Trial;
import java.util.List;

/** Cases of indexes that are larger than random scripts make them, and read by several threads. */
public final class ScaleCases {
  private static final int MANY = 7000;

  private ScaleCases() {}

  /** What a case does with an empty index of the plugin. */
  @FunctionalInterface
  private interface Body {
    void run(VmaIndex index, VmaIndexProvider provider, Options options);
  }

  private static final class Case extends Rule<VmaIndexProvider> {
    private final Body body;

    Case(RuleInfo info, Body body) {
      super(Spi.VMA_INDEX, info);
      this.body = body;
    }

    @Override
    public boolean seeded() {
      return false;
    }

    @Override
    public Trial<VmaSubject> trial(VmaIndexProvider provider, Options options, long seed) {
      int most = Math.min(provider.capabilities().maxVmas(), 1 << 16);
      Operation<VmaSubject> whole =
          new Operation<>() {
            @Override
            public void apply(VmaSubject subject) {
              body.run(subject.index(), provider, options);
            }

            @Override
            public String toString() {
              return info().name();
            }
          };
      return new Trial<>() {
        @Override
        public List<Operation<VmaSubject>> operations() {
          return List.of(whole);
        }

        @Override
        public VmaSubject open() {
          return new VmaSubject(provider.create(most, options), most);
        }
      };
    }
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new Case(
            new RuleInfo(
                "VI-18",
                "many-readers",
                "Any number of threads may look up at once, and each gets its own answer: whole"
                    + " lookups of another before every access that one makes to a field or an"
                    + " array, and three threads at once.",
                "Page faults of all threads of a process read under one lock for reading.",
                "mmap_read_lock, lock_vma_under_rcu",
                "what was found last is kept in more than one word, or a search has scratch"
                    + " fields"),
            (index, provider, options) -> {
              ReadersAtOnce.stepped(provider, options);
              ReadersAtOnce.race(index);
            }),
        new Case(
            new RuleInfo(
                "VI-17",
                "dense-at-any-size",
                "With thousands of VMAs, too, erased handles come back before new ones are made.",
                "Arrays beside the index are as long as capacity() says.",
                "kmem_cache_free, kmem_cache_alloc of vm_area_struct",
                "the list of free handles has an end"),
            (index, provider, options) -> dense(index)));
  }

  private static void dense(VmaIndex index) {
    int[] handles = new int[MANY];
    for (int i = 0; i < MANY; i++) {
      handles[i] = index.insert(16L * i, 16L * i + 8);
    }
    int capacity = index.capacity();
    for (int round = 0; round < 2; round++) {
      int erased = round == 0 ? MANY / 2 : MANY;
      for (int i = 0; i < erased; i++) {
        index.erase(handles[round == 0 ? 2 * i : i]);
      }
      for (int i = 0; i < erased; i++) {
        int at = round == 0 ? 2 * i : i;
        handles[at] = index.insert(16L * at, 16L * at + 8);
        RuleViolation.check(
            handles[at] >= 0 && handles[at] < capacity,
            "one of " + capacity + " handles that were given before",
            "handle " + handles[at] + " for insert " + i + " after " + erased + " were erased");
      }
      RuleViolation.checkEqual(capacity, index.capacity(), "capacity()");
    }
  }
}
