// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectConstructor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The knobs decide as {@code should_fail()} of lib/fault-inject.c does. */
class FaultKnobsTest {
  /** Which of twelve allocations of 2 pages each fail, by number from 1. */
  private static List<Integer> failing(String knobs) {
    FaultKnobs read = FaultKnobs.parse("fail_page_alloc", knobs, 7);
    List<Integer> failed = new ArrayList<>();
    for (int i = 1; i <= 12; i++) {
      if (read.failsPages(Gfp.GFP_KERNEL, 1)) {
        failed.add(i);
      }
    }
    assertEquals(failed.size(), read.failed());
    return failed;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "probability=100,times=-1,interval=1 | 1 2 3 4 5 6 7 8 9 10 11 12",
        "probability=100,times=2,interval=1  | 1 2",
        "probability=100,times=-1,interval=5 | 5 10",
        "5,100,0,-1                          | 5 10",
        "1,100,0,3                           | 1 2 3",
        "probability=100,times=-1,space=5    | 3 4 5 6 7 8 9 10 11 12",
        "nth=4                               | 4",
        "nth=4,probability=100,times=3       | 4 5 6",
        "nth=2,probability=100,interval=4,times=-1 | 2 6 10",
        "times=-1,space=5,interval=3         | 5 8 11",
        "min-order=2,times=-1                | ''",
        "ignore-gfp-wait=Y,times=-1          | ''",
        "times=0                             | ''",
        "probability=0,times=-1              | ''",
      })
  void whichFail(String knobs, String expected) {
    List<Integer> numbers = new ArrayList<>();
    for (String word : expected.split(" ", -1)) {
      if (!word.isEmpty()) {
        numbers.add(Integer.parseInt(word));
      }
    }
    assertEquals(numbers, failing(knobs.strip()));
  }

  @Test
  void someFailByChanceAndBySeed() {
    List<Integer> half = failing("probability=50,times=-1");
    assertEquals(half, failing("probability=50,times=-1"));
    assertEquals(true, half.size() > 1 && half.size() < 11, half.toString());
  }

  @Test
  void whatMustNotFailDoesNot() {
    FaultKnobs all = FaultKnobs.parse("fail_page_alloc", "times=-1", 1);
    assertEquals(false, all.failsPages(Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, 0));
    assertEquals(false, all.failsPages(Gfp.GFP_HIGHUSER, 0));
    FaultKnobs slab = FaultKnobs.parse("failslab", "times=-1", 1);
    assertEquals(false, slab.failsObject(Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, cache("foo")));
    assertEquals(true, slab.failsObject(Gfp.GFP_KERNEL, cache("foo")));
  }

  @Test
  void failuresAreToldAsVerboseSays() {
    for (int verbose = 0; verbose <= 2; verbose++) {
      List<String> told = new ArrayList<>();
      FaultKnobs knobs = FaultKnobs.parse("failslab", "times=1,verbose=" + verbose, 1);
      knobs.logTo(told::add);
      assertEquals(true, knobs.failsObject(Gfp.GFP_KERNEL, cache("foo")));
      assertEquals(false, knobs.failsObject(Gfp.GFP_KERNEL, cache("foo")));
      assertEquals(verbose == 0 ? 0 : 1, told.size());
      if (verbose > 0) {
        String text = told.getFirst();
        assertEquals(verbose == 2, text.contains("\n   "), text);
        assertEquals(
            List.of(
                "FAULT_INJECTION: forcing a failure.",
                "name failslab, interval 1, probability 100, space 0, times 1"),
            text.lines().limit(2).toList());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nosuch=1",
        "probability=101",
        "interval=0",
        "1,2,3",
        "ignore-gfp-wait=x",
        "times=1,times=2",
        "min-order=1",
        "ignore-gfp-highmem=N",
        "cache-filter=Y",
        "cache-filter=foo++bar",
        "cache-filter=",
        "task-filter=Y",
        "require-start=0xffffffff81000000",
        "require=no_such_function",
        "reject=",
        "stacktrace-depth=4",
        "require=kmalloc,stacktrace-depth=33"
      })
  void whatIsNoKnobIsAnswered(String text) {
    assertThrows(InputException.class, () -> FaultKnobs.parse("failslab", text, 1));
  }

  @Test
  void onlyObjectsOfNamedCachesFail() {
    FaultKnobs knobs = FaultKnobs.parse("failslab", "cache-filter=foo+kmalloc-64,times=-1", 1);
    assertEquals(false, knobs.failsObject(Gfp.GFP_KERNEL, cache("bar")));
    assertEquals(true, knobs.failsObject(Gfp.GFP_KERNEL, cache("foo")));
    assertEquals(true, knobs.failsObject(Gfp.GFP_KERNEL, cache("kmalloc-64")));
    assertEquals(2, knobs.asked(), "others are not counted");
  }

  @Test
  void whoWantsNoWarningGetsNone() {
    List<String> told = new ArrayList<>();
    FaultKnobs knobs = FaultKnobs.parse("fail_page_alloc", "times=-1,verbose=1", 1);
    knobs.logTo(told::add);
    assertEquals(true, knobs.failsPages(Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN, 0));
    assertEquals(List.of(), told);
    assertEquals(true, knobs.failsPages(Gfp.GFP_KERNEL, 0));
    assertEquals(1, told.size());
  }

  private static KmemCache cache(String name) {
    return new TestCache(name);
  }

  /** A cache of which only the name and the size are asked. */
  private static final class TestCache extends KmemCache {
    TestCache(String name) {
      super(KmemCache.FIRST_ID, name);
    }

    @Override
    public int objectBytes() {
      return 100;
    }

    @Override
    public int size() {
      return 0;
    }

    @Override
    public int align() {
      return 0;
    }

    @Override
    public int flags() {
      return 0;
    }

    @Override
    public int order() {
      return 0;
    }

    @Override
    public int objectsPerSlab() {
      return 0;
    }

    @Override
    public int minPartial() {
      return 0;
    }

    @Override
    public int cpuPartial() {
      return 0;
    }

    @Override
    public int aliases() {
      return 0;
    }

    @Override
    public int usersize() {
      return 0;
    }

    @Override
    public @Nullable ObjectConstructor ctor() {
      return null;
    }

    @Override
    public CacheStats stats() {
      throw new UnsupportedOperationException("nobody asks");
    }
  }
}
