// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What files say of machines that are not the default one, and of what the kernel was told. */
class MeminfoTest {
  private static Map<String, Long> meminfo(String... options) {
    List<String> args = new ArrayList<>(List.of("cat", "/proc/meminfo"));
    args.addAll(List.of(options));
    Cli cat = Cli.mm(args.toArray(String[]::new));
    assertEquals(0, cat.code(), cat.err());
    Map<String, Long> values = new HashMap<>();
    cat.out()
        .lines()
        .map(line -> line.split("[: ]+", -1))
        .forEach(words -> values.put(words[0], Long.valueOf(words[1])));
    return values;
  }

  private static long value(Map<String, Long> values, String name) {
    return Objects.requireNonNull(values.get(name), name);
  }

  @Test
  void vmallocIsWhatLowmemLeavesOf32Bits() {
    // Boot logs of x86-32 with highmem: vmalloc : 0xf7ffe000 - 0xff7fe000 (120 MB).
    assertEquals(122880, value(meminfo("--machine", "x86-32", "--memory", "2G"), "VmallocTotal"));
    // With 512 MiB lowmem ends there: 0xe0800000 - 0xff7fe000.
    assertEquals(507896, value(meminfo("--machine", "x86-32", "--memory", "512M"), "VmallocTotal"));
    // 896 MiB of lowmem: 0xf8800000 - 0xff7fe000, 114680 kB in every /proc/meminfo of that time.
    assertEquals(
        114680, value(meminfo("--machine", "x86-32-2.4", "--memory", "2G"), "VmallocTotal"));
    assertEquals((1L << 35) - 1, value(meminfo(), "VmallocTotal"));
  }

  @Test
  void highAndLowmemAreToldApartOn32Bits() {
    for (String machine : List.of("x86-32", "x86-pae", "x86-32-2.4")) {
      Map<String, Long> values = meminfo("--machine", machine, "--memory", "2G");
      long total = value(values, "MemTotal");
      assertEquals(total, value(values, "HighTotal") + value(values, "LowTotal"), machine);
      long free = value(values, "MemFree");
      assertEquals(free, value(values, "HighFree") + value(values, "LowFree"), machine);
      assertTrue(value(values, "LowTotal") < 896 << 10, machine);
      assertTrue(value(values, "HighTotal") > 1 << 20, machine);
    }
    Map<String, Long> small = meminfo("--machine", "x86-32", "--memory", "512M");
    assertEquals(0, value(small, "HighTotal"));
    assertFalse(meminfo().containsKey("HighTotal"));
  }

  @Test
  void theCommitLimitFollowsTheSysctls() {
    Map<String, Long> half = meminfo();
    assertEquals(value(half, "MemTotal") / 4 * 50 / 100 * 4, value(half, "CommitLimit"));
    Map<String, Long> most = meminfo("--cmdline", "vm.overcommit_ratio=80");
    assertEquals(value(most, "MemTotal") / 4 * 80 / 100 * 4, value(most, "CommitLimit"));
    assertEquals(0, value(meminfo("--cmdline", "vm.overcommit_ratio=0"), "CommitLimit"));
    String kbytes = "vm.overcommit_kbytes=80001";
    assertEquals(80000, value(meminfo("--cmdline", kbytes), "CommitLimit"));
    // Each sets the other to 0 when it is written: the last counts, even if it is 0.
    assertEquals(0, value(meminfo("--cmdline", "vm.overcommit_kbytes=0"), "CommitLimit"));
    assertEquals(
        80000, value(meminfo("--cmdline", "vm.overcommit_ratio=10 " + kbytes), "CommitLimit"));
    Map<String, Long> last = meminfo("--cmdline", kbytes + " vm.overcommit_ratio=10");
    assertEquals(value(last, "MemTotal") / 4 * 10 / 100 * 4, value(last, "CommitLimit"));
  }

  @Test
  void everyMachineOf32BitsHasProcessesOf32Bits() {
    for (String machine : List.of("x86-32", "x86-pae", "x86-32-2.4")) {
      Cli cat = Cli.mm("cat", "/proc/1/maps", "--machine", machine);
      assertEquals(0, cat.code(), cat.err());
      cat.out()
          .lines()
          .forEach(
              line -> assertTrue(Long.parseLong(line.split("[- ]", 3)[1], 16) <= 1L << 32, line));
      assertEquals("", cat.err());
    }
  }

  @Test
  void memoryThatCannotBeAddressedIsNotCutInSilence() {
    for (String machine : List.of("x86-32", "x86-32-2.4")) {
      Cli cat = Cli.mm("cat", "/proc/meminfo", "--machine", machine, "--memory", "8G");
      assertTrue(cat.err().contains(machine + " addresses memory below 4G"), cat.err());
    }
    Cli pae = Cli.mm("cat", "/proc/meminfo", "--machine", "x86-pae", "--memory", "128G");
    assertTrue(pae.err().contains("x86-pae addresses memory below 64G"), pae.err());
    assertEquals("", Cli.mm("cat", "/proc/meminfo", "--memory", "8G").err());
  }

  @Test
  void everyMachineIsInTheHelp() {
    String help = Cli.mm("cat", "--help").out();
    for (String machine : List.of("x86-64", "x86-32", "x86-pae", "x86-32-2.4")) {
      assertTrue(help.contains(machine + ",") || help.contains(machine + " (default),"), machine);
    }
    assertTrue(Cli.mm("cat", "/proc/meminfo", "--machine", "vax").err().contains("x86-32-2.4"));
  }

  private static List<Long> minima(String... options) {
    List<String> args = new ArrayList<>(List.of("cat", "/proc/zoneinfo"));
    args.addAll(List.of(options));
    Cli cat = Cli.mm(args.toArray(String[]::new));
    assertEquals(0, cat.code(), cat.err());
    return cat.out()
        .lines()
        .filter(line -> line.startsWith("        min "))
        .map(line -> Long.valueOf(line.replaceAll("[^0-9]", "")))
        .toList();
  }

  @Test
  void withoutHugePagesThePlainMinimumStaysFree() {
    // min_free_kbytes = sqrt(16 * lowmem KiB): 8191 for 4 GiB, 8175 when khugepaged computes it
    // anew
    // for what is above the high marks, and 67584 with two zones' huge pages.
    long plain = minima("--cmdline", "transparent_hugepage=never").stream().mapToLong(m -> m).sum();
    long huge = minima().stream().mapToLong(m -> m).sum();
    assertEquals(8175 / 4.0, (double) (plain - 32), 3);
    assertTrue(huge > 2 * plain, huge + " and " + plain);
  }

  @Test
  void afterARecordingItsSysctlsCount(@TempDir Path dir) throws IOException {
    Path bundled = Path.of("../mm-replay/src/main/resources/io/mm4j/replay/bundled/kmem/tar_gzip");
    try (Stream<Path> files = Files.walk(bundled)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = dir.resolve("recording").resolve(bundled.relativize(file));
        Files.createDirectories(Objects.requireNonNull(copy.getParent()));
        Files.copy(file, copy);
      }
    }
    Path machine = Files.createDirectories(dir.resolve("recording/machine"));
    Files.writeString(machine.resolve("sysctl_vm.txt"), "vm.min_free_kbytes = 13000\n");
    String folder = dir.resolve("recording").toString();
    long sum = minima("--after", folder).stream().mapToLong(m -> m).sum();
    assertEquals(13000 / 4.0 + 32, (double) sum, 4);
  }
}
