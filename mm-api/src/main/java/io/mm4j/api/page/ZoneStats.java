// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.ZoneType;
import java.util.List;
import org.apiguardian.api.API;

/**
 * What {@code /proc/zoneinfo} and {@code /proc/pagetypeinfo} say of one zone; a snapshot, all in
 * pages unless said. A zone of a node without such memory has {@code spanned} 0 and no {@code
 * cpus}.
 *
 * @param free free pages, without those on per-cpu lists
 * @param freeBlockPages free pages in blocks of a pageblock's order or larger
 * @param boost how far the watermarks are raised now
 * @param min what stays free for those who must not fail
 * @param low below it, kswapd is woken
 * @param high kswapd sleeps above it
 * @param promo one step further
 * @param protection what requests for each higher zone leave alone; one entry for each kind of zone
 *     of the machine
 * @param highatomic pages of pageblocks that are reserved for high-order atomic requests
 * @param numaHit blocks that came from the zone that was preferred
 * @param numaMiss blocks that came from here although another node was preferred
 * @param numaForeign blocks that were to come from here and came from elsewhere
 * @param numaLocal blocks that went to a CPU of this node
 * @param numaOther blocks that went to a CPU of another node
 * @param statThreshold {@code vm stats threshold}
 * @param cpus the per-cpu lists, by number of the CPU
 */
@API(status = API.Status.MAINTAINED)
public record ZoneStats(
    int nodeId,
    ZoneType type,
    long free,
    long freeBlockPages,
    long boost,
    long min,
    long low,
    long high,
    long promo,
    long startPfn,
    long spanned,
    long present,
    long managed,
    List<Long> protection,
    long highatomic,
    long numaHit,
    long numaMiss,
    long numaForeign,
    long numaLocal,
    long numaOther,
    int statThreshold,
    List<PcpStats> cpus) {
  /** Copies the lists. */
  public ZoneStats {
    protection = List.copyOf(protection);
    cpus = List.copyOf(cpus);
  }

  /**
   * One CPU's lists of one zone.
   *
   * @param cpu the CPU's number
   * @param count pages on its lists
   * @param high pages above which they are drained, as tuned now
   * @param batch the unit of filling and draining
   * @param highMin the least that {@code high} can become
   * @param highMax the most that {@code high} can become
   */
  public record PcpStats(int cpu, int count, int high, int batch, int highMin, int highMax) {}
}
