// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.faults;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;

/**
 * Provides indexes that share a scratch field. Made as a third party's provider is, by its
 * constructor, as the rule that finds it makes it once more.
 */
public final class SharedVmaIndexes implements VmaIndexProvider {
  private static final int MOST_VMAS = 1 << 13;

  @Override
  public String name() {
    return "static-scratch-field";
  }

  @Override
  public String summary() {
    return "a sorted list whose insert() has a static scratch field";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(false, false, MOST_VMAS);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    return new Shared(maxVmas);
  }

  private static final class Shared extends NaiveVmaIndex {
    private static long beginning;

    private final int most;

    Shared(int maxVmas) {
      super(maxVmas);
      most = maxVmas;
    }

    @Override
    public VmaIndex copy() {
      Shared copy = new Shared(most);
      copy.become(this);
      return copy;
    }

    @Override
    public int insert(long start, long end) {
      beginning = start;
      return super.insert(beginning, end);
    }
  }
}
