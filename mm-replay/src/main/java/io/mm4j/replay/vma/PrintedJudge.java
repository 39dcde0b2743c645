// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.TouchOutcome;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * Compares maps that a program of the log read with those here, line by line. What a log does not
 * show is left out of the comparison and counted:
 *
 * <ul>
 *   <li>{@code of_start}: lines of what was there before the log shows how, where only the log
 *       tells of the start;
 *   <li>{@code by_faults}: places where Linux has two VMAs that nothing in maps tells apart, and
 *       one is here. Anonymous ones with pages of their own keep apart if each got its first page
 *       by itself ({@code anon_vma}), or was moved with its pages; no call shows that.
 * </ul>
 *
 * <p>A stack that begins lower than here has grown by faults that no call shows: its first page is
 * touched before the comparison, as the program must have done.
 */
final class PrintedJudge {
  private final Tally tally;
  private final boolean paths;
  private final boolean vmaNames;

  /**
   * A judge.
   *
   * @param paths whether the paths of files are known
   * @param vmaNames whether the names of anonymous VMAs are
   */
  PrintedJudge(Tally tally, boolean paths, boolean vmaNames) {
    this.tally = tally;
    this.paths = paths;
    this.vmaNames = vmaNames;
  }

  /** Compares what somebody read; the call number is only for evidence. */
  void judge(VmaEvent.Printed printed, ReplayedProcess process, long call) {
    NavigableMap<Long, Long> known = process.known();
    if (known == null) {
      growStack(printed, process);
    }
    List<MapsLine> ours = new ArrayList<>();
    for (MapsLine line : process.ours().readAll()) {
      clip(line, printed, known, null, ours);
    }
    List<MapsLine> kernel = new ArrayList<>();
    long ofStart = 0;
    for (MapsLine line : printed.lines()) {
      int before = kernel.size();
      clip(line, printed, known, process.ours().lines(), kernel);
      ofStart += kernel.size() == before ? 1 : 0;
    }
    tally.more(VmaChecks.SNAPSHOTS, "of_start", ofStart);
    compare(printed, kernel, ours, call);
  }

  private void compare(
      VmaEvent.Printed printed, List<MapsLine> kernel, List<MapsLine> ours, long call) {
    int next = 0;
    for (MapsLine own : ours) {
      while (next < kernel.size() && below(kernel.get(next).end(), own.start() + 1)) {
        differs(printed, kernel, ours, call);
        next++;
      }
      int last = next;
      while (last < kernel.size() && below(kernel.get(last).start(), own.end())) {
        last++;
      }
      List<MapsLine> parts = kernel.subList(next, last);
      if (parts.size() == 1 && parts.getFirst().equals(own)) {
        tally.equal(VmaChecks.SNAPSHOTS);
      } else if (mayKeepApart(own) && areParts(parts, own)) {
        tally.more(VmaChecks.SNAPSHOTS, "by_faults", parts.size() - 1L);
      } else {
        differs(printed, kernel, ours, call);
      }
      next = last;
    }
    for (; next < kernel.size(); next++) {
      differs(printed, kernel, ours, call);
    }
  }

  private static boolean below(long a, long b) {
    return Long.compareUnsigned(a, b) < 0;
  }

  /** Whether pages of its own may keep such a VMA apart from its neighbour. */
  private static boolean mayKeepApart(MapsLine line) {
    return line.perms().endsWith("p") && (!line.backed() || line.perms().charAt(1) == 'w');
  }

  /** Whether these lie one behind the other where that one is, and differ in nothing else. */
  private static boolean areParts(List<MapsLine> parts, MapsLine whole) {
    long at = whole.start();
    for (MapsLine part : parts) {
      if (part.start() != at || !part.equals(cut(whole, at, part.end()))) {
        return false;
      }
      at = part.end();
    }
    return at == whole.end();
  }

  private static MapsLine cut(MapsLine line, long start, long end) {
    long offset = line.backed() ? line.offsetBytes() + start - line.start() : 0;
    return new MapsLine(start, end, line.perms(), offset, line.backed(), line.name());
  }

  /**
   * Adds what of a line is known and was shown.
   *
   * @param all all lines here, of a line of the kernel's: where it goes on and nothing is here, it
   *     was not there at the start either, or the two would have merged
   */
  private void clip(
      MapsLine line,
      VmaEvent.Printed printed,
      @Nullable NavigableMap<Long, Long> known,
      @Nullable NavigableMap<Long, MapsLine> all,
      List<MapsLine> into) {
    MapsLine named =
        new MapsLine(
            line.start(), line.end(), line.perms(), line.offsetBytes(), line.backed(), name(line));
    if (known == null) {
      part(named, printed.from(), printed.to(), into);
      return;
    }
    Long first = known.floorKey(line.start());
    for (Map.Entry<Long, Long> range :
        known.tailMap(first == null ? line.start() : first, true).entrySet()) {
      if (!below(range.getKey(), line.end())) {
        break;
      }
      if (!below(line.start(), range.getValue())) {
        continue;
      }
      long from = all != null && isFree(all, range.getKey() - 1) ? 0 : range.getKey();
      long to = all != null && isFree(all, range.getValue()) ? -1 : range.getValue();
      from = below(from, printed.from()) ? printed.from() : from;
      to = below(printed.to(), to) ? printed.to() : to;
      part(named, from, to, into);
    }
  }

  private static boolean isFree(NavigableMap<Long, MapsLine> lines, long uaddr) {
    Map.Entry<Long, MapsLine> found = lines.floorEntry(uaddr);
    return found == null || !below(uaddr, found.getValue().end());
  }

  private static void part(MapsLine line, long from, long to, List<MapsLine> into) {
    long start = below(line.start(), from) ? from : line.start();
    long end = below(to, line.end()) ? to : line.end();
    if (below(start, end)) {
      into.add(cut(line, start, end));
    }
  }

  /** What can be compared of a name: what is known, and never the paths of shared memory. */
  private String name(MapsLine line) {
    String name = line.name();
    if (!line.backed()) {
      return !vmaNames && line.isNameless() ? "-" : name;
    }
    boolean ofMemory =
        name.startsWith("/dev/zero") || name.startsWith("/memfd:") || name.startsWith("/SYSV");
    return paths && name.startsWith("/") && !ofMemory
        ? name.replaceFirst(" ?\\(deleted\\)$", "")
        : "/";
  }

  private static void growStack(VmaEvent.Printed printed, ReplayedProcess process) {
    for (MapsLine line : printed.lines()) {
      if (line.name().equals("[stack]")) {
        for (MapsLine own : process.ours().readAll()) {
          if (own.name().equals("[stack]") && below(line.start(), own.start())) {
            process.mm().write(line.start(), TouchOutcome.UNKNOWN);
            return;
          }
        }
      }
    }
  }

  private void differs(
      VmaEvent.Printed printed, List<MapsLine> kernel, List<MapsLine> ours, long call) {
    if (tally.differs(VmaChecks.SNAPSHOTS)) {
      tally.evidence(
          new FirstDifference(
              VmaChecks.SNAPSHOTS,
              printed.line(),
              call,
              "maps of p" + printed.process() + " that the program read differ",
              new Evidence().wholeMaps(kernel, ours).lines()));
    }
  }
}
