// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A process of a recording: the simulated address space, and what the kernel's maps showed. */
final class ReplayedProcess {
  private static final Comparator<MapsLine> BY_START =
      (a, b) -> Long.compareUnsigned(a.start(), b.start());

  private final AddressSpace mm;
  private final MapsView ours;
  private final TreeMap<Long, MapsLine> theirs = new TreeMap<>(Long::compareUnsigned);

  ReplayedProcess(AddressSpace mm, FileTable files) {
    this.mm = mm;
    ours = new MapsView(mm, files);
  }

  AddressSpace mm() {
    return mm;
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
