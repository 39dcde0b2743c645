// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.NumaTopology.Span;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ZoneStats;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Booted machines of four nodes: what is asked for on one comes from the nearest that has it. */
class NumaMachineTest {
  private static final long EACH = 64L << 20 >>> Pages.PAGE_SHIFT;

  /** Two sockets of two nodes each; from node 2 the nearest are 3, then 1, then 0. */
  private static final List<List<Integer>> DISTANCES =
      List.of(
          List.of(10, 16, 32, 33),
          List.of(16, 10, 25, 32),
          List.of(32, 25, 10, 16),
          List.of(33, 32, 16, 10));

  private static Machine fourNodes() {
    List<Span> spans = new ArrayList<>();
    for (int node = 0; node < 4; node++) {
      spans.add(new Span(node * EACH, (node + 1) * EACH));
    }
    return new MachineConfig()
        .memory(256 << 20)
        .numa(new NumaTopology(spans, DISTANCES))
        .cpus(4)
        .contents(false)
        .sysctl("min_free_kbytes", "1024")
        .boot();
  }

  private static int nodeOf(Machine machine, long pfn) {
    for (Zone zone : machine.layout().zones()) {
      if (zone.contains(pfn)) {
        return zone.nodeId();
      }
    }
    throw new AssertionError("in no zone: pfn=" + pfn);
  }

  /** Takes pages until there are none; the nodes in the order in which they first served. */
  private static List<Integer> exhaust(
      Machine machine, Cpu cpu, int gfp, int node, List<Long> taken) {
    List<Integer> order = new ArrayList<>();
    PageAllocator pages = machine.pages();
    for (long pfn = pages.allocPages(cpu, gfp, 0, node);
        pfn != PageAllocator.NO_PAGE;
        pfn = pages.allocPages(cpu, gfp, 0, node)) {
      int from = nodeOf(machine, pfn);
      if (!order.contains(from)) {
        order.add(from);
      }
      taken.add(pfn);
    }
    return order;
  }

  @ParameterizedTest
  @CsvSource({"0,0 1 2 3", "1,1 0 2 3", "2,2 3 1 0", "3,3 2 1 0"})
  void anExhaustedNodeIsFollowedByTheNextNearest(int node, String expected) {
    try (Machine machine = fourNodes()) {
      Cpu cpu = machine.cpus().get(node);
      assertEquals(node, cpu.nodeId());
      long free = machine.pages().freePages();
      List<Long> taken = new ArrayList<>();
      List<Integer> order =
          exhaust(machine, cpu, Gfp.GFP_NOWAIT, PageAllocator.NUMA_NO_NODE, taken);
      assertEquals(expected, String.join(" ", order.stream().map(String::valueOf).toList()));
      // Nothing but the reserves is left on any node.
      for (ZoneStats zone : machine.pages().stats().orElseThrow().zones()) {
        if (zone.present() > 0) {
          long reserve = zone.min() + zone.protection().stream().mapToLong(p -> p).max().orElse(0);
          assertTrue(zone.free() <= reserve + 64, zone.toString());
        }
      }
      taken.forEach(pfn -> machine.pages().freePages(cpu, pfn, 0));
      machine.pages().drainAllPages(cpu);
      assertEquals(free, machine.pages().freePages());
      machine.validate();
    }
  }

  @Test
  void thisNodeStaysThere() {
    try (Machine machine = fourNodes()) {
      Cpu cpu = machine.cpus().get(0);
      List<Long> taken = new ArrayList<>();
      int gfp = Gfp.GFP_NOWAIT | Gfp.__GFP_THISNODE;
      assertEquals(List.of(2), exhaust(machine, cpu, gfp, 2, taken));
      assertTrue(taken.size() > EACH - 600, "" + taken.size());
      // It has failed although three nodes are as good as untouched, and without the flag they
      // serve.
      assertTrue(machine.pages().freePages() > 3 * EACH - 600);
      long pfn = machine.pages().allocPages(cpu, Gfp.GFP_NOWAIT, 0, 2);
      assertEquals(3, nodeOf(machine, pfn));
    }
  }

  @Test
  void hitsMissesAndForeignAddUp() {
    try (Machine machine = fourNodes()) {
      Cpu cpu = machine.cpus().get(2);
      List<Long> taken = new ArrayList<>();
      exhaust(machine, cpu, Gfp.GFP_NOWAIT, PageAllocator.NUMA_NO_NODE, taken);
      long[] byNode = new long[4];
      taken.forEach(pfn -> byNode[nodeOf(machine, pfn)]++);
      long[] hit = new long[4];
      long[] miss = new long[4];
      long[] foreign = new long[4];
      long[] local = new long[4];
      for (ZoneStats zone : machine.pages().stats().orElseThrow().zones()) {
        hit[zone.nodeId()] += zone.numaHit();
        miss[zone.nodeId()] += zone.numaMiss();
        foreign[zone.nodeId()] += zone.numaForeign();
        local[zone.nodeId()] += zone.numaLocal();
      }
      for (int node = 0; node < 4; node++) {
        assertEquals(node == 2 ? byNode[2] : 0, hit[node]);
        assertEquals(node == 2 ? 0 : byNode[node], miss[node]);
        assertEquals(node == 2 ? taken.size() - byNode[2] : 0, foreign[node]);
        assertEquals(node == 2 ? byNode[2] : 0, local[node]);
      }
    }
  }

  /** Fake nodes are equally far from each other: each turns to the next higher number. */
  @ParameterizedTest
  @CsvSource({"0,0 1 2 3", "1,1 2 3 0", "2,2 3 0 1", "3,3 0 1 2"})
  void fakeNodesTakeTurns(int node, String expected) {
    try (Machine machine =
        new MachineConfig()
            .memory(256 << 20)
            .commandLine("numa=fake=4")
            .cpus(4)
            .contents(false)
            .sysctl("min_free_kbytes", "1024")
            .boot()) {
      assertEquals(4, machine.layout().nodes().size());
      List<Integer> order =
          exhaust(machine, machine.cpus().get(0), Gfp.GFP_NOWAIT, node, new ArrayList<>());
      assertEquals(expected, String.join(" ", order.stream().map(String::valueOf).toList()));
      machine.validate();
    }
  }
}
