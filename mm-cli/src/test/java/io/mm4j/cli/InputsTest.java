// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people have in their hands, through the command. */
class InputsTest {
  /** A report in the form of Linux 6.1: an order-0 atomic request, and memory in DMA32. */
  static final String REPORT =
      """
      [ 12.5] swapper/0: page allocation failure: order:0, mode:0x40a20(GFP_ATOMIC|__GFP_COMP), nodemask=(null)
      [ 12.5] CPU: 0 PID: 0 Comm: swapper/0 Not tainted 6.1.0-13-amd64 #1
      [ 12.5] Mem-Info:
      [ 12.5] Node 0 active_anon:4936kB inactive_anon:22712kB all_unreclaimable? no
      [ 12.5] Node 0 DMA free:13312kB boost:0kB min:64kB low:80kB high:96kB reserved_highatomic:0KB present:15992kB managed:15360kB
      [ 12.5] lowmem_reserve[]: 0 1900 16000 16000 16000
      [ 12.5] Node 0 DMA32 free:54424kB boost:0kB min:7996kB low:9992kB high:11988kB present:2080512kB managed:2014720kB
      [ 12.5] lowmem_reserve[]: 0 0 14100 14100 14100
      [ 12.5] Node 0 Normal free:320kB boost:0kB min:58500kB low:73124kB high:87748kB present:14680064kB managed:14438400kB
      [ 12.5] lowmem_reserve[]: 0 0 0 0 0
      [ 12.5] Node 0 DMA: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 1*1024kB (U) 2*2048kB (UM) 2*4096kB (M) = 13312kB
      [ 12.5] Node 0 DMA32: 12500*4kB (UME) 553*8kB (UME) 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = 54424kB
      [ 12.5] Node 0 Normal: 0*4kB 24*8kB (UE) 0*16kB 4*32kB (E) 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = 320kB
      """;

  static final String BUDDYINFO =
      """
      Node 0, zone      DMA      1      0      1      0      2      1      1      0      1      1      3
      Node 0, zone    DMA32   5000   3000      7      0      0      0      0      0      0      0      0
      Node 0, zone   Normal   9000    800     10      0      0      0      0      0      0      0      0
      """;

  static final String FTRACE =
      """
      # tracer: nop
                  sh-7 [001] ....  1.000001: mm_page_alloc: page=0000000000000000d2 pfn=4096 order=2 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_COMP
                  sh-7 [001] ....  1.000002: mm_page_alloc_zone_locked: page=00000000d2 pfn=4096 order=2 migratetype=0 percpu_refill=0
      sh     7 [000]     1.000003: kmem:mm_page_alloc: page=0xd3 pfn=0x2000 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO
                  sh-7 [001] ....  1.000004: mm_page_free: page=00000000d2 pfn=4096 order=2
                  sh-7 [001] ....  1.000005: mm_page_free: page=00000000d9 pfn=9999 order=0
      garbage
      """;

  static final String DUMP =
      """
      08048000-08060000 r-xp 00000000 08:01 1 /home/u/prog
      08060000-08061000 rw-p 00017000 08:01 1 /home/u/prog
      09000000-09021000 rw-p 00000000 00:00 0 [heap]
      f7500000-f7f00000 rw-p 00000000 00:00 0
      f7f00000-f7ff0000 r-xp 00000000 08:01 2 /lib/libc.so
      fffdd000-ffffe000 rw-p 00000000 00:00 0 [stack]
      """;

  @TempDir Path dir;

  private String file(String name, String text) throws IOException {
    return Files.writeString(dir.resolve(name), text).toString();
  }

  private static String good(String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(0, cli.code(), () -> String.join(" ", args) + "\n" + cli.out() + cli.err());
    return cli.out().replaceAll("\\s+", " ");
  }

  private static void refused(String part, String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(2, cli.code(), () -> String.join(" ", args) + "\n" + cli.out() + cli.err());
    assertTrue(cli.err().contains(part), cli.err());
    UsageTest.assertThreeParts(cli);
  }

  private static void assertHas(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> part + " is not in\n" + text);
    }
  }

  @Test
  void aFailureReportIsEnough() throws IOException {
    String report = file("report.txt", REPORT);
    String text = good("explain", "--after", report);
    assertHas(
        text,
        "whose request failed with order 0 and 0x40a20(GFP_ATOMIC|__GFP_COMP), Linux 6.1",
        "why Node 0, zone DMA32: 13606 free pages; 750 must stay",
        "and 14100 as lowmem reserve against requests that zone Normal could serve: 1245 too few",
        "= no page");
    assertEquals(text, good("explain", "alloc_pages", "--after", report));
    // Another request of the same machine: blocks that there are, on another watermark.
    assertHas(
        good("explain", "alloc_pages", "GFP_DMA32", "1", "--after", report), "zone DMA32", "= pfn");
    assertHas(
        good("explain", "alloc_pages", "GFP_DMA32", "5", "--after", report),
        "zone DMA32: 13606 free pages; 2498 must stay (watermark low): enough pages, but no free"
            + " block of order 5 or more",
        "= pfn");
    assertHas(good("cat", "/proc/buddyinfo", "--after", report), "DMA32 12500 553 0 0");
    String mode = "mode:0x40a20(GFP_ATOMIC|__GFP_COMP)";
    assertHas(good("explain", "alloc_pages", mode, "0"), "gfp=GFP_ATOMIC|__GFP_COMP");
    assertHas(good("explain", "alloc_pages " + mode + " 0"), "gfp=GFP_ATOMIC|__GFP_COMP");
    refused("--memory has no effect", "explain", "--after", report, "--memory", "1G");
    refused("no requests that could be run", "run", report);
  }

  @Test
  void whatAnOlderKernelRefusedByARuleOfItsOwnIsSaid() throws IOException {
    String report =
        """
        swapper: page allocation failure. order:1, mode:0x20
        Pid: 0, comm: swapper Not tainted 2.6.32-71.el6.x86_64 #1
        Node 0 DMA32 free:46000kB min:44720kB low:55900kB high:67080kB present:2052192kB
        lowmem_reserve[]: 0 0 0 0
        Node 0 DMA32: 10500*4kB 500*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB = 46000kB
        """;
    String old = file("old.txt", report);
    assertHas(
        good("explain", "--after", old),
        "Linux 2.6 refused it: before 4.4",
        "1000 pages are in blocks of order 1 or more, more than 2096 must be");
    String later =
        file("later.txt", report.replace("2.6.32", "6.1.0").replace("mode:0x20", "mode:0x820"));
    assertHas(good("explain", "--after", later), "how things stood a moment later");
    assertFalse(good("explain", "alloc_pages", "GFP_ATOMIC", "0", "--after", old).contains("4.4"));
  }

  @Test
  void aZoneinfoAloneDecidesByItsWatermarks() throws IOException {
    String zoneinfo =
        """
        Node 0, zone   Normal
          pages free     90000
                min      4460
                low      5575
                high     6690
                spanned  1310720
                present  1310720
                managed  1257472
                protection: (0, 0, 0)
          start_pfn:           1048576
        """;
    Cli enough = Cli.mm("explain", "alloc_pages GFP_KERNEL 9", "--after", file("zi.txt", zoneinfo));
    assertEquals(0, enough.code(), enough.err());
    assertHas(enough.out(), "= pfn");
    assertHas(enough.err(), "taken as blocks as large as can be");
    String few = file("few.txt", zoneinfo.replace("90000", "900"));
    assertHas(good("explain", "alloc_pages GFP_KERNEL 2", "--after", few), "too few", "= no page");
  }

  @Test
  void onlyTheFirstOfTwoReportsCounts() throws IOException {
    Cli cli = Cli.mm("explain", "--after", file("two.txt", REPORT + REPORT));
    assertEquals(0, cli.code(), cli.err());
    assertHas(cli.err(), "there are 2 reports in it: the first counts");
    assertHas(cli.out(), "13606 free pages");
  }

  @Test
  void copiesOfBuddyinfoKeepEveryBlock() throws IOException {
    String buddyinfo = file("buddyinfo.txt", BUDDYINFO);
    assertEquals(
        BUDDYINFO.replaceAll("\\s+", " "), good("cat", "/proc/buddyinfo", "--after", buddyinfo));
    assertHas(
        good("explain", "alloc_pages", "GFP_KERNEL", "3", "--after", buddyinfo),
        "no free block of order 3 or more");
    Cli typed =
        Cli.mm(
            "explain",
            "alloc_pages",
            "GFP_KERNEL",
            "1",
            "--after",
            file(
                "pagetypeinfo.txt",
                """
                Page block order: 9
                Pages per block:  512
                Free pages count per migrate type at order 0 1 2 3
                Node    0, zone   Normal, type    Unmovable  90000  5 0 0
                Node    0, zone   Normal, type      Movable  >100000 1 0 7
                """));
    assertEquals(0, typed.code(), typed.err());
    assertHas(typed.err(), ">100000 is taken as that many");
    assertHas(typed.out(), "Node 0, zone Normal: 190000 6 0 7");
  }

  @Test
  void textOfFtraceAndPerfIsAWorkload() throws IOException {
    String trace = file("trace.txt", FTRACE);
    Cli cli = Cli.mm("run", trace, "--memory", "64M", "--json");
    assertEquals(0, cli.code(), cli.err());
    String plugins = String.valueOf(cli.json().get("plugins"));
    assertHas(plugins, "requests=2", "requested_pages=5", "frees=1", "frees_left_out=1");
    assertHas(cli.err(), "mm_page_alloc_zone_locked=1", "1 lines are no events", "garbage");
    assertHas(good("run", trace), "x86-64, 2 CPUs");
    assertHas(good("run", trace, "--machine", "x86-32", "--csv"), "plugin,requests");
  }

  @Test
  void requestsOfARecordingRunOnAMachineOfOnesOwn() {
    String text = good("run", "--memory", "64M", "--plugin", "frame-allocator=buddy");
    assertHas(text, "workload the requests of tar_gzip", "failed: ", "first: request");
    assertFalse(text.contains("bitmap"), text);
    assertHas(good("run", "--no-timing", "--plugin", "frame-allocator=bitmap"), "bitmap");
  }

  @Test
  void optionsWithoutEffectAreRefused() throws IOException {
    String log = "../mm-replay/src/test/corpus/strace/ls.strace";
    refused("--memory", "replay", log, "--memory", "1G");
    refused("--machine", "run", log, "--machine", "x86-32");
    refused("--memory", "plugins", "--memory", "abc");
    refused("--seed", "cat", "/proc/buddyinfo", "--seed", "7");
    refused("--nodes", "cat", "/proc/buddyinfo", "--nodes", "2", "--cmdline", "numa=fake=3");
    refused("--cpus", "explain", "mmap 4K", "--after", log, "--cpus", "4");
    refused(
        "vm.min_free_kbytes",
        "explain",
        "mmap 4K",
        "--after",
        log,
        "--cmdline",
        "vm.min_free_kbytes=1");
    refused("--memory", "cat", "/proc/buddyinfo", "--after", "tar_gzip", "--memory", "1G");
    refused("mem=", "cat", "/proc/buddyinfo", "--after", "tar_gzip", "--cmdline", "mem=1G");
    refused(
        "both choose",
        "run",
        "--compare",
        "frame-allocator=buddy",
        "--plugin",
        "frame-allocator=bitmap");
    refused("does not depend on the vma-index", "run", "--plugin", "vma-index=treemap");
    refused("--contents", "run", "--memory", "1G", "--contents", "all");
    String map = file("map.txt", "0x100000-0x7ffffff usable\n");
    refused("--memory", "cat", "/proc/buddyinfo", "--machine", map, "--memory", "1G");
    // Where they can have one, they do.
    assertHas(good("cat", "/proc/buddyinfo", "--machine", "x86-32:" + map), "zone Normal");
    Cli other =
        Cli.mm(
            "explain",
            "mmap 8M",
            "--after",
            log,
            "--memory",
            "16M",
            "--cmdline",
            "vm.overcommit_memory=2");
    assertEquals(0, other.code(), other.err());
    assertHas(other.err(), "another machine than its own");
    assertHas(other.out(), "CommitLimit", "-1 ENOMEM");
  }

  @Test
  void aDumpOfMapsIsAProcess() throws IOException {
    String maps = file("prog.maps", DUMP);
    assertHas(good("explain", "mmap 1M", "--maps", maps), "= 0xf7400000");
    assertHas(good("explain", "mmap 1M", "--after", maps), "= 0xf7400000");
    assertHas(
        good("explain", "mmap 1M", "--maps", maps, "--rlimit", "AS=8M"), "RLIMIT_AS", "ENOMEM");
    assertHas(good("explain", "brk brk+4K", "--maps", maps), "= 0x9022000");
    assertHas(good("cat", "/proc/1/maps", "--maps", maps), "/lib/libc.so");
    refused("is no limit", "explain", "mmap 1M", "--maps", maps, "--rlimit", "SA=8M");
    refused("--maps", "explain", "mmap 1M", "--maps", dir.resolve("nix").toString());
    refused("--maps has no effect", "explain", "mmap 1M", "--after", "tar_gzip", "--maps", maps);
    String log = file("prog.strace", "7 brk(NULL) = 0x9021000\n7 brk(0x9022000) = 0x9022000\n");
    assertHas(good("replay", log, "--maps", maps), "exact");
  }

  @Test
  void pastedResultsAreComparedAndTheirAddressesFollowed() {
    String anon = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)";
    assertHas(
        good(
            "explain",
            "[pid 12] mmap(NULL, 12288, "
                + anon
                + " = 0x7f0000000000\n"
                + "12345 mprotect(0x7f0000001000, 4096, PROT_NONE) = 0\n"
                + "12345 close(3) = 0"),
        "0x7f0000000000 in the pasted line",
        "0x7f0000001000 of the pasted lines is 0x7ffff7ff5000 here",
        "$2 mprotect(0x7ffff7ff5000, 4K, PROT_NONE)",
        "= 0, as in the pasted line");
    Cli differs = Cli.mm("explain", "mmap(NULL, 4096, " + anon + " = -1 ENOMEM (Cannot allocate)");
    assertEquals(1, differs.code(), differs.err());
    assertHas(differs.out(), "the pasted line says -1 ENOMEM");
  }

  @Test
  void theCallsOfARecordingAreExplained() throws IOException {
    String log = "../mm-replay/src/test/corpus/strace/ls.strace";
    String text = good("explain", "--after", log, "--calls", "2-3");
    assertHas(
        text, "call 2, process 1: ", "call 3, process 1: ", "searched top-down", ", as in Linux");
    assertFalse(text.contains("call 4"), text);
    assertHas(good("explain", "--after", log, "--calls", "30-", "--markdown"), "### `call 38");
    String fork = "../mm-replay/src/test/corpus/vma/dev/directed-cow_fork.vma.gz";
    assertHas(good("explain", "--after", fork, "--calls", "1-"), "process 2: ", "fork", "exit");
    String other = file("x.strace", "7 brk(NULL) = 0x9021000\n7 brk(0x9022000) = 0x9021000\n");
    Cli differs = Cli.mm("explain", "--after", other, "--calls", "1");
    assertEquals(1, differs.code(), differs.err());
    assertHas(differs.out(), "; Linux: 0x9021000");
    refused("there is no call 99", "explain", "--after", log, "--calls", "99");
    refused("no such calls", "explain", "--after", log, "--calls", "3-2");
    refused("own calls", "explain", "mmap 4K", "--after", log, "--calls", "3");
    refused("no recorded calls", "explain", "--after", "tar_gzip", "--calls", "3");
    refused("--calls and --at", "explain", "--after", log, "--calls", "3", "--at", "3");
  }

  @Test
  void severalStepsOnOneMachineDrawnAndAsAHandout() throws IOException {
    String steps = "__get_free_pages GFP_KERNEL 5; free_pages $1 5; mmap 4K; alloc_page GFP_KERNEL";
    String text = good("explain", steps);
    assertHas(text, "is halved", "[5*][5]", "becomes one block of order", "63 times", "$4");
    assertHas(good("explain", steps, "--markdown"), "### $1", "```diff", "1. **step**");
    assertHas(good("explain", steps, "--html"), "<!DOCTYPE html>", "</html>", "<ins>+ Node 0");
    assertEquals(text, good("explain", "@" + file("steps.mm", "# lecture\n" + steps + "\n")));
    refused("one form", "explain", steps, "--json", "--html");
    refused("is no block", "explain", "alloc_pages GFP_KERNEL 3; free_pages $2 3");
    refused("is not the block's", "explain", "alloc_pages GFP_KERNEL 3; free_pages $1 2");
    refused("there is no node", "explain", "alloc_pages_node 1 GFP_KERNEL 0");
    assertHas(
        good("explain", "mmap 8K; write r1; fork; process 2; write r1; process 1; read r1"),
        "a copy of process 1");
  }

  @Test
  void anExportForgetsTheOneBefore() throws IOException {
    String out = dir.resolve("tree").toString();
    assertEquals(0, Cli.mm("proc", "--export", out, "--nodes", "2").code());
    Path second = dir.resolve("tree/sys/devices/system/node/node1");
    boolean had = hasFiles(second);
    assertEquals(0, Cli.mm("proc", "--export", out).code());
    assertFalse(had && hasFiles(second), "files of node 1");
  }

  private static boolean hasFiles(Path folder) {
    String[] files = folder.toFile().list();
    return files != null && files.length > 0;
  }
}
