// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Caches in /proc and /sys, and requests for objects explained. */
class SlabCommandsTest {
  @Test
  void slabinfoHasTheCachesOfKmallocInTheKernelsOrder() {
    Cli cat = Cli.mm("cat", "/proc/slabinfo");
    assertEquals(0, cat.code(), cat.err());
    String[] lines = cat.out().split("\n", -1);
    assertEquals("slabinfo - version: 2.1", lines[0]);
    assertTrue(lines[1].startsWith("# name            <active_objs> <num_objs> <objsize>"));
    assertEquals(
        "kmalloc-cg-8k          0      0   8192    4    8 : tunables    0    0    0"
            + " : slabdata      0      0      0",
        lines[2]);
    assertTrue(lines[lines.length - 2].startsWith("kmalloc-96 "), cat.out());
  }

  @Test
  void sysfsSaysWhatACacheIs() {
    assertEquals("32\n", Cli.mm("cat", "/sys/kernel/slab/kmalloc-96/align").out());
    assertEquals("1\n", Cli.mm("cat", "/sys/kernel/slab/kmalloc-rcl-64/reclaim_account").out());
    String orders = Cli.mm("cat", "/sys/kernel/slab/kmalloc-4k/objs_per_slab").out();
    assertEquals("8\n", orders);
    Cli none = Cli.mm("cat", "/sys/kernel/slab/kmaloc-96/order");
    assertEquals(2, none.code());
    assertTrue(none.err().contains("kmalloc-96"), none.err());
  }

  @Test
  void requestsAreExplained() {
    Cli explain = Cli.mm("explain", "kmalloc 100 GFP_KERNEL; kfree $1; kfree r1; kmalloc 20000");
    assertEquals(0, explain.code(), explain.err());
    String said = explain.out().replaceAll("\\s+", " ");
    assertTrue(said.contains("cache kmalloc-128, the smallest that"), explain.out());
    assertTrue(said.contains("on top of the cpu's freelist"), explain.out());
    assertTrue(said.contains("refused: double free"), explain.out());
    assertTrue(said.contains("a block of order 3"), explain.out());
    Cli slob = Cli.mm("explain", "kmalloc 100", "--plugin", "slab=slob");
    assertTrue(slob.out().contains("  slob  "), slob.out());
    assertFalse(slob.out().contains("  slub  "), slob.out());
    Cli wrong = Cli.mm("explain", "kmem_cache_alloc nothing");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("kmem_cache_create"), wrong.err());
  }

  /** What is known is not called unknown where it follows something of another kind. */
  @ParameterizedTest
  @ValueSource(strings = {"kmalloc 100", "vmalloc 8K", "boot"})
  void callsOfProcessesGoWithNoOtherKind(String other) {
    Cli mixed = Cli.mm("explain", "mmap 8K; " + other);
    assertEquals(2, mixed.code());
    String name = other.split(" ", 2)[0];
    assertTrue(mixed.err().contains("'" + name + "' does not go with calls of p"), mixed.err());
    assertTrue(mixed.err().contains("operations of one kind at once"), mixed.err());
  }

  /** slabtop knows no other place than /proc/slabinfo: ours is put there, for it alone. */
  @Test
  void slabtopShowsTheCaches(@TempDir Path folder) throws Exception {
    Cli export = Cli.mm("proc", "--export", folder.toString());
    assertEquals(0, export.code(), export.err());
    String mount =
        "mount --bind " + folder.resolve("proc/slabinfo") + " /proc/slabinfo && exec slabtop -o";
    Assumptions.assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/slabtop"))
            && run("mount -t tmpfs none /mnt").isEmpty(),
        "slabtop, and leave to mount in a namespace");
    String shown = run(mount);
    assertTrue(shown.contains("Active / Total Caches"), shown);
    String all = Files.readString(folder.resolve("proc/slabinfo"));
    long caches = all.lines().skip(2).count();
    long lines = shown.lines().filter(line -> line.contains("kmalloc-")).count();
    assertEquals(caches, lines, shown);
    assertTrue(shown.contains(" dma-kmalloc-8k"), shown);
  }

  /** What a command prints that has its own mounts; what went wrong, too. */
  private static String run(String command) throws Exception {
    Process process =
        new ProcessBuilder("unshare", "-rm", "sh", "-c", command).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() == 0 ? out : "failed: " + out;
  }
}
