// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/** A higher floor's way to give frames up. Called without any zone lock held. */
@API(status = API.Status.MAINTAINED)
@FunctionalInterface
public interface Reclaimer {
  /**
   * Frees what it can.
   *
   * @return how many frames it freed, through the page allocator; 0 if it can do nothing
   */
  long reclaim(ReclaimRequest request);
}
