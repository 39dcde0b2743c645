// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;

/**
 * {@code ctor} of a cache. Called for every object of a new slab, once, not at each allocation:
 * whoever frees an object leaves it as the constructor made it. Debug mode poisons no objects of
 * such a cache.
 */
@API(status = API.Status.EXPERIMENTAL)
@FunctionalInterface
public interface ObjectConstructor {
  /**
   * Writes what a fresh object holds. Neither allocates nor frees.
   *
   * @param paddr the object's first byte
   */
  void construct(long paddr);
}
