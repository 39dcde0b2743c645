// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.process.maple.MapleVmaIndexProvider;
import io.mm4j.process.rbtree.RbTreeVmaIndexProvider;
import io.mm4j.process.treemap.TreeMapVmaIndexProvider;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Trees of several levels, beside the oracle. */
class LargeIndexTest {
  private static final long PAGE = 4096;
  private static final int MAX_MAP_COUNT = 65530;
  private static final long HIGH = 1L << 47;

  private static Stream<DynamicTest> each(Consumer<VmaIndexProvider> body) {
    return Stream.of(new RbTreeVmaIndexProvider(), new MapleVmaIndexProvider())
        .map(provider -> DynamicTest.dynamicTest(provider.name(), () -> body.accept(provider)));
  }

  @TestFactory
  Stream<DynamicTest> answersAsTheOracle() {
    return each(provider -> history(provider.create(), new TreeMapVmaIndexProvider().create()));
  }

  private static void history(VmaIndex index, VmaIndex oracle) {
    SplittableRandom random = new SplittableRandom(7);
    for (int step = 0; step < 12_000; step++) {
      long addr = PAGE * random.nextLong(1 << 13);
      int grow = step / 3_000 % 2 == 0 ? 80 : 35;
      int found = oracle.find(addr);
      assertEquals(bounds(oracle, found), bounds(index, index.find(addr)));
      if (random.nextInt(100) < grow) {
        long length = PAGE * (1 + random.nextInt(4));
        long at =
            step % 2 == 0 ? oracle.gapAbove(addr, HIGH, length) : oracle.gapBelow(0, addr, length);
        assertEquals(
            at,
            step % 2 == 0 ? index.gapAbove(addr, HIGH, length) : index.gapBelow(0, addr, length));
        if (at != VmaIndex.NONE_ADDR) {
          oracle.insert(at, at + length);
          index.insert(at, at + length);
        }
      } else if (found != VmaIndex.NONE) {
        oracle.erase(found);
        index.erase(index.find(addr));
      }
      if (step % 2_000 == 0) {
        index.validate();
      }
    }
    assertEquals(oracle.size(), index.size());
    index.validate();
  }

  private static String bounds(VmaIndex index, int vma) {
    return vma == VmaIndex.NONE ? "none" : index.start(vma) + "-" + index.end(vma);
  }

  @TestFactory
  Stream<DynamicTest> fillsDownwardToMaxMapCount() {
    return each(
        provider -> {
          VmaIndex index = provider.create();
          for (int i = 1; i <= MAX_MAP_COUNT; i++) {
            long at = index.gapBelow(0, HIGH, PAGE);
            assertEquals(HIGH - i * PAGE, at);
            index.insert(at, at + PAGE);
          }
          index.validate();
          VmaIndex child = index.copy();
          for (int vma = index.first(); vma != VmaIndex.NONE; vma = index.first()) {
            index.erase(vma);
          }
          assertEquals(0, index.size());
          index.validate();
          child.validate();
          assertEquals(MAX_MAP_COUNT, child.size());
        });
  }
}
