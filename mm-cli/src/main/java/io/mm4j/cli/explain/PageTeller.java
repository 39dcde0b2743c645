// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Notes the steps of a page allocator and its tracepoints as they come, like ones as one. */
final class PageTeller implements PageEvents {
  private static final Pattern VERDICT =
      Pattern.compile("(Node [0-9]+, zone \\w+): [0-9]+ free pages; ");

  private final List<Step> steps;
  private final Map<String, String> lastWords = new LinkedHashMap<>();

  /** Blocks that left the lists of a zone one after the other. */
  private @Nullable Taken taken;

  PageTeller() {
    this(new ArrayList<>());
  }

  /** Notes them behind what is in a list. */
  PageTeller(List<Step> steps) {
    this.steps = steps;
  }

  /** A row of like events. */
  private static final class Taken {
    final Zone zone;
    final int order;
    final int migratetype;
    final boolean refill;
    final long first;
    long last;
    long lowest;
    long highest;
    int count;

    Taken(Zone zone, long pfn, int order, int migratetype, boolean refill) {
      this.zone = zone;
      this.order = order;
      this.migratetype = migratetype;
      this.refill = refill;
      first = pfn;
      lowest = pfn;
      highest = pfn;
    }

    boolean isLike(Zone other, int otherOrder, int type, boolean forList) {
      return zone == other && order == otherOrder && migratetype == type && refill == forList;
    }

    void add(long pfn) {
      last = pfn;
      lowest = Math.min(lowest, pfn);
      highest = Math.max(highest, pfn);
      count++;
    }
  }

  /** What was noted. */
  List<Step> steps() {
    flush();
    return steps;
  }

  /** What was said last of each zone's watermark and blocks. */
  Collection<String> lastWords() {
    return lastWords.values();
  }

  private void flush() {
    Taken row = taken;
    taken = null;
    if (row == null) {
      return;
    }
    String which =
        row.count == 1
            ? String.format(Locale.ROOT, "pfn=%d", row.first)
            : String.format(
                Locale.ROOT,
                "%d times, pfn=%d to %d (between %d and %d)",
                row.count,
                row.first,
                row.last,
                row.lowest,
                row.highest + (1L << row.order) - 1);
    add(
        "event",
        String.format(
            Locale.ROOT,
            "mm_page_alloc_zone_locked: %s, %s order=%d migratetype=%s percpu_refill=%d",
            row.zone,
            which,
            row.order,
            Migratetype.name(row.migratetype),
            row.refill ? 1 : 0));
  }

  private void add(String topic, String text) {
    flush();
    if (!steps.isEmpty() && steps.getLast().is(topic, text)) {
      steps.set(steps.size() - 1, steps.getLast().again());
    } else {
      steps.add(new Step(topic, text));
    }
  }

  @Override
  public boolean explains() {
    return true;
  }

  @Override
  public void step(Cpu cpu, String text) {
    Matcher matcher = VERDICT.matcher(text);
    if (matcher.lookingAt()) {
      lastWords.put(matcher.group(1), text);
    }
    add("step", text);
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    if (taken == null || !taken.isLike(zone, order, migratetype, percpuRefill)) {
      flush();
      taken = new Taken(zone, pfn, order, migratetype, percpuRefill);
    }
    taken.add(pfn);
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    add(
        "event",
        String.format(
            Locale.ROOT,
            "mm_page_pcpu_drain: %s, pfn=%d order=%d migratetype=%s",
            zone,
            pfn,
            order,
            Migratetype.name(migratetype)));
  }

  @Override
  public void allocExtfrag(
      Cpu cpu,
      Zone zone,
      long pfn,
      int allocOrder,
      int fallbackOrder,
      int allocMigratetype,
      int fallbackMigratetype,
      boolean changeOwnership) {
    add(
        "event",
        String.format(
            Locale.ROOT,
            "mm_page_alloc_extfrag: %s, pfn=%d order=%d out of order %d, %s taken from %s",
            zone,
            pfn,
            allocOrder,
            fallbackOrder,
            Migratetype.name(allocMigratetype),
            Migratetype.name(fallbackMigratetype)));
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    add("step", "kswapd is woken for " + zone);
  }
}
