// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A process of a recording: the simulated address space, and what the kernel's maps showed. */
final class ReplayedProcess {
  private static final Comparator<MapsLine> BY_START =
      (a, b) -> Long.compareUnsigned(a.start(), b.start());

  private final AddressSpace mm;
  private final MapsView ours;
  private final TreeMap<Long, MapsLine> theirs = new TreeMap<>(Long::compareUnsigned);

  private final ProgramName program;
  private final int parent;

  /** What calls have mapped, by first address; null if all that it began with is known, too. */
  private final @Nullable NavigableMap<Long, Long> known;

  /**
   * A process.
   *
   * @param program what it runs
   * @param parent the number of the process that made it, -1 for none
   * @param known see {@link #known}
   */
  ReplayedProcess(
      AddressSpace mm,
      FileTable files,
      ProgramName program,
      int parent,
      @Nullable NavigableMap<Long, Long> known) {
    this.parent = parent;
    this.mm = mm;
    this.program = program;
    this.known = known;
    ours = new MapsView(mm, files);
  }

  AddressSpace mm() {
    return mm;
  }

  /** What it runs, as far as that is known. */
  ProgramName program() {
    return program;
  }

  /** The number of the process that made it, -1 for none. */
  int parent() {
    return parent;
  }

  /** Ranges of which everything is known, from and to; null for all addresses. */
  @Nullable NavigableMap<Long, Long> known() {
    return known;
  }

  /** A call has mapped this range. */
  void mapped(long start, long end) {
    if (known == null || Long.compareUnsigned(end, start) <= 0) {
      return;
    }
    long low = start;
    long high = end;
    Map.Entry<Long, Long> other = known.floorEntry(high);
    while (other != null && Long.compareUnsigned(other.getValue(), low) >= 0) {
      low = Long.compareUnsigned(other.getKey(), low) < 0 ? other.getKey() : low;
      high = Long.compareUnsigned(other.getValue(), high) > 0 ? other.getValue() : high;
      known.remove(other.getKey());
      other = known.floorEntry(high);
    }
    known.put(low, high);
  }

  MapsView ours() {
    return ours;
  }

  /** The kernel's maps now, by start address. */
  NavigableMap<Long, MapsLine> theirs() {
    return theirs;
  }

  /** The kernel showed its whole maps. */
  void setTheirs(List<MapsLine> lines) {
    theirs.clear();
    lines.forEach(line -> theirs.put(line.start(), line));
  }

  /** The kernel's maps changed by one call. */
  void applyTheirs(VmaEvent.Call call) {
    call.removed().forEach(line -> theirs.remove(line.start(), line));
    call.added().forEach(line -> theirs.put(line.start(), line));
  }

  /** Whether a call changed both maps alike, whatever the order of the lines. */
  static boolean alike(List<MapsLine> one, List<MapsLine> other) {
    if (one.size() != other.size()) {
      return false;
    }
    if (one.equals(other)) {
      return true;
    }
    List<MapsLine> a = new ArrayList<>(one);
    List<MapsLine> b = new ArrayList<>(other);
    a.sort(BY_START);
    b.sort(BY_START);
    return a.equals(b);
  }
}
