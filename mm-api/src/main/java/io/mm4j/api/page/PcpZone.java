// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Zone;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * Where the blocks of one zone come back to on one CPU: a list for each order below {@link
 * CpuPages#ORDERS} and type of pageblock. A plugin keeps one for each zone and CPU, and {@link
 * CpuPages} uses that of the zone whose frame came back last. The frames of a pageblock that lies
 * in two zones always come the slow way.
 */
@API(status = API.Status.MAINTAINED)
public final class PcpZone {
  static final int TYPE_BITS = 3;

  /** Types that have tags: the lowest. */
  private static final int TAGGED_TYPES = 4;

  private static final int LIST_BITS = 4;

  /** Zones with tags. */
  public static final int TAGGED = (PageState.TAGS >> LIST_BITS) - 1;

  /** The first pageblock that lies in the zone as a whole, and how many do. */
  final long firstBlock;

  final long blocks;

  /** {@code pageblock_order}. */
  final int order;

  /** Its place in {@link #types}: not the first if that lies in another zone, too. */
  final int skip;

  final byte[] types;

  /** By order and type of the pageblock. */
  final PcpList[] lists = new PcpList[CpuPages.ORDERS << TYPE_BITS];

  /** The tags of its lists are those from here on; beyond what tags can say they have none. */
  private final int firstTag;

  /**
   * With lists that are closed for ever.
   *
   * @param number of the zone on its machine, from 0; the tags of its lists follow from it, and the
   *     first {@value #TAGGED} have some
   */
  public PcpZone(Zone zone, int number) {
    this(
        zone.startPfn(),
        zone.endPfn(),
        zone.pageblocks().order(),
        zone.pageblocks().types(),
        number);
  }

  /** Of no zone. */
  PcpZone() {
    this(0, 0, 0, new byte[0], TAGGED);
  }

  private PcpZone(long startPfn, long endPfn, int order, byte[] types, int number) {
    this.firstTag = number < TAGGED ? (number << LIST_BITS) + 1 : PageState.TAGS;
    this.order = order;
    this.firstBlock = (startPfn + (1L << order) - 1) >>> order;
    this.blocks = Math.max(0, (endPfn >>> order) - firstBlock);
    this.skip = (int) (firstBlock - (startPfn >>> order));
    this.types = types;
    Arrays.fill(lists, CpuPages.CLOSED);
  }

  /** Says where blocks of a list's order go that lie in pageblocks of this type. */
  public void set(int migratetype, PcpList list) {
    lists[(list.order() << TYPE_BITS) | migratetype] = list;
    if (firstTag < PageState.TAGS && migratetype < TAGGED_TYPES && !list.isTagged()) {
      list.tag(firstTag + list.order() * TAGGED_TYPES + migratetype);
    }
  }
}
