// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mm explain boot}, and what is left of boot in debugfs. */
class ExplainBootTest {
  private static String good(String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(0, cli.code(), cli.err());
    return cli.out();
  }

  private static void assertHas(String text, String... parts) {
    String flat = text.replaceAll("\\s+", " ");
    for (String part : parts) {
      assertTrue(flat.contains(part), () -> part + " is not in\n" + text);
    }
  }

  @Test
  void eachStepHasItsReason() {
    String text =
        good(
            "explain",
            "boot",
            "memblock_reserve 16M 32M",
            "memblock_alloc 64K 4K 0 16M",
            "--memory",
            "1G",
            "--cmdline",
            "mem=512M");
    assertHas(
        text,
        "[mem 0x0000000000000000-0x000000000009fbff] usable",
        "mem=: RAM from 0x20000000 on is not used: ",
        "Node 0, zone DMA: below 16 MiB, for ISA devices, pfn 1 to 4095",
        "memblock_add: 0x100000-0x1fffffff on node 0",
        "memblock_reserve: 0x1000000-0x2ffffff, 0x2000000 bytes",
        "memblock_alloc: 0x10000 bytes, aligned to 0x1000, from 0x0 to 0xffffff, node any",
        "reserved: 0xff0000-0xffffff on node 0",
        "Node 0, zone DMA32 gets pfn 12288 to 131071",
        "+ 0: 0x0000000000ff0000..0x0000000000ffffff 0 RSV_KERN",
        "+ 1: 0x0000000001000000..0x0000000002ffffff 0 NONE",
        "free blocks by order, 0 to 10 + Node 0, zone DMA:");
  }

  @Test
  void bootmemTellsItsWay() {
    assertHas(
        good(
            "explain",
            "boot",
            "memblock_alloc 100 16",
            "memblock_alloc 100 16",
            "--memory",
            "64M",
            "--plugin",
            "physical-memory=flatmem:boot=bootmem"),
        "bootmem a bit for each page",
        "alloc_bootmem: 0x64 bytes, aligned to 0x10, goal 0x0: first fit",
        "it goes on in the last page of the allocation before, from 0x1070");
  }

  @Test
  void jsonHasTheSame() {
    String json = good("explain", "boot", "--json", "--nodes", "2", "--memory", "2G");
    assertHas(json, "\"free_blocks\"", "\"topic\": \"e820\"", "on node 1");
  }

  @Test
  void debugfsHasTheKernelsForm() {
    List<String> lines =
        good("cat", "/sys/kernel/debug/memblock/memory", "--memory", "4G", "--nodes", "2")
            .lines()
            .toList();
    assertEquals("   0: 0x0000000000001000..0x000000000009efff    0 NONE", lines.getFirst());
    assertTrue(lines.getLast().endsWith("    1 NONE"), lines.getLast());
    assertEquals("", good("cat", "/sys/kernel/debug/memblock/reserved"));
    assertTrue(
        good("cat", "/sys/kernel/debug/memblock/memory", "--machine", "x86-32", "--memory", "1G")
            .startsWith("   0: 0x00001000..0x0009efff    0 NONE\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "explain boot now",
        "explain boot ; mmap 2M",
        "explain boot ; memblock_alloc",
        "explain boot ; memblock_alloc 0",
        "explain boot ; memblock_alloc 4K 3",
        "explain boot ; memblock_alloc 4K 0 0 0 2000",
        "explain boot ; memblock_reserve 4K",
        "explain boot --pid 1",
        "explain boot --after tar_gzip",
        "cat /sys/kernel/debug/memblock/memory --plugin physical-memory=flatmem:boot=bootmem",
        "cat /sys/kernel/debug/memblock/memory --after tar_gzip",
        "cat /proc/buddyinfo --cpu-nodes 0,1",
        "cat /proc/buddyinfo --cpu-nodes 0,0,0 --cpus 2",
        "cat /proc/buddyinfo --cpu-nodes 0,x",
        "cat /proc/buddyinfo --cpu-nodes 0, --nodes 2",
        "cat /proc/buddyinfo --cpu-nodes 0,1 --nodes 2 --cmdline numa=off",
        "cat /proc/buddyinfo --cmdline kernelcore=mirror",
      })
  void whatIsWrongIsSaid(String line) {
    Cli cli = Cli.mm(line.split(" ", -1));
    assertEquals(2, cli.code(), cli.out() + cli.err());
  }

  @Test
  void cpusLieWhereTheyAreSaidTo() {
    String text =
        good("cat", "/proc/zoneinfo", "--cpu-nodes", "1,1,1", "--nodes", "2", "--memory", "2G");
    assertHas(text, "cpu: 2");
    assertEquals(
        good("cat", "/proc/buddyinfo", "--nodes", "2", "--memory", "2G", "--cmdline", "numa=off"),
        good("cat", "/proc/buddyinfo", "--memory", "2G"));
  }
}
