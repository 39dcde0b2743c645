// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a slab allocator made of a recorded stream of allocations and frees, beginning with no slab.
 *
 * @param plugin its name
 * @param allocations how many were asked for
 * @param failures how many were not served
 * @param remoteFrees how many objects were freed on another CPU than that which allocated them; a
 *     property of the stream
 * @param pagesTaken frames of all slabs and large blocks that came from the page allocator
 * @param pagesBack frames that went back during the stream
 * @param peakPages the most frames held at once
 * @param endPages frames held at the end
 * @param peakBytes bytes asked for of the objects that were live when most frames were held
 * @param endBytes the same at the end
 * @param growth frames of some caches at the end, by name: of slabinfo first, then ours; a recorded
 *     machine had slabs before, so that the two are alike only roughly
 */
public record SlabRun(
    String plugin,
    long allocations,
    long failures,
    long remoteFrees,
    long pagesTaken,
    long pagesBack,
    long peakPages,
    long endPages,
    long peakBytes,
    long endBytes,
    Map<String, Growth> growth) {
  /** Keeps the order of the map. */
  public SlabRun {
    growth = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(growth));
  }

  /**
   * Frames of one cache.
   *
   * @param recorded after the recording less before it; may be negative
   * @param ours at the end
   */
  public record Growth(long recorded, long ours) {}

  /** Thousandths of the frames' bytes that nobody had asked for, when most frames were held. */
  public int slackPermille() {
    return peakPages == 0 ? 0 : (int) (1000 - 1000 * peakBytes / (peakPages << 12));
  }
}
