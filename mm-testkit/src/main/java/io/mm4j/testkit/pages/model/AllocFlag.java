// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

/**
 * What a request may do beside taking a block: the {@code ALLOC_*} bits of mm/internal.h (6.18).
 */
public enum AllocFlag {
  /** Every reserve, whatever the watermarks say. */
  NO_WATERMARKS,
  /** The request cannot wait: a part more of the reserve, and highatomic blocks at last. */
  NON_BLOCK,
  /** {@code __GFP_HIGH}: half of the reserve. */
  MIN_RESERVE,
  /** A high-order request that cannot wait: pageblocks are reserved for it. */
  HIGHATOMIC,
  /** A victim of the OOM killer. Nobody is one here. */
  OOM,
  /** Mix no migratetypes within a pageblock. */
  NO_FRAGMENT,
  /** May wake kswapd. */
  KSWAPD
}
