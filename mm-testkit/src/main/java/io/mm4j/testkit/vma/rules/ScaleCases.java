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
  private static final int VERY_MANY = 70_000;
  private static final int MOST_VMAS = 1 << 17;

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
      int most = Math.min(provider.capabilities().maxVmas(), MOST_VMAS);
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
                "VI-30",
                "indexes-of-two-threads",
                "Two threads that work on two indexes get the answers that each gets alone: one"
                    + " with a call before every access of the other's to a field or an array, and"
                    + " both at once.",
                "The lock of an address space guards that one, not what address spaces share.",
                "include/linux/mm_types.h mm_struct mmap_lock",
                "a static field is used as scratch during a call"),
            (index, provider, options) -> {
              IndexesAtOnce.stepped(provider, options);
              IndexesAtOnce.race(provider, options);
            }),
        new Case(
            new RuleInfo(
                "VI-31",
                "copies-that-live-on",
                "An index and its copies, each changed in turn, answer every call as they do when"
                    + " nobody changes the others: also which handles they give.",
                "Parent and child of a fork go on with what was one address space.",
                "dup_mmap, __mt_dup",
                "a copy has the list of free handles, or a table, of what it is a copy of"),
            (index, provider, options) -> IndexesAtOnce.copies(provider, options)),
        new Case(
            new RuleInfo(
                "VI-32",
                "seventy-thousand",
                "An index of 70,000 VMAs - or as many as its plugin says - has each of them, found"
                    + " by its address, with the neighbours and bounds that it was given; also when"
                    + " every third has gone.",
                "A process may map file after file; numbers of 16 bits end on the way.",
                "sysctl_max_map_count",
                "a handle or a link is kept in a short or a char"),
            (index, provider, options) -> many(index, provider.capabilities().maxVmas())),
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

  private static void many(VmaIndex index, int maxVmas) {
    int count = Math.min(VERY_MANY, maxVmas);
    int[] handles = new int[count];
    for (int i = 0; i < count; i++) {
      handles[i] = index.insert(16L * i, 16L * i + 8);
    }
    everyOne(index, handles);
    for (int i = 0; i < count; i += 3) {
      index.erase(handles[i]);
      handles[i] = VmaIndex.NONE;
    }
    everyOne(index, handles);
  }

  /** Each is where it was put, and next to each other. */
  private static void everyOne(VmaIndex index, int[] handles) {
    int before = VmaIndex.NONE;
    int size = 0;
    for (int i = 0; i < handles.length; i++) {
      int vma = handles[i];
      if (vma == VmaIndex.NONE) {
        continue;
      }
      String of = " of VMA " + i + " of " + handles.length;
      RuleViolation.checkEqual(vma, index.find(16L * i + 7), "handle found at the end" + of);
      RuleViolation.checkEqual(16L * i, index.start(vma), "start" + of);
      RuleViolation.checkEqual(16L * i + 8, index.end(vma), "end" + of);
      RuleViolation.checkEqual(before, index.prev(vma), "the one before" + of);
      if (before != VmaIndex.NONE) {
        RuleViolation.checkEqual(vma, index.next(before), "the one behind that before" + of);
      }
      before = vma;
      size++;
    }
    RuleViolation.checkEqual(size, index.size(), "size()");
    RuleViolation.checkEqual(before, index.last(), "the last one");
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
