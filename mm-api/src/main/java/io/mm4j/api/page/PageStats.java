// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import java.util.List;
import java.util.Map;
import org.apiguardian.api.API;

/**
 * A page allocator's statistics: the figures behind {@code /proc/zoneinfo} and {@code
 * /proc/vmstat}. Cheap to keep, gathered when asked. Counters that other threads are changing may
 * be a little old.
 */
@API(status = API.Status.MAINTAINED)
public interface PageStats {
  /** Every kind of zone of every node, also those without memory; node by node, lowest first. */
  List<ZoneStats> zones();

  /**
   * The events of {@code /proc/vmstat} that a page allocator counts, under the kernel's names and
   * in its order: {@code pgalloc_dma} and so on, {@code allocstall_*}, {@code pgfree}, ...
   */
  Map<String, Long> vmEvents();

  /**
   * Events that Linux does not count in {@code /proc/vmstat} but shows as tracepoints or messages:
   * {@code extfrag_claim}, {@code extfrag_steal}, {@code pcp_refill}, {@code pcp_drain}, {@code
   * drain_all_pages}, {@code page_alloc_failure}.
   */
  Map<String, Long> otherEvents();

  /** {@code min_free_kbytes}, given or computed. */
  long minFreeKbytes();
}
