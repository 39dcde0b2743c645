// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MachineBootTest {
  @ParameterizedTest
  @CsvSource({"sparsemem,buddy", "sparsemem,bitmap", "flatmem,buddy", "flatmem,bitmap"})
  void everythingHandedOutComesBack(String memory, String frames) {
    var config =
        new MachineConfig()
            .memory(4L << 30)
            .plugin("physical-memory=" + memory)
            .plugin("frame-allocator=" + frames)
            .plugin("page-allocator=direct");
    try (Machine machine = config.boot()) {
      PageAllocator pages = machine.pages();
      Cpu cpu = machine.cpus().get(0);
      long free = pages.freePages();
      // All usable memory but frame 0.
      assertEquals(machine.layout().map().usableBytes() >>> Pages.PAGE_SHIFT, free + 1);
      machine.validate();

      long pfn = pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 3);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      assertEquals(FrameOwner.KERNEL, machine.memory().memMap().owner(pfn + 7));
      machine.memory().putLong((pfn + 7) << Pages.PAGE_SHIFT, 42);
      assertEquals(42, machine.memory().getLong((pfn + 7) << Pages.PAGE_SHIFT));
      assertEquals(free - 8, pages.freePages());
      machine.validate();

      pages.freePages(cpu, pfn, 3);
      assertEquals(free, pages.freePages());
      machine.validate();
    }
  }

  @ParameterizedTest
  @CsvSource({"sparsemem:boot=memblock", "sparsemem:boot=bootmem", "flatmem"})
  void whatBootTookNeverReachesTheZones(String memory) {
    var config =
        new MachineConfig()
            .memory(256L << 20)
            .reserve(16L << 20, 30L << 20)
            .plugin("physical-memory=" + memory)
            .plugin("page-allocator=direct");
    try (Machine machine = config.boot()) {
      machine.validate();
      long all = machine.layout().map().usablePages(1, machine.layout().endPfn());
      assertEquals(all - (30L << 8), machine.pages().freePages());
      assertEquals(FrameOwner.RESERVED, machine.memory().memMap().owner(20L << 8));
      long managed = machine.layout().zones().stream().mapToLong(Zone::managedPages).sum();
      assertEquals(machine.pages().freePages(), managed);
    }
  }

  @Test
  void fourNodesFallBackByDistance() {
    long quarter = 1L << 18;
    List<NumaTopology.Span> spans =
        List.of(
            new NumaTopology.Span(0, 2 * quarter),
            new NumaTopology.Span(2 * quarter, 3 * quarter),
            new NumaTopology.Span(3 * quarter, 5 * quarter),
            new NumaTopology.Span(5 * quarter, 6 * quarter));
    NumaTopology numa =
        new NumaTopology(
            spans,
            List.of(
                List.of(10, 30, 20, 25),
                List.of(30, 10, 25, 20),
                List.of(20, 25, 10, 30),
                List.of(25, 20, 30, 10)));
    var config =
        new MachineConfig()
            .memory(5L << 30)
            .contents(false)
            .numa(numa)
            .plugin("page-allocator=direct");
    try (Machine machine = config.boot()) {
      Cpu cpu = machine.cpus().get(0);
      List<Integer> nodes = new ArrayList<>();
      long pfn = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 10, 1);
      while (pfn != PageAllocator.NO_PAGE) {
        int node = nodeOf(machine, pfn);
        if (nodes.isEmpty() || nodes.get(nodes.size() - 1) != node) {
          nodes.add(node);
        }
        pfn = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 10, 1);
      }
      assertEquals(List.of(1, 3, 2, 0), nodes);
    }
  }

  private static int nodeOf(Machine machine, long pfn) {
    return machine.layout().zones().stream()
        .filter(z -> z.contains(pfn))
        .findFirst()
        .orElseThrow()
        .nodeId();
  }

  @Test
  void x86With32BitsHasHighMemory() {
    var config =
        new MachineConfig()
            .memory(2L << 30)
            .contents(false)
            .architecture(Architecture.X86_32)
            .plugin("page-allocator=direct");
    try (Machine machine = config.boot()) {
      machine.validate();
      Cpu cpu = machine.cpus().get(0);
      long low = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 0);
      long high = machine.pages().allocPages(cpu, Gfp.GFP_HIGHUSER, 0);
      assertNotEquals(0, Architecture.X86_32.pageAddress(low));
      assertEquals(0, Architecture.X86_32.pageAddress(high));
    }
  }

  /**
   * Pageblocks of 4 MiB as of 2 MiB: each frame goes back to the list of its own pageblock's type.
   */
  @ParameterizedTest
  @EnumSource(Architecture.class)
  void aCpusListsKnowTheSizeOfPageblocks(Architecture architecture) {
    var config = new MachineConfig().architecture(architecture).memory(64L << 20).contents(false);
    try (Machine machine = config.boot()) {
      var pages = machine.pages();
      var zone = pages.zones().get(pages.zones().size() - 1).zone();
      var blocks = zone.pageblocks();
      CpuPages kept = pages.on(machine.cpus().get(0));
      List<Long> held = new ArrayList<>();
      for (long pfn; (pfn = kept.alloc(Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE, 0)) >= 0; ) {
        held.add(pfn);
      }
      // Neither merges with a neighbour: together they are the largest block that there is.
      long first = (zone.endPfn() - 2048) & -1024L;
      blocks.setRange(first, Pages.MAX_PAGE_ORDER, Migratetype.UNMOVABLE);
      assertEquals(1024, held.stream().filter(p -> p >= first && p < first + 1024).count());
      held.forEach(pfn -> kept.free(pfn, 0));
      pages.drainAllPages(machine.cpus().get(0));
      var frames = pages.zones().get(pages.zones().size() - 1).frames();
      assertEquals(Pages.MAX_PAGE_ORDER, frames.freeOrderAt(first));
      assertEquals(1, frames.freeBlocks(Pages.MAX_PAGE_ORDER, Migratetype.UNMOVABLE));
      machine.validate();
    }
  }

  /**
   * A frame number of 34 bits is right everywhere, or the machine is refused with what is allowed.
   */
  @Test
  void aMachineOf64TebibytesBootsOrIsRefusedByName() {
    MachineConfig config = new MachineConfig().memory(64L << 40).contents(false);
    try (Machine machine = config.boot()) {
      machine.validate();
    } catch (InputException e) {
      assertTrue(String.valueOf(e.getMessage()).contains("frame-allocator=buddy"), e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({"X86_64,9", "X86_PAE,9", "X86_32,10", "X86_32_24,10"})
  void pageblocksAreAsLargeAsTheMachinesHugePages(Architecture architecture, int order) {
    var config = new MachineConfig().architecture(architecture).memory(512L << 20).contents(false);
    try (Machine machine = config.boot()) {
      for (Zone zone : machine.layout().zones()) {
        assertEquals(order, zone.pageblocks().order(), architecture + " " + zone);
      }
      long pfn = machine.pages().allocPages(machine.cpus().get(0), Gfp.GFP_KERNEL, 4);
      machine.validate();
      machine.pages().freePages(machine.cpus().get(0), pfn, 4);
      machine.validate();
    }
  }

  /** 16 TiB are 4 G frames: what nobody has written is not walked frame by frame. */
  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void aLargeMachineIsValidatedBySections(String allocator) {
    var config =
        new MachineConfig().memory(16L << 40).contents(false).plugin("page-allocator=" + allocator);
    try (Machine machine = config.boot()) {
      Cpu cpu = machine.cpus().get(0);
      long pfn = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 0);
      machine.validate();
      assertEquals(1, machine.framesOwnedBy(FrameOwner.KERNEL));
      long usable = machine.layout().map().usableBytes() >>> Pages.PAGE_SHIFT;
      assertEquals(
          usable - 2,
          machine.framesOwnedBy(FrameOwner.FREE) + machine.framesOwnedBy(FrameOwner.PCP));
      // Damage in a section that somebody has written, and in one that nobody had, is seen.
      machine.pages().freePages(cpu, pfn, 0);
      machine.pages().drainAllPages(cpu);
      machine.validate();
      for (long damaged : new long[] {pfn, machine.layout().endPfn() - 5}) {
        machine.memory().memMap().setOwner(damaged, FrameOwner.ANON);
        assertThrows(CorruptStateError.class, machine::validate);
        machine.memory().memMap().setOwner(damaged, FrameOwner.FREE);
        machine.validate();
      }
    }
  }
}
