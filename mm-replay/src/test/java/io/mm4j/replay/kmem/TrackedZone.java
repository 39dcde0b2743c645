// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.testkit.pages.model.Mark;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.Watermark;

/**
 * A zone as the model's watermarks see it, with the free blocks that were tracked. What the kernel
 * knew at the moment of its decision differs a little: the moment lies somewhere since the CPU's
 * last event, counters lag behind on each CPU, and a boost is not recorded. So there are two of
 * each zone, the poorest and the richest that it can have been; where they agree, the decision is
 * determined.
 */
final class TrackedZone implements Watermark.Level {
  /** Blocks of one list that can have come or gone. */
  static final long SLACK_BLOCKS = 64;

  private final RecordedZones zones;
  private final TypedBlocks blocks;
  private final int zone;
  private final Marks.Numbers numbers;
  private final long mostBoost;
  private final int sign;
  private long pages;

  /**
   * One of the two.
   *
   * @param sign -1 the poorest, 1 the richest
   */
  TrackedZone(
      RecordedZones zones,
      TypedBlocks blocks,
      int zone,
      Marks.Numbers numbers,
      int boostFactor,
      int sign) {
    this.zones = zones;
    this.blocks = blocks;
    this.zone = zone;
    this.numbers = numbers;
    this.mostBoost =
        boostFactor == 0
            ? 0
            : Math.max(numbers.high() * boostFactor / 10_000, Pages.PAGEBLOCK_NR_PAGES);
    this.sign = sign;
  }

  /** Its number among the recorded zones. */
  int index() {
    return zone;
  }

  /** For questions about lists: the blocks as tracked. */
  TypedBlocks blocks() {
    blocks.ask(zone);
    return blocks;
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    long tracked = blocks().freeBlocks(order, migratetype);
    return Math.max(0, tracked + sign * SLACK_BLOCKS);
  }

  /** Says how many pages were free at least or at most when a CPU decided. */
  void at(FreeRange range, int cpu) {
    long lag = (long) zones.cpus() * numbers.statThreshold();
    pages = sign < 0 ? Math.max(0, range.least(cpu, zone) - lag) : range.most(cpu, zone) + lag;
  }

  @Override
  public long free() {
    return pages;
  }

  @Override
  public long freeHighatomic() {
    // No recording has a pageblock of that type.
    return 0;
  }

  @Override
  public long protection(ZoneType highest) {
    return numbers.protection().get(Marks.KINDS_64.indexOf(highest));
  }

  @Override
  public long base(Mark mark) {
    return switch (mark) {
      case MIN -> numbers.min();
      case LOW -> numbers.low();
      case HIGH -> numbers.high();
    };
  }

  @Override
  public long boost() {
    return sign < 0 ? mostBoost : 0;
  }
}
