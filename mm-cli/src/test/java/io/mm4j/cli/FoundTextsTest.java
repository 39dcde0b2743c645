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
    String text = Cli.folded(0, "explain", "--after", split);
    Cli.assertHas(text, "Linux 4.9", "as lowmem reserve", "= no page");
    Cli.assertHas(
        Cli.folded(0, "cat", "/proc/buddyinfo", "--after", split), "Normal 3005 1516 0 0");
    // The same, with the continuation lines bare.
    assertEquals(
        text.replace("journal", "bare"),
        Cli.folded(0, "explain", "--after", file("bare.txt", report)));
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
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file("page.txt", report)),
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
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file("old.txt", report)),
        "no kernel is named in it",
        "0xd0, a kernel before 4.6",
        "alloc_pages(gfp=GFP_KERNEL, order=2)",
        "= no page");
    String younger = report.replace("0xd0", "0x24000c0");
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file("younger.txt", younger)),
        "of 4.4 and 4.5",
        "alloc_pages(gfp=GFP_KERNEL, order=2)");
    String without = report.replace(", order=2, oomkilladj=0", "").replace("script invoked ", "");
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file("2.6.9.txt", without)),
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
    Cli.assertHas(
        Cli.folded(2, "explain", "--after", file("cgroup.txt", cgroup)),
        "a memory cgroup was at its limit (usage 524288kB, limit 524288kB)");
    Cli.assertHas(
        Cli.folded(
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
    Cli.assertHas(
        Cli.folded(
            0, "explain", "alloc_pages", "GFP_KERNEL", "3", "--after", file("cut.txt", text)),
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
    Cli.assertHas(
        Cli.folded(0, "explain", "boot", "--machine", file("grep.txt", log)),
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
    String text = Cli.folded(0, "explain", "mmap", "4K", "--maps", maps);
    Cli.assertHas(
        text,
        "3 lines are no lines of maps and were passed over, the first is line 1:",
        "process 1: after",
        "= 0x7f7907fff000");
    Cli.assertHas(Cli.folded(0, "explain", "mmap", "4K", "--after", maps), "= 0x7f7907fff000");
    String without =
        """
        500000000000-500000117000 r-xp 0000000000                    /bin/bash
        500000130000-50000013e000 rw-p 0000120000                    /bin/bash
        500000150000-50000015e000 rw-p 0000000000
        7fffff780000-7fffff7d9000 r-xp 0000000000                    /lib/ld.so
        """;
    Cli.assertHas(
        Cli.folded(0, "cat", "/proc/1/maps", "--maps", file("without.txt", without)),
        "maps without device and inode",
        "/bin/bash",
        "500000130000-50000013e000 rw-p 00120000 08:01",
        "500000150000-50000015e000 rw-p 00000000 00:00 0");
    Cli.assertHas(
        Cli.folded(2, "explain", "mmap", "4K", "--maps", file("no.txt", "hello\n")),
        "there is no line of maps");
    Cli.assertHas(
        Cli.folded(
            2, "explain", "mmap", "4K", "--maps", file("bad.txt", dump + "ffff-1000 r-xp\n")),
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
    Cli.assertHas(
        Cli.folded(0, "replay", file("attach.strace", log)),
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
    Cli.assertHas(
        Cli.folded(1, "replay", file("older.strace", log)),
        "placed it without regard to huge pages: one older than 6.7 does");
  }

  @Test
  void watermarksAreThoseOfTheReportToThePage() throws IOException {
    // 10,525 pages are free and 10,599 must stay: what min_free_kbytes would give is 10,488.
    String report =
        """
        postgres invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP), order=0, oom_score_adj=0
        CPU: 2 UID: 104 PID: 35 Comm: postgres Not tainted 6.16.9+deb14-amd64 #1 PREEMPT(lazy)
        Node 0 DMA free:11264kB boost:0kB min:96kB low:120kB high:144kB reserved_highatomic:0KB free_highatomic:0KB present:15992kB managed:15360kB
        lowmem_reserve[]: 0 2906 7910 7910 7910
        Node 0 DMA32 free:31012kB boost:0kB min:24664kB low:30828kB high:36992kB present:3129152kB managed:3063088kB
        lowmem_reserve[]: 0 0 5004 5004 5004
        Node 0 Normal free:42396kB boost:0kB min:42396kB low:52992kB high:63588kB present:5242880kB managed:5124388kB
        lowmem_reserve[]: 0 0 0 0 0
        Node 0 DMA: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 1*1024kB (U) 1*2048kB (M) 2*4096kB (M) = 11264kB
        Node 0 DMA32: 1011*4kB (UME) 671*8kB (UME) 358*16kB (UME) 140*32kB (UME) 54*64kB (UME) 20*128kB (UE) 8*256kB (UME) 4*512kB (UE) 1*1024kB (E) = 31012kB
        Node 0 Normal: 1035*4kB (UME) 855*8kB (UME) 521*16kB (UME) 256*32kB (UME) 108*64kB (UME) 40*128kB (UME) 10*256kB (UME) = 42396kB
        """;
    String file = file("oom.txt", report);
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file),
        "= no page",
        "10525 free pages; 10599 must stay (watermark min): 75 too few",
        "24 must stay (watermark min), and 7910 as lowmem reserve");
    // A sysctl of one's own has them worked out anew.
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file, "--cmdline", "vm.min_free_kbytes=16384"),
        "= pfn ");
  }

  @Test
  void aBoostIsInTheWatermarksAndOldReservesHaveAnotherName() throws IOException {
    String boosted =
        """
        apt invoked oom-killer: gfp_mask=0xdc0(GFP_KERNEL|__GFP_ZERO), order=2, oom_score_adj=0
        CPU: 1 PID: 1371 Comm: apt Tainted: G         C         6.1.19-v7l+ #1637
        DMA free:519112kB boost:7216kB min:10428kB low:11228kB high:12028kB reserved_highatomic:0KB present:786432kB managed:663836kB free_cma:513592kB
        lowmem_reserve[]: 0 0 3188 3188
        DMA: 142*4kB (UEC) 161*8kB (UEC) 59*16kB (UEC) 51*32kB (UEC) 18*64kB (UEC) 2*128kB (UC) 1*256kB (C) 0*512kB 1*1024kB (C) 0*2048kB 125*4096kB (C) = 519120kB
        """;
    Cli.assertHas(
        Cli.folded(0, "explain", "--after", file("boost.txt", boosted)),
        "2807 must stay (watermark low)",
        "2607 must stay (watermark min)",
        "= no page");
    String old =
        """
        dmsetup: page allocation failure. order:4, mode:0xd0
        DMA free:1204kB min:16kB low:32kB high:48kB active:3100kB present:16384kB
        protections[]: 0 0 0
        Normal free:10184kB min:936kB low:1872kB high:2808kB present:245696kB
        protections[]: 0 0 0
        HighMem free:0kB min:128kB low:256kB high:384kB present:0kB
        protections[]: 0 0 0
        DMA: 127*4kB 39*8kB 8*16kB 4*32kB 2*64kB 0*128kB = 1204kB
        Normal: 1906*4kB 226*8kB 47*16kB 0*32kB 0*64kB 0*128kB = 10184kB
        HighMem: empty
        """;
    String text = Cli.folded(0, "explain", "--after", file("2.6.9.txt", old));
    Cli.assertHas(text, "zone DMA: 301 free pages; 8 must stay (watermark low): may serve");
    assertTrue(!text.contains("lowmem reserve") && !text.contains("HighMem"), text);
  }

  @Test
  void otherToolsPrintMapsInTheirOwnWays() throws IOException {
    String gdb =
        """
        process 4242
                  Start Addr           End Addr       Size     Offset  Perms  objfile
              0x555555554000     0x555555556000     0x2000        0x0  r--p   /usr/bin/cat
              0x55555555f000     0x555555580000    0x21000        0x0  rw-p   [heap]
              0x7ffff7d8f000     0x7ffff7db1000    0x22000     0x1000  r--p   /usr/lib/libc.so.6
              0x7ffffffde000     0x7ffffffff000    0x21000        0x0  rw-p   [stack]
        """;
    Cli.assertHas(
        Cli.folded(0, "cat", "/proc/1/maps", "--maps", file("gdb.txt", gdb)),
        "555555554000-555555556000 r--p 00000000 08:01",
        "55555555f000-555555580000 rw-p 00000000 00:00 0 [heap]",
        "7ffff7d8f000-7ffff7db1000 r--p 00001000 08:01");
    String older = gdb.replaceAll("  r[-w]-p", "");
    Cli.assertHas(
        Cli.folded(2, "cat", "/proc/1/maps", "--maps", file("gdb7.txt", older)),
        "gdb before 12 shows no permissions");
    String pmap =
        """
        4242:   cat
        Address           Kbytes     RSS   Dirty Mode  Mapping
        0000555555554000       8       8       0 r---- cat
        00007ffff7d8f000     136     136       0 rw-s- shm
        00007ffffffde000     132      12      12 rw---   [ stack ]
        ffffffffff600000       4       0       0 --x--   [ anon ]
        ---------------- ------- ------- -------
        """;
    Cli.assertHas(
        Cli.folded(0, "cat", "/proc/1/maps", "--maps", file("pmap.txt", pmap)),
        "pmap shows no offsets of files",
        "555555554000-555555556000 r--p",
        "7ffff7d8f000-7ffff7db1000 rw-s",
        "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]",
        "[vsyscall]");
    String rr =
        """
          (heap: 0x9415000-0x9610000)
        0x8048000-0x8fa9000 r-xp 00000000 fe:04 13119698   /home/u/js
        0x9415000-0x9610000 rw-p 00000000 00:00 0          [heap]
        0xffb6e000-0xffb8f000 rw-p 00000000 00:00 0          [stack]
        """;
    Cli.assertHas(
        Cli.folded(0, "cat", "/proc/1/maps", "--maps", file("rr.txt", rr)),
        "08048000-08fa9000 r-xp 00000000 08:01",
        "09415000-09610000 rw-p");
  }

  @Test
  void aSpaceOfAnotherMachineEndsAboveItsStack() throws IOException {
    String tombstone =
        """
        memory map (4 entries):
            00000000'12c00000-00000000'12c3ffff rw-         0     40000  [anon:dalvik-main space]
        --->Fault address falls at 00000000 before any mapped regions
            0000007f'6e000000-0000007f'6e1fffff r-x         0    200000  /system/lib64/libc.so (BuildId: a1)
            0000007f'e0000000-0000007f'e0000fff rw-         0      1000
            0000007f'f0000000-0000007f'f0020fff rw-         0     21000  [stack]
        """;
    Cli.assertHas(
        Cli.folded(0, "explain", "mmap 1M", "--maps", file("tombstone.txt", tombstone)),
        "user space is taken to end at 0x8000000000, which is not x86-64's",
        "searched top-down from 0x7fe0001000");
    String cut =
        """
        555555554000-555555555000 r--p 00000000 08:01 1234 /usr/bin/sleep
        555555560000-555555581000 rw-p 00000000 00:00 0 [heap]
        7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
        """;
    Cli.assertHas(
        Cli.folded(0, "explain", "mmap 1M", "--maps", file("cut.txt", cut)),
        "searched top-down from 0x7ffff7fff000");
  }

  @Test
  void oldStraceCountsOffsetsOfMmap2InPages() throws IOException {
    String log =
        """
        execve("./a.out", ["./a.out"], [/* 20 vars */]) = 0
        open("/lib/libc.so.6", O_RDONLY) = 3
        mmap2(NULL, 1251484, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = 0xb7eab000
        mmap2(0xb7fd3000, 28672, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x127) = 0xb7fd3000
        mmap2(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xb7eaa000
        """;
    Cli.assertHas(
        Cli.folded(0, "replay", file("old.strace", log)), "exact", "offsets of mmap2 are in pages");
  }

  @Test
  void mapsBesideALogThatAreAnotherProgramsAreNotUsed() throws IOException {
    file(
        "my.maps",
        """
        56234ce0f000-56234ce11000 rw-p 0000a000 08:01 11 /usr/bin/cat
        562354235000-562354256000 rw-p 00000000 00:00 0 [heap]
        7fedbd164000-7fedbd186000 rw-p 00000000 00:00 0
        7ffcc1a5c000-7ffcc1a7d000 rw-p 00000000 00:00 0 [stack]
        """);
    String log =
        file(
            "my.strace",
            """
            execve("/usr/bin/ls", ["ls"], 0x7ffe /* 20 vars */) = 0
            brk(NULL) = 0x562866000000
            mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f99b70a8000
            munmap(0x7f99b70a8000, 4096) = 0
            """);
    Cli.assertHas(
        Cli.folded(0, "replay", log), "exact", "my.maps is of /usr/bin/cat, not of this log");
    String maps = log.replace(".strace", ".maps");
    Cli.assertHas(Cli.folded(1, "replay", log, "--maps", maps), "the maps show /usr/bin/cat");
  }

  @Test
  void aPlaceThatNoSearchLeadsToIsSaidToBeNone() throws IOException {
    String maps =
        """
        00400000-00401000 r--p 00000000 08:02 1 /tmp/t
        7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
        """;
    file("far.maps", maps);
    String log =
        """
        brk(NULL) = -1 EPERM (Operation not permitted)
        mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xda1facbb000
        """;
    Cli.assertHas(
        Cli.folded(1, "replay", file("far.strace", log)),
        "refused before memory management saw",
        "no search of Linux leads there from these maps");
  }

  @Test
  void newKernelsNameTheTypesOfMemoryInWords() throws IOException {
    String log =
        """
        [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff]  System RAM
        [    0.000000] BIOS-e820: [gap 0x00000000000a0000-0x00000000000fffff]
        [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff]  System RAM
        [    0.000000] BIOS-e820: [mem 0x0000000040000000-0x00000000403fffff]  device reserved
        [    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] soft reserved
        """;
    Cli.assertHas(
        Cli.folded(0, "explain", "boot", "--machine", file("7.0.txt", log)),
        "[mem 0x0000000000100000-0x000000003fffffff] usable",
        "[mem 0x0000000040000000-0x00000000403fffff] reserved",
        "[mem 0x0000000100000000-0x000000013fffffff] reserved");
  }

  @Test
  void memAndMemmapCountInTheirOrder() {
    Cli.assertHas(
        Cli.folded(0, "explain", "boot", "--memory", "8G", "--cmdline", "mem=3G memmap=1G@5G"),
        "mem=: RAM from 0xc0000000 on is not used: 3145343K of RAM are left",
        "0x140000000-0x17fffffff is USABLE, whatever it was: 4193919K of RAM are left");
    Cli.assertHas(
        Cli.folded(0, "explain", "boot", "--memory", "8G", "--cmdline", "memmap=1G@5G mem=3G"),
        "mem=: RAM from 0xc0000000 on is not used: 3145343K of RAM are left");
  }

  @Test
  void anOptionThatChangesNothingIsSpokenOf() throws IOException {
    String same = "changes nothing in this answer: it is the same without";
    String text = Cli.folded(0, "explain", "mmap 4K", "--cpus", "3", "--privileged");
    Cli.assertHas(text, "note: --cpus " + same, "note: --privileged " + same);
    String effect =
        Cli.folded(0, "explain", "alloc_pages GFP_KERNEL 3", "--memory=64M", "--cpus", "3");
    assertTrue(!effect.contains("--memory " + same), effect);
    Cli.assertHas(
        Cli.folded(0, "replay", file("one.strace", "munmap(0x7000, 4096) = 0\n"), "--cpus", "3"),
        "note: --cpus has no effect");
  }
}
