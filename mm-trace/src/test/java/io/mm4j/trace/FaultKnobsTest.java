// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import java.util.ArrayList;
import java.util.List;
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
    assertEquals(false, slab.failsObject(Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, 100));
    assertEquals(true, slab.failsObject(Gfp.GFP_KERNEL, 100));
  }

  @Test
  void failuresAreToldAsVerboseSays() {
    for (int verbose = 0; verbose <= 2; verbose++) {
      List<String> told = new ArrayList<>();
      FaultKnobs knobs = FaultKnobs.parse("failslab", "times=1,verbose=" + verbose, 1);
      knobs.logTo(told::add);
      assertEquals(true, knobs.failsObject(Gfp.GFP_KERNEL, 100));
      assertEquals(false, knobs.failsObject(Gfp.GFP_KERNEL, 100));
      assertEquals(verbose == 0 ? 0 : 1, told.size());
      if (verbose > 0) {
        String text = told.getFirst();
        assertEquals(verbose == 2, text.contains("\n   "), text);
        assertEquals(
            "FAULT_INJECTION: forcing a failure, name failslab, interval 1, probability 100, space"
                + " 0, times 1",
            text.lines().findFirst().orElseThrow());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "nosuch=1", "probability=101", "interval=0", "1,2,3", "ignore-gfp-wait=x"})
  void whatIsNoKnobIsAnswered(String text) {
    assertThrows(InputException.class, () -> FaultKnobs.parse("failslab", text, 1));
  }
}
