// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCache;
import org.jspecify.annotations.Nullable;

/** {@code struct kmem_cache} of mm/slab.c. */
final class BonwickCache extends BaseCache {
  private final BonwickAllocator slabs;
  private final KmemCacheArgs args;
  final SlabGeometry geometry;
  final int allocFlags;
  final int kmallocType;
  final int limit;
  final int batchCount;
  private final int sharedFactor;
  final NodeLists[] nodes;

  /** {@code slabp_cache}: where descriptors of off-slab slabs come from. */
  final @Nullable BonwickCache descriptorCache;

  BonwickCache(
      BonwickAllocator slabs,
      int id,
      KmemCacheArgs args,
      SlabGeometry geometry,
      @Nullable BonwickCache descriptorCache,
      int type,
      int index) {
    super(id, args.name(), geometry.size(), index);
    this.slabs = slabs;
    this.args = args;
    this.geometry = geometry;
    this.descriptorCache = descriptorCache;
    this.kmallocType = type;
    this.allocFlags =
        Gfp.__GFP_COMP
            | ((args.flags() & SlabFlags.SLAB_CACHE_DMA) != 0 ? Gfp.__GFP_DMA : 0)
            | ((args.flags() & SlabFlags.SLAB_CACHE_DMA32) != 0 ? Gfp.__GFP_DMA32 : 0)
            | ((args.flags() & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 ? Gfp.__GFP_RECLAIMABLE : 0);
    Form form = slabs.form;
    limit = form.limit(geometry.size());
    batchCount = form.batchCount(geometry.size());
    sharedFactor = form.sharedFactor(geometry.size());
    nodes = new NodeLists[slabs.nodes];
    for (int i = 0; i < nodes.length; i++) {
      int cpus = 0;
      for (int c = 0; c < slabs.cpus.count(); c++) {
        cpus += slabs.cpus.get(c).nodeId() == i ? 1 : 0;
      }
      long keeps = form.old() ? Long.MAX_VALUE : (1L + cpus) * batchCount + geometry.objects();
      nodes[i] = new NodeLists(args.name(), i, slabs.descriptors, keeps, batchCount * sharedFactor);
    }
  }

  @Override
  public int objectBytes() {
    return args.objectBytes();
  }

  @Override
  public int size() {
    return geometry.size();
  }

  @Override
  public int align() {
    return geometry.align();
  }

  @Override
  public int flags() {
    return args.flags();
  }

  @Override
  public int order() {
    return geometry.order();
  }

  @Override
  public int objectsPerSlab() {
    return geometry.objects();
  }

  @Override
  public int minPartial() {
    return 0;
  }

  @Override
  public int cpuPartial() {
    return 0;
  }

  @Override
  public int aliases() {
    return 0;
  }

  @Override
  public @Nullable ObjectConstructor ctor() {
    return args.ctor();
  }

  @Override
  public int usersize() {
    return args.usersize();
  }

  @Override
  public Tunables tunables() {
    return new Tunables(limit, batchCount, sharedFactor);
  }

  @Override
  public long sharedAvailable() {
    long count = 0;
    for (NodeLists node : nodes) {
      node.lock.lock();
      try {
        count += node.sharedCount;
      } finally {
        node.lock.unlock();
      }
    }
    return count;
  }

  @Override
  public CacheStats stats() {
    return slabs.walk.stats(this);
  }
}
