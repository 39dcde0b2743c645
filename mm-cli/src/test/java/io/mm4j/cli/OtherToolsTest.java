// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static io.mm4j.cli.Cli.assertHas;
import static io.mm4j.cli.Cli.folded;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls and mappings as tools other than strace and procfs print them. */
class OtherToolsTest {
  private static final String ANON = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)";

  @TempDir Path dir;

  private String file(String text) throws IOException {
    return Files.writeString(dir.resolve("text.txt"), text).toString();
  }

  private void assertExact(int results, String log, String... parts) throws IOException {
    String text = folded(0, "replay", file(log));
    assertHas(text, "exact", "results " + results);
    assertHas(text, parts);
  }

  @Test
  void ltraceShowsSystemCallsAmongThoseOfLibraries() throws IOException {
    assertExact(
        5,
        """
        brk@SYS(nil)                                     = 0x55555557a000
        mmap@SYS(nil, 8192, 3, 34, -1, 0)                = 0x7ffff7fb8000
        openat@SYS(AT_FDCWD, "/etc/ld.so.cache", 0x80000, 00) = 3
        mmap@SYS(nil, 0x6a3f, 1, 2, 3, 0)                = 0x7ffff7fb1000
        close@SYS(3)                                     = 0
        mmap(0, 4096, 3, 34 <unfinished ...>
        mmap@SYS(nil, 4096, 3, 34, -1, 0)                = 0x7ffff7fb0000
        <... mmap resumed> )                             = 0x7ffff7fb0000
        brk@SYS(0x55555559b000)                          = 0x55555559b000
        munmap@SYS(0x7ffff7fb1000, 0x6a3f)               = 0
        mmap@SYS(0x10000, 0, 3, 34, -1, 0)               = -22
        exit_group@SYS(0 <no return ...>
        +++ exited (status 0) +++
        """,
        "its calls of libraries are passed over");
    assertExact(
        3,
        """
        SYS_brk(NULL)                                     = 0x00d3a000
        SYS_mmap(0, 8192, 3, 34, 0xffffffff)              = 0x7f0c2d5d6000
        SYS_open("/etc/ld.so.cache", 2, 01)               = 3
        SYS_mmap(0, 0x12e26, 3, 1, 3)                     = 0x7f0c2d5c3000
        SYS_mprotect(0x7f0c2d5d6000, 4096, 1)             = 0
        SYS_munmap(0x7f0c2d5c3000, 77350)                 = 0
        puts("hello")                                     = 6
        """);
  }

  @Test
  void otherTracersPrintNearlyTheSame() throws IOException {
    assertExact(
        2,
        """
        I0705 23:27:43.247383       1 strace.go:576] [   1:   1] app E mmap(0x0, 0x40000, 0x3, 0x22, 0xffffffffffffffff (bad FD), 0x0)
        I0705 23:27:43.247488       1 strace.go:614] [   1:   1] app X mmap(0x0, 0x40000, 0x3, 0x22, 0xffffffffffffffff (bad FD), 0x0) = 139853111894016 (0x7f32170e2000) (38.221us)
        I0705 23:27:43.247591       1 strace.go:576] [   1:   1] app E mmap(0x0, 0x20000, 0x0, 0x22, 0xffffffffffffffff (bad FD), 0x0)
        I0705 23:27:43.247637       1 strace.go:614] [   1:   1] app X mmap(0x0, 0x20000, 0x0, 0x22, 0xffffffffffffffff (bad FD), 0x0) = 139853111762944 (0x7f32170c2000) (20.1us)
        I0705 23:27:43.247700       1 strace.go:605] [   1:   1] app X munmap(0x7f32170c2000, 0x20000) = 0 (0x0) (10.1us)
        """);
    assertExact(
        1,
        """
        [pid 4007] X mmap(0x0, 0x2000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -0x1, 0x0) = 0x7f1a3c2f0000 (8us)
        [pid 4007] E munmap(0x7f1a3c2f0000, 0x1000)
        [pid 4007] X munmap(0x7f1a3c2f0000, 0x1000) = 0x0 (8us)
        """);
    assertExact(
        2,
        """
        42 mmap(NULL,8192,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS,-1,0) = 0x00007ffff7fb8000
        42 munmap(0x00007ffff7fb8000,4096) = 0
        42 mmap(0x0000000000001000,0,PROT_READ,MAP_PRIVATE|MAP_ANONYMOUS,-1,0) = -1 errno=22 (Invalid argument)
        """);
  }

  /** What stands in front of a line or within it, and is none of strace's own. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "'%d - '! ",
        "'%d. '! ",
        "'Nov 12 03:04:05 build42 strace[991]: '! ",
        "'app_1  | 2024-01-05T10:11:12.123456789Z [pid    17] '! ",
        "'2024-01-05T10:11:12.1Z stdout F '! ",
        "'14:01:02.123456 (+     0.000213) '! ",
        "'4711 [unconfined_t] '! [ld_so_cache_t]",
        "'4711 [u:r:unconfined_t:s0-s0:c0.c1023] '! [system_u:object_r:ld_so_cache_t:s0]",
      })
  void whatStandsBeforeALineIsLeftAway(String front, String context) throws IOException {
    String behind = context == null ? "" : " " + context.strip();
    String log =
        """
        openat(AT_FDCWD, "/etc/ld.so.cache"%2$s, O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>%2$s
        mmap(NULL, 8192, %1$s = 0x7f1a3c2f0000
        mmap(NULL, 23091, PROT_READ, MAP_PRIVATE, 3</etc/ld.so.cache>%2$s, 0) = 0x7f1a3c2ea000
        munmap(0x7f1a3c2ea000, 23091) = 0
        """
            .formatted(ANON, behind);
    StringBuilder text = new StringBuilder();
    int n = 0;
    for (String line : log.lines().toList()) {
      text.append(front.replace("%d", Integer.toString(++n))).append(line).append('\n');
    }
    String answer = folded(0, "replay", file(text.toString()));
    assertHas(answer, "exact", "results 2");
    assertFalse(answer.contains("passed over"), answer);
    assertFalse(answer.contains("descriptor"), answer);
  }

  @Test
  void manualsWrapLinesAndWebPagesChangeCharacters() throws IOException {
    assertExact(
        1,
        """
        08:44:06 brk(0) = 0x606000
        08:44:06 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, \\
        -1, 0) = 0x7f8e78cc5000
        [...]
        08:44:06 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) \\
        = 0x7f8e78cc4000
        """);
    assertExact(
        2,
        """
        execve(\u201c/bin/t\u201d, [\u201ct\u201d], [/* 3 vars */]) = 0
        brk(0) = 0\u00d78062000
        brk(0\u00d78063000) = 0\u00d78063000
        mmap2(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0\u00d7b7fff000
        munmap(0\u00d7b7fff000, 4096) = 0
        """);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "% time     seconds  usecs/call     calls    errors syscall!a summary of strace -c",
        "SYSCALL[77,1](9) sys_mmap ( 0x0, 8192, 3, 34, -1, 0 ) --> [pre-success]"
            + " Success(0x4)!valgrind",
        "SLUB: Unable to allocate memory on node -1, gfp=0x920(GFP_ATOMIC|__GFP_ZERO)!no zone",
        "sh-7 [001] .... 1.0: kmalloc: call_site=f+0x1 ptr=01 bytes_req=100!none of pages",
        "101 12:01:02.0 0 app (77) > mmap addr=0 length=8192!events of sysdig",
        "BIOS-e820: [mem 0x0-0x9fbff] usable!this is a boot log",
        "MemTotal:        8000000 kB!sums only",
        "7ffff7d8f000 default file=/usr/lib/libc.so.6 mapped=20 N0=20!numa_maps shows where",
      })
  void whatCannotBePlayedSaysWhatIsMissing(String text, String part) throws IOException {
    String what = part.equals("no zone") ? "says nothing of pages and zones" : part;
    assertHas(folded(2, "replay", file(text + "\n")), what);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        // pwndbg, with two ways of offsets; gef; peda; lldb; crash; Android; qemu; JSON; pmap
        "0x7ffff7d8f000     0x7ffff7db1000 r--p    22000   1000 /lib/libc.so.6!1000",
        "0x00007ffff7d8f000 0x00007ffff7db1000 0x0000000000001000 r-- /lib/libc.so.6!1000",
        "0x00007ffff7d8f000 0x00007ffff7db1000 r--p\t/lib/libc.so.6!0",
        "[0x00007ffff7d8f000-0x00007ffff7db1000) r-- /lib/libc.so.6 PT_LOAD[0]!0",
        "ffff880138ea5de0 7ffff7d8f000 7ffff7db1000 8000071 /lib/libc.so.6!0",
        "'    7ffff7d8f000-7ffff7db1000 r--    1000   22000 /lib/libc.so.6'!1000",
        "00007ffff7d8f000-00007ffff7db1000 0000000000022000 r--!none",
        "'\"7ffff7d8f000-7ffff7db1000 r--p 00001000 08:01 99 /lib/libc.so.6\",'!1000",
        "7ffff7d8f000 r--p 00001000  08:01     99  136  136   10 0 0 /lib/libc.so.6!1000",
        "7ffff7d8f000 r--p 00001000  fe:00     99  136  4 4 0 rd mr mw me /lib/libc.so.6!1000",
        "00007ffff7d8f000     136 r---- 0000000000001000 008:00001 /lib/libc.so.6!1000",
      })
  void debuggersShowMappings(String line, String offset) throws IOException {
    String dump =
        """
        55555555f000-555555580000 rw-p 00000000 00:00 0 [heap]
        %s
        7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
        """
            .formatted(line.replace("\\t", "\t").replace("\\\"", "\""));
    String maps = folded(0, "cat", "/proc/1/maps", "--maps", file(dump));
    boolean named = !offset.equals("none");
    assertHas(
        maps,
        named
            ? "7ffff7d8f000-7ffff7db1000 r--p %08x 08:01".formatted(Integer.parseInt(offset, 16))
            : "7ffff7d8f000-7ffff7db1000 r--p 00000000 00:00 0");
    assertFalse(named && !maps.contains("/lib/libc.so.6"), maps);
  }

  @Test
  void whatADebuggerLeavesOutIsSaid() throws IOException {
    String lldb =
        """
        (lldb) memory region --all
        [0x0000000000000000-0x0000555555554000) ---
        [0x0000555555554000-0x0000555555555000) r-x /tmp/a.out PT_LOAD[0]
        [0x0000555555559000-0x000055555557a000) rw- [heap]
        [0x00007ffffffde000-0x00007ffffffff000) rw- [stack]
        """;
    assertHas(
        folded(0, "explain", "mmap 1M", "--maps", file(lldb)),
        "lldb shows no offsets of files",
        "3 VMAs",
        "= 0x7ffff7eff000");
    String crash =
        """
        crash> vm
              VMA           START       END     FLAGS FILE
        ffff880138ea5ac0     400000     4d4000 8001875 /bin/bash
        ffff880138ea5d18    1d48000    1d69000 100073
        ffff880138ea5ea8 7ffc62447000 7ffc62468000 100173
        """;
    assertHas(
        folded(0, "cat", "/proc/1/maps", "--maps", file(crash)),
        "00400000-004d4000 r-xp 00000000 08:01",
        "7ffc62447000-7ffc62468000 rw-p 00000000 00:00 0 [stack]");
    String again =
        """
        memory map:
            12c00000-12c95000 rw-       0   95000 /dev/ashmem/dalvik-main space (deleted)
            12c95000-141ef000 rw-   95000 155a000 >
            be9c2000-be9e3000 rw-       0   21000 [stack]
        """;
    assertHas(
        folded(0, "cat", "/proc/1/maps", "--maps", file(again)),
        "12c95000-141ef000 rw-p 00095000 08:01",
        "/dev/ashmem/dalvik-main space (deleted) be9c2000");
    String asan =
        "==77==Process memory map follows:\n\t0x0000004aa000-0x0000006aa000\t/tmp/a.out\n";
    assertHas(
        folded(2, "explain", "mmap 1M", "--maps", file(asan)),
        "a sanitizer's map shows no permissions");
  }

  @Test
  void aHeapWithoutANameIsTheFirstMappingBehindTheProgram() throws IOException {
    String pmap =
        """
        4242:   cat
        0000555555554000       8K r---- cat
        0000555555556000       8K rw--- cat
        0000555555558000       4K rw---   [ anon ]
        00005555555a0000     132K rw---   [ anon ]
        00007ffff7d8f000     136K r---- libc.so.6
        00007ffffffde000     132K rw---   [ stack ]
        """;
    assertHas(
        folded(0, "explain", "brk brk+4K", "--maps", file(pmap)),
        "5555555a0000-5555555c1000 is taken for the heap, which pmap does not name",
        "= 0x5555555c2000");
  }

  @Test
  void machinesHaveOtherAddresses() throws IOException {
    String log =
        """
        execve("/usr/bin/ls", ["ls"], 0xffffd4b8f3d8 /* 21 vars */) = 0
        brk(NULL)                               = 0xaaaae1b9c000
        mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff9a5f0000
        munmap(0xffff9a5f0000, 4096)            = 0
        """;
    assertHas(
        folded(2, "replay", file(log)),
        "the mapping at 0xffff9a5f0000 ends above x86-64's user space",
        "line 3",
        "arm64");
    assertHas(
        folded(
            2,
            "replay",
            file("mmap(NULL, 0x7fffffffffff, PROT_READ, 0x22, -1, 0) = 0x7ffff7ff5000\n")),
        "the mapping at 0x7ffff7ff5000 ends above");
    for (String range :
        List.of(
            "aaaac2a50000-aaaac2a72000",
            "7ffffffff000-800000001000",
            "4095ffff7d8f000-4095ffff7db1000")) {
      assertHas(
          folded(2, "explain", "mmap 64K", "--maps", file(range + " rw-p 00000000 00:00 0\n")),
          "within x86-64's user space");
    }
    String large =
        """
        brk(NULL)                               = 0x10018e10000
        mmap(NULL, 65536, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fff8a5d0000
        mmap(NULL, 23091, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fff8a5c0000
        mprotect(0x7fff8a5d0000, 4096, PROT_READ|PROT_EXEC) = -1 EACCES (Permission denied)
        """;
    assertHas(folded(1, "replay", file(large)), "pages of 64 kB");
    assertHas(
        folded(1, "replay", file(large.replaceFirst("mmap\\(NULL, 23091.*\\n", ""))),
        "a security module may have refused memory that is written and executed");
  }

  @Test
  void theNextStepIsNamed() throws IOException {
    String log = file("munmap(0x7000, 4096) = 0\n");
    assertHas(folded(2, "replay", log.replace("text", "txet")), "did you mean 'text.txt'?");
    assertHas(
        folded(2, "explain", "mmap 4K", "--maps", log), "a log of calls, which --after takes");
    assertHas(folded(2, "boot", "--machine", log), "mm explain boot ...");
    assertHas(folded(2, "explain", log), "is a file and no operation", "--after " + log);
    assertHas(folded(2, "explain", "--after", log), "--calls 1- explains the calls");
    assertHas(folded(2, "run", "tar_gzp"), "did you mean 'tar_gzip'?");
    assertHas(folded(2, "explain", "boot", log), "a map with --machine FILE");
  }

  @Test
  void archivesOfMailsChangeLines() throws IOException {
    assertExact(
        1,
        """
        <span class="quotelev1">&gt; [pid  6796] mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f75a5fed000
        </span><br>
        <span class="quotelev1">&gt; [pid  6796] mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f75a5fec000
        </span><br>
        """);
    assertExact(
        1,
        """
        16:02:19.1 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f75a5fed000 <0.01>
        16:02:19.2 munmap(0x7f75a5fed000, 4096) = 0 <0.000019>
        16:02:23.4 mmap(NULL, 552960, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <ptrace(SYSCALL):No such process>
        16:02:25.3 +++ killed by SIGKILL +++
        """);
    String maps =
        """
        &gt; 00400000-00401000 r-xp 00000000 08:01 1 /tmp/a&amp;b<br>
        &gt; 7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]<br>
        """;
    assertHas(folded(0, "cat", "/proc/1/maps", "--maps", file(maps)), "/tmp/a&b");
    String report =
        """
        >> sh: page allocation failure: order:9, mode:0xcc0(GFP_KERNEL), nodemask=(null)
        >> CPU: 0 UID: 0 PID: 1 Comm: sh Not tainted 6.8.0 #1
        >> [    1.285147] DMA32 free:3436kB boost:0kB min:312kB low:388kB high:464kB
        >> reserved_highatomic:0KB active_anon:0kB present:8192kB
        >> managed:6240kB mlocked:0kB
        >> [    1.310654] lowmem_reserve[]: 0 0 0
        >> [    1.314089] DMA32: 17*4kB (U) 10*8kB (U) 7*16kB (U) 6*32kB (U) 11*64kB
        >> (U) 6*128kB (U) 6*256kB (U) 0*512kB 0*1024kB = 3460kB
        """;
    assertHas(
        folded(0, "explain", "--after", file(report)),
        "zone DMA32: 865 free pages; 78 must stay (watermark min)",
        "= no page");
    String cut =
        """
        a.out invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=0, order=0
        Node 0 DMA32 free:44636kB min:44672kB low:55840kB high:67008kB unevictable:0kB writep\\
        ending:26248kB present:2080640kB managed:1866768kB
        lowmem_reserve[]: 0 0 0 0
        Node 0 DMA32: 3845*4kB (UME) 1809*8kB (UME) 600*16kB (UME) 134*32kB (UME) 14*64kB (UME) = 44636kB
        """;
    assertHas(
        folded(0, "explain", "--after", file(cut)),
        "11159 free pages; 11168 must stay (watermark min): 10 too few");
    String graph =
        """
        24)               |  /* mm_page_alloc: page=00000000d2 pfn=4096 order=2 migratetype=0 gfp_flags=GFP_KERNEL */
        1287587.105144 |   1)   0.1 us  |  /* mm_page_free: page=00000000d2 pfn=4096 order=2 */
        """;
    assertHas(folded(0, "run", file(graph), "--memory", "64M", "--csv"), "buddy,1,4,0,1,0");
  }
}
