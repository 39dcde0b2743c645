// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.slab.base.ArgsCache;
import org.jspecify.annotations.Nullable;

/** {@code struct kmem_cache} of mm/slab.c. */
final class BonwickCache extends ArgsCache {
  private final BonwickAllocator slabs;
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
    super(id, args, geometry.size(), index);
    this.slabs = slabs;
    this.geometry = geometry;
    this.descriptorCache = descriptorCache;
    this.kmallocType = type;
    this.allocFlags = pageFlags(args.flags());
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

  /** Whether its objects are looked at. */
  boolean isDebug() {
    return geometry.marks().any();
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
  public int order() {
    return geometry.order();
  }

  @Override
  public int objectsPerSlab() {
    return geometry.objects();
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
