// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.vmalloc.rules.VmBench.PAGE;

import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.vmalloc.rules.VmBench.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * The cases of lib/test_vmalloc.c that are about addresses, by name. Those that write to the memory
 * are rules of the kernel's mappings.
 */
final class TestVmallocRules {
  /** {@code THREAD_ALIGN} of x86-64. */
  private static final long THREAD_ALIGN = 16384;

  private TestVmallocRules() {}

  private static VmRule rule(
      String id, String name, String statement, String failure, VmRule.Body body) {
    return new VmRule(
        new RuleInfo(
            id,
            name,
            statement,
            "It is what the kernel's own test asks.",
            "lib/test_vmalloc.c " + name.replace('-', '_'),
            failure),
        VmRule.Needs.NOTHING,
        body);
  }

  static List<Rule<VmallocAllocatorProvider>> all() {
    return List.of(
        rule(
            "VM-T01",
            "full-fit-alloc-test",
            "Where every second of many areas of one page was freed, as many come back exactly into"
                + " the holes, and nothing behind them is used.",
            "a hole of exactly the size is passed over",
            TestVmallocRules::fullFit),
        rule(
            "VM-T02",
            "long-busy-list-alloc-test",
            "Behind many areas in use, areas of 100 pages and of one page are placed, freed and"
                + " placed again where they were.",
            "a long search ends too early, or what it found is not given back",
            TestVmallocRules::longBusyList),
        rule(
            "VM-T03",
            "fix-align-alloc-test",
            "Areas of 5 pages are aligned to twice the size of a stack.",
            "the alignment is that of the hole and not of the address",
            TestVmallocRules::fixAlign),
        rule(
            "VM-T04",
            "random-size-align-alloc-test",
            "Areas of 1 to 10 pages, aligned to powers of two up to 2^22, come and go at once.",
            "an alignment larger than the area is rounded away",
            TestVmallocRules::randomSizeAlign),
        rule(
            "VM-T05",
            "align-shift-alloc-test",
            "One page, aligned to each power of two up to 2^63: aligned as long as the vmalloc area"
                + " has such an address and room for the search, else there is none.",
            "the end of an aligned area wraps around",
            TestVmallocRules::alignShift));
  }

  private static void fullFit(VmBench b, Seeded random) {
    int count = 600;
    List<Long> areas = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      areas.add(b.alloc(0, 2, 1)); // with its guard page
    }
    long end = areas.stream().mapToLong(a -> a + 2 * PAGE).max().orElse(0);
    for (int i = 0; i < count; i += 2) {
      b.free(0, areas.get(i));
    }
    b.purge();
    b.shrink();
    for (int i = 0; i < count; i += 2) {
      long again = b.alloc(0, 2, 1);
      check(
          again != VmallocAllocator.NO_ADDRESS && again < end,
          b.kind + ": area " + i + " comes into a hole below " + VmBench.hex(end),
          VmBench.hex(again));
    }
    b.compare();
    b.end();
  }

  private static void longBusyList(VmBench b, Seeded random) {
    for (int i = 0; i < 1500; i++) {
      long _ = b.alloc(0, 2, 1);
    }
    for (int i = 0; i < 40; i++) {
      long large = b.alloc(0, 101, 1);
      long small = b.alloc(0, 2, 1);
      check(large != small, b.kind + ": two areas", "one: " + VmBench.hex(large));
      b.free(0, large);
      b.free(0, small);
      if (random.oneIn(4)) {
        b.purge();
      }
    }
    b.compare();
    b.end();
  }

  private static void fixAlign(VmBench b, Seeded random) {
    for (int i = 0; i < 60; i++) {
      long area = b.alloc(i, 6, 2 * THREAD_ALIGN);
      checkEqual(0, area % (2 * THREAD_ALIGN), b.kind + ": bytes that it is misaligned by");
      if (random.oneIn(2)) {
        b.free(i, area);
      }
    }
    b.compare();
    b.end();
  }

  private static void randomSizeAlign(VmBench b, Seeded random) {
    for (int i = 0; i < 80; i++) {
      long area = b.alloc(i, 2 + random.below(10), 1L << random.below(23));
      check(area != VmallocAllocator.NO_ADDRESS, b.kind + ": room for ten pages", "none");
      b.free(i, area);
      if (random.oneIn(12)) {
        b.purge();
      }
    }
    b.end();
  }

  private static void alignShift(VmBench b, Seeded random) {
    long bytes = 2 * PAGE;
    for (int shift = 0; shift < 63; shift++) {
      long align = Math.max(PAGE, 1L << shift);
      long area = b.alloc(0, 2, 1L << shift);
      long first = (b.kind.start + align - 1) & -align;
      boolean possible = first >= b.kind.start && b.kind.end - first >= bytes && first < b.kind.end;
      if (area == VmallocAllocator.NO_ADDRESS) {
        // The search asks for a hole with room for any alignment.
        boolean easily = possible && b.kind.end - b.kind.start >= bytes + 2 * align;
        check(!easily, b.kind + ": an area aligned to 2^" + shift, "none");
      } else {
        check(possible, b.kind + ": no area aligned to 2^" + shift, VmBench.hex(area));
        b.free(0, area);
      }
    }
    check(
        b.kind != Kind.X86_32 || b.alloc(0, 2, 1L << 30) == VmallocAllocator.NO_ADDRESS,
        "no gigabyte in the vmalloc area of 32 bits",
        "there is");
    b.end();
  }
}
