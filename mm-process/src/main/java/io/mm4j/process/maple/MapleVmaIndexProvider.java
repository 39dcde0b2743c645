// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.process.index.VmaTable;

/** The plugin {@code vma-index=maple}: see {@link MapleVmaIndex}. */
public final class MapleVmaIndexProvider implements VmaIndexProvider {
  @Override
  public String name() {
    return "maple";
  }

  @Override
  public String summary() {
    return "B-tree of ranges with gaps, the shape of the maple tree of Linux 6.1 and later";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, VmaTable.MOST_VMAS);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new MapleVmaIndex(maxVmas);
  }
}
