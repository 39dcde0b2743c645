// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.testkit.RuleViolation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Compares all that can be seen of two machines that did the same. */
final class Comparison {
  private final Side seen;
  private final Side expected;

  Comparison(Side seen, Side expected) {
    this.seen = seen;
    this.expected = expected;
  }

  /** What an operation can have changed: counters, lists, and the frames that it wrote. */
  void after() {
    equal("events", expected.recorder.take(), seen.recorder.take());
    equal("requests to reclaim", expected.takeAsked(), seen.takeAsked());
    statistics();
    equal("freePages()", expected.pages.freePages(), seen.pages.freePages());
    equal("pcpPages()", expected.pages.pcpPages(), seen.pages.pcpPages());
    for (int i = 0; i < expected.pages.zones().size(); i++) {
      counts(expected.pages.zones().get(i), seen.pages.zones().get(i));
    }
    if (expected.map instanceof TouchedMap mine && seen.map instanceof TouchedMap theirs) {
      mine.takeTouched(this::frame);
      theirs.takeTouched(this::frame);
    }
  }

  /** Every block and every frame. */
  void everything() {
    after();
    for (int i = 0; i < expected.pages.zones().size(); i++) {
      ManagedZone mine = expected.pages.zones().get(i);
      equal("free blocks of " + mine.zone(), blocks(mine), blocks(seen.pages.zones().get(i)));
      for (long pfn = mine.zone().startPfn(); pfn < mine.zone().endPfn(); pfn++) {
        if (!unknown(expected.map, pfn) || !unknown(seen.map, pfn)) {
          frame(pfn);
        }
      }
    }
  }

  private static boolean unknown(MemMap map, long pfn) {
    return map instanceof TouchedMap touched && !touched.isKnown(pfn);
  }

  private void statistics() {
    PageStats mine = expected.pages.stats().orElseThrow();
    PageStats theirs =
        seen.pages.stats().orElseThrow(() -> new RuleViolation("statistics", "none"));
    events("/proc/vmstat", mine.vmEvents(), theirs.vmEvents());
    events("otherEvents()", mine.otherEvents(), theirs.otherEvents());
    List<ZoneStats> zones = mine.zones();
    List<ZoneStats> others = theirs.zones();
    for (int i = 0; i < Math.min(zones.size(), others.size()); i++) {
      equal("statistics of a zone", zones.get(i), others.get(i));
    }
    equal("zones of the statistics", zones.size(), others.size());
  }

  private static void events(String where, Map<String, Long> mine, Map<String, Long> theirs) {
    List<String> names = List.copyOf(mine.keySet());
    if (names.equals(List.copyOf(theirs.keySet())) && mine.equals(theirs)) {
      return;
    }
    mine.forEach((event, count) -> equal(event + " of " + where, count, theirs.get(event)));
    equal("the names of " + where, names, List.copyOf(theirs.keySet()));
  }

  private static void counts(ManagedZone mine, ManagedZone theirs) {
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        long want = mine.frames().freeBlocks(order, type);
        long have = theirs.frames().freeBlocks(order, type);
        if (want != have || head(mine, order, type) != head(theirs, order, type)) {
          String list = mine.zone() + " order " + order + ' ' + Migratetype.name(type);
          equal("free blocks of " + list, want, have);
          equal("head of " + list, head(mine, order, type), head(theirs, order, type));
        }
      }
    }
    for (long pfn = mine.zone().startPfn();
        pfn < mine.zone().endPfn();
        pfn = mine.zone().pageblocks().start(pfn) + mine.zone().pageblocks().pages()) {
      int want = mine.zone().pageblocks().get(pfn);
      int have = theirs.zone().pageblocks().get(pfn);
      if (want != have) {
        equal("type of the pageblock of frame " + pfn, want, have);
      }
    }
  }

  private static long head(ManagedZone zone, int order, int type) {
    return zone.frames().head(order, type);
  }

  private static List<String> blocks(ManagedZone zone) {
    List<String> list = new ArrayList<>();
    FrameAllocator.FreeBlockVisitor visitor =
        (pfn, order, type) ->
            list.add("0x" + Long.toHexString(pfn) + '/' + order + ' ' + Migratetype.name(type));
    zone.frames().forEachFree(visitor);
    return list;
  }

  private void frame(long pfn) {
    MemMap mine = expected.map;
    MemMap theirs = seen.map;
    if (mine.owner(pfn) != theirs.owner(pfn)
        || mine.refcount(pfn) != theirs.refcount(pfn)
        || mine.order(pfn) != theirs.order(pfn)
        || mine.flags(pfn) != theirs.flags(pfn)) {
      equal("frame 0x" + Long.toHexString(pfn), frame(mine, pfn), frame(theirs, pfn));
    }
  }

  private static String frame(MemMap map, long pfn) {
    return map.owner(pfn)
        + " order "
        + map.order(pfn)
        + " refcount "
        + map.refcount(pfn)
        + " flags 0x"
        + Integer.toHexString(map.flags(pfn));
  }

  private static void equal(String what, Object want, @Nullable Object have) {
    if (!want.equals(have)) {
      if (want instanceof List<?> mine && have instanceof List<?> theirs) {
        firstDifference(what, mine, theirs);
      }
      throw new RuleViolation(what + ": " + want, String.valueOf(have));
    }
  }

  /** Of long lists only the first line that differs. */
  private static void firstDifference(String what, List<?> mine, List<?> theirs) {
    for (int i = 0; i < Math.max(mine.size(), theirs.size()); i++) {
      Object want = i < mine.size() ? mine.get(i) : "an end";
      Object have = i < theirs.size() ? theirs.get(i) : "an end";
      if (!want.equals(have)) {
        throw new RuleViolation(what + ", line " + (i + 1) + ": " + want, have.toString());
      }
    }
  }
}
