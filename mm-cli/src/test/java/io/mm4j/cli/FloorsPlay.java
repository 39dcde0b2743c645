// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.cli.shell.FloorsCheck;
import io.mm4j.cli.shell.ShellSession;
import io.mm4j.cli.text.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * A workload over all floors, from processes down to frames, on a machine of random kind, size,
 * nodes, CPUs and plugins. Operations are numbers that mean "modulo how many there are", so that
 * every shorter list makes sense, too; while they are played they become the lines of a script.
 */
final class FloorsPlay {
  /** One operation: which, and two arguments. */
  record Op(int kind, int first, int second) {}

  /**
   * What came out.
   *
   * @param script the lines, which {@code mm run} takes
   * @param answers what was printed
   * @param failure what contradicted what, or null
   */
  record Outcome(String script, String answers, @Nullable String failure) {}

  @Command
  private static final class Options {
    @Mixin private final MachineOptions machine = new MachineOptions();
  }

  private static final List<String> GFP =
      List.of(
          "GFP_KERNEL", "GFP_ATOMIC", "GFP_HIGHUSER_MOVABLE", "GFP_NOWAIT|__GFP_ZERO", "GFP_DMA");
  private static final List<String> PROT =
      List.of("PROT_READ|PROT_WRITE", "PROT_READ", "PROT_NONE", "PROT_READ|PROT_EXEC");
  private static final int KINDS = 18;
  private static final int CHECK_EVERY = 8;
  private static final Pattern MEM_FREE = Pattern.compile("MemFree: +([0-9]+) kB");
  private static final Pattern ZONE_FREE = Pattern.compile("pages free +([0-9]+)");

  private final ShellSession session;
  private final ByteArrayOutputStream bytes;
  private final StringBuilder script = new StringBuilder();
  private final List<long[]> pages = new ArrayList<>();
  private final List<Long> objects = new ArrayList<>();
  private final List<Long> areas = new ArrayList<>();
  private final List<long[]> mappings = new ArrayList<>();

  private FloorsPlay(ShellSession session, ByteArrayOutputStream bytes) {
    this.session = session;
    this.bytes = bytes;
  }

  /** The options of a random machine. */
  static List<String> machine(Random random) {
    List<String> options = new ArrayList<>();
    String kind = any(List.of("x86-64", "x86-64", "x86-64", "x86-32", "x86-pae"), random);
    options.add("--machine=" + kind);
    boolean nodes = kind.equals("x86-64") && random.nextInt(3) == 0;
    options.add("--memory=" + any(List.of(nodes ? "100M" : "24M", "70M", "200M", "1G"), random));
    options.add("--cpus=" + (1 + random.nextInt(4)));
    if (nodes) {
      options.add("--nodes=2");
    }
    if (random.nextInt(3) == 0) {
      options.add("--contents=all");
    }
    choose(options, "frame-allocator", List.of("buddy", "bitmap", "llfree"), random);
    choose(options, "physical-memory", List.of("flatmem", "sparsemem"), random);
    choose(options, "slab", List.of("slub", "slab", "slob", "page"), random);
    choose(options, "vmalloc", List.of("rbtree", "vmlist"), random);
    choose(options, "vma-index", List.of("maple", "rbtree", "treemap"), random);
    return options;
  }

  private static void choose(List<String> into, String spi, List<String> names, Random random) {
    if (random.nextBoolean()) {
      into.add("--plugin=" + spi + "=" + any(names, random));
    }
  }

  /** A random workload. */
  static List<Op> workload(Random random, int length) {
    List<Op> ops = new ArrayList<>();
    for (int i = 0; i < length; i++) {
      ops.add(new Op(random.nextInt(KINDS), random.nextInt(1 << 16), random.nextInt(1 << 16)));
    }
    return ops;
  }

  private static <T> T any(List<T> all, Random random) {
    return all.get(random.nextInt(all.size()));
  }

  /** Plays a workload; every few operations and at the end the floors are compared. */
  static Outcome play(List<String> options, List<Op> ops, UnaryOperator<PluginRegistry> plugins) {
    Options parsed = new Options();
    new CommandLine(parsed).parseArgs(options.toArray(String[]::new));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    Io io =
        new Io(
            out,
            new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8),
            Terminal.none(),
            plugins);
    StringBuilder script = new StringBuilder();
    String[] failure = new String[1];
    try {
      Script.withMachine(
          io,
          parsed.machine,
          session -> {
            FloorsPlay play = new FloorsPlay(session, bytes);
            try {
              play.all(ops);
            } catch (RuntimeException | Error e) {
              failure[0] = e.toString();
            }
            script.append(play.script);
            return 0;
          });
    } catch (RuntimeException | Error e) {
      failure[0] = failure[0] == null ? "at the end: " + e : failure[0];
    }
    return new Outcome(script.toString(), bytes.toString(StandardCharsets.UTF_8), failure[0]);
  }

  private void all(List<Op> ops) {
    // The first read of nothing takes the zero page, which stays.
    line("mmap 4K; read $1; munmap $1 4K");
    long before = session.machine().framesInUse().pages(FrameOwner.KERNEL);
    for (int i = 0; i < ops.size(); i++) {
      one(ops.get(i));
      if (i % CHECK_EVERY == CHECK_EVERY - 1) {
        compare();
      }
    }
    compare();
    everythingReturns(before);
  }

  private void line(String text) {
    script.append(text).append('\n');
    session.line(text);
  }

  private long number() {
    return session.results().size();
  }

  private long result() {
    return session.results().getLast();
  }

  private void one(Op op) {
    switch (op.kind()) {
      case 0, 1 -> {
        int order = op.second() % 8;
        line("alloc_pages " + GFP.get(op.first() % GFP.size()) + " " + order);
        if (result() >= 0) {
          pages.add(new long[] {number(), order});
        }
      }
      case 2 -> freePages(op.first());
      case 3, 4 -> {
        line("kmalloc " + (1 + op.first() % (op.second() % 9 == 0 ? 40000 : 600)));
        if (result() > 0) {
          objects.add(number());
        }
      }
      case 5 -> {
        if (!objects.isEmpty()) {
          line("kfree $" + objects.remove(op.first() % objects.size()));
        }
      }
      case 6 -> {
        line("vmalloc " + (1 + op.first() % 40) * 4 + "K");
        if (result() != 0) {
          areas.add(number());
        }
      }
      case 7 -> {
        if (!areas.isEmpty()) {
          line("vfree $" + areas.remove(op.first() % areas.size()));
        }
      }
      case 8, 9 -> {
        long kb = (1 + op.first() % 64) * (op.first() % 7 == 0 ? 512L : 4L);
        String file =
            op.second() % 5 == 0 ? " MAP_PRIVATE 3" : op.second() % 5 == 1 ? " MAP_SHARED 5" : "";
        line("mmap NULL " + kb + "K " + PROT.get(op.second() % 3 == 0 ? op.first() % 4 : 0) + file);
        if (result() > 0) {
          mappings.add(new long[] {number(), kb});
        }
      }
      case 10, 11, 12 -> touch(op);
      case 13 -> change(op);
      case 14 -> line("brk brk+" + (op.first() % 64) * 4 + "K");
      case 15 -> {
        if (session.living().size() < 4) {
          line(op.first() % 3 == 0 ? "spawn" : "fork");
        }
      }
      case 16 -> {
        if (session.living().size() > 1) {
          int at = op.first() % session.living().size();
          line(op.second() % 2 == 0 ? "exit" : "process " + session.living().get(at).pid());
        }
      }
      default -> line("drain_all_pages");
    }
  }

  private void freePages(int at) {
    if (!pages.isEmpty()) {
      long[] block = pages.remove(at % pages.size());
      line("free_pages $" + block[0] + " " + block[1]);
    }
  }

  /** An address in a mapping that some process has made; this one may not have it. */
  private void touch(Op op) {
    if (!mappings.isEmpty()) {
      long[] mapping = mappings.get(op.first() % mappings.size());
      String access = op.second() % 3 == 0 ? "read $" : "write $";
      long kb = (op.second() % mapping[1]) / 4 * 4;
      line(access + mapping[0] + (kb == 0 ? "" : "+" + kb + "K"));
    }
  }

  private void change(Op op) {
    if (mappings.isEmpty()) {
      return;
    }
    int at = op.first() % mappings.size();
    long[] mapping = mappings.get(at);
    long part = Math.max(4, (op.second() % mapping[1]) / 4 * 4);
    String range = " $" + mapping[0] + " " + part + "K";
    switch (op.second() % 5) {
      case 0 -> line("mprotect" + range + " " + PROT.get(op.first() % PROT.size()));
      case 1 -> line("madvise" + range + " MADV_DONTNEED");
      case 2 -> line("mremap $" + mapping[0] + " " + part + "K " + 2 * part + "K MREMAP_MAYMOVE");
      case 3 -> line("mlock" + range);
      default -> {
        line("munmap $" + mapping[0] + " " + mapping[1] + "K");
        mappings.remove(at);
      }
    }
  }

  /** Every frame has one owner, and files say the same of free memory as a walk. */
  private void compare() {
    line("validate");
    FloorsCheck.all(session.machine());
    long free = 0;
    for (ManagedZone zone : session.machine().zones()) {
      free += zone.frames().freePages();
    }
    int from = bytes.size();
    session.line("cat /proc/buddyinfo");
    long buddy = 0;
    for (String row : printed(from).lines().toList()) {
      String[] words = row.strip().split(" +", -1);
      for (int order = 0; order <= 10; order++) {
        buddy += Long.parseLong(words[4 + order]) << order;
      }
    }
    same("buddyinfo", buddy, free);
    from = bytes.size();
    session.line("cat /proc/zoneinfo");
    same("zoneinfo", sum(ZONE_FREE, printed(from)), free);
    from = bytes.size();
    session.line("cat /proc/meminfo");
    same("meminfo", sum(MEM_FREE, printed(from)), 4 * free);
  }

  private String printed(int from) {
    byte[] all = bytes.toByteArray();
    return new String(all, from, all.length - from, StandardCharsets.UTF_8);
  }

  private static long sum(Pattern pattern, String text) {
    long sum = 0;
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      sum += Long.parseLong(matcher.group(1));
    }
    return sum;
  }

  private static void same(String what, long said, long walked) {
    if (said != walked) {
      throw new IllegalStateException(what + " says " + said + ", a walk " + walked);
    }
  }

  private void everythingReturns(long kernelBefore) {
    while (!pages.isEmpty()) {
      freePages(0);
    }
    while (!objects.isEmpty()) {
      line("kfree $" + objects.removeLast());
    }
    while (!areas.isEmpty()) {
      line("vfree $" + areas.removeLast());
    }
    while (session.living().size() > 1) {
      line("exit");
    }
    boolean wide = session.machine().architecture().is64Bit();
    line("munmap 0x10000 " + (wide ? "0x7fffffff0000-0x1000" : "0xc0000000-0x10000"));
    line("drain_all_pages");
    compare();
    same("frames of processes", session.machine().framesInUse().pages(FrameOwner.ANON), 0);
    same("frames of vmalloc", session.machine().framesInUse().pages(FrameOwner.VMALLOC), 0);
    same(
        "frames of the kernel",
        session.machine().framesInUse().pages(FrameOwner.KERNEL),
        kernelBefore);
  }

  /** A shorter workload that fails, too: chunks are left out as long as it does. */
  static List<Op> shrunk(
      List<String> options, List<Op> failing, UnaryOperator<PluginRegistry> plugins) {
    List<Op> ops = failing;
    for (int chunk = ops.size() / 2; chunk > 0; chunk /= 2) {
      for (int at = 0; at < ops.size(); ) {
        List<Op> fewer = new ArrayList<>(ops);
        fewer.subList(at, Math.min(at + chunk, ops.size())).clear();
        if (play(options, fewer, plugins).failure() != null) {
          ops = fewer;
        } else {
          at += chunk;
        }
      }
    }
    return ops;
  }
}
