// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.pages.naive.PassingPages;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A page allocator whose n-th allocation from now fails, or does something first: what a table that
 * is being made must survive.
 */
public final class HookedPages extends PassingPages {
  private long failsIn;
  private long hookIn;
  private long left = Long.MAX_VALUE;
  private Runnable hook = () -> {};
  private long allocations;
  private final Set<Integer> asked = new HashSet<>();

  /** Over a right one. */
  public HookedPages(PageAllocator pages) {
    super(pages);
  }

  /** The n-th allocation from now fails, from 1; 0 for none. */
  public void failIn(long n) {
    failsIn = n;
  }

  /** So many more allocations, and from then on all fail; {@link Long#MAX_VALUE} for no end. */
  public void leave(long allocationsLeft) {
    left = allocationsLeft;
  }

  /** Before the n-th allocation from now something happens, as reclaim might do it. */
  public void doBefore(long n, Runnable what) {
    hookIn = n;
    hook = what;
  }

  /** How many allocations there were. */
  public long allocations() {
    return allocations;
  }

  /** The flags of all requests since this was last asked for. */
  public List<Integer> asked() {
    List<Integer> all = List.copyOf(asked);
    asked.clear();
    return all;
  }

  private boolean fails(int gfp) {
    allocations++;
    asked.add(gfp);
    if (hookIn > 0 && --hookIn == 0) {
      hook.run();
    }
    if (left != Long.MAX_VALUE && --left < 0) {
      left = 0;
      return true;
    }
    return failsIn > 0 && --failsIn == 0;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return fails(gfp) ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    return fails(gfp) ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId, nodes);
  }
}
