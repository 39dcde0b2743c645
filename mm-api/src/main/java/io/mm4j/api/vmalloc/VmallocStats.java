// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.vmalloc;

import org.apiguardian.api.API;

/**
 * What an allocator of addresses has.
 *
 * @param areas areas in use
 * @param usedPages their pages
 * @param lazyAreas areas that were freed and not purged
 * @param lazyPages their pages
 * @param pooledAreas areas in pools
 * @param freeRanges free ranges
 * @param largestFree pages of the largest of them
 * @param purges how often a purge was made
 * @param purgedAreas areas that became free in them
 */
@API(status = API.Status.EXPERIMENTAL)
public record VmallocStats(
    long areas,
    long usedPages,
    long lazyAreas,
    long lazyPages,
    long pooledAreas,
    long freeRanges,
    long largestFree,
    long purges,
    long purgedAreas) {}
