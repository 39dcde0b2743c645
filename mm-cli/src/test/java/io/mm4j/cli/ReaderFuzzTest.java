// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every reader behind the command, on texts with lines and characters changed: whatever comes, the
 * end is an answer or an error in three parts, never an internal one. Three seconds each, ten
 * minutes in a soak, with a new seed; {@code -Dmm4j.fuzz.seed=N} repeats one.
 */
class ReaderFuzzTest {
  private static final String E820 =
      """
      [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
      [    0.000000] BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]
      [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable
      [    0.000000] user: [mem 0x0000000000100000-0x000000003fffffff] usable
      e820: update [mem 0x00200000-0x002fffff] usable ==> reserved
      ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0fffffff]
      ACPI: SRAT: Node 1 PXM 1 [mem 0x10000000-0x3fffffff]
      """;
  private static final String IOMEM =
      """
      00000000-00000fff : Reserved
      00001000-0009fbff : System RAM
      00100000-3fffffff : System RAM
        01000000-022090c7 : Kernel code
      """;
  private static final String STRACE =
      """
      10 execve("/tmp/t", ["t"], 0x7ffc /* 3 vars */) = 0
      10 brk(NULL) = 0x602000
      10 openat(AT_FDCWD, "/lib/a", O_RDONLY) = 3</lib/a>
      10 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7ffff7ff5000
      10 prlimit64(0, RLIMIT_AS, {rlim_cur=2097152*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0
      10 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD <unfinished ...>
      11 mmap(NULL, 4096, 0x3, 0x22, -1, 0 <unfinished ...>
      10 <... clone resumed>) = 11
      10 munmap(0x7ffff7ff5000, 4096) = 0
      11 <... mmap resumed>) = 0x7ffff7ff5000
      10 shmget(IPC_PRIVATE, 12288, IPC_CREAT|0600) = 1
      10 shmat(1, NULL, 0) = 0x7ffff7ff2000
      10 mremap(0x7ffff7ff2000, 4096, 8192, MREMAP_MAYMOVE) = 0x7ffff7ff0000
      > [00007fc88a281cb7] madvise(0x7ffff7ff0000, 4096, MADV_DONTNEED) = 0
      10 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=12} ---
      [pid 10] X mmap(0x0, 0x2000, 0x3, 0x22, 0xffffffffffffffff (bad FD), 0x0) = 0x7ffff7fee000 (8us)
      17 - mmap(NULL,4096,PROT_READ,MAP_PRIVATE|MAP_ANONYMOUS,-1,0) = -1 errno=12 (Cannot allocate)
      Nov 12 03:04:05 h strace[9]: 10 mmap(NULL, 4096, 0x3 /* PROT_READ */, 0x22, -1, 0) \\
      = 0x7ffff7fed000
      10 +++ exited with 0 +++
      """;
  private static final String LTRACE =
      """
      SYS_brk(NULL) = 0x00d3a000
      SYS_mmap(0, 8192, 3, 34, 0xffffffff) = 0x7f0c2d5d6000
      openat@SYS(AT_FDCWD, "/etc/ld.so.cache", 0x80000, 00) = 3
      mmap@SYS(nil, 0x6a3f, 1, 2, 3, 0) = 0x7f0c2d5cf000
      malloc(100 <unfinished ...>
      brk@SYS(0x00d5b000) = 0x00d5b000
      <... malloc resumed> ) = 0xd3a2a0
      [pid 9] mprotect@SYS(0x7f0c2d5d6000, 4096, 0 <unfinished ...>
      [pid 9] <... mprotect@SYS resumed> ) = -22
      munmap@SYS(0x7f0c2d5cf000, 0x6a3f) = 0
      exit_group@SYS(0 <no return ...>
      """;
  private static final String SCENARIO =
      """
      alloc_pages GFP_KERNEL|__GFP_ZERO 3
      free_pages $1 3
      mmap 12K
      mprotect r3+4K 4K PROT_READ
      [pid 3] mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000
      brk brk+64K
      mremap r3 4K 8K MREMAP_MAYMOVE
      touch [stack]
      fork
      process 2
      madvise [heap] 4K MADV_DONTNEED
      setrlimit RLIMIT_AS 4M
      char *p = (char *)mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
      p[0] = 'x'; // one page
      munmap(p + 4096, 4096);
      """;
  private static final String ZONEINFO =
      """
      Node 0, zone      DMA
        pages free     3840
              min      14
              low      17
              high     20
              spanned  4095
              present  3998
              managed  3840
              protection: (0, 2943, 7855, 7855)
        start_pfn:           1
      Node 0, zone   Normal
        pages free     90000
              min      4460
              low      5575
              high     6690
              managed  1257472
      """;

  private static final String GDB =
      """
            0x555555554000     0x555555556000     0x2000        0x0  r--p   /usr/bin/cat
            0x55555555f000     0x555555580000    0x21000        0x0  rw-p   [heap]
          00000000'12c00000-00000000'12c3ffff rw-         0     40000  [anon:dalvik-main space]
            0x7ffff7d8f000     0x7ffff7db1000    0x22000     0x1000  r--p   /usr/lib/libc.so.6
      0x7ffff7db1000     0x7ffff7db2000 r--p     1000   1000 /lib/libc.so.6
      0x00007ffff7db2000 0x00007ffff7db3000 0x0000000000001000 r-- /lib/libc.so.6
      [0x00007ffff7db3000-0x00007ffff7db4000) r-- /lib/libc.so.6 PT_LOAD[0]
      ffff880138ea5ea8 7ffff7db4000 7ffff7db5000 100173 /lib/libc.so.6
          7ffff7db5000-7ffff7db6000 r--    1000   1000 >
      "7ffff7db6000-7ffff7db7000 r--p 00001000 08:01 99 /lib/libc.so.6",
      0x7ffffffde000-0x7ffffffff000 rw-p 00000000 00:00 0   [stack]
      """;
  private static final String PMAP =
      """
      0000555555550000       8 r---- 0000000000001000 008:00001 cat
      555555552000 r--p 00001000  fe:00  99  8  4 4 0 rd mr mw me cat
      0000555555554000       8       8       0 r---- cat
      00007ffff7d8f000    136K rw-s- shm
      00007ffffffde000     132      12      12 rw---   [ stack ]
      ffffffffff600000       4       0       0 --x--   [ anon ]
      """;

  private static final String PAGETYPES =
      """
      Page block order: 9
      Pages per block:  512

      Free pages count per migrate type at order       0      1      2      3      4      5      6
      Node    0, zone   Normal, type    Unmovable     12      6      0      1      0      0      0
      Node    0, zone   Normal, type      Movable   9000   >100      7      0      0      0      1
      Node    0, zone   Normal, type          CMA      0      0      0      0      0      0      3

      Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA
      Node 0, zone   Normal           64         1900           80            0            4
      """;

  private static final String MEMORY_LISTS =
      """
      (XEN)  0000000000000000 - 000000000009e000 (usable)
      (XEN)  [0000000000100000, 000000000fffffff] (usable)
       memory[0x1]	[0x0000000010000000-0x000000001fffffff], 0x10000000 bytes flags: 0x0
      0x0000000020000000-0x000000002fffffff  256M online       yes   0-1
      [    0.0]   node   0: [mem 0x0000000000001000-0x000000002fffffff]
      """;
  private static final String OTHER_DUMPS =
      """
      NODE
        0
      ZONE  NAME        SIZE    FREE      MEM_MAP       START_PADDR  START_MAPNR
        1   DMA32    1044480  362294  ffffea0000038000     1000000         4096
      AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES
        0       4k  ffff88000000aba0   4000   4000
      Node 1   Normal     15009     3297     1623      524        0        0
      node_buddyinfo_blocks{node="2",size="1",zone="Normal"} 1.093e+03
      Node 3, zone   Normal   1348    491    359
      0      1      1      3
      """;
  private static final String OTHER_EVENTS =
      """
      [   12.3]   sh-7         1d..1 1234567us : mm_page_alloc: page=0xd2 pfn=4096 order=2 gfp_flags=GFP_KERNEL
           0.105 sh/77 kmem:mm_page_alloc(pfn: 1155804, order: 2, gfp_flags: 1051850, migratetype: 1)
           0.210 sh/77 kmem:mm_page_free(pfn: 1155804)
      """;

  /** What is changed, and how it is handed over. */
  enum Reader {
    STRACE_TEXT(STRACE, "replay", "FILE"),
    LTRACE_TEXT(LTRACE, "replay", "FILE"),
    STRACE_CALLS(STRACE, "explain", "--after", "FILE", "--calls", "1-"),
    PAGETYPEINFO(PAGETYPES, "explain", "alloc_pages", "GFP_KERNEL", "1", "--after", "FILE"),
    MAPS_OF_GDB(GDB, "explain", "mmap 8K; fork", "--maps", "FILE"),
    MAPS_OF_PMAP(PMAP, "cat", "/proc/1/smaps", "--maps", "FILE"),
    MAPS(InputsTest.DUMP, "explain", "mmap 8K; munmap [heap] 4K", "--maps", "FILE"),
    BOOT_LOG(E820, "explain", "boot", "--machine", "FILE"),
    MEMORY_LISTS_TEXT(MEMORY_LISTS, "explain", "boot", "--machine", "FILE"),
    IOMEM_TEXT(IOMEM, "explain", "boot", "--machine", "x86-32:FILE"),
    BUDDYINFO(
        InputsTest.BUDDYINFO + OTHER_DUMPS,
        "explain",
        "alloc_pages",
        "GFP_KERNEL",
        "2",
        "--after",
        "FILE"),
    ZONEINFO_TEXT(ZONEINFO, "explain", "alloc_pages", "GFP_ATOMIC", "0", "--after", "FILE"),
    MEM_INFO(InputsTest.REPORT, "explain", "--after", "FILE"),
    FTRACE(InputsTest.FTRACE + OTHER_EVENTS, "run", "FILE", "--memory", "64M"),
    SCENARIO_TEXT(SCENARIO, "explain", "@FILE", "--memory", "64M");

    private final String text;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of, which nobody can change
    private final List<String> command;

    Reader(String text, String... command) {
      this.text = text;
      this.command = List.of(command);
    }
  }

  @TempDir Path dir;

  @ParameterizedTest
  @EnumSource
  void noTextEndsInAnInternalError(Reader reader) throws IOException {
    fuzz(reader, 3);
  }

  @Tag("soak")
  @ParameterizedTest
  @EnumSource
  void noTextEndsInAnInternalErrorForLong(Reader reader) throws IOException {
    fuzz(reader, soakSeconds());
  }

  /** Ten minutes for each reader of an hour's soak. */
  private static long soakSeconds() {
    return Math.round(Double.parseDouble(System.getProperty("mm.minutes", "60")) * 10);
  }

  @Test
  void noCommandLineEndsInAnInternalError() {
    commandLines(5);
  }

  @Tag("soak")
  @Test
  void noCommandLineEndsInAnInternalErrorForLong() {
    commandLines(soakSeconds());
  }

  private static void commandLines(long seconds) {
    List<String> words =
        List.of(
            "run",
            "replay",
            "explain",
            "cat",
            "proc",
            "plugins",
            "layout",
            "translate",
            "exec",
            "trace",
            "check",
            "bench",
            "--rule",
            "FA-01",
            "--tries",
            "--root",
            "--map",
            "--steps",
            "mmap 4K; write $1",
            "0xffff888000100000",
            "/bin/true",
            "--help",
            "--json",
            "--memory",
            "--cpus",
            "--nodes",
            "--machine",
            "--cmdline",
            "--plugin",
            "--after",
            "--at",
            "--maps",
            "--rlimit",
            "--compare",
            "--pid",
            "tar_gzip",
            "1M",
            "64M",
            "4G",
            "x86-32",
            "x86-32:",
            "mem=1M",
            "memmap=1M%2M-",
            "numa=fake=3",
            "vm.max_map_count=0",
            "0",
            "-1",
            "",
            "$1",
            "mmap",
            "boot",
            "alloc_pages",
            "GFP_KERNEL",
            "10",
            "99999999999999999999",
            "frame-allocator=buddy",
            "page-allocator=direct",
            "/proc/buddyinfo",
            "/proc/1/maps",
            "AS=1",
            "STACK=0",
            "@",
            "-",
            "@/nix",
            "memblock_alloc 1 3");
    Random random = new Random(seed());
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    while (System.nanoTime() < end) {
      List<String> args = new ArrayList<>();
      for (int i = 1 + random.nextInt(6); i > 0; i--) {
        args.add(words.get(random.nextInt(words.size())));
      }
      if (!args.contains("-")
          && !args.contains("run")
          && (!args.contains("check") || args.contains("FA-01"))) {
        check(args, "");
      }
    }
  }

  private static long seed() {
    long seed = Long.getLong("mm4j.fuzz.seed", System.nanoTime() & 0x7fff_ffff);
    System.out.println("fuzzing of readers: seed " + seed);
    return seed;
  }

  private void fuzz(Reader reader, long seconds) throws IOException {
    Random random = new Random(seed());
    Path file = dir.resolve("fuzzed.strace");
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    while (System.nanoTime() < end) {
      String text = changed(reader.text, random);
      Files.write(file, text.getBytes(StandardCharsets.ISO_8859_1));
      List<String> args =
          reader.command.stream().map(word -> word.replace("FILE", file.toString())).toList();
      check(args, text);
    }
  }

  private static void check(List<String> args, String text) {
    Cli cli = Cli.mm(args.toArray(String[]::new));
    assertNotEquals(3, cli.code(), () -> String.join(" ", args) + "\n" + text + "\n" + cli.err());
    if (cli.code() == 2) {
      assertTrue(cli.err().contains("  where:   "), () -> args + "\n" + text + cli.err());
      assertTrue(cli.err().contains("  allowed: "), () -> args + "\n" + text + cli.err());
    }
  }

  private static String changed(String text, Random random) {
    List<String> lines = new ArrayList<>(Arrays.asList(text.split("\n", -1)));
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      int at = random.nextInt(lines.size());
      String line = lines.get(at);
      switch (random.nextInt(7)) {
        case 0 -> lines.remove(at);
        case 1 -> lines.add(at, lines.get(random.nextInt(lines.size())));
        case 2 -> lines.set(at, line.substring(0, random.nextInt(line.length() + 1)));
        case 3 -> lines.set(at, character(line, random));
        case 4 -> lines.set(at, number(line, random));
        case 5 -> lines.set(at, line + lines.get(random.nextInt(lines.size())));
        default -> lines.set(at, line.replaceFirst("[a-zA-Z_]+", word(random)));
      }
      if (lines.isEmpty()) {
        lines.add("");
      }
    }
    return String.join("\n", lines);
  }

  private static String character(String line, Random random) {
    int at = random.nextInt(line.length() + 1);
    char c = (char) (random.nextBoolean() ? 32 + random.nextInt(95) : random.nextInt(256));
    return line.substring(0, at) + c + line.substring(Math.min(line.length(), at + 1));
  }

  /** Another number in the place of one. */
  private static String number(String line, Random random) {
    String[] numbers = {
      "0",
      "1",
      "4095",
      "4096",
      "65536",
      "0x7fffffffffff",
      "18446744073709551615",
      "-1",
      "ffffffffffffffff",
      "99999999999999999999",
      "2147483648",
      "0x8000000000000000"
    };
    return line.replaceFirst(
        random.nextBoolean() ? "[0-9]+" : "[0-9a-f]{4,}", numbers[random.nextInt(numbers.length)]);
  }

  private static String word(Random random) {
    String[] words = {"mmap", "zone", "DMA", "usable", "Node", "brk", "mremap", "", "GFP_", "free"};
    return words[random.nextInt(words.length)];
  }
}
