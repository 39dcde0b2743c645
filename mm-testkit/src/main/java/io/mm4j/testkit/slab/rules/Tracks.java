// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.VirtualClock;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.testkit.slab.naive.MarkedSlab;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Who allocated and who freed each object last, since its slab came. */
final class Tracks {
  /** A class, short or as a whole, a method, and, if it is known, the line. */
  private static final Pattern CALLER =
      Pattern.compile("(\\w[\\w.]*\\.)?MarkedPlay\\.\\w+(:\\d+)?");

  private record Track(int cpu, long ns) {}

  private final VirtualClock clock;
  private final Map<Long, Track> allocated = new HashMap<>();
  private final Map<Long, Track> freed = new HashMap<>();
  private final Map<Long, MarkedSlab> slabs = new HashMap<>();

  private final long slabBytes;

  /** Of slabs of this size. */
  Tracks(VirtualClock clock, long slabBytes) {
    this.clock = clock;
    this.slabBytes = slabBytes;
  }

  /** Objects of slabs that are not there any more had nobody when they come again. */
  void newSlabs(List<MarkedSlab> now) {
    Map<Long, MarkedSlab> there = new HashMap<>();
    now.forEach(slab -> there.put(slab.base, slab));
    slabs.keySet().removeAll(there.keySet());
    for (long gone : slabs.keySet()) {
      allocated.keySet().removeIf(object -> object >= gone && object < gone + slabBytes);
      freed.keySet().removeIf(object -> object >= gone && object < gone + slabBytes);
    }
    slabs.clear();
    slabs.putAll(there);
  }

  void allocated(long object, int cpu) {
    allocated.put(object, new Track(cpu, clock.nowNs()));
    clock.advance(1 + object % 1000);
  }

  void freed(long object, int cpu) {
    freed.put(object, new Track(cpu, clock.nowNs()));
    clock.advance(1 + object % 1000);
  }

  /** A report says who had the object, if it is about one. */
  void compare(SlabReport report, List<MarkedSlab> now) {
    if (report.kind() == Kind.FREE_POINTER && report.paddr() == report.object()) {
      return; // of a list, not of an object
    }
    Map<Long, MarkedSlab> all = new HashMap<>(slabs); // with those that have just gone
    now.forEach(slab -> all.put(slab.base, slab));
    boolean object =
        report.kind() != Kind.SLAB_PADDING
            && all.values().stream()
                .anyMatch(slab -> slab.objectAt(report.object()) == report.object());
    same("allocated", object ? allocated.get(report.object()) : null, report.allocated(), report);
    same("freed", object ? freed.get(report.object()) : null, report.freed(), report);
  }

  private static void same(
      String what, @Nullable Track wanted, SlabReport.@Nullable Track seen, SlabReport report) {
    boolean good =
        wanted == null
            ? seen == null
            : seen != null
                && seen.cpu() == wanted.cpu
                && seen.ns() == wanted.ns
                && CALLER.matcher(seen.caller()).matches();
    check(good, what + " by MarkedPlay " + wanted, report.text());
  }
}
