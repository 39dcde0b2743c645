// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.slab.base.ReclaimedSlabs;
import io.mm4j.slab.bonwick.BonwickCpu.CpuArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The slab allocator {@code slab}: mm/slab.c, which was Linux's first and went with 6.8. Two forms:
 * that of 2.6.32, and that of 2.4.20, which is the profile x86-32-2.4's.
 *
 * <p>Steps of an allocation: the CPU's array ({@link CpuArrays}), the node's shared array, a
 * partial slab, a free one, a new one ({@link Slabs}). What is not used goes back bit by bit
 * ({@link Reaper}), and all of it under pressure. Where what lies in a slab: {@link SlabGeometry};
 * what it says of itself: {@link Descriptors}.
 *
 * <p>kmalloc has {@code size-32} to {@code size-131072}, each with {@code (DMA)} beside it.
 *
 * <p>Differences of the form 2.6: sizes of kmalloc are aligned as from Linux 5.4 on; there are
 * caches {@code (RCL)} and {@code (CG)} for {@code __GFP_RECLAIMABLE} and {@code __GFP_ACCOUNT},
 * which came later; more than 128 KiB is a block of pages, which 2.6 does not give. In the form 2.4
 * a request for more fails, free slabs stay until there is pressure, and there are no debug flags.
 * Those of 2.6 are a cache's own ({@link ObjectChecks}); what they find is not what a slub's find.
 */
final class BonwickAllocator extends ReclaimedSlabs<BonwickCache, BonwickCpu> {
  final Form form;
  final Descriptors descriptors;
  final Slabs slabs;
  final CpuArrays arrays;
  final BonwickWalk walk;
  final ObjectChecks checks;
  private final Reaper reaper;

  BonwickAllocator(Floors floors, Form form) {
    super(floors, form.sizes(), false);
    this.form = form;
    descriptors = new Descriptors(ram, form);
    checks = new ObjectChecks(this);
    slabs = new Slabs(this);
    walk = new BonwickWalk(this);
    reaper = new Reaper(this);
    makeCpus(id -> new BonwickCpu(this, cpus.get(id)));
    arrays = new CpuArrays(this);
    // 96 and 192 have the first indexes: they come where their sizes are.
    for (int index = 3; index < KmallocSizes.INDEXES; index++) {
      if (index == 7 || index == 8) {
        makeKmalloc(index - 6);
      }
      makeKmalloc(index);
    }
  }

  private void makeKmalloc(int index) {
    int bytes = sizes.bytes(index);
    if (bytes == 0) {
      return;
    }
    BonwickCache normal = kmalloc(CpuSlabs.KMALLOC_NORMAL, index, bytes, "", 0);
    BonwickCache dma =
        kmalloc(CpuSlabs.KMALLOC_DMA, index, bytes, "(DMA)", SlabFlags.SLAB_CACHE_DMA);
    enterKmalloc(CpuSlabs.KMALLOC_NORMAL, index, normal);
    enterKmalloc(CpuSlabs.KMALLOC_DMA, index, dma);
    int rcl = CpuSlabs.KMALLOC_RECLAIM;
    int cg = CpuSlabs.KMALLOC_CGROUP;
    if (form.old()) {
      enterKmalloc(rcl, index, normal);
      enterKmalloc(cg, index, normal);
    } else {
      enterKmalloc(rcl, index, kmalloc(rcl, index, bytes, "(RCL)", SlabFlags.SLAB_RECLAIM_ACCOUNT));
      enterKmalloc(cg, index, kmalloc(cg, index, bytes, "(CG)", SlabFlags.SLAB_ACCOUNT));
    }
  }

  private BonwickCache kmalloc(int type, int index, int bytes, String suffix, int flags) {
    int all = flags | SlabFlags.SLAB_KMALLOC | (form.old() ? SlabFlags.SLAB_HWCACHE_ALIGN : 0);
    KmemCacheArgs args =
        KmemCacheArgs.of("size-" + bytes + suffix, bytes)
            .withFlags(all)
            .withAlign(form.old() ? 0 : Math.max(8, Integer.lowestOneBit(bytes)));
    return create(args, type, index);
  }

  @Override
  protected boolean hasLarge() {
    return !form.old();
  }

  @Override
  public long kmallocSizeRoundup(long bytes) {
    return form.old() && bytes > sizes.largest() ? bytes : super.kmallocSizeRoundup(bytes);
  }

  @Override
  public KmemCache kmemCacheCreate(KmemCacheArgs args) {
    return create(args.withFlags(args.flags() & ~SlabFlags.SLAB_KMALLOC), -1, -1);
  }

  private synchronized BonwickCache create(KmemCacheArgs args, int type, int index) {
    SlabGeometry geometry = SlabGeometry.of(args, form);
    BonwickCache holder = geometry.offSlab() ? kmallocCache(geometry.managementBytes(), 0) : null;
    BonwickCache cache = new BonwickCache(this, freeId(), args, geometry, holder, type, index);
    enter(cache);
    return cache;
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    BonwickCache mine = destroyable(cache);
    if (!arrays.everywhere(cpu(cpu.id()), mine)) {
      throw new MisuseException(
          "another CPU is at work and keeps objects: cache=" + mine.name() + "; try again later");
    }
    drain(cpu(cpu.id()), mine);
    if (walk.frames(mine) > 0) {
      throw inUse(mine);
    }
    for (int i = 0; i < cpus.count(); i++) {
      cpu(i).forget(mine);
    }
    leave(mine);
  }

  /** Shared arrays and free slabs of all nodes go back. */
  private void drain(BonwickCpu cpu, BonwickCache cache) {
    for (NodeLists node : cache.nodes) {
      arrays.drainShared(cpu, cache, node, Integer.MAX_VALUE);
      long _ = slabs.drainFree(cpu, cache, node, Integer.MAX_VALUE);
    }
  }

  @Override
  public long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    BonwickCache mine = known(cache);
    long before = walk.frames(mine);
    boolean _ = arrays.everywhere(cpu(cpu.id()), mine);
    drain(cpu(cpu.id()), mine);
    return before - walk.frames(mine);
  }

  @Override
  public long shrinkAll(Cpu cpu) {
    long before = slabs.gone();
    long _ =
        super.shrinkAll(cpu); // which does not know of slabs of descriptors that go with others
    return slabs.gone() - before + arrays.large(cpu(cpu.id()));
  }

  @Override
  protected long reclaim(BonwickCpu cpu, long pages) {
    long freed = 0;
    for (BonwickCache cache : all()) {
      long before = framesWithDescriptors(cache);
      arrays.ask(cpu, cache);
      drain(cpu, cache);
      freed += Math.max(0, before - framesWithDescriptors(cache));
      if (freed >= pages) {
        break;
      }
    }
    return freed;
  }

  /** A slab whose descriptor lies elsewhere can empty one of those, too, when it goes. */
  private long framesWithDescriptors(BonwickCache cache) {
    BonwickCache elsewhere = cache.descriptorCache;
    return walk.frames(cache) + (elsewhere == null ? 0 : walk.frames(elsewhere));
  }

  @Override
  protected void serve(BonwickCpu cpu) {
    super.serve(cpu);
    arrays.serve(cpu);
    if (!form.old()) {
      reaper.look(cpu);
    }
  }

  @Override
  protected long alloc(BonwickCpu cpu, BonwickCache cache, int gfp, int nodeId, int bytes) {
    SlabEvents events = events();
    if (events != null) {
      explain(events, cpu, cache, bytes);
    }
    needBytes();
    long object = arrays.take(cpu, cache, gfp, nodeId);
    if (object != NO_OBJECT && cache.isDebug()) {
      boolean good = false;
      try {
        checks.handOut(cache, object);
        good = true;
      } finally {
        if (!good) {
          arrays.put(cpu, cache, object); // mended, and free as before
        }
      }
    }
    return handOut(cpu, cache, object, gfp, bytes);
  }

  private static void explain(SlabEvents events, BonwickCpu cpu, BonwickCache cache, int bytes) {
    if (cache.kmallocIndex >= 0) {
      events.step(
          cpu.cpu(), bytes + " bytes: cache " + cache.name() + ", the first size that fits");
    }
    CpuArray array = cpu.ifAny(cache);
    int has = array == null ? 0 : array.objects.size();
    events.step(cpu.cpu(), "the cpu's array has " + has + " of " + cache.limit);
  }

  @Override
  protected void free(BonwickCpu cpu, BonwickCache cache, long paddr) {
    SlabEvents events = events();
    if (events != null) {
      events.free(cpu.cpu(), cache, paddr);
    }
    if (cache.isDebug()) {
      boolean good = false;
      try {
        checks.takeBack(cache, paddr);
        good = true;
      } finally {
        if (!good) {
          frames.setLive(paddr, cache.shift); // it is still its holder's
        }
      }
    }
    arrays.put(cpu, cache, paddr);
  }

  @Override
  protected void clear(BonwickCpu cpu, BonwickCache cache, long paddr, int bytes) {
    if (cache.isDebug()) {
      ram.asSlice(paddr, cache.objectBytes()).fill((byte) 0); // what is behind it is known
    } else {
      super.clear(cpu, cache, paddr, bytes);
    }
  }

  @Override
  protected void refuse(BonwickCache cache, long paddr, boolean doubleFree, String why) {
    if (!cache.isDebug()) {
      super.refuse(cache, paddr, doubleFree, why);
      return;
    }
    long object = objectAt(cache, paddr);
    Kind kind = doubleFree ? Kind.DOUBLE_FREE : Kind.INVALID_FREE;
    checks.report(kind, cache, object == NO_OBJECT ? paddr : object, paddr, !doubleFree);
  }

  @Override
  public long validateCache(Cpu cpu, KmemCache cache) {
    return walk.look(known(cache));
  }

  @Override
  public void onReport(@Nullable Consumer<? super SlabReport> listener) {
    checks.listen(listener);
  }

  @Override
  protected long objectAt(BonwickCache cache, long paddr) {
    long slab = slabs.slabOf(paddr);
    int number = slabs.number(cache, slab, paddr);
    if (number < 0) {
      return NO_OBJECT;
    }
    long object = slabs.object(cache, slab, number);
    return paddr < object + cache.objectBytes() ? object : NO_OBJECT;
  }

  @Override
  protected long usable(BonwickCache cache, long paddr) {
    return cache.objectBytes();
  }

  @Override
  public void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    walk.forEachLive(known(cache), visitor);
  }

  @Override
  public void validate() {
    walk.validate();
  }

  @Override
  protected void giveUp() {
    for (BonwickCache cache : all()) {
      for (int i = 0; i < cpus.count(); i++) {
        arrays.flush(cpu(i), cache);
      }
      drain(cpu(0), cache);
    }
  }
}
