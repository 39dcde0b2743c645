// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.process.index.VmaTable;

/** The plugin {@code vma-index=rbtree}: see {@link RbTreeVmaIndex}. */
public final class RbTreeVmaIndexProvider implements VmaIndexProvider {
  @Override
  public String name() {
    return "rbtree";
  }

  @Override
  public String summary() {
    return "sorted list, red-black tree and mmap_cache, as in Linux 2.4 to 6.0";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, VmaTable.MOST_VMAS);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new RbTreeVmaIndex(maxVmas);
  }
}
