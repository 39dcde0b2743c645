// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.replay.Tally;
import io.mm4j.replay.vma.ByteRanges.Range;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which bytes a recording can be asked for. Those of the program image, of its first stack and of
 * the vdso nobody recorded. Calls carry them on: a write into the file, a read of the file into
 * memory, mremap to another address. A read there that has no value here is not judged, but
 * counted.
 */
final class RecordedBytes {
  /** Reads that met such bytes, in the check of values. */
  static final String NOT_RECORDED = "not_recorded";

  private static final long SEEK_CUR = 1;
  private static final long MREMAP_DONTUNMAP = 4;

  private final FileTable files;

  /** Bytes that nobody recorded, by the name in maps of the file or shared memory. */
  private final Map<String, ByteRanges> inFiles = new HashMap<>();

  /** The same in memory of a process's own. */
  private final IdentityHashMap<ReplayedProcess, ByteRanges> inMemory = new IdentityHashMap<>();

  private final Tally tally;

  /** Counts in that tally what is passed over. */
  RecordedBytes(FileTable files, Tally tally) {
    this.files = files;
    this.tally = tally;
  }

  /**
   * A process begins with these mappings. What its first stack holds stays so where the mapping is
   * called something else, as PR_SET_MM can move the stack.
   */
  void began(ReplayedProcess process) {
    for (MapsLine line : process.theirs().values()) {
      if (line.name().equals("[stack]")) {
        memory(process).add(new Range(line.start(), line.end()));
      }
    }
  }

  /** A process was forked. */
  void forked(ReplayedProcess parent, ReplayedProcess child) {
    ByteRanges strange = inMemory.get(parent);
    if (strange != null) {
      memory(child).addAll(strange);
    }
  }

  /** A call was made; the process's maps are still those before it. */
  void made(VmaEvent.Call call, ReplayedProcess process) {
    if (!(call.answer() instanceof Answer.Value answer)) {
      return;
    }
    switch (call.name()) {
      case SYS_WRITE, PWRITE64 -> written(call, process, answer.value());
      case SYS_READ, PREAD64 -> read(call, process, answer.value());
      case MMAP -> gone(process, Ranges.mapped(call, answer, 0));
      case MUNMAP -> gone(process, Ranges.of(call, answer, 0));
      case MREMAP -> moved(call, process, answer);
      default -> {}
    }
  }

  /** Whether a byte that was read is compared with what it is here. */
  boolean judged(long uaddr, ReplayedProcess process, int ours) {
    MapsLine line = lineAt(uaddr, process);
    if (line == null || isUnrecorded(line)) {
      return false;
    }
    if (ours == TouchOutcome.UNKNOWN && !strange(process, new Range(uaddr, uaddr + 1)).isEmpty()) {
      tally.more(VmaChecks.VALUES, NOT_RECORDED, 1);
      return false;
    }
    return true;
  }

  private static @Nullable MapsLine lineAt(long uaddr, ReplayedProcess process) {
    Map.Entry<Long, MapsLine> entry = process.theirs().floorEntry(uaddr);
    return entry == null ? null : entry.getValue();
  }

  private static boolean isUnrecorded(MapsLine line) {
    String name = line.name();
    return name.equals("EXE") || (name.startsWith("[") && !name.equals("[heap]"));
  }

  private void written(VmaEvent.Call call, ReplayedProcess process, long count) {
    Range buffer = new Range(call.arg(1), call.arg(1) + count);
    long move = position(call, process, count) - buffer.from();
    for (Range part : strange(process, buffer)) {
      file(nameOf(call)).add(part.moved(move));
    }
  }

  private void read(VmaEvent.Call call, ReplayedProcess process, long count) {
    ByteRanges file = inFiles.get(nameOf(call));
    if (file == null) {
      return;
    }
    long from = position(call, process, count);
    long move = call.arg(1) - from;
    for (Range part : file.in(new Range(from, from + count))) {
      carry(process, part.moved(move));
    }
  }

  private void moved(VmaEvent.Call call, ReplayedProcess process, Answer.Value answer) {
    long by = answer.value() - call.arg(0);
    Range old = new Range(call.arg(0), call.arg(0) + Math.min(call.arg(1), call.arg(2)));
    if (by == 0 || old.isEmpty()) {
      return;
    }
    List<Range> parts = new ArrayList<>();
    forLines(
        process,
        old,
        (line, part) -> {
          if (isUnrecorded(line)) {
            parts.add(part);
          }
        });
    parts.addAll(memory(process).in(old));
    if ((call.arg(3) & MREMAP_DONTUNMAP) == 0) {
      gone(process, new long[] {old.from(), old.to()});
    }
    gone(process, Ranges.mapped(call, answer, 0));
    parts.forEach(part -> memory(process).add(part.moved(by)));
  }

  private void gone(ReplayedProcess process, long[] range) {
    ByteRanges memory = inMemory.get(process);
    if (memory != null) {
      memory.remove(new Range(range[0], range[1]));
    }
  }

  /** Bytes that nobody recorded get to where something is mapped. */
  private void carry(ReplayedProcess process, Range to) {
    forLines(
        process,
        to,
        (line, part) -> {
          if (isShared(line)) {
            file(nameOf(line)).add(part.moved(line.offsetBytes() - line.start()));
          } else {
            memory(process).add(part);
          }
        });
  }

  /** The parts of a range that hold what nobody recorded; some may overlap. */
  private List<Range> strange(ReplayedProcess process, Range range) {
    List<Range> parts = new ArrayList<>();
    ByteRanges memory = inMemory.get(process);
    if (memory != null) {
      parts.addAll(memory.in(range));
    }
    forLines(
        process,
        range,
        (line, part) -> {
          ByteRanges file = line.backed() || isShared(line) ? inFiles.get(nameOf(line)) : null;
          if (isUnrecorded(line)) {
            parts.add(part);
          } else if (file != null) {
            long move = line.offsetBytes() - line.start();
            file.in(part.moved(move)).forEach(each -> parts.add(each.moved(-move)));
          }
        });
    return parts;
  }

  private interface Part {
    void of(MapsLine line, Range part);
  }

  private static void forLines(ReplayedProcess process, Range range, Part action) {
    Map.Entry<Long, MapsLine> entry = process.theirs().floorEntry(range.from());
    if (entry == null) {
      entry = process.theirs().higherEntry(range.from());
    }
    while (entry != null && Long.compareUnsigned(entry.getKey(), range.to()) < 0) {
      MapsLine line = entry.getValue();
      Range part = range.within(new Range(line.start(), line.end()));
      if (!part.isEmpty()) {
        action.of(line, part);
      }
      entry = process.theirs().higherEntry(entry.getKey());
    }
  }

  private static boolean isShared(MapsLine line) {
    return line.perms().endsWith("s");
  }

  /** Where in the file a call that moved so many bytes began. */
  private long position(VmaEvent.Call call, ReplayedProcess process, long count) {
    if (call.name() == CallName.PREAD64 || call.name() == CallName.PWRITE64) {
      return call.arg(3);
    }
    long fd = call.open() == null ? call.arg(0) : files.fd(call.open());
    return process.mm().syscall(Syscall.LSEEK, fd, 0, SEEK_CUR) - count;
  }

  private String nameOf(VmaEvent.Call call) {
    OpenFile open = files.open(call.open());
    return open == null ? String.valueOf(call.open()) : open.file().name();
  }

  private static String nameOf(MapsLine line) {
    return line.name().replace("(deleted)", "");
  }

  private ByteRanges file(String name) {
    return inFiles.computeIfAbsent(name, key -> new ByteRanges());
  }

  private ByteRanges memory(ReplayedProcess process) {
    return inMemory.computeIfAbsent(process, key -> new ByteRanges());
  }
}
