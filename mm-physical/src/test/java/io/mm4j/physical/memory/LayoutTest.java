// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMapText;
import io.mm4j.api.memory.NumaTopology;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LayoutTest {
  private static final String DMESG =
      """
      [    0.000000] Linux version 6.18
      [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
      [    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x00000000000fffff] reserved
      [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000bfffffff] usable
      [    0.000000] BIOS-e820: [mem 0x00000000eec00000-0x00000000febfffff] reserved
      [    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000063fffffff] usable
      [    0.000411] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
      """;

  private static String zones(MemoryLayout layout) {
    return layout.zones().stream()
        .map(
            z ->
                String.format(
                    "%d/%s %d-%d %d",
                    z.nodeId(), z.type().procName(), z.startPfn(), z.endPfn(), z.presentPages()))
        .collect(Collectors.joining("; "));
  }

  @Test
  void bootLogOfARealMachine() {
    MemoryMap map = MemoryMapText.parse(DMESG, "dmesg");
    assertEquals(
        "0/DMA 1-4096 3998; 0/DMA32 4096-1048576 782336; 0/Normal 1048576-6553600 5505024",
        zones(ZoneLayouts.x86_64(map)));
    assertEquals(map, MemoryMapText.parse(MemoryMapText.format(map), "again"));
  }

  @Test
  void otherSpellings() {
    MemoryMap old =
        MemoryMapText.parse(
            """
             BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
             BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
             BIOS-e820: 000000001fff0000 - 000000001fff3000 (ACPI NVS)
            """,
            "2.6");
    assertEquals(
        old,
        MemoryMapText.parse(
            """
            # the same
            0x0-0x9fbff usable
            00100000-1ffeffff : System RAM
            0x1fff0000-0x1fff2fff ACPI NVS
            """,
            "plain"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "hello",
        "0x0-0xfff",
        "0x0-0xfff sparkling",
        "0x1000-0x0 usable",
        "0x0-0xfffffffffffffffffff usable",
        "0x0-0xffff usable\n0x8000-0x1ffff reserved",
        "BIOS-e820: [mem 0x0-] usable"
      })
  void whatIsNoMapSaysWhere(String text) {
    var e = assertThrows(InputException.class, () -> MemoryMapText.parse(text, "map.txt"));
    assertTrue(e.getMessage().startsWith("map.txt"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x86-32 | 512M | 0/DMA 1-4096 3999; 0/Normal 4096-131072 126976",
        "x86-32 | 1G   | 0/DMA 1-4096 3999; 0/Normal 4096-227326 223230; 0/HighMem 227326-262144"
            + " 34818",
        "x86-32 | 2G   | 0/DMA 1-4096 3999; 0/Normal 4096-227326 223230; 0/HighMem 227326-524288"
            + " 296962",
        "x86-32 | 4G   | 0/DMA 1-4096 3999; 0/Normal 4096-227326 223230; 0/HighMem 227326-786432"
            + " 559106",
        "x86-pae | 4G  | 0/DMA 1-4096 3999; 0/Normal 4096-227326 223230; 0/HighMem 227326-1310720"
            + " 821250",
        "x86-32-2.4 | 1G | 0/DMA 1-4096 3999; 0/Normal 4096-229376 225280; 0/HighMem 229376-262144"
            + " 32768"
      })
  void x86With32Bits(String arch, String size, String expected) {
    Architecture a =
        java.util.Arrays.stream(Architecture.values())
            .filter(x -> x.id().equals(arch))
            .findFirst()
            .orElseThrow();
    MemoryMap map = MemoryMap.pc(io.mm4j.api.plugin.Sizes.parseSize(size, "test"));
    MemoryLayout layout = ZoneLayouts.of(a, map, NumaTopology.single(map), BootOptions.NONE);
    String low = expected.replace("DMA 1-4096 3999", "DMA 1-4096 3998");
    assertEquals(low, zones(layout));
    assertEquals(0xc000_1000L, a.pageAddress(1));
    assertEquals(1, a.virtToPfn(0xc000_1fffL));
    assertEquals(0, a.pageAddress(a.lowmemEnd() >>> 12));
  }

  /**
   * {@code MAXMEM} worked out anew: what is left of the kernel's gigabyte below the pkmap area, two
   * guard pages and the 128 MiB of {@code __VMALLOC_RESERVE} (arch/x86/include/asm/pgtable_32_*.h
   * up to 4.14). The fixmap above pkmap may be of any size up to 1022 pages.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 300, 1022})
  void lowmemEndsBelowPkmap(int fixmapPages) {
    long page = 4096;
    long pmd = 4L << 20;
    long fixaddrStart = 0xffff_f000L - fixmapPages * page;
    long pkmapBase = (fixaddrStart - page * (1024 + 1)) & -pmd;
    long vmallocEnd = pkmapBase - 2 * page;
    long maxmem = vmallocEnd - 0xc000_0000L - (128L << 20);
    assertEquals(Architecture.X86_32.lowmemEnd(), maxmem);
    assertEquals(Architecture.X86_PAE.lowmemEnd(), maxmem);
    // 2.4 had no such areas: -PAGE_OFFSET - VMALLOC_RESERVE in 32 bits.
    assertEquals(Architecture.X86_32_24.lowmemEnd(), (-0xc000_0000L & 0xffff_ffffL) - (128L << 20));
  }

  /** {@code find_low_pfn_range()}: below MAXMEM there is no HighMem, one page above there is. */
  @Test
  void highmemBeginsWhereLowmemEnds() {
    long end = Architecture.X86_32.lowmemEnd();
    MemoryMap fits = MemoryMapText.parse("0x100000-0x377fdfff usable", "test");
    MemoryMap over = MemoryMapText.parse("0x100000-0x377fefff usable", "test");
    assertEquals(end, fits.endOfRam());
    assertEquals(
        "0/DMA 256-4096 3840; 0/Normal 4096-227326 223230",
        zones(
            ZoneLayouts.of(
                Architecture.X86_32, fits, NumaTopology.single(fits), BootOptions.NONE)));
    assertEquals(
        "0/DMA 256-4096 3840; 0/Normal 4096-227326 223230; 0/HighMem 227326-227327 1",
        zones(
            ZoneLayouts.of(
                Architecture.X86_32, over, NumaTopology.single(over), BootOptions.NONE)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x86-32 | mem=512M | 0/DMA 1-4096 3998; 0/Normal 4096-131072 126976",
        "x86-32 | mem=888M | 0/DMA 1-4096 3998; 0/Normal 4096-227326 223230; 0/HighMem"
            + " 227326-227328 2",
        "x86-64 | mem=16M | 0/DMA 1-4096 3998",
        "x86-64 | mem=5G | 0/DMA 1-4096 3998; 0/DMA32 4096-1048576 782336; 0/Normal"
            + " 1048576-1310720 262144",
        "x86-64 | mem=64G | 0/DMA 1-4096 3998; 0/DMA32 4096-1048576 782336; 0/Normal"
            + " 1048576-6553600 5505024",
      })
  void aBootLogCutByMem(String arch, String line, String expected) {
    Architecture a = arch.equals("x86-32") ? Architecture.X86_32 : Architecture.X86_64;
    MemoryMap map = MemoryMapText.parse(DMESG, "dmesg");
    assertEquals(
        expected, zones(ZoneLayouts.of(a, map, NumaTopology.single(map), BootOptions.parse(line))));
  }

  /** Both options: the fake nodes divide what mem= has left. */
  @Test
  void fakeNodesOfWhatMemLeaves() {
    MemoryMap map = MemoryMapText.parse(DMESG, "dmesg");
    MemoryLayout layout =
        ZoneLayouts.of(
            Architecture.X86_64,
            map,
            NumaTopology.single(map),
            BootOptions.parse("mem=1G numa=fake=4"));
    assertEquals(4, layout.nodes().size());
    assertEquals(1L << 18, layout.endPfn());
    long next = 1;
    for (var node : layout.nodes()) {
      long present = 0;
      for (var zone : node.zones()) {
        assertEquals(next, zone.startPfn(), "no frame between nodes");
        next = zone.endPfn();
        present += zone.presentPages();
        assertEquals(0, zone.endPfn() % 4096);
      }
      // About a quarter each, in multiples of 32 MiB.
      assertTrue(Math.abs(present - (1L << 16)) <= 8192, "node " + node.id() + ": " + present);
    }
    assertEquals(1L << 18, next);
  }

  @Test
  void memCutsAtAnAddress() {
    MemoryMap map = MemoryMapText.parse(DMESG, "dmesg");
    MemoryLayout layout =
        ZoneLayouts.of(
            Architecture.X86_64, map, NumaTopology.single(map), BootOptions.parse("mem=2G"));
    assertEquals("0/DMA 1-4096 3998; 0/DMA32 4096-524288 520192", zones(layout));
  }

  @Test
  void memmapReserves() {
    MemoryMap map =
        BootOptions.parse("memmap=16M$256M memmap=1M#0x300000").apply(MemoryMap.pc(1L << 30));
    assertEquals((1L << 30) - 0x100000 + 0x9fc00 - (17 << 20), map.usableBytes());
  }

  @Test
  void fakeNodes() {
    MemoryMap map = MemoryMap.pc(4L << 30);
    MemoryLayout layout =
        ZoneLayouts.of(
            Architecture.X86_64, map, NumaTopology.single(map), BootOptions.parse("numa=fake=4"));
    assertEquals(4, layout.nodes().size());
    long present = layout.zones().stream().mapToLong(z -> z.presentPages()).sum();
    assertEquals(map.usablePages(1, map.endOfRam() >>> 12), present);
    for (var node : layout.nodes()) {
      long pages = node.zones().stream().mapToLong(z -> z.presentPages()).sum();
      assertTrue(pages >= (1L << 30 >>> 12) - 2 * 8192, "node " + node.id() + " pages=" + pages);
      assertEquals(10, node.distances().get(3));
    }
  }

  @Test
  void movableZone() {
    MemoryMap map = MemoryMap.pc(8L << 30);
    NumaTopology one = NumaTopology.single(map);
    var core = ZoneLayouts.of(Architecture.X86_64, map, one, BootOptions.parse("kernelcore=6G"));
    var movable =
        ZoneLayouts.of(Architecture.X86_64, map, one, BootOptions.parse("movablecore=2G"));
    for (MemoryLayout layout : new MemoryLayout[] {core, movable}) {
      var zone = layout.zones().get(layout.zones().size() - 1);
      assertEquals("Movable", zone.type().procName());
      assertEquals((double) ((2L << 30) >>> 12), (double) zone.presentPages(), 1024);
      assertEquals(0, zone.startPfn() % 1024);
    }
  }

  @Test
  void movableZoneAsAPartOfAllMemory() {
    MemoryMap map = MemoryMap.pc(8L << 30);
    NumaTopology one = NumaTopology.single(map);
    long total = map.usablePages(1, map.endOfRam() >>> 12);
    for (String line :
        List.of("kernelcore=25%", "movablecore=75%", "kernelcore=1% movablecore=75%")) {
      MemoryLayout layout = ZoneLayouts.of(Architecture.X86_64, map, one, BootOptions.parse(line));
      var zone = layout.zones().getLast();
      assertEquals("Movable", zone.type().procName(), line);
      // Core memory does not end below zone Normal: 3 GiB of 8 lie there.
      assertEquals((double) Math.min(total * 3 / 4, 5L << 18), (double) zone.presentPages(), 2048);
    }
    assertEquals(
        ZoneLayouts.of(Architecture.X86_64, map, one, BootOptions.NONE).zones().size(),
        ZoneLayouts.of(Architecture.X86_64, map, one, BootOptions.parse("kernelcore=100%"))
            .zones()
            .size());
  }

  @Test
  void oneNodeWithNumaOff() {
    MemoryMap map = MemoryMap.pc(8L << 30);
    NumaTopology two = NumaTopology.fake(map, 2);
    for (String line : List.of("numa=off", "numa=noacpi")) {
      assertEquals(
          1, ZoneLayouts.of(Architecture.X86_64, map, two, BootOptions.parse(line)).nodes().size());
    }
    var fake = BootOptions.parse("numa=off numa=fake=4");
    assertEquals(4, ZoneLayouts.of(Architecture.X86_64, map, two, fake).nodes().size());
  }

  @Test
  void anExactMapIsAllThereIs() {
    MemoryMap firmware = MemoryMap.pc(8L << 30);
    BootOptions options =
        BootOptions.parse("memmap=1G@4G memmap=exactmap,640K@0 memmap=511M@1M memmap=64M$256M");
    MemoryMap map = options.apply(firmware);
    assertEquals((640L << 10) + (511L << 20) - (64L << 20), map.usableBytes());
    assertEquals(512L << 20, map.endOfRam());
    assertEquals(4, map.ranges().size(), map.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem=0",
        "mem=-5",
        "mem=12Q",
        "numa=fake=0",
        "numa=fake=65",
        "numa=on",
        "numa=nohmat",
        "kernelcore=mirror",
        "kernelcore=101%",
        "movablecore=%",
        "memmap=1M@0,exact",
        "memmap=@0"
      })
  void whatIsNoOptionSaysSo(String line) {
    assertThrows(InputException.class, () -> BootOptions.parse(line));
  }

  @Test
  void whatIsNotAboutMemoryIsPassedOver() {
    assertEquals(
        BootOptions.parse("mem=1G"), BootOptions.parse("quiet root=/dev/sda1 mem=1G memtest=4"));
  }
}
