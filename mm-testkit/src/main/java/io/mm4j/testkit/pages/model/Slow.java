// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

/** What happens to a request that the first walk could not serve. */
@FunctionalInterface
public interface Slow {
  /** {@code __alloc_pages_slowpath()}: a block after all, or no page. */
  long get(Request request);
}
