// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.vmalloc.rules.VmBench.PAGE;

import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** The pools of Linux 6.18, one rule for each fact that was recorded. */
final class PoolRules {
  private PoolRules() {}

  private static VmRule rule(
      String id, String name, String statement, String behind, String failure, VmRule.Body body) {
    return new VmRule(
        new RuleInfo(
            id, name, statement, "Where small areas lie follows from it alone.", behind, failure),
        VmRule.Needs.POOLS,
        body);
  }

  static List<Rule<VmallocAllocatorProvider>> all() {
    return List.of(
        rule(
            "VM-20",
            "pool-is-a-stack",
            "Purged areas of up to 256 pages come back to requests of the same size, the highest of"
                + " the last purge first.",
            "node_pool_add_va, node_pool_del_va; recorded: 6593 of 6594",
            "what came first goes first, or the lowest",
            PoolRules::stack),
        rule(
            "VM-21",
            "pool-of-the-asker",
            "An area goes to the pool of the CPU that had asked for it, whoever frees it and"
                + " wherever it lies, and only that CPU gets it.",
            "encode_vn_id; recorded: 1345 requests beside a full pool of the other CPU",
            "the freeing CPU's pool is filled, or any pool serves",
            PoolRules::asker),
        rule(
            "VM-22",
            "pool-limit",
            "256 pages, guard included, are the most that a pool takes.",
            "MAX_VA_SIZE_PAGES",
            "the limit is one off",
            PoolRules::limit),
        rule(
            "VM-23",
            "decay",
            "A purge first takes a quarter of each pool, rounded down, from what was put in last,"
                + " and then fills it.",
            "decay_va_pool_node",
            "the oldest go, or a part of the new ones",
            PoolRules::decay),
        rule(
            "VM-24",
            "misaligned-top",
            "If the first area of a pool is not aligned as asked it goes behind the others, and the"
                + " request to the tree.",
            "node_pool_del_va list_move_tail; recorded: 166 of 166",
            "a deeper one that fits is taken, or the first stays in front",
            PoolRules::misaligned),
        rule(
            "VM-25",
            "shrink",
            "shrink empties the pools of all CPUs, and what was in them is free for everybody.",
            "vmap_node_shrink_scan",
            "a pool is forgotten",
            PoolRules::shrink),
        rule(
            "VM-26",
            "whole-area-only",
            "A request for a part of the vmalloc area neither takes from a pool nor goes to one.",
            "node_alloc vstart, vend",
            "a window is not looked at",
            PoolRules::window));
  }

  /** Areas of one size of one CPU, all freed and purged once. */
  private static List<Long> fill(VmBench b, int cpu, long pages, int count) {
    List<Long> areas = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      areas.add(b.alloc(cpu, pages, 1));
    }
    for (long area : areas) {
      b.free(cpu + 1, area);
    }
    b.purge();
    return areas;
  }

  private static void stack(VmBench b, Seeded random) {
    long pages = 2L + random.below(250);
    List<Long> areas = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      areas.add(b.alloc(0, pages, 1));
    }
    List<Long> order = new ArrayList<>(areas);
    while (!order.isEmpty()) {
      b.free(0, order.remove(random.below(order.size())));
    }
    b.purge();
    checkEqual(6, b.it.pooled(), b.kind + ": areas in pools");
    for (int i = 5; i >= 0; i--) {
      checkEqual(areas.get(i), b.alloc(0, pages, 1), b.kind + ": the highest first");
    }
    b.end();
  }

  private static void asker(VmBench b, Seeded random) {
    long pages = 2L + random.below(250);
    long mine = b.alloc(0, pages, 1);
    long theirs = b.alloc(1, pages, 1);
    b.free(1, mine);
    b.free(0, theirs);
    b.purge();
    checkEqual(mine, b.alloc(0, pages, 1), b.kind + ": the asker's own");
    long next = b.alloc(0, pages, 1);
    check(
        next != theirs, b.kind + ": not the other's, though the own pool is empty", "the other's");
    checkEqual(theirs, b.alloc(1, pages, 1), b.kind + ": the other's own");
    b.end();
  }

  private static void limit(VmBench b, Seeded random) {
    List<Long> at = fill(b, 0, 256, 3);
    checkEqual(3, b.it.pooled(), b.kind + ": areas of 256 pages in pools");
    checkEqual(at.getLast(), b.alloc(0, 256, 1), b.kind + ": one of 256 pages");
    fill(b, 0, 257, 3);
    checkEqual(2, b.it.pooled(), b.kind + ": areas of 256 and 257 pages in pools");
    fill(b, 1, 255 - random.below(2), 2);
    checkEqual(4, b.it.pooled(), b.kind + ": areas of up to 256 pages in pools");
    b.end();
  }

  private static void decay(VmBench b, Seeded random) {
    long pages = 2L + random.below(250);
    int count = 7 + random.below(6);
    List<Long> old = fill(b, 0, pages, count);
    long large = b.alloc(0, 300, 1);
    b.free(0, large);
    b.purge();
    int left = count - count / 4;
    checkEqual(left, b.it.pooled(), b.kind + ": of " + count + " areas in a pool after a purge");
    checkEqual(old.get(left - 1), b.alloc(0, pages, 1), b.kind + ": the newest went");
    fill(b, 0, pages, 1);
    b.compare();
    for (int i = 0; i < count; i++) {
      long _ = b.alloc(0, pages, 1);
    }
    b.end();
  }

  private static void misaligned(VmBench b, Seeded random) {
    long first = b.alloc(0, 5, 8 * PAGE);
    long _ = b.alloc(0, 1 + random.below(2), 1);
    long second = b.alloc(0, 5, 1);
    b.free(0, first);
    b.free(0, second);
    b.purge();
    checkEqual(2, b.it.pooled(), b.kind + ": areas in pools");
    long got = b.alloc(0, 5, 8 * PAGE);
    check(
        got != first || second % (8 * PAGE) == 0,
        b.kind + ": the first is not aligned",
        "a deeper");
    checkEqual(first, b.alloc(0, 5, 8 * PAGE), b.kind + ": what is in front now");
    checkEqual(second, b.alloc(0, 5, 1), b.kind + ": what went behind");
    b.end();
  }

  private static void shrink(VmBench b, Seeded random) {
    int count = 0;
    for (int cpu = 0; cpu < b.kind.cpus; cpu++) {
      int n = 1 + random.below(3);
      fill(b, cpu, 3 + cpu, n);
      count += n;
    }
    checkEqual(count, b.it.pooled(), b.kind + ": areas in pools");
    b.shrink();
    b.compare();
    checkEqual(b.kind.start, b.alloc(0, 300, 1), b.kind + ": free for all");
    b.end();
  }

  private static void window(VmBench b, Seeded random) {
    long pages = 2L + random.below(8);
    List<Long> pooled = fill(b, 0, pages, 2);
    long part = b.alloc(0, pages, 1, b.kind.start, b.kind.end - PAGE);
    check(!pooled.contains(part), b.kind + ": not from a pool", VmBench.hex(part));
    b.free(0, part);
    b.purge();
    checkEqual(2, b.it.pooled(), b.kind + ": nor to one");
    b.end();
  }
}
