// SPDX-License-Identifier: Apache-2.0

package org.example.sortedindex;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;

/** Provides the index {@code sorted-index}: see {@link SortedIndex}. */
public final class SortedIndexProvider implements VmaIndexProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, 1 << 20);

  /** For the service loader. */
  public SortedIndexProvider() {}

  @Override
  public String name() {
    return "sorted-index";
  }

  @Override
  public String summary() {
    return "a sorted array in blocks, and binary search";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new SortedIndex(maxVmas);
  }
}
