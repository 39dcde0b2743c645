// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * What a CPU's translations have cost so far.
 *
 * @param hits accesses that the TLB answered
 * @param misses accesses that walked the tables
 * @param faults accesses that were refused
 * @param switches roots that were loaded
 * @param reused of these, with translations that were still good
 * @param flushes calls that forgot something on purpose
 * @param flushed translations that they forgot
 * @param fromOthers flushes that another CPU had asked for
 * @param evicted translations that others took the place of
 */
@API(status = API.Status.EXPERIMENTAL)
public record MmuStats(
    long hits,
    long misses,
    long faults,
    long switches,
    long reused,
    long flushes,
    long flushed,
    long fromOthers,
    long evicted) {}
