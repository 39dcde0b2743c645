// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

/**
 * What a heap holds at some moment; cheap, each number is of about this time.
 *
 * @param capacityBytes the cap: no more can be held
 * @param usedBytes pages that hold objects, or that CPUs and slabs keep for the next ones
 * @param freeBytes pages that hold nothing
 * @param allocations how many were made so far
 * @param frees how many of them were freed
 * @param failures how many requests could not be served
 * @param openArenas arenas that hold something and are not closed
 */
public record OffHeapUsage(
    long capacityBytes,
    long usedBytes,
    long freeBytes,
    long allocations,
    long frees,
    long failures,
    long openArenas) {}
