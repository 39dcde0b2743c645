// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tag;

/**
 * Machines, requests and {@code vm.*} values at random, sensible ones and others: the command
 * answers or says what is wrong, and never calls it a bug of its own. A failure is one command; the
 * seeds are new ones every time.
 */
class RandomMachinesTest {
  private static final List<String> GFP =
      List.of(
          "GFP_KERNEL",
          "GFP_ATOMIC",
          "GFP_NOWAIT",
          "GFP_HIGHUSER_MOVABLE",
          "GFP_DMA",
          "GFP_DMA32",
          "GFP_TRANSHUGE",
          "__GFP_RECLAIMABLE",
          "__GFP_NOFAIL",
          "__GFP_MEMALLOC",
          "__GFP_NORETRY",
          "__GFP_RETRY_MAYFAIL",
          "__GFP_THISNODE",
          "__GFP_HIGHMEM",
          "__GFP_COMP");
  private static final List<String> FILES =
      List.of(
          "/proc/meminfo",
          "/proc/vmstat",
          "/proc/zoneinfo",
          "/proc/buddyinfo",
          "/proc/pagetypeinfo",
          "/proc/1/maps",
          "/proc/1/status",
          "/sys/kernel/debug/extfrag/extfrag_index");
  private static final List<String> NUMBERS =
      List.of(
          "vm.min_free_kbytes",
          "vm.watermark_scale_factor",
          "vm.watermark_boost_factor",
          "vm.percpu_pagelist_high_fraction",
          "vm.defrag_mode",
          "vm.overcommit_memory",
          "vm.overcommit_ratio",
          "vm.max_map_count",
          "vm.mmap_min_addr",
          "stack_guard_gap");

  @Property(tries = 60, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
  void answersOrSaysWhatIsWrong(@ForAll long seed) {
    once(new Random(seed));
  }

  @Example
  @Tag("soak")
  void answersOrSaysWhatIsWrongForLong() {
    double minutes = Double.parseDouble(System.getProperty("mm.minutes", "60")) / 20;
    long end = System.nanoTime() + (long) (minutes * 60e9);
    long seed = new SecureRandom().nextLong();
    System.out.println("machines: new seeds from " + seed + " on, " + minutes + " minutes");
    for (; System.nanoTime() < end; seed++) {
      once(new Random(seed));
    }
  }

  private static void once(Random random) {
    List<String> args = new ArrayList<>();
    if (random.nextInt(3) == 0) {
      args.add("cat");
      args.add(any(FILES, random));
    } else {
      args.addAll(List.of("explain", "alloc_pages", gfp(random), order(random)));
    }
    if (random.nextInt(4) != 0) {
      args.addAll(List.of("--memory", memory(random)));
    }
    if (random.nextInt(3) == 0) {
      args.addAll(List.of("--cpus", String.valueOf(1 + random.nextInt(9))));
    }
    if (random.nextInt(4) == 0) {
      args.addAll(List.of("--nodes", String.valueOf(1 + random.nextInt(5))));
    }
    if (random.nextInt(5) == 0) {
      args.addAll(List.of("--machine", "x86-32"));
    }
    if (random.nextInt(5) == 0) {
      args.addAll(List.of("--plugin", "page-allocator=direct"));
    }
    if (random.nextInt(5) != 0) {
      args.addAll(List.of("--cmdline", parameters(random)));
    }
    Cli cli = Cli.mm(args.toArray(String[]::new));
    assertTrue(
        cli.code() >= 0 && cli.code() <= 2,
        () -> "reproduce: ./mm " + shell(args) + "\nexit code " + cli.code() + "\n" + cli.err());
  }

  private static String gfp(Random random) {
    if (random.nextInt(4) == 0) {
      return "0x" + Long.toHexString(random.nextLong() >>> (31 + random.nextInt(33)));
    }
    StringBuilder flags = new StringBuilder(any(GFP, random));
    for (int more = random.nextInt(3); more > 0; more--) {
      flags.append('|').append(any(GFP, random));
    }
    return flags.toString();
  }

  private static String order(Random random) {
    return String.valueOf(random.nextInt(8) == 0 ? number(random) : random.nextInt(11));
  }

  private static String memory(Random random) {
    return switch (random.nextInt(4)) {
      case 0 -> (1 + random.nextInt(64)) + "M";
      case 1 -> (1 + random.nextInt(4096)) + "M";
      case 2 -> (1 + random.nextInt(64)) + "G";
      default -> (1024 + random.nextInt(1 << 20)) + "K";
    };
  }

  private static String parameters(Random random) {
    List<String> words = new ArrayList<>();
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      words.add(
          switch (random.nextInt(8)) {
            case 0 -> "vm.lowmem_reserve_ratio=" + number(random) + "," + number(random);
            case 1 -> "transparent_hugepage=" + any(List.of("never", "always", "madvise"), random);
            case 2 -> "mem=" + memory(random);
            default -> any(NUMBERS, random) + "=" + number(random);
          });
    }
    return String.join(" ", words);
  }

  /** Small, any, or just beside a power of two. */
  private static long number(Random random) {
    return switch (random.nextInt(4)) {
      case 0 -> random.nextInt(12);
      case 1 -> random.nextInt(5000);
      case 2 -> random.nextInt() & Integer.MAX_VALUE;
      default -> (1L << random.nextInt(34)) - random.nextInt(2);
    };
  }

  private static <T> T any(List<T> all, Random random) {
    return all.get(random.nextInt(all.size()));
  }

  private static String shell(List<String> args) {
    StringBuilder line = new StringBuilder();
    for (String arg : args) {
      line.append(line.isEmpty() ? "" : " ").append('\'').append(arg).append('\'');
    }
    return line.toString();
  }
}
