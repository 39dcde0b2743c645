// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.cli.text.Terminal;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What the start-up cache is made from: every command once, on small inputs, so that the classes of
 * all of them are in it. Its output is thrown away. {@code ./mm} runs it after a build.
 */
public final class Training {
  private static final String STRACE =
      """
      execve("/tmp/t", ["t"], 0x7ffc /* 3 vars */) = 0
      brk(NULL) = 0x555555559000
      openat(AT_FDCWD, "/lib/a", O_RDONLY) = 3
      mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7ffff7fb6000
      mprotect(0x7ffff7fb6000, 4096, PROT_NONE) = 0
      munmap(0x7ffff7fb6000, 8192) = 0
      brk(0x55555557a000) = 0x55555557a000
      exit_group(0) = ?
      """;
  private static final String MAPS =
      """
      555555554000-555555558000 r-xp 00000000 08:01 1 /tmp/t
      555555559000-55555557a000 rw-p 00000000 00:00 0 [heap]
      7ffff7d00000-7ffff7e00000 r-xp 00000000 08:01 2 /lib/a
      7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
      """;
  private static final String REPORT =
      """
      t: page allocation failure: order:4, mode:0x40a20(GFP_ATOMIC|__GFP_COMP), nodemask=(null)
      CPU: 0 PID: 0 Comm: t Not tainted 6.1.0 #1
      Mem-Info:
      Node 0 Normal free:400kB min:200kB low:250kB high:300kB present:65536kB managed:60000kB
      lowmem_reserve[]: 0 0 0
      Node 0 Normal: 50*4kB (UME) 25*8kB (U) 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB = 400kB
      """;
  private static final String BUDDYINFO = "Node 0, zone   Normal   90   80   10   0   0   0   0\n";
  private static final String E820 =
      """
      BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
      BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable
      """;
  private static final String FTRACE =
      """
      sh-7 [001] .... 1.000001: mm_page_alloc: page=d2 pfn=4096 order=2 migratetype=0 gfp_flags=GFP_KERNEL
      sh-7 [001] .... 1.000004: mm_page_free: page=d2 pfn=4096 order=2
      """;

  private static final String SCRIPT =
      """
      alloc_pages GFP_KERNEL 3
      mmap 2M; write $2
      cat /proc/buddyinfo /proc/1/maps
      free_pages $1 3
      validate
      """;

  /** The commands that load the test kit or the agent, which are half of all classes. */
  private static final Set<String> LARGE = Set.of("check", "trace");

  private Training() {}

  /**
   * Runs the commands; exits with 1 if one of them ends in an internal error.
   *
   * @param args {@code check} or {@code trace}: this command only; {@code others}: all but these
   */
  public static void main(String[] args) throws IOException {
    String which = args.length > 0 ? args[0] : "others";
    Path dir = Files.createTempDirectory("mm-training");
    boolean good = true;
    try (PrintStream nowhere =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
      for (List<String> command : commands(dir)) {
        String name = command.getFirst();
        if (!which.equals(LARGE.contains(name) ? name : "others")) {
          continue;
        }
        Io io = new Io(nowhere, nowhere, Terminal.none());
        good &= Main.run(io, command.toArray(String[]::new)) != Main.INTERNAL;
      }
    } finally {
      delete(dir);
    }
    System.exit(good ? Main.GOOD : Main.DIFFERENT);
  }

  /** The commands; their inputs are written to a folder. */
  static List<List<String>> commands(Path dir) throws IOException {
    String strace = write(dir, "t.strace", STRACE);
    String maps = write(dir, "t.maps", MAPS);
    String report = write(dir, "report.txt", REPORT);
    String buddyinfo = write(dir, "buddyinfo.txt", BUDDYINFO);
    String e820 = write(dir, "e820.txt", E820);
    String ftrace = write(dir, "ftrace.txt", FTRACE);
    List<List<String>> commands = new ArrayList<>();
    commands.add(List.of("--help"));
    commands.add(List.of("--version"));
    for (Commands.Entry entry : Commands.all()) {
      commands.add(List.of(entry.name(), "--help"));
    }
    commands.add(List.of("run", "--no-timing"));
    commands.add(List.of("run", "--list"));
    commands.add(List.of("run", ftrace, "--memory", "64M"));
    commands.add(List.of("run", strace, "--no-timing"));
    commands.add(List.of("replay", strace, "--json"));
    commands.add(List.of("replay", strace));
    commands.add(List.of("explain", "alloc_pages GFP_KERNEL 3; free_pages $1 3"));
    commands.add(List.of("explain", "alloc_pages GFP_KERNEL 3", "--markdown"));
    commands.add(List.of("explain", "alloc_pages GFP_KERNEL 3", "--json"));
    commands.add(List.of("explain", "--after", report));
    commands.add(List.of("explain", "alloc_pages GFP_ATOMIC 3", "--after", buddyinfo));
    commands.add(List.of("explain", "boot", "--cmdline", "mem=512M kernelcore=50% quiet"));
    commands.add(List.of("explain", "boot", "--machine", e820));
    commands.add(List.of("explain", "kmalloc 100; kfree $1"));
    commands.add(List.of("explain", "vmalloc 8K; vfree $1"));
    commands.add(
        List.of("explain", "mmap 12K; mprotect $1+4K 4K PROT_READ; touch $1; fork; brk brk+64K"));
    commands.add(List.of("explain", "mmap 1G", "--maps", maps, "--rlimit", "AS=512M"));
    commands.add(List.of("explain", "--after", strace, "--calls", "1-"));
    commands.add(List.of("translate", "0xffff888000100000"));
    commands.add(List.of("translate", "0x8048123", "--map", "0x8048000", "--machine", "x86-pae"));
    commands.add(List.of("layout"));
    commands.add(List.of("layout", "--machine", "x86-32"));
    commands.add(List.of("cat", "/proc/buddyinfo", "/proc/zoneinfo", "/proc/meminfo"));
    commands.add(List.of("cat", "/proc/1/maps", "/proc/1/smaps", "/proc/slabinfo"));
    commands.add(List.of("cat", "/proc/1/maps", "--after", strace));
    commands.add(List.of("proc", "--export", dir.resolve("proc").toString()));
    commands.add(List.of("exec", program(dir), "word"));
    commands.add(List.of("run", write(dir, "t.mm", SCRIPT), "--memory", "64M"));
    commands.add(List.of("bench", "--list"));
    commands.add(List.of("plugins"));
    commands.add(
        List.of("new-plugin", "next", "--spi", "frame-allocator", dir.resolve("next").toString()));
    commands.add(List.of("trace", "explain", "alloc_pages GFP_KERNEL 3"));
    commands.add(List.of("check", "frame-allocator=bitmap", "--rule", "FA-01"));
    commands.add(List.of("explain", "mmmap"));
    commands.add(List.of("cat", "--memry", "1G"));
    return commands;
  }

  /** An ELF file with one segment. */
  private static String program(Path dir) throws IOException {
    long base = 0x400000;
    int size = 120;
    ByteBuffer elf = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
    elf.putShort((short) 2).putShort((short) 62).putInt(1); // ET_EXEC, EM_X86_64
    elf.putLong(base + size - 2).putLong(64).putLong(0).putInt(0); // e_entry, e_phoff
    elf.putShort((short) 64).putShort((short) 56).putShort((short) 1).position(64);
    elf.putInt(1).putInt(5).putLong(0).putLong(base).putLong(base); // PT_LOAD, R-E
    elf.putLong(size).putLong(size).putLong(4096);
    return Files.write(dir.resolve("program"), elf.array()).toString();
  }

  private static String write(Path dir, String name, String text) throws IOException {
    return Files.writeString(dir.resolve(name), text).toString();
  }

  private static void delete(Path dir) throws IOException {
    List<Path> found;
    try (Stream<Path> paths = Files.walk(dir)) {
      found = paths.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : found) {
      Files.delete(path);
    }
  }
}
