// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.ProgramName;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a log tells of the address space in which it begins, for somebody who has no maps: the heap
 * begins where the first question for the break says; above the first mapping that the kernel
 * placed something lies, or it would be higher; and a range that a call works on and no earlier one
 * has mapped was there. The rest is as Linux lays a program out.
 *
 * <p>The place of that first mapping is input then, and says nothing about the replay.
 */
final class InferredMaps {
  private static final long PAGE = Pages.PAGE_SIZE;
  private static final long HUGE = 2L << 20;
  private static final long TOP_64 = 0x7ffffffff000L;
  private static final long TOP_32 = 0xffffe000L;
  private static final long TOP_3G = 0xc0000000L;

  /**
   * Where the area for mappings ends in a program without randomization and with 8 MiB of stack.
   */
  private static final long PLAIN_BASE = 0x7ffff7fff000L;

  private static final long LOADER_BYTES = 0x40000;
  private static final long STACK_BYTES = 0x21000;
  private static final long NEAR_HEAP = 1L << 30;
  private static final int MOST_RANGES = 1 << 14;

  private final String name;
  private final NavigableMap<Long, Long> there;
  private final TreeMap<Long, Long> mapped = new TreeMap<>(Long::compareUnsigned);
  private final SharedSegments segments = new SharedSegments();
  private final ProgramName program;
  private final long heap;
  private long inputLine;
  private long firstPlace;
  private long firstBytes;
  private long secondPlace;

  /** Where a heap was taken to begin of which the log shows no beginning, 0 for none. */
  private long heapFound;

  /**
   * Nothing is known yet.
   *
   * @param name the log's name
   * @param program what it runs, as far as the log names it
   * @param heap where the heap begins, 0 if the log does not say
   */
  InferredMaps(String name, ProgramName program, long heap) {
    this(name, program, heap, new TreeMap<>(Long::compareUnsigned));
  }

  private InferredMaps(
      String name, ProgramName program, long heap, NavigableMap<Long, Long> there) {
    this.name = name;
    this.program = program;
    this.heap = heap;
    this.there = there;
  }

  /**
   * What a forked child's calls are looked at with: what it works on and has not mapped itself, nor
   * its parent before the fork, was there when the program began.
   */
  InferredMaps forked() {
    InferredMaps child = new InferredMaps(name, program, heap, there);
    child.mapped.putAll(mapped);
    child.heapFound = heapFound;
    return child;
  }

  /** Takes the next call of this address space, which stands in that line. */
  void look(StraceLine line, long number) {
    if (line.succeeded() && line.name().startsWith("shm")) {
      Long at = line.number();
      for (SharedSegments.Call made : segments.calls(line)) {
        if (made.name() == CallName.SHMAT && at != null) {
          placed(made.args().get(1) == 0, number, at, segments.bytes(made.args().getFirst()));
        }
      }
    }
    CallName call = Calls.name(line.name());
    if (call == null || !line.succeeded() || there.size() + mapped.size() > MOST_RANGES) {
      return;
    }
    Long result = line.number();
    Long first = line.args().isEmpty() ? null : Symbols.value(line.args().getFirst());
    Long second = line.args().size() < 2 ? null : Symbols.value(line.args().get(1));
    if (result == null || first == null || (second == null && call != CallName.BRK)) {
      return;
    }
    long bytes = second == null ? 0 : second;
    switch (call) {
      case MMAP -> {
        boolean fixed = line.args().size() < 4 || line.args().get(3).contains("MAP_FIXED");
        placed(first == 0 && !fixed, number, result, bytes);
      }
      case MREMAP -> {
        needed(first, bytes);
        Long size = line.args().size() < 3 ? null : Symbols.value(line.args().get(2));
        add(mapped, result, size == null ? bytes : size);
      }
      case BRK -> {
        if (heap != 0 && Long.compareUnsigned(result, heap) > 0) {
          add(mapped, heap & -PAGE, result - (heap & -PAGE));
        } else if (heap == 0 && first == (long) result) {
          grown(first);
        }
      }
      case MUNMAP -> {
        if (!meets(mapped, first, bytes)) {
          needed(first, bytes);
        }
      }
      case MPROTECT, MSYNC, MADVISE, MLOCK, MUNLOCK, MLOCK2, MSEAL, MINCORE, PKEY_MPROTECT ->
          needed(first, bytes);
      default -> {
        // names no range
      }
    }
  }

  /** A log that begins in the middle of a process: its heap is a little below the first break. */
  private void grown(long brk) {
    long start = (brk & -PAGE) - STACK_BYTES;
    if (heapFound == 0 && start > 0 && !meets(there, start, STACK_BYTES)) {
      heapFound = start;
    }
    if (heapFound != 0 && brk > heapFound) {
      add(mapped, heapFound, brk - heapFound);
    }
  }

  private void placed(boolean free, long number, long result, long bytes) {
    if (free && inputLine == 0) {
      inputLine = number;
      firstPlace = result;
      firstBytes = size(bytes);
    } else if (free && secondPlace == 0) {
      secondPlace = result;
    }
    add(mapped, result, bytes);
  }

  private void needed(long start, long bytes) {
    if (bytes != 0 && !meets(mapped, start, bytes)) {
      add(there, start & -PAGE, bytes + (start & (PAGE - 1)));
    }
  }

  private static long size(long bytes) {
    return (bytes + PAGE - 1) & -PAGE;
  }

  private static boolean meets(NavigableMap<Long, Long> ranges, long start, long bytes) {
    Map.Entry<Long, Long> below = ranges.lowerEntry(start + Math.max(1, bytes));
    return below != null && Long.compareUnsigned(below.getValue(), start) > 0;
  }

  /** Adds a range and joins it with those that it meets. */
  private static void add(NavigableMap<Long, Long> ranges, long from, long bytes) {
    long start = from & -PAGE;
    long end = from + size(bytes);
    if (Long.compareUnsigned(end, start) <= 0 || end < 0) {
      return;
    }
    Map.Entry<Long, Long> other = ranges.floorEntry(end);
    while (other != null && Long.compareUnsigned(other.getValue(), start) >= 0) {
      start = Long.compareUnsigned(other.getKey(), start) < 0 ? other.getKey() : start;
      end = Long.compareUnsigned(other.getValue(), end) > 0 ? other.getValue() : end;
      ranges.remove(other.getKey());
      other = ranges.floorEntry(end);
    }
    ranges.put(start, end);
  }

  /** The address space is no more; what was mapped later is forgotten. */
  void ended() {
    mapped.clear();
  }

  /** Where the heap begins, 0 if the log does not say. */
  long heap() {
    return heap;
  }

  /** What it runs, as far as the log names it. */
  ProgramName program() {
    return program;
  }

  /** The line whose mapping told where the area begins, 0 for none. */
  long inputLine() {
    return inputLine;
  }

  /** What was done for the first program, in words. */
  String note() {
    return "no maps were given (NAME.maps, or --maps FILE): where the program lies was inferred"
        + (heap == 0 ? "" : String.format(Locale.ROOT, "; the heap begins at 0x%x", heap))
        + (heapFound == 0
            ? ""
            : String.format(
                Locale.ROOT,
                "; the heap is taken to begin at 0x%x, below its first growth",
                heapFound))
        + (inputLine == 0
            ? ""
            : "; the place of the mapping in line "
                + inputLine
                + " is taken from the log and not judged");
  }

  /** The maps. */
  InitialMaps read() {
    try (LineSource reading = open()) {
      return new InitialMaps(reading);
    }
  }

  /** The maps as text. */
  private LineSource open() {
    if ((firstPlace & 4095) != 0) {
      throw new InputException(
          String.format(Locale.ROOT, "no mapping begins at 0x%x, which is no page", firstPlace),
          name + ", line " + inputLine,
          "multiples of 0x1000");
    }
    if (Long.compareUnsigned(firstPlace + firstBytes, TOP_64) > 0) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "the mapping at 0x%x ends above x86-64's user space: the log's machine has more bits",
              firstPlace),
          name + ", line " + inputLine,
          "logs of x86 and of machines with at most 47 bits; 48, as arm64 may have, are not"
              + " modelled");
    }
    boolean compat = firstPlace != 0 && Long.compareUnsigned(firstPlace, 1L << 32) < 0;
    long top = !compat ? TOP_64 : firstPlace < TOP_3G ? TOP_3G : TOP_32;
    long legacy = size(top / 3);
    boolean up =
        firstPlace != 0
            && firstPlace >= legacy
            && firstPlace - legacy < (compat ? 1L << 28 : 1L << 40)
            && (secondPlace == 0 || secondPlace > firstPlace);
    StringBuilder text = new StringBuilder();
    text.append("# topdown=").append(up ? 0 : 1).append('\n');
    if (up && firstPlace > legacy) {
      add(there, legacy, firstPlace - legacy);
    } else if (!up && firstPlace != 0) {
      text.append(String.format("# mmap_base=0x%x\n", blockAbove(top)));
    }
    programLines();
    if (heapFound != 0 && meets(there, heapFound, PAGE)) {
      heapFound = 0;
    }
    if (heapFound != 0) {
      there.put(heapFound, heapFound + PAGE);
    }
    there.remove(top - STACK_BYTES);
    there
        .headMap(top - STACK_BYTES, false)
        .forEach(
            (start, end) -> {
              boolean own = heap != 0 && end <= heap + PAGE && heap - start < NEAR_HEAP;
              String file =
                  own && program.path().startsWith("/")
                      ? program.path()
                      : own ? "/program" : "/inferred";
              long last = Math.min(end, top - STACK_BYTES);
              // Not executable as a whole: only what the log makes so needs to be.
              boolean found = start == heapFound && start != 0;
              text.append(
                  found
                      ? String.format("%x-%x rw-p 0 00:00 0 [heap]\n", start, last)
                      : String.format("%x-%x rw-p 0 00:00 1 %s\n", start, last, file));
            });
    text.append(String.format("%x-%x rw-p 0 00:00 0 [stack]\n", top - STACK_BYTES, top));
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    return new LineSource("(inferred from " + name + ")", new ByteArrayInputStream(bytes));
  }

  /** What lies above the first mapping, up to where the search began; gives that place. */
  private long blockAbove(long top) {
    long start = firstPlace + firstBytes;
    long end = start + LOADER_BYTES;
    if (start <= PLAIN_BASE && PLAIN_BASE - start < (firstBytes < HUGE ? 4 * HUGE : 16 * HUGE)) {
      end = PLAIN_BASE;
    }
    end = Math.min(end, top - (128L << 20));
    Map.Entry<Long, Long> above = there.floorEntry(end);
    if (above != null && above.getValue() > end) {
      end = above.getValue();
    }
    if (end <= start) {
      return start;
    }
    add(there, start, end - start);
    return end;
  }

  /** The program ends where its heap begins. */
  private void programLines() {
    if (heap == 0) {
      return;
    }
    long end = heap & -PAGE;
    Map.Entry<Long, Long> below = there.lowerEntry(end);
    long start = below != null && end - below.getKey() < NEAR_HEAP ? below.getKey() : end - PAGE;
    if (start > 0 && start < end) {
      add(there, start, end - start);
    }
  }
}
