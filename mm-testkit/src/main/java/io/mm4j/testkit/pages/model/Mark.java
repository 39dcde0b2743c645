// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

/** The watermark that a walk over the zones begins with: {@code enum zone_watermarks}. */
public enum Mark {
  /** What stays free for those who must not fail. */
  MIN,
  /** Below it, kswapd is woken; the first walk keeps above it. */
  LOW,
  /** kswapd sleeps above it. */
  HIGH
}
