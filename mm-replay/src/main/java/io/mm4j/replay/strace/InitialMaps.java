// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.HeaderReader;
import io.mm4j.replay.vma.MapsLine;
import io.mm4j.replay.vma.StateLine;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The maps of a program at its start, as {@code /proc/PID/maps} shows them, and what they tell of
 * its layout. Lines that begin with {@code # } may set the machine in the words of a vma header
 * ({@code # rlimit ...}, {@code # memory ...}, {@code # thp ...}, {@code # sysctl ...}, {@code #
 * cred ...}), and {@code # start_brk=0x..}, {@code # mmap_base=0x..}; other such lines are
 * comments.
 */
final class InitialMaps {
  private static final int MAX_VMAS = 1 << 16;
  private static final long TASK_SIZE_64 = 0x7ffffffff000L;
  private static final long TASK_SIZE_32 = 0xffffe000L;
  private static final long TASK_SIZE_3G = 0xc0000000L;
  private static final long LEAST_GAP = 128L << 20;

  /** Randomization moves a heap at most so far from its program. */
  private static final long FARTHEST_HEAP = 1L << 30;

  private static final Map<String, String> DEFAULTS = new HashMap<>();

  static {
    DEFAULTS.put(
        "thp", "thp enabled=madvise hugepage_size=2097152 shmem=never mthp=none khugepaged=idle");
    DEFAULTS.put(
        "sysctl",
        "sysctl overcommit_memory=0 overcommit_ratio=50 max_map_count=65530 mmap_min_addr=65536"
            + " lsm_mmap_min_addr=65536 legacy_va_layout=0 stack_guard_gap=256");
    DEFAULTS.put("memory", "memory total_kb=16777216 swap_kb=0");
    DEFAULTS.put("cred", "cred uid=0 caps=all-but-SYS_RESOURCE");
    DEFAULTS.put("rlimit", "rlimit AS=inf DATA=inf STACK=8388608 MEMLOCK=8388608");
  }

  private final List<StateLine> lines = new ArrayList<>();
  private final HeaderReader header = new HeaderReader();
  private final String name;
  private long startBrk;
  private long mmapBase;
  private boolean startBrkGiven;

  /** Reads the text to its end. */
  InitialMaps(LineSource source) {
    name = source.name();
    Cursor at = new Cursor(source);
    long previousEnd = 0;
    while (source.next()) {
      at.startLine();
      if (at.take("# ")) {
        comment(at);
        continue;
      }
      if (at.atEnd()) {
        continue;
      }
      if (lines.size() >= MAX_VMAS) {
        throw at.error("too many lines", "at most " + MAX_VMAS);
      }
      MapsLine line = line(at);
      if (Long.compareUnsigned(line.start(), previousEnd) < 0) {
        throw at.error("this line overlaps the one before", "lines in the order of addresses");
      }
      previousEnd = line.end();
      lines.add(new StateLine(line, 0, 0, 0, 0, "", ""));
    }
    at.startLine();
    if (lines.isEmpty()) {
      throw at.error("there is no line of maps", "the text of /proc/PID/maps");
    }
    stack(at);
  }

  private void comment(Cursor at) {
    if (at.take("start_brk=")) {
      startBrk = at.hex();
      startBrkGiven = true;
      at.expectEnd();
    } else if (at.take("mmap_base=")) {
      mmapBase = at.hex();
      at.expectEnd();
    } else {
      for (String word : DEFAULTS.keySet()) {
        if (at.looksAt(word + " ")) {
          header.line(at);
          return;
        }
      }
    }
  }

  private static MapsLine line(Cursor at) {
    int mark = at.mark();
    long start = at.hexDigits();
    at.expect("-");
    long end = at.hexDigits();
    if (((start | end) & 4095) != 0 || Long.compareUnsigned(start, end) >= 0) {
      at.reset(mark);
      throw at.unexpected("START-END, multiples of 0x1000, START below END");
    }
    at.expect(" ");
    mark = at.mark();
    String perms = at.word();
    if (!perms.matches("[r-][w-][x-][ps]")) {
      at.reset(mark);
      throw at.unexpected("permissions such as rw-p");
    }
    at.expect(" ");
    long offset = at.hexDigits();
    at.expect(" ");
    at.word();
    at.expect(" ");
    long inode = at.decimal();
    String name = at.rest().strip();
    if (name.isEmpty() || name.startsWith("[anon:")) {
      name = "-";
    }
    return new MapsLine(start, end, perms, offset, inode != 0, name);
  }

  private MapsLine stack(Cursor at) {
    for (StateLine line : lines) {
      if (line.maps().name().equals("[stack]")) {
        return line.maps();
      }
    }
    throw at.error("there is no [stack]", "the maps of a process, with its [stack]");
  }

  /** The lines, as a start state without sizes, flags and pages. */
  List<StateLine> lines() {
    return lines;
  }

  /** An address that the program can write: the last page of its stack. */
  long writable() {
    for (StateLine line : lines) {
      if (line.maps().name().equals("[stack]")) {
        return line.maps().end() - 4096;
      }
    }
    return 0;
  }

  /**
   * What speaks against these maps being the start of that log's program, or null. Only a hint: a
   * loader that is run as a program, or a link to it, looks the same.
   */
  @Nullable String doubt(LogScan log) {
    MapsLine program = null;
    long end = 0;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      program = program == null && maps.backed() ? maps : program;
      end = program != null && maps.name().equals(program.name()) ? maps.end() : end;
    }
    if (program == null) {
      return null;
    }
    String named = log.program().replace("\"", "");
    if (!named.isEmpty() && !lastPart(named).equals(lastPart(program.name()))) {
      return "the log begins with execve of "
          + named
          + ", the maps show "
          + program.name()
          + ": does strace start the program itself (setarch -R strace ..., not strace setarch)?";
    }
    long heap = log.firstBreak();
    if (heap != 0 && (heap < end || heap - end > FARTHEST_HEAP)) {
      return String.format(
          "the log's heap begins at 0x%x, the program in the maps ends at 0x%x: were both taken"
              + " without address randomization (setarch -R), or from one run?",
          heap, end);
    }
    return null;
  }

  private static String lastPart(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** Whether the text says where the heap starts. */
  boolean startBrkGiven() {
    return startBrkGiven;
  }

  /** Where the heap starts, unless the text says so. */
  void startBrk(long uaddr) {
    if (!startBrkGiven) {
      startBrk = uaddr;
    }
  }

  /** The header: what the text sets, defaults, and the layout that the maps show. */
  HeaderReader header() {
    MapsLine stack = null;
    MapsLine program = null;
    for (StateLine line : lines) {
      if (program == null && line.maps().backed()) {
        program = line.maps();
      }
      if (line.maps().name().equals("[stack]")) {
        stack = line.maps();
      }
    }
    long top = stack == null ? TASK_SIZE_64 : stack.end();
    boolean compat = Long.compareUnsigned(top, 1L << 32) <= 0;
    long taskSize = !compat ? TASK_SIZE_64 : top <= TASK_SIZE_3G ? TASK_SIZE_3G : TASK_SIZE_32;
    StringBuilder text = new StringBuilder("id " + name + "\nclass strace\nscenario -\nseed 0\n");
    text.append("kernel 6.18 x86_64").append(compat ? " i386-compat\n" : "\n");
    text.append("personality ADDR_NO_RANDOMIZE\n");
    DEFAULTS.forEach((word, line) -> text.append(header.has(word) ? "" : line + "\n"));
    long base = mmapBase != 0 ? mmapBase : highestBelow(top - LEAST_GAP / 2, taskSize);
    long code = bound(program, "x", true);
    long data = bound(program, "w", true);
    long brk = startBrk != 0 ? startBrk : bound(program, "", false);
    text.append(
        String.format(
            "mm mmap_base=0x%x topdown=1 task_size=0x%x start_code=0x%x end_code=0x%x"
                + " start_data=0x%x end_data=0x%x start_brk=0x%x brk=0x%x start_stack=0x%x"
                + " arg_start=0x%x arg_end=0x%x env_start=0x%x env_end=0x%x\n",
            base,
            taskSize,
            code,
            bound(program, "x", false),
            data,
            bound(program, "w", false),
            brk,
            brk,
            top,
            top,
            top,
            top,
            top));
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    LineSource source = new LineSource(name, new ByteArrayInputStream(bytes));
    Cursor at = new Cursor(source);
    while (source.next()) {
      at.startLine();
      header.line(at);
    }
    return header;
  }

  /** End of the highest mapping below {@code limit}, where the first search for room began. */
  private long highestBelow(long limit, long taskSize) {
    long base = 0;
    for (StateLine line : lines) {
      long end = line.maps().end();
      if (Long.compareUnsigned(end, limit) <= 0) {
        base = end;
      }
    }
    boolean far = Long.compareUnsigned(base, taskSize / 2) > 0;
    return far ? base : Math.max(0, taskSize - LEAST_GAP & -4096);
  }

  /** First start, or last end, of the program's VMAs with that letter in their permissions. */
  private long bound(@Nullable MapsLine program, String perm, boolean start) {
    long bound = 0;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      if (program != null && maps.name().equals(program.name()) && maps.perms().contains(perm)) {
        if (start) {
          return maps.start();
        }
        bound = maps.end();
      }
    }
    return bound;
  }
}
