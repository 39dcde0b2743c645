// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernel's own mappings, on every kind of machine and both allocators of addresses. */
class KernelSpaceTest {
  private static final long PAGE = 4096;

  private static Machine boot(Architecture arch, String areas, long bytes) {
    return new MachineConfig()
        .architecture(arch)
        .memory(bytes)
        .cpus(2)
        .contents(Contents.ALL)
        .plugin("vmalloc=" + areas)
        .onLeak(LeakReport::refuse)
        .boot();
  }

  private static Cpu cpu(Machine machine) {
    return machine.cpus().get(0);
  }

  /** A load or store of the kernel's, through the tables. */
  private static long access(Machine machine, long address, int kind) {
    PageTables tables = machine.pageTables();
    Mmu mmu = tables.mmu(cpu(machine));
    if (mmu.root() == PageTables.NO_ROOT) {
      mmu.switchTo(tables.kernelRoot(cpu(machine)));
    }
    return mmu.access(address, kind);
  }

  /** Every second frame is taken, so that nothing lies in a row. */
  private static List<Long> fragment(Machine machine) {
    List<Long> kept = new ArrayList<>();
    List<Long> freed = new ArrayList<>();
    int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY;
    for (long pfn; kept.size() < 3000; ) {
      pfn = machine.pages().allocPages(cpu(machine), gfp, 0);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      ((pfn & 1) == 0 ? kept : freed).add(pfn);
    }
    freed.forEach(pfn -> machine.pages().freePages(cpu(machine), pfn, 0));
    return kept;
  }

  @ParameterizedTest
  @CsvSource({
    "X86_64, rbtree",
    "X86_64, vmlist",
    "X86_32, rbtree",
    "X86_PAE, rbtree",
    "X86_32_24, vmlist"
  })
  void aThousandScatteredPages(Architecture arch, String areas) {
    try (Machine machine = boot(arch, areas, 64L << 20)) {
      Cpu cpu = cpu(machine);
      List<Long> kept = fragment(machine);
      KernelSpace space = machine.kernelSpace();
      long address = space.vmalloc(cpu, 1000 * PAGE - 5);
      assertTrue(machine.kernelLayout().isVmalloc(address));
      long[] pfns = new long[1000];
      int neighbours = 0;
      for (int i = 0; i < pfns.length; i++) {
        pfns[i] = space.vmallocToPfn(address + i * PAGE);
        neighbours += i > 0 && pfns[i] == pfns[i - 1] + 1 ? 1 : 0;
        assertEquals(FrameOwner.VMALLOC, machine.memory().memMap().owner(pfns[i]));
      }
      assertTrue(neighbours < 900, "frames in a row: " + neighbours);
      long second = space.vmap(cpu, pfns, pfns.length);
      for (int i = 0; i < pfns.length; i += 37) {
        machine.memory().putLong(access(machine, address + i * PAGE + 8, Mmu.WRITE), 7000 + i);
        assertEquals(7000 + i, machine.memory().getLong(access(machine, second + i * PAGE + 8, 0)));
      }
      long guard = access(machine, address + 1000 * PAGE, 0);
      assertTrue(guard < 0, "the guard page faults");
      assertTrue(access(machine, address - PAGE, 0) < 0 || arch.is64Bit(), "the page before");
      space.validate();
      machine.validate();
      space.vunmap(cpu, second);
      space.vfree(cpu, address);
      machine.pageTables().mmu(cpu).switchTo(PageTables.NO_ROOT);
      kept.forEach(pfn -> machine.pages().freePages(cpu, pfn, 0));
      assertEquals(0, space.vmallocPages());
    }
  }

  @Test
  void theGapFaults() {
    try (Machine machine = boot(Architecture.X86_32, "rbtree", 64L << 20)) {
      long high = machine.kernelLayout().highMemory();
      assertTrue(access(machine, high - 1, 0) >= 0);
      assertTrue(access(machine, high, 0) < 0);
      assertTrue(access(machine, machine.kernelLayout().vmallocStart() - 1, 0) < 0);
      machine.pageTables().mmu(cpu(machine)).switchTo(PageTables.NO_ROOT);
    }
  }

  @Test
  void anOldDirectoryOf24LearnsByAFault() {
    try (Machine machine = boot(Architecture.X86_32_24, "vmlist", 64L << 20)) {
      Cpu cpu = cpu(machine);
      PageTables tables = machine.pageTables();
      KernelSpace space = machine.kernelSpace();
      long early = tables.newRoot(cpu);
      long address = space.vmalloc(cpu, 3 * PAGE);
      assertEquals(PageTables.NOT_MAPPED, tables.translate(early, address));
      Mmu mmu = tables.mmu(cpu);
      mmu.switchTo(early);
      assertTrue(mmu.access(address, 0) < 0);
      assertTrue(space.fault(cpu, early, address));
      assertEquals(1, tables.kernelSyncs());
      assertEquals(space.vmallocToPfn(address), mmu.access(address, 0) >>> 12);
      assertFalse(space.fault(cpu, early, address + 3 * PAGE), "the guard page");
      mmu.switchTo(PageTables.NO_ROOT);
      space.vfree(cpu, address);
      tables.freeRoot(cpu, early);
    }
  }

  /** The option makes x86-32 learn as 2.4 does. */
  @Test
  void anOldDirectoryOfX86LearnsByAFaultIfItIsToldTo() {
    try (Machine machine =
        new MachineConfig()
            .architecture(Architecture.X86_32)
            .memory(64L << 20)
            .plugin("paging=linux:vmalloc-sync=lazy")
            .boot()) {
      Cpu cpu = cpu(machine);
      PageTables tables = machine.pageTables();
      long early = tables.newRoot(cpu);
      long address = machine.kernelSpace().vmalloc(cpu, 3 * PAGE);
      assertEquals(PageTables.NOT_MAPPED, tables.translate(early, address));
      assertTrue(machine.kernelSpace().fault(cpu, early, address));
      assertEquals(1, tables.kernelSyncs());
      assertNotEquals(PageTables.NOT_MAPPED, tables.translate(early, address));
      machine.kernelSpace().vfree(cpu, address);
      tables.freeRoot(cpu, early);
    }
  }

  @Test
  void elsewhereItIsThereAtOnce() {
    try (Machine machine = boot(Architecture.X86_64, "rbtree", 64L << 20)) {
      Cpu cpu = cpu(machine);
      PageTables tables = machine.pageTables();
      long early = tables.newRoot(cpu);
      long address = machine.kernelSpace().vzalloc(cpu, PAGE);
      assertNotEquals(PageTables.NOT_MAPPED, tables.translate(early, address));
      assertEquals(0, tables.kernelSyncs());
      machine.kernelSpace().vfree(cpu, address);
      tables.freeRoot(cpu, early);
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void framesCanComeAtTheFirstTouch(Architecture arch) {
    try (Machine machine = boot(arch, "rbtree", 64L << 20)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      long root = machine.pageTables().newRoot(cpu);
      long address = space.vmallocAtTouch(cpu, 100 * PAGE);
      assertEquals(0, space.vmallocPages());
      assertTrue(space.fault(cpu, root, address + 7 * PAGE));
      assertNotEquals(KernelSpace.NO_PAGE, space.vmallocToPfn(address + 7 * PAGE));
      assertEquals(KernelSpace.NO_PAGE, space.vmallocToPfn(address + 8 * PAGE));
      assertEquals(1, space.vmallocPages());
      assertFalse(space.fault(cpu, root, address + 100 * PAGE), "the guard page");
      space.validate();
      space.vfree(cpu, address);
      machine.pageTables().freeRoot(cpu, root);
      assertEquals(0, space.vmallocPages());
    }
  }

  @ParameterizedTest
  @CsvSource({"X86_64, rbtree", "X86_64, vmlist", "X86_32_24, vmlist", "X86_PAE, rbtree"})
  void whateverHappensEveryFrameComesBack(Architecture arch, String areas) {
    for (long seed = 1; seed <= 6; seed++) {
      Random random = new Random(seed);
      try (Machine machine = boot(arch, areas, 32L << 20)) {
        KernelSpace space = machine.kernelSpace();
        List<Long> live = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
          Cpu cpu = machine.cpus().get(random.nextInt(2));
          if (random.nextInt(5) < 3 || live.isEmpty()) {
            long bytes = 1L + random.nextInt(i % 7 == 0 ? 3 << 20 : 200_000);
            long address =
                switch (random.nextInt(5)) {
                  case 0 -> space.vzalloc(cpu, bytes);
                  case 1 -> space.vmallocHuge(cpu, bytes);
                  case 2 -> space.vmalloc32(cpu, bytes);
                  case 3 -> space.vmallocUser(cpu, bytes);
                  default -> space.vmalloc(cpu, bytes);
                };
            if (address != KernelSpace.NO_ADDRESS) {
              live.add(address);
            }
          } else {
            long address = live.remove(random.nextInt(live.size()));
            if (random.nextInt(3) == 0) {
              space.vfreeAtomic(cpu, address);
            } else {
              space.vfree(cpu, address);
            }
          }
          if (random.nextInt(20) == 0) {
            int _ = space.runDeferred(cpu);
          }
        }
        space.validate();
        machine.validate();
        Cpu cpu = cpu(machine);
        int _ = space.runDeferred(cpu);
        for (long address : live.subList(0, live.size() / 2)) {
          space.vfree(cpu, address);
        }
        space.validate();
      }
    }
  }

  /** Memory ends after each number of frames in turn. */
  @ParameterizedTest
  @EnumSource(Architecture.class)
  void everyAllocationMayFail(Architecture arch) {
    try (Machine machine = boot(arch, "rbtree", 16L << 20)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      long warm = space.vmalloc(cpu, PAGE);
      space.vfree(cpu, warm);
      List<Long> all = new ArrayList<>();
      int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY;
      for (long pfn = 0; pfn != PageAllocator.NO_PAGE; ) {
        pfn = machine.pages().allocPages(cpu, gfp, 0);
        if (pfn != PageAllocator.NO_PAGE) {
          all.add(pfn);
        }
      }
      int failed = 0;
      for (int free = 0; free < 24; free++) {
        for (int i = 0; i < free; i++) {
          machine.pages().freePages(cpu, all.removeLast(), 0);
        }
        long areas = machine.vmalloc().stats().areas();
        long address = space.vmalloc(cpu, 12 * PAGE);
        if (address == KernelSpace.NO_ADDRESS) {
          failed++;
          assertEquals(0, space.vmallocPages());
          assertEquals(areas, machine.vmalloc().stats().areas());
        } else {
          space.vfree(cpu, address);
        }
        space.validate();
        for (long pfn = 0; pfn != PageAllocator.NO_PAGE; ) {
          pfn = machine.pages().allocPages(cpu, gfp, 0);
          if (pfn != PageAllocator.NO_PAGE) {
            all.add(pfn);
          }
        }
      }
      assertTrue(failed > 3, "failures: " + failed);
      all.forEach(pfn -> machine.pages().freePages(cpu, pfn, 0));
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void devices(Architecture arch) {
    try (Machine machine = boot(arch, "rbtree", 64L << 20)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      assertEquals(KernelSpace.NO_ADDRESS, space.ioremap(cpu, 1 << 20, 64, CacheMode.UC_MINUS));
      long registers = space.ioremap(cpu, 0xfebc_0004L, 64, CacheMode.UC_MINUS);
      assertEquals(4, registers & (PAGE - 1));
      assertEquals(0xfebc0, space.vmallocToPfn(registers));
      long frames = space.ioremap(cpu, 0xe000_0000L, 4 << 20, CacheMode.WC);
      assertEquals(0, frames & (1 << 21) - 1);
      assertEquals(0xe0123, space.vmallocToPfn(frames + 0x12_3000));
      var format = machine.pageTables().format();
      var cursor = machine.pageTables().cursor();
      int level = cursor.seek(machine.pageTables().kernelRoot(cpu), frames, 1);
      assertEquals(CacheMode.WC, format.cache(level, cursor.entry()));
      assertEquals(arch == Architecture.X86_64 || arch == Architecture.X86_PAE ? 2 : 1, level);
      assertTrue(space.vmallocinfo().contains("phys=0x"), space.vmallocinfo());
      space.iounmap(cpu, registers);
      space.iounmap(cpu, frames);
      long dma = space.dmaAllocCoherent(cpu, 5 * PAGE, (1L << 24) - 1);
      long bus = space.busAddress(dma);
      assertTrue(bus + 5 * PAGE <= 1L << 24, Long.toHexString(bus));
      assertEquals(0, machine.memory().getLong(bus));
      assertThrows(MisuseException.class, () -> space.dmaFreeCoherent(cpu, PAGE, dma));
      space.dmaFreeCoherent(cpu, 5 * PAGE, dma);
      assertThrows(MisuseException.class, () -> space.busAddress(dma));
      long fixed = space.setFixmap(cpu, 3, 0xfee0_0000L, CacheMode.UC);
      long root = machine.pageTables().kernelRoot(cpu);
      assertEquals(0xfee0_0000L, machine.pageTables().translate(root, fixed));
      space.clearFixmap(cpu, 3);
      assertEquals(PageTables.NOT_MAPPED, machine.pageTables().translate(root, fixed));
    }
  }

  @ParameterizedTest
  @CsvSource({"X86_32, 1024", "X86_PAE, 512"})
  void highMemoryGetsAddresses(Architecture arch, int slots) {
    try (Machine machine = boot(arch, "rbtree", 1L << 30)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      PageTables tables = machine.pageTables();
      long root = tables.kernelRoot(cpu);
      long first = machine.layout().lowmemEndPfn();
      assertEquals(0xc000_1000L, space.kmap(cpu, 1));
      space.kunmap(cpu, 1);
      for (int i = 0; i < slots; i++) {
        long address = space.kmap(cpu, first + i);
        assertEquals(0xff80_0000L + i * PAGE, address);
        assertEquals(first + i, tables.translate(root, address) >>> 12);
      }
      assertEquals(0xff80_0000L + PAGE, space.kmap(cpu, first + 1), "once more");
      space.kunmap(cpu, first + 1);
      assertEquals(KernelSpace.NO_ADDRESS, space.kmap(cpu, first + slots), "full");
      space.kunmap(cpu, first + 5);
      long still = tables.translate(root, 0xff80_5000L);
      assertEquals(first + 5, still >>> 12, "mapped until the next flush");
      assertEquals(0xff80_5000L, space.kmap(cpu, first + slots));
      assertThrows(MisuseException.class, () -> space.kunmap(cpu, first + 5));
      long a = space.kmapLocal(cpu, first + 9);
      long b = space.kmapLocal(cpu, first + 10);
      assertEquals(first + 10, tables.translate(root, b) >>> 12);
      assertThrows(MisuseException.class, () -> space.kunmapLocal(cpu, a));
      space.kunmapLocal(cpu, b);
      space.kunmapLocal(cpu, a);
      assertEquals(PageTables.NOT_MAPPED, tables.translate(root, a));
    }
  }

  @Test
  void hugeAreasAndLists() {
    try (Machine machine = boot(Architecture.X86_64, "rbtree", 64L << 20)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      long huge = space.vmallocHuge(cpu, 4 << 20);
      var cursor = machine.pageTables().cursor();
      assertEquals(2, cursor.seek(machine.pageTables().kernelRoot(cpu), huge, 1));
      space.validate();
      long large = space.vmalloc(cpu, 600 * PAGE);
      String info = space.vmallocinfo();
      assertTrue(info.contains(" vmalloc vpages N0=600"), info);
      assertTrue(info.contains(" vmalloc pages=2 vmalloc N0=2"), info);
      assertEquals(4, info.lines().count());
      space.vfree(cpu, large);
      space.vfree(cpu, huge);
      assertEquals(4, space.vmallocinfo().lines().count());
      assertTrue(space.vmallocinfo().lines().allMatch(l -> l.endsWith(" unpurged vm_area")));
      assertEquals(4, space.purge(cpu));
      assertEquals("", space.vmallocinfo());
    }
  }

  @Test
  void misuse() {
    try (Machine machine = boot(Architecture.X86_64, "rbtree", 64L << 20)) {
      Cpu cpu = cpu(machine);
      KernelSpace space = machine.kernelSpace();
      long address = space.vmalloc(cpu, 10);
      assertThrows(MisuseException.class, () -> space.vmalloc(cpu, 0));
      assertThrows(MisuseException.class, () -> space.vunmap(cpu, address));
      assertThrows(MisuseException.class, () -> space.vfree(cpu, address + PAGE));
      assertThrows(MisuseException.class, () -> space.vmallocToPfn(4096));
      assertThrows(MisuseException.class, () -> space.fixToVirt(0));
      space.vfree(cpu, KernelSpace.NO_ADDRESS);
      space.vfree(cpu, address);
      assertThrows(MisuseException.class, () -> space.vfree(cpu, address));
      long small = space.kvmalloc(cpu, 100);
      space.kvfree(cpu, small);
    }
  }
}
