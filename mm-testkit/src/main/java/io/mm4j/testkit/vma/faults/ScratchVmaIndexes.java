// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.faults;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;

/**
 * Provides indexes with a scratch field. Made as a third party's provider is, by its constructor,
 * as the rule that finds it makes it once more.
 */
public final class ScratchVmaIndexes implements VmaIndexProvider {
  private static final int MOST_VMAS = 1 << 13;

  @Override
  public String name() {
    return "scratch-field";
  }

  @Override
  public String summary() {
    return "a sorted list whose find() has a scratch field";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(false, false, MOST_VMAS);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new Scratch(maxVmas);
  }

  private static final class Scratch extends NaiveVmaIndex {
    private long wanted;

    Scratch(int maxVmas) {
      super(maxVmas);
    }

    @Override
    public int find(long addr) {
      wanted = addr;
      return super.find(wanted);
    }
  }
}
