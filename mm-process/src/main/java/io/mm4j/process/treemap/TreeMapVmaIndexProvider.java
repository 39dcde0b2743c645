// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.treemap;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.process.index.VmaTable;

/** The plugin {@code vma-index=treemap}: see {@link TreeMapVmaIndex}. */
public final class TreeMapVmaIndexProvider implements VmaIndexProvider {
  @Override
  public String name() {
    return "treemap";
  }

  @Override
  public String summary() {
    return "java.util.TreeMap: the simplest, tutorial and oracle";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(false, false, VmaTable.MOST_VMAS);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new TreeMapVmaIndex(maxVmas);
  }
}
