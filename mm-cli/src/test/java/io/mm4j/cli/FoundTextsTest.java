// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reports, dumps and logs as journals, mails and web pages have left them. */
class FoundTextsTest {
  @TempDir Path dir;

  private String file(String name, String text) throws IOException {
    return Files.writeString(dir.resolve(name), text).toString();
  }

  /** Both streams, blanks folded. */
  private static String run(int code, String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(code, cli.code(), () -> String.join(" ", args) + "\n" + cli.out() + cli.err());
    if (code == 2) {
      UsageTest.assertThreeParts(cli);
    }
    return (cli.err() + cli.out()).replaceAll("\\s+", " ");
  }

  private static void assertHas(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> part + " is not in\n" + text);
    }
  }

  @Test
  void aJournalMayHaveMadeALineOfEachPart() throws IOException {
    String head = "Feb 19 16:20:13 host kernel: ";
    String report =
        """
        kworker/3:1: page allocation failure: order:5, mode:0x240c0c0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO)
        CPU: 3 PID: 1 Comm: kworker/3:1 Not tainted 4.9.0-5-amd64 #1 Debian
        Mem-Info:
        Node 0
        DMA free:15880kB min:16kB low:28kB high:40kB
        active_anon:0kB present:15964kB managed:15880kB
        lowmem_reserve[]:
         0
         1917
         64368
        Node 0
        Normal free:24148kB min:65640kB low:129584kB high:193528kB
        active_anon:6576248kB present:65011712kB managed:63949432kB mlocked:0kB
        lowmem_reserve[]:
         0
         0
        Node 0
        DMA:
        0*4kB
        1*8kB
        (U)
        0*16kB
        1*512kB
        (U)
        1*1024kB
        (U)
        1*2048kB
        (M)
        3*4096kB
        (M)
        = 15880kB
        Node 0
        Normal:
        3005*4kB
        (UME)
        1516*8kB
        (UM)
        = 24148kB
        """;
    String split = file("journal.txt", head + report.strip().replace("\n", "\n" + head));
    String text = run(0, "explain", "--after", split);
    assertHas(text, "Linux 4.9", "as lowmem reserve", "= no page");
    assertHas(run(0, "cat", "/proc/buddyinfo", "--after", split), "Normal 3005 1516 0 0");
    // The same, with the continuation lines bare.
    assertEquals(
        text.replace("journal", "bare"), run(0, "explain", "--after", file("bare.txt", report)));
  }

  @Test
  void aWebPageMayHaveNumberedTheLinesAndLostTheCommas() throws IOException {
    String report =
        """
          1. <4>[12345.3] journal invoked oom-killer: gfp_mask=0x800d0order=0oom_score_adj=0
          2. <4>[12345.4] CPU: 1 PID: 1371 Comm: journal Tainted: G           O 3.14.31-17 #1
          3. <4>[12345.5] Normal free:1924kB min:2548kB low:3184kB high:3820kB present:524288kB managed:507292kB
          4. <4>[12345.6] lowmem_reserve[]: 0 0
          5. <4>[12345.7] Normal: 355*4kB (UEM) 63*8kB (UM) 0*16kB = 1924kB
        """;
    assertHas(
        run(0, "explain", "--after", file("page.txt", report)),
        "order 0 and 0x800d0, Linux 3.14",
        "gfp=GFP_KERNEL|__GFP_RECLAIMABLE",
        "= no page");
  }

  @Test
  void flagsWithoutNamesAreOld() throws IOException {
    String report =
        """
         script invoked oom-killer: gfp_mask=0xd0, order=2, oomkilladj=0
         Normal free:14000kB min:2000kB low:2500kB high:3000kB present:260096kB
         lowmem_reserve[]: 0 0
         Normal: 3400*4kB 50*8kB 0*16kB 0*32kB = 14000kB
        """;
    assertHas(
        run(0, "explain", "--after", file("old.txt", report)),
        "no kernel is named in it",
        "0xd0, a kernel before 4.6",
        "alloc_pages(gfp=GFP_KERNEL, order=2)",
        "= no page");
    String younger = report.replace("0xd0", "0x24000c0");
    assertHas(
        run(0, "explain", "--after", file("younger.txt", younger)),
        "of 4.4 and 4.5",
        "alloc_pages(gfp=GFP_KERNEL, order=2)");
    String without = report.replace(", order=2, oomkilladj=0", "").replace("script invoked ", "");
    assertHas(
        run(0, "explain", "--after", file("2.6.9.txt", without)),
        "line 1 does not say the order of the request: taken as 0");
  }

  @Test
  void whatHasNoZoneSaysWhatItIs() throws IOException {
    String cgroup =
        """
        java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=999
        memory: usage 524288kB, limit 524288kB, failcnt 3091
        oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)
        """;
    assertHas(
        run(2, "explain", "--after", file("cgroup.txt", cgroup)),
        "a memory cgroup was at its limit (usage 524288kB, limit 524288kB)");
    assertHas(
        run(
            2,
            "explain",
            "--after",
            file("2.4.txt", "__alloc_pages: 4-order allocation failed (gfp=0x1f0/0)\n")),
        "it names a request (order 4, 0x1f0) and no zone");
  }

  @Test
  void aCutBuddyinfoHasTheBlocksThatItShows() throws IOException {
    String text =
        """
        Node 0, zone      DMA      0      4      5      4      4      3 ...
        Node 0, zone   Normal      1      0      0      1    101      8 ...
        """;
    assertHas(
        run(0, "explain", "alloc_pages", "GFP_KERNEL", "3", "--after", file("cut.txt", text)),
        "line 2 is cut: of larger blocks it is taken to have none",
        "Normal: 1881 free pages",
        "- Node 0, zone Normal: 1 0 0 1 101 8 0");
  }

  @Test
  void grepPutsTheFileInFrontOfABootLog() throws IOException {
    String log =
        """
        boot.1G.log:BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
        boot.1G.log:BIOS-e820: [mem 0x0000000000100000-0x000000003ffeffff] usable
        boot.2G.log:BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
        boot.2G.log:BIOS-e820: [mem 0x0000000000100000-0x000000007ffeffff] usable
        """;
    assertHas(
        run(0, "explain", "boot", "--machine", file("grep.txt", log)),
        "there are 2 boots in it",
        "0x0000000000100000-0x000000007ffeffff] usable");
  }

  @Test
  void aDumpOfMapsIsFoundAmongOtherLines() throws IOException {
    String dump =
        """
        [root@host /]# cat /proc/77/maps
        > 00400000-00786000 r-xp 00000000 fe:03 347229   /bin/rr
        > 01d48000-01d69000 rw-p 00000000 00:00 0        [heap]
        // snip
        10:11 app: 7f7908000000-7f79088ee000 rw-p 00000000 00:00 0
        7ffc62447000-7ffc62468000 rw-p 00000000 00:00 0 [stack]
        Aborted (core dumped)
        """;
    String maps = file("dump.txt", dump);
    String text = run(0, "explain", "mmap", "4K", "--maps", maps);
    assertHas(
        text,
        "3 lines are no lines of maps and were passed over, the first is line 1:",
        "process 1: after",
        "= 0x7f7907fff000");
    assertHas(run(0, "explain", "mmap", "4K", "--after", maps), "= 0x7f7907fff000");
    String without =
        """
        500000000000-500000117000 r-xp 0000000000                    /bin/bash
        500000130000-50000013e000 rw-p 0000120000                    /bin/bash
        500000150000-50000015e000 rw-p 0000000000
        7fffff780000-7fffff7d9000 r-xp 0000000000                    /lib/ld.so
        """;
    assertHas(
        run(0, "cat", "/proc/1/maps", "--maps", file("without.txt", without)),
        "maps without device and inode",
        "/bin/bash",
        "500000130000-50000013e000 rw-p 00120000 08:01",
        "500000150000-50000015e000 rw-p 00000000 00:00 0");
    assertHas(
        run(2, "explain", "mmap", "4K", "--maps", file("no.txt", "hello\n")),
        "there is no line of maps");
    assertHas(
        run(2, "explain", "mmap", "4K", "--maps", file("bad.txt", dump + "ffff-1000 r-xp\n")),
        "where: " + dir.resolve("bad.txt") + ", line 8");
  }

  @Test
  void aLogMayBeginInTheMiddleOfAProcess() throws IOException {
    String log =
        """
        Process 4000 attached with 3 threads - interrupt to quit
        [pid  4002] 10:11:12.1 mmap(NULL, 134217728, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x7f7908000000 <0.000012>
        [pid  4002] 10:11:12.2 munmap(0x7f790c000000, 67108864) = 0 <0.000010>
        [pid  4002] 10:11:12.3 mprotect(0x7f7908000000, 135168, PROT_READ|PROT_WRITE <unfinished ...>
        [pid  4001] 10:11:12.4 futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>
        [pid  4002] 10:11:12.5 <... mprotect resumed> ) = 0 <0.000020>
        [pid  4000] 10:11:12.6 brk(0x1d8a000)    = 0x1d8a000 <0.000010>
        [pid  4000] 10:11:12.7 brk(0x1dab000)    = 0x1dab000 <0.000010>
        """;
    assertHas(
        run(0, "replay", file("attach.strace", log)),
        "exact",
        "results 4",
        "the heap is taken to begin at 0x1d69000, below its first growth");
  }

  @Test
  void aPlaceThatHugePagesDecideIsSaidToBeAnOlderKernels() throws IOException {
    String log =
        """
        execve("/bin/t", ["t"], [/* 33 vars */]) = 0
        brk(0)                                  = 0x2319000
        mmap(NULL, 249822, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fe4d865f000
        mmap(NULL, 4194304, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fe4d825f000
        """;
    assertHas(
        run(1, "replay", file("older.strace", log)),
        "placed it without regard to huge pages: one older than 6.7 does");
  }
}
