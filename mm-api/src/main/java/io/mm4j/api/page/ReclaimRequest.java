// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;

/**
 * What the page allocator wants when it runs short; reused by the allocator, not to be kept. Models
 * {@code struct scan_control} as far as a reclaimer needs it.
 *
 * @param cpu who asks
 * @param gfp the request's flags: whether I/O, file systems and waiting are allowed
 * @param order the block that could not be had
 * @param migratetype the type wanted
 * @param highestZone the ordinal of the highest zone that would serve
 * @param pages how many frames would be enough
 */
public record ReclaimRequest(
    Cpu cpu, int gfp, int order, int migratetype, int highestZone, long pages) {}
