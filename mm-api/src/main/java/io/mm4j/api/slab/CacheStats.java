// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;

/**
 * What a cache holds: {@code struct slabinfo} of mm/slab.h, and what the recorder of a footprint
 * wants beside it. Exact while nobody allocates or frees; else each number is of about this time.
 *
 * @param activeObjects objects that /proc/slabinfo calls active: all but those on the freelists of
 *     the nodes' partial slabs. What CPUs keep counts as active
 * @param objects all objects of all slabs
 * @param liveObjects objects that somebody holds
 * @param activeSlabs slabs; as in /proc/slabinfo the same as {@code slabs} for a slub
 * @param slabs slabs
 * @param pages frames of all slabs
 * @param partialSlabs slabs on the nodes' partial lists
 * @param cpuPartialSlabs slabs on the CPUs' partial lists
 * @param cpuSlabs slabs that CPUs allocate from
 * @param cachedObjects free objects in the CPUs' sheaves or arrays, and in the nodes' barns
 */
@API(status = API.Status.EXPERIMENTAL)
public record CacheStats(
    long activeObjects,
    long objects,
    long liveObjects,
    long activeSlabs,
    long slabs,
    long pages,
    long partialSlabs,
    long cpuPartialSlabs,
    long cpuSlabs,
    long cachedObjects) {}
