// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmSysctls;
import java.security.SecureRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Sums equal a recount after every call; answers do not depend on the index; failures undo. */
class RandomCallsTest {
  private static final int SEEDS = Integer.getInteger("mm4j.seeds", 30);
  private static final long FIRST = Long.getLong("mm4j.seed", 1);

  private static String again(long seed) {
    return "seed "
        + seed
        + "; again with: mvn -pl mm-process -am test"
        + " -Dtest=RandomCallsTest -Dsurefire.failIfNoSpecifiedTests=false"
        + " -Dmm4j.seeds=1 -Dmm4j.seed="
        + seed;
  }

  @Test
  void sumsEqualARecountAndEveryIndexAnswersAlike() {
    for (long seed = FIRST; seed < FIRST + SEEDS; seed++) {
      sumsEqualARecountAndEveryIndexAnswersAlike(seed);
    }
  }

  private static void sumsEqualARecountAndEveryIndexAnswersAlike(long seed) {
    String expected = null;
    for (Supplier<io.mm4j.api.vma.VmaIndex> index : Rig.INDEXES) {
      RandomCalls calls = new RandomCalls(seed);
      StringBuilder log = new StringBuilder();
      try (Rig rig = new Rig(index, MmSysctls.DEFAULTS)) {
        for (int i = 0; i < 200; i++) {
          log.append(calls.next(rig.mm)).append('\n');
          rig.mm.validate();
        }
        log.append(Rig.everything(rig.mm));
      }
      if (expected != null) {
        assertEquals(expected, log.toString(), again(seed));
      }
      expected = log.toString();
    }
  }

  /** Both, with new seeds, for a twentieth of {@code -Dmm.minutes}. */
  @Test
  @Tag("soak")
  void bothForLong() {
    double minutes = Double.parseDouble(System.getProperty("mm.minutes", "60")) / 20;
    long end = System.nanoTime() + (long) (minutes * 60e9);
    long seed = new SecureRandom().nextLong() >>> 1;
    System.out.println("random calls: new seeds from " + seed + " on, " + minutes + " minutes");
    for (; System.nanoTime() < end; seed++) {
      sumsEqualARecountAndEveryIndexAnswersAlike(seed);
      for (int failAt = 0; failAt < 3; failAt++) {
        failOnce(seed, 20 + (int) (seed % 180), failAt);
      }
    }
  }

  @Test
  void aFailedAllocationLeavesTheCallUndoneOrDone() {
    int failures = 0;
    for (long seed = FIRST; seed < FIRST + SEEDS; seed++) {
      for (int failAt = 0; failAt < 3; failAt++) {
        for (int call = 20; call < 200; call += 23) {
          failures += failOnce(seed, call, failAt) ? 1 : 0;
        }
      }
    }
    assertTrue(failures > SEEDS, "calls that failed for want of memory: " + failures);
  }

  /** Repeats a history up to a call, makes that call fail, compares with before and after. */
  private static boolean failOnce(long seed, int call, int failAt) {
    try (Rig rig = new Rig();
        Rig done = new Rig()) {
      return failOnce(rig, done, seed, call, failAt);
    }
  }

  private static boolean failOnce(Rig rig, Rig done, long seed, int call, int failAt) {
    RandomCalls calls = new RandomCalls(seed);
    for (int i = 0; i < call; i++) {
      calls.next(rig.mm);
    }
    String before = content(rig.mm);
    long allocations = rig.floor.allocationCount();
    rig.floor.failAllocationAfter(failAt);
    calls.next(rig.mm);
    boolean failed = rig.floor.allocationCount() > allocations + failAt;
    rig.floor.failAllocationAfter(-1);
    rig.mm.validate();
    RandomCalls again = new RandomCalls(seed);
    for (int i = 0; i <= call; i++) {
      again.next(done.mm);
    }
    String after = content(rig.mm);
    boolean whole = after.equals(before) || after.equals(content(done.mm));
    if (!whole) {
      assertTrue(isPartOf(after, before, content(done.mm)), again(seed) + " call " + call);
    }
    return failed;
  }

  /**
   * Page by page what is mapped with which rights: where VMAs are cut says nothing about the
   * memory, and a call that failed may have cut them.
   */
  private static String content(AddressSpace mm) {
    StringBuilder out = new StringBuilder();
    mm.forEachVma(
        0x10000000L,
        0x40000000L,
        vma -> {
          for (long at = vma.start(); at < vma.end(); at += 4096) {
            out.append(Long.toHexString(at)).append(vma.perms()).append(vma.flags()).append('\n');
          }
        });
    return out.toString();
  }

  /** A call over several VMAs stops at the failure: every page is as before or as after. */
  private static boolean isPartOf(String now, String before, String after) {
    for (String line : now.split("\n", -1)) {
      if (!before.contains(line) && !after.contains(line)) {
        return false;
      }
    }
    return true;
  }
}
