// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;

/**
 * What the page allocator wants when it runs short. Models {@code struct scan_control} as far as a
 * reclaimer needs it.
 *
 * @param cpu who asks
 * @param gfp the request's flags: whether I/O, file systems and waiting are allowed
 * @param order the block that could not be had
 * @param migratetype the type wanted
 * @param highestZone the highest zone that would serve
 * @param pages how many frames would be enough
 */
public record ReclaimRequest(
    Cpu cpu, int gfp, int order, int migratetype, ZoneType highestZone, long pages) {}
