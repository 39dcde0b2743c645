// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.LockClass;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import org.jspecify.annotations.Nullable;

/**
 * An allocator that keeps what is not used and gives it back under pressure: a shrinker of
 * mm/vmscan with a cache's {@code kmem_cache_shrink()}.
 *
 * <p>It is registered with the first slow path: a machine that nobody takes objects from has no
 * reclaimer.
 */
public abstract class ReclaimedSlabs<C extends BaseCache, P extends BaseCpu>
    extends SlabBase<C, P> {
  private Pressure.@Nullable Registration reclaimer;
  private volatile boolean used;
  private boolean closed;

  /** {@link SlabBase}'s. */
  protected ReclaimedSlabs(Floors floors, KmallocSizes sizes, boolean keepsLarge) {
    super(floors, sizes, keepsLarge);
  }

  @Override
  protected void serve(P cpu) {
    if (!used) {
      use();
    }
  }

  private synchronized void use() {
    if (reclaimer == null && !closed) {
      reclaimer = pressure.register(this::reclaim);
    }
    used = true;
  }

  private long reclaim(ReclaimRequest request) {
    return request.mayTake(LockClass.SLAB_NODE)
        ? reclaim(cpu(request.cpu().id()), request.pages())
        : 0;
  }

  /** Gives frames back that nobody uses, so many if there are; how many it were. */
  protected abstract long reclaim(P cpu, long pages);

  /** All that is kept goes back; nobody allocates any more. */
  protected abstract void giveUp();

  @Override
  public final void close() {
    synchronized (this) {
      closed = true;
      if (reclaimer != null) {
        reclaimer.close();
      }
    }
    giveUp();
    frames.trim();
  }
}
