// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.HeaderReader;
import io.mm4j.replay.vma.MapsLine;
import io.mm4j.replay.vma.StateLine;
import io.mm4j.replay.vma.VmaHeader;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The maps of a program at its start or later, as {@code /proc/PID/maps} or {@code smaps} shows
 * them, and what they tell of its layout. Lines that begin with {@code # } and have {@code =} in
 * their first word, or name a line of a vma header, set the machine: {@code # rlimit AS=4G}, {@code
 * # sysctl overcommit_memory=2}, {@code # start_brk=0x..}, {@code # mmap_base=0x..}, {@code #
 * topdown=0}; see {@link MapsSettings}. Other such lines are comments.
 */
final class InitialMaps {
  private static final long TASK_SIZE_64 = 0x7ffffffff000L;
  private static final long TASK_SIZE_32 = 0xffffe000L;
  private static final long TASK_SIZE_3G = 0xc0000000L;
  private static final long LEAST_GAP = 128L << 20;

  /** A legacy layout begins at a third of user space, or, randomized, so much above at most. */
  private static final long RANDOM_64 = 1L << 40;

  /** Where position-independent programs lie, or, randomized, so much above. */
  private static final long PROGRAMS = 0x555555554000L;

  private static final long RANDOM_32 = 1L << 28;

  /** Randomization moves a heap at most so far from its program. */
  private static final long FARTHEST_HEAP = 1L << 30;

  private final List<StateLine> lines = new ArrayList<>();
  private final MapsSettings settings = new MapsSettings();
  private final List<String> notes = new ArrayList<>();
  private final String name;
  private final @Nullable MapsLine stack;
  private long foundBrk;

  /** Reads the text to its end. */
  InitialMaps(LineSource source) {
    name = source.name();
    MapsText text = new MapsText(name, settings);
    for (MapsLine line : text.read(source)) {
      lines.add(new StateLine(line, 0, 0, 0, 0, "", ""));
    }
    notes.addAll(text.notes());
    stack = findStack();
    heap();
    restOfBss();
  }

  private @Nullable MapsLine findStack() {
    MapsLine highest = null;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      if (maps.name().equals("[stack]")) {
        return maps;
      }
      boolean user = Long.compareUnsigned(maps.end(), TASK_SIZE_64) <= 0;
      highest = user && maps.isNameless() && !maps.backed() ? maps : highest;
    }
    // Kernels before 2.6.17 name nothing.
    if (highest != null && nearTop(highest.end())) {
      notes.add(
          String.format(
              "no line of the maps is called [stack]: the one at 0x%x is taken for it",
              highest.start()));
      MapsLine named =
          new MapsLine(
              highest.start(),
              highest.end(),
              highest.perms(),
              highest.offsetBytes(),
              false,
              "[stack]");
      for (int i = 0; i < lines.size(); i++) {
        if (lines.get(i).maps().equals(highest)) {
          lines.set(i, new StateLine(named, 0, 0, 0, 0, "", ""));
        }
      }
      return named;
    }
    notes.add("no line of the maps is called [stack]: the process has none here");
    return null;
  }

  private static boolean nearTop(long end) {
    for (long top : new long[] {TASK_SIZE_3G, TASK_SIZE_32, TASK_SIZE_64}) {
      if (end <= top && top - end < (top == TASK_SIZE_64 ? 1L << 36 : 16L << 20)) {
        return true;
      }
    }
    return false;
  }

  /** A dump of a process that has run for a while shows its heap. */
  private void heap() {
    for (StateLine line : lines) {
      if (line.maps().name().equals("[heap]") && !settings.has("start_brk")) {
        settings.number("start_brk", line.maps().start());
        settings.number("brk", line.maps().end());
        return;
      }
    }
  }

  /** What lies without a name right behind the program is its BSS, which may be its heap, too. */
  private void restOfBss() {
    MapsLine program = programLine();
    long end = program == null ? 0 : bound(program, "", false);
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      if (end != 0 && maps.start() == end && maps.isNameless() && maps.perms().equals("rw-p")) {
        foundBrk = maps.end();
      }
    }
  }

  /** The lines, as a start state without sizes, flags and pages. */
  List<StateLine> lines() {
    return lines;
  }

  /** What the text is called in messages. */
  String name() {
    return name;
  }

  /** What had to be taken for granted, in words. */
  List<String> notes() {
    return notes;
  }

  /** An address that the program can write: the last page of its stack; 0 without one. */
  long writable() {
    return stack == null ? 0 : stack.end() - 4096;
  }

  /**
   * The first file, or, where files lie below the program as in a legacy layout, the one before the
   * heap, or at the place of position-independent programs.
   */
  private @Nullable MapsLine programLine() {
    MapsLine first = null;
    MapsLine last = null;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      if (maps.name().equals("[heap]") && last != null) {
        return last;
      }
      if (maps.backed()) {
        boolean placed = maps.start() >= PROGRAMS && maps.start() - PROGRAMS < RANDOM_64;
        if (placed
            && first != null
            && first.start() >= TASK_SIZE_64 / 3
            && first.start() < PROGRAMS) {
          return maps;
        }
        first = first == null ? maps : first;
        last = maps;
      }
    }
    return first;
  }

  /** The file of the program, or null if the maps name none. */
  @Nullable String program() {
    MapsLine line = programLine();
    return line == null ? null : line.name();
  }

  /**
   * What speaks against these maps being the start of that log's program, or null. Only a hint: a
   * loader that is run as a program, or a link to it, looks the same.
   */
  @Nullable String doubt(LogScan.@Nullable Exec begin, long heap) {
    MapsLine program = programLine();
    if (program == null) {
      return null;
    }
    long end = bound(program, "", false);
    String named = named(begin);
    if (hasOtherName(program, named)) {
      return "the log begins with execve of "
          + named
          + ", the maps show "
          + program.name()
          + ": does strace start the program itself (setarch -R strace ..., not strace setarch)?";
    }
    if (isFar(heap, end)) {
      return String.format(
          "the log's heap begins at 0x%x, the program in the maps ends at 0x%x: were both taken"
              + " without address randomization (setarch -R), or from one run?",
          heap, end);
    }
    return null;
  }

  private static String named(LogScan.@Nullable Exec begin) {
    return begin == null ? "" : begin.program().replace("\"", "");
  }

  private static boolean hasOtherName(MapsLine program, String named) {
    return !named.isEmpty() && !LogScan.lastPart(named).equals(LogScan.lastPart(program.name()));
  }

  private static boolean isFar(long heap, long end) {
    return heap != 0 && (heap < end || heap - end > FARTHEST_HEAP);
  }

  /**
   * The program that these maps are of, where name and heap both say that it is not the log's; else
   * null.
   */
  @Nullable String another(LogScan.@Nullable Exec begin, long heap) {
    MapsLine program = programLine();
    return program != null
            && hasOtherName(program, named(begin))
            && isFar(heap, bound(program, "", false))
        ? program.name()
        : null;
  }

  /** Whether the text says where the heap starts. */
  boolean startBrkGiven() {
    return settings.has("start_brk");
  }

  /** Where the heap starts, unless the text says so; 0 for unknown. */
  void startBrk(long uaddr) {
    if (!startBrkGiven()) {
      foundBrk = uaddr == 0 ? foundBrk : uaddr;
    }
  }

  /** A limit that something else tells, unless the text says it. */
  void limit(ResourceLimit resource, long bytes) {
    settings.ifAbsent("rlimit", resource.name(), bytes);
  }

  /** The header, complete: there are no settings behind the maps. */
  VmaHeader finished() {
    try (LineSource empty = new LineSource(name(), new ByteArrayInputStream(new byte[0]))) {
      return header().finish(new Cursor(empty));
    }
  }

  /** The header: what the text sets, defaults, and the layout that the maps show. */
  HeaderReader header() {
    MapsLine program = programLine();
    long top = stack == null ? highestEnd() : stack.end();
    requireUserSpace();
    boolean compat = Long.compareUnsigned(top, 1L << 32) <= 0;
    long taskSize = !compat ? taskSize64(top) : top <= TASK_SIZE_3G ? TASK_SIZE_3G : TASK_SIZE_32;
    long end = stack == null ? taskSize : top;
    StringBuilder text = new StringBuilder("id " + name + "\nclass strace\nscenario -\nseed 0\n");
    text.append("kernel 6.18 x86_64").append(compat ? " i386-compat\n" : "\n");
    text.append("personality ADDR_NO_RANDOMIZE\n");
    settings.headerLines().forEach(line -> text.append(line).append('\n'));
    boolean topDown = topDown(taskSize);
    long third = (taskSize / 3 + 4095) & -4096;
    long base = topDown ? highestBelow(end) : lowestFrom(third, compat);
    base = settings.number("mmap_base").orElse(base);
    if (!topDown && (base < third || base - third >= (compat ? RANDOM_32 : RANDOM_64))) {
      throw new InputException(
          "a bottom-up search does not begin at mmap_base=0x" + Long.toHexString(base),
          name,
          "# mmap_base=0x"
              + Long.toHexString(third)
              + " or, randomized, a little above; or none with # topdown=0 and legacy_va_layout=1");
    }
    long code = program == null ? 0 : bound(program, "x", true);
    long data = program == null ? 0 : bound(program, "w", true);
    long startBrk =
        settings
            .number("start_brk")
            .orElse(foundBrk != 0 ? foundBrk : program == null ? 0 : bound(program, "", false));
    text.append(
        String.format(
            "mm mmap_base=0x%x topdown=%d task_size=0x%x start_code=0x%x end_code=0x%x"
                + " start_data=0x%x end_data=0x%x start_brk=0x%x brk=0x%x start_stack=0x%x"
                + " arg_start=0x%x arg_end=0x%x env_start=0x%x env_end=0x%x\n",
            base,
            topDown ? 1 : 0,
            taskSize,
            code,
            program == null ? 0 : bound(program, "x", false),
            data,
            program == null ? 0 : bound(program, "w", false),
            startBrk,
            settings.number("brk").orElse(startBrk),
            end,
            end,
            end,
            end,
            end));
    HeaderReader header = new HeaderReader();
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    LineSource source = new LineSource(name, new ByteArrayInputStream(bytes));
    Cursor at = new Cursor(source);
    while (source.next()) {
      at.startLine();
      header.line(at);
    }
    return header;
  }

  /**
   * Where a bottom-up search begins: a third of user space, or, randomized, where the lowest
   * mapping above it lies, which was the first one.
   */
  private long lowestFrom(long third, boolean compat) {
    String program = program();
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      boolean own = maps.name().equals(program) || maps.name().startsWith("[");
      if (!own && maps.start() >= third) {
        return maps.start() - third < (compat ? RANDOM_32 : RANDOM_64) ? maps.start() : third;
      }
    }
    return third;
  }

  /** All but the gate page lies in the user space of x86-64. */
  private void requireUserSpace() {
    for (StateLine line : lines) {
      if (line.maps().end() > TASK_SIZE_64) {
        throw new InputException(
            "a mapping ends at 0x" + Long.toHexString(line.maps().end()) + ", above user space",
            name,
            "up to 0x"
                + Long.toHexString(TASK_SIZE_64)
                + ", where user space of x86-64 ends; arm64's of 48 bits is not modelled");
      }
    }
  }

  private long highestEnd() {
    long high = 0;
    for (StateLine line : lines) {
      long end = line.maps().end();
      high = Long.compareUnsigned(end, TASK_SIZE_64) <= 0 ? Math.max(high, end) : high;
    }
    return high;
  }

  /**
   * Whether mappings are placed downwards: what the text says, else what the maps show. In the
   * legacy layout the first ones lie at a third of user space, and none far above them.
   */
  private boolean topDown(long taskSize) {
    OptionalLong given = settings.number("topdown");
    if (given.isPresent()) {
      return given.getAsLong() != 0;
    }
    if (settings.legacy()) {
      return false;
    }
    boolean wide = taskSize > 1L << 32;
    long random = taskSize == TASK_SIZE_64 ? RANDOM_64 : wide ? taskSize >>> 3 : RANDOM_32;
    long legacy = (taskSize / 3 + 4095) & -4096;
    long highest = 0;
    boolean atLegacy = false;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      boolean own = stack != null && maps.start() == stack.start();
      if (own || Long.compareUnsigned(maps.end(), taskSize) > 0) {
        continue;
      }
      atLegacy |= maps.start() >= legacy && maps.start() - legacy < random;
      // A position-independent program lies at two thirds, and randomized above.
      boolean program = maps.name().equals(program()) || maps.name().equals("[heap]");
      highest = program ? highest : Math.max(highest, maps.end());
    }
    return !atLegacy || highest - legacy > (wide ? random : taskSize / 4);
  }

  /**
   * End of the highest mapping below the stack, where the first search for room began; the
   * program's own lines and its heap were not searched for.
   */
  private long highestBelow(long end) {
    long base = 0;
    String program = program();
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      boolean own = maps.name().equals(program) || maps.name().equals("[heap]");
      if (!own && Long.compareUnsigned(maps.end(), end - LEAST_GAP / 2) <= 0) {
        base = maps.end();
      }
    }
    if (Long.compareUnsigned(base, end / 2) > 0) {
      return base;
    }
    return Math.max(0, end - LEAST_GAP & -4096);
  }

  /** x86-64's, or, where the stack lies far lower, the power of two above it: arm64 has 39 bits. */
  private long taskSize64(long top) {
    if (stack == null || nearTop(top) || top >= TASK_SIZE_64) {
      return TASK_SIZE_64;
    }
    long size = Long.highestOneBit(top - 1) << 1;
    notes.add(
        String.format(
            "the stack ends at 0x%x: user space is taken to end at 0x%x, which is not x86-64's",
            top, size));
    return size;
  }

  /** First start, or last end, of the program's VMAs with that letter in their permissions. */
  private long bound(MapsLine program, String perm, boolean start) {
    long bound = 0;
    for (StateLine line : lines) {
      MapsLine maps = line.maps();
      if (maps.name().equals(program.name()) && maps.perms().contains(perm)) {
        if (start) {
          return maps.start();
        }
        bound = maps.end();
      }
    }
    return bound;
  }
}
