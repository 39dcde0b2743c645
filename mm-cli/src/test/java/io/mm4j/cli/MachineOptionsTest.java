// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.Capability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The machine that the options describe, by its zones. */
class MachineOptionsTest {
  @TempDir Path dir;

  private static List<String> zones(String... options) {
    String[] args = new String[options.length + 2];
    args[0] = "cat";
    args[1] = "/proc/buddyinfo";
    System.arraycopy(options, 0, args, 2, options.length);
    Cli cat = Cli.mm(args);
    assertEquals(0, cat.code(), cat.err());
    return cat.out().lines().map(l -> l.substring(0, 21).replaceAll(" +", " ").strip()).toList();
  }

  @Test
  void sixtyFourBits() {
    assertEquals(
        List.of("Node 0, zone DMA", "Node 0, zone DMA32", "Node 0, zone Normal"),
        zones("--memory", "8G"));
    assertEquals(
        List.of("Node 0, zone DMA", "Node 0, zone DMA32"),
        zones("--memory", "8G", "--cmdline", "mem=1G"));
  }

  @Test
  void thirtyTwoBits() {
    assertEquals(
        List.of("Node 0, zone DMA", "Node 0, zone Normal", "Node 0, zone HighMem"),
        zones("--machine", "x86-32", "--memory", "2G"));
  }

  @Test
  void nodes() {
    List<String> four = zones("--memory", "16G", "--nodes", "4");
    assertTrue(four.contains("Node 3, zone Normal"), four.toString());
    assertEquals(four, zones("--memory", "16G", "--cmdline", "numa=fake=4"));
  }

  @Test
  void aWholeKernelCommandLine() {
    Cli cat =
        Cli.mm(
            "cat",
            "/proc/buddyinfo",
            "--memory",
            "8G",
            "--cmdline",
            "BOOT_IMAGE=/vmlinuz root=UUID=1-2 ro quiet splash mem=1G transparent_hugepage=never");
    assertEquals(0, cat.code(), cat.err());
    assertEquals(2, cat.out().lines().count(), cat.out());
    assertEquals(
        """
        mm: kernel parameters that mm4j does not model: root=UUID=1-2 ro quiet
        mm: unknown kernel command line parameters "BOOT_IMAGE=/vmlinuz splash", which a kernel\
         passes on to init
        """,
        cat.err());
  }

  /** Without huge pages there is no khugepaged that raises what stays free. */
  @Test
  void aBootParameterReachesEveryFloorThatReadsIt() {
    long with = minPages();
    long without = minPages("--cmdline", "transparent_hugepage=never");
    assertTrue(0 < without && without < with, with + " " + without);
  }

  private static long minPages(String... options) {
    List<String> args = new ArrayList<>(List.of("cat", "/proc/zoneinfo", "--memory", "1G"));
    args.addAll(List.of(options));
    return Cli.mm(args.toArray(String[]::new))
        .out()
        .lines()
        .filter(line -> line.matches(" +min +[0-9]+"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .sum();
  }

  @Test
  void aMemoryMapFromABootLog() throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("dmesg.txt"),
            """
            [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
            [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable
            """);
    assertEquals(
        List.of("Node 0, zone DMA", "Node 0, zone DMA32"), zones("--machine", file.toString()));
    Files.writeString(file, "no map");
    Cli wrong = Cli.mm("cat", "/proc/buddyinfo", "--machine", file.toString());
    assertEquals(2, wrong.code());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void aWrongOptionOfAPluginIsNamedWithItsPlaceOnce() {
    Cli value = Cli.mm("cat", "/proc/buddyinfo", "--plugin", "process=linux:pkeys=maybe");
    assertEquals(2, value.code());
    Cli.assertHas(value.err(), "'maybe'", "where:   --plugin process=linux:pkeys\n");
    Cli name = Cli.mm("cat", "/proc/buddyinfo", "--plugin", "process=linux:keys=true");
    assertEquals(2, name.code());
    Cli.assertHas(name.err(), "'keys'", "where:   --plugin process=linux\n", "pkeys");
  }

  @Test
  void whatRootIsGivenIsWhatCallsAskFor() {
    String help = Cli.mm("explain", "--help").out();
    for (Capability each : Capability.values()) {
      Cli.assertHas(help, "CAP_" + each);
    }
  }
}
