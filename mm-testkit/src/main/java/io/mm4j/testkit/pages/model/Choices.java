// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every decision of the model at one place, so that a plugin that is wrong on purpose overrides
 * just one of them. As it stands it decides as Linux.
 */
public class Choices {
  /** The zones that a request asks. */
  public List<Zone> zones(NodeOrder order, int gfp, int node) {
    return order.zones(gfp, node);
  }

  /** {@code zone_watermark_fast()}. */
  public boolean enough(ModelZone zone, int order, Mark mark, AllocFlags flags, ZoneType highest) {
    return Watermark.fast(zone, order, mark, flags, highest);
  }

  /** {@code nr_pcp_alloc()}. */
  public int refill(PcpTuning tuning, int order, boolean belowHigh) {
    return tuning.refill(order, belowHigh);
  }

  /** Where a block goes on its CPU's list: to the hot end. */
  void put(Deque<Long> list, long pfn) {
    list.addFirst(pfn);
  }

  /** The block that a drain takes: the one that was not used for longest. */
  public long drained(Deque<Long> list) {
    return list.removeLast();
  }

  /** Which lists a claim is tried on, in order. */
  List<Fallback.Candidate> claims(ModelZone zone, int order, int type, boolean avoidsMixing) {
    return Fallback.claims(zone, order, type, avoidsMixing, zone.blockOrder());
  }

  /** Whether a pageblock below its full size changes hands. */
  public boolean changesHands(ModelZone zone, int free, int alike) {
    return Fallback.changesHands(free, alike, zone.blockPages());
  }

  /** What is stolen. */
  public Fallback.@Nullable Candidate steal(ModelZone zone, int order, int type) {
    return Fallback.steal(zone, order, type);
  }

  /** On whose list the rest of a whole pageblock goes that was taken. */
  public int restOfClaim(int type, int from) {
    return type;
  }

  /** On whose list the rest of a stolen block goes. */
  public int restOfSteal(int type, int from) {
    return from;
  }

  /** {@code boost_watermark()}: what the boost becomes when a pageblock is fought for. */
  public long boost(ModelZone zone, int factor) {
    if (factor == 0 || zone.blockPages() * 4L > zone.zone.managedPages()) {
      return zone.boost;
    }
    // _watermark[WMARK_HIGH]: without the boost.
    long most = zone.base(Mark.HIGH) * factor / 10_000;
    if (most == 0) {
      return zone.boost;
    }
    return Math.min(zone.boost + zone.blockPages(), Math.max(most, zone.blockPages()));
  }

  /** Whether a pageblock is reserved for requests like the one just served. */
  public boolean reserves(AllocFlags flags) {
    return flags.has(AllocFlag.HIGHATOMIC);
  }

  /** Whose per-cpu list a page of such a pageblock goes to; -1 for none. */
  public int listType(int pageblockType) {
    if (pageblockType < Migratetype.PCPTYPES) {
      return pageblockType;
    }
    return pageblockType == Migratetype.ISOLATE ? -1 : Migratetype.MOVABLE;
  }

  /** Whether a block is cleared. */
  public boolean clears(int gfp) {
    return AllocFlagsOf.has(gfp, Gfp.__GFP_ZERO);
  }

  /** How many pages a served block counts in {@code pgalloc}. */
  public long countedPages(int order) {
    return 1L << order;
  }
}
