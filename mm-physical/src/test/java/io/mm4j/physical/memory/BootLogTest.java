// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMapText;
import io.mm4j.api.memory.NumaTopology;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Memory maps as boot logs, /proc/iomem and command lines show them. */
class BootLogTest {
  private static final long MIB = 1L << 20;
  private static final String LOW =
      "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n";

  private static MemoryMapText.Found read(String text) {
    return MemoryMapText.read(text, "log");
  }

  private static void assertNote(MemoryMapText.Found found, String part) {
    assertTrue(found.notes().stream().anyMatch(n -> n.contains(part)), found.notes()::toString);
  }

  @Test
  void gapsNameNoMemoryAndUnknownTypesAreReserved() {
    MemoryMapText.Found found =
        read(
            """
            BIOS-provided physical RAM map:
            [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x00000000000fffff]  System RAM
            [    0.000000] BIOS-e820: [gap 0x0000000000100000-0x00000000001fffff]
            [    0.000000] BIOS-e820: [mem 0x0000000000200000-0x00000000003fffff] usable\r
            [    0.000000] BIOS-e820: [mem 0x0000000000400000-0x00000000004fffff] device reserved
            [    0.000000] BIOS-e820: [mem 0x0000000000500000-0x00000000005fffff] strange thing
            """);
    assertEquals(3 * MIB, found.map().usableBytes());
    assertNote(found, "'strange thing' is taken as reserved");
  }

  @Test
  void theMapThatWasPrintedLastCounts() {
    String bios = LOW + "BIOS-e820: [mem 0x0000000000100000-0x00000000ffffffff] usable\n";
    MemoryMapText.Found user =
        read(bios + "user-defined physical RAM map:\nuser: [mem 0x00100000-0x002fffff] usable\n");
    assertEquals(2 * MIB, user.map().usableBytes());
    assertNote(user, "'user:'");
    MemoryMapText.Found modified =
        read(" modified: 0000000000100000 - 0000000000400000 (usable)\n");
    assertEquals(3 * MIB, modified.map().usableBytes());
    MemoryMapText.Found update =
        read(
            bios
                + "e820: update [mem 0x00200000-0x002fffff] usable ==> reserved\n"
                + "e820: remove [mem 0x00300000-0xffffffff] usable\n");
    assertEquals(0xa0000 + MIB, update.map().usableBytes());
  }

  @Test
  void ofTwoBootsTheLastCounts() {
    MemoryMapText.Found found =
        read(
            LOW
                + "BIOS-e820: [mem 0x100000-0x1fffff] usable\n"
                + "user: [mem 0x100000-0x17ffff] usable\n"
                + LOW
                + "BIOS-e820: [mem 0x100000-0x3fffff] usable\n");
    assertEquals(0xa0000 + 3 * MIB, found.map().usableBytes());
    assertNote(found, "2 boots in it: the map of the last, from line 4");
  }

  @Test
  void nodesAreThoseOfTheSrat() {
    MemoryMapText.Found found =
        read(
            """
            BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
            BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable
            ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]
            ACPI: SRAT: Node 0 PXM 0 [mem 0x00100000-0x0fffffff]
            SRAT: Node 1 PXM 3 10000000-30000000
            ACPI: SRAT: Node 2 PXM 5 [mem 0x30000000-0x3fffffff] hotplug
            ACPI: SRAT: Node 3 PXM 6 [mem 0x4000000000-0x4fffffffff] hotplug
            """);
    NumaTopology numa = Objects.requireNonNull(found.numa());
    assertEquals(3, numa.memory().size());
    assertEquals(new NumaTopology.Span(0x10000, 0x30000), numa.memory().get(1));
    assertNote(found, "nodes [3] have no memory");
    assertNull(read(LOW).numa());
    MemoryMapText.Found early =
        read(LOW + "  node   0: [mem 0x0-0x4ffff]\n  node   1: [mem 0x50000-0x9ffff]\n");
    assertEquals(2, Objects.requireNonNull(early.numa()).memory().size());
  }

  @Test
  void linesAboutNodesThatLeaveMemoryOutMeanOneNodeUnlessTheLogWasCut() {
    String srat =
        """
        BIOS-e820: 0000000000100000 - 0000000040000000 (usable)
        BIOS-e820: 00000000fee00000 - 00000000fee01000 type 20
        ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0fffffff]
        ACPI: SRAT: Node 1 PXM 1 [mem 0x20000000-0x3fffffff]
        """;
    MemoryMapText.Found cut = read(srat);
    assertEquals(2, Objects.requireNonNull(cut.numa()).memory().size());
    assertNote(cut, "leave out 65,536 pages of memory; they go to the node before");
    MemoryMapText.Found whole = read(srat + "Zone ranges:\n");
    assertNull(whole.numa());
    assertNote(whole, "as Linux does then, there is one node");
    assertNull(read(srat + "Faking a node at [mem 0x0-0x3fffffff]\n").numa());
    // What Linux made of it counts more than what the firmware said.
    MemoryMapText.Found made =
        read(
            srat
                + "Early memory node ranges\n"
                + "  node   0: [mem 0x00100000-0x2fffffff]\n"
                + "  node   1: [mem 0x30000000-0x3fffffff]\n");
    assertEquals(
        new NumaTopology.Span(0x30000, 0x40000),
        Objects.requireNonNull(made.numa()).memory().get(1));
  }

  @Test
  void iomemIsReadWhole() {
    MemoryMapText.Found found =
        read(
            """
            00000000-00000fff : Reserved
            00001000-0009fbff : System RAM
            0009fc00-000fffff : Reserved
              000f0000-000fffff : System ROM
            00100000-3fffffff : System RAM
              01000000-022090c7 : Kernel code
            40000000-4fffffff : ACPI Tables
            c0001000-eebfffff : PCI Bus 0000:00
              d0000000-d00fffff : 0000:00:01.0
            fec00000-fec003ff : IOAPIC 0
            """);
    assertEquals(0x9ec00 + 0x3ff00000L, found.map().usableBytes());
    assertNotNull(found.map().ranges().getFirst());
    assertThrows(
        InputException.class,
        () -> read("00000000-00000000 : System RAM\n00000000-00000000 : Reserved\n"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "memmap=1M 1048576",
        "memmap=64K@2M 2162688",
        "memmap=exactmap,64K@0,1M@1M 1114112",
        "memmap=256K$1M 1835008",
        "memmap=256K\\$0x100000 1835008",
        "memmap=256K#1M 1835008",
        "memmap=256K!1M 1835008",
        "memmap=256K%1M 1835008",
        "memmap=256K%1M-1+2 1835008",
        "memmap=256K%1M-2+1 2097152",
        "memmap=256K%4M+1 2359296",
        "mem=nopentium 2097152",
        "mem=1536K 1572864",
      })
  void everyFormOfMemmap(String line, long usable) {
    MemoryMap map =
        new MemoryMap(java.util.List.of(new MemoryMap.Range(0, 2 * MIB, MemoryMap.Type.USABLE)));
    assertEquals(usable, BootOptions.parse(line).apply(map).usableBytes());
  }
}
