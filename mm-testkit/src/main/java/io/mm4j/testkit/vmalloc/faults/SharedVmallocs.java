// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.vmalloc.naive.NaiveVmalloc;
import java.util.Set;

/**
 * Provides machines that share a scratch field. Made as a third party's provider is, by its
 * constructor, as the rule that finds it makes it once more.
 */
public final class SharedVmallocs implements VmallocAllocatorProvider {
  @Override
  public String name() {
    return "shared-scratch";
  }

  @Override
  public String summary() {
    return "alloc() has a static scratch field";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, true, true);
  }

  @Override
  public VmallocAllocator create(Floors floors, Options options) {
    return new Shared(floors);
  }

  private static final class Shared extends NaiveVmalloc {
    private static long wanted;

    Shared(Floors floors) {
      super(floors, Set.of());
    }

    @Override
    public long alloc(Cpu cpu, long bytes, long align, long from, long to) {
      wanted = bytes;
      return super.alloc(cpu, wanted, align, from, to);
    }
  }
}
