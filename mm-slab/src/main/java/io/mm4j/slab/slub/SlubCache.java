// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCache;
import io.mm4j.slab.slub.SlubSettings.SheafPolicy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code struct kmem_cache} of a slub. */
final class SlubCache extends BaseCache {
  private final SlubAllocator slabs;
  private final KmemCacheArgs args;
  private final int flags;
  final ObjectLayout layout;
  final int allocFlags;
  final int sheafCapacity;
  final int kmallocType;

  /** Slabs that a CPU's partial list may have: {@code cpu_partial_slabs}. */
  final int cpuPartialSlabs;

  final NodeSlabs[] nodes;

  /** Names under which it was created, the first one included; under the allocator's lock. */
  final List<String> names = new ArrayList<>();

  private volatile int objectBytes;

  /** What one may use of an object and what is behind it; grows when it is merged with. */
  private volatile int inuse;

  SlubCache(
      SlubAllocator slabs,
      int id,
      KmemCacheArgs args,
      int flags,
      ObjectLayout layout,
      int type,
      int index) {
    super(id, args.name(), layout.size(), index);
    this.slabs = slabs;
    this.args = args;
    this.flags = flags;
    this.layout = layout;
    this.kmallocType = type;
    this.objectBytes = args.objectBytes();
    this.inuse = layout.inuse();
    this.names.add(args.name());
    this.allocFlags = pageFlags(flags);
    this.sheafCapacity = isDebug() ? 0 : slabs.settings.sheaves().capacity(args, layout.size());
    int per = layout.objects();
    this.cpuPartialSlabs = isDebug() ? 0 : (layout.cpuPartial() * 2 + per - 1) / per;
    MemMap map = slabs.memMap;
    nodes = new NodeSlabs[slabs.nodes];
    for (int i = 0; i < nodes.length; i++) {
      nodes[i] = new NodeSlabs(args.name(), i, map, sheafCapacity);
    }
  }

  /** {@code kmem_cache_debug()}. */
  boolean isDebug() {
    return (flags & SlabFlags.SLAB_DEBUG_FLAGS) != 0;
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** {@code slab_unmergeable()}. */
  boolean isUnmergeable() {
    return has(SlabFlags.SLAB_NEVER_MERGE) || isUnmergeable(args, slabs.settings);
  }

  /** The same of what a cache is to be, but for its flags; in Linux also one with sheaves. */
  static boolean isUnmergeable(KmemCacheArgs args, SlubSettings settings) {
    boolean sheaves = args.sheafCapacity() > 0 && settings.sheaves() == SheafPolicy.LINUX;
    return args.ctor() != null || args.usersize() != 0 || sheaves;
  }

  /** Another cache shares it: {@code __kmem_cache_alias()}. */
  void alias(KmemCacheArgs other) {
    names.add(other.name());
    objectBytes = Math.max(objectBytes, other.objectBytes());
    inuse = Math.max(inuse, ObjectLayout.up(other.objectBytes(), Long.BYTES));
  }

  int inuse() {
    return inuse;
  }

  @Override
  public int objectBytes() {
    return objectBytes;
  }

  @Override
  public int size() {
    return layout.size();
  }

  @Override
  public int align() {
    return layout.align();
  }

  @Override
  public int flags() {
    return flags;
  }

  @Override
  public int order() {
    return layout.order();
  }

  @Override
  public int objectsPerSlab() {
    return layout.objects();
  }

  @Override
  public int minPartial() {
    return layout.minPartial();
  }

  @Override
  public int cpuPartial() {
    return isDebug() ? 0 : layout.cpuPartial();
  }

  @Override
  public int aliases() {
    synchronized (slabs) {
      return names.size() - 1;
    }
  }

  @Override
  public @Nullable ObjectConstructor ctor() {
    return args.ctor();
  }

  @Override
  public int usersize() {
    return args.usersize();
  }

  /** Frames of all slabs. */
  long frames() {
    long frames = 0;
    for (NodeSlabs node : nodes) {
      frames += node.frames.get();
    }
    return frames;
  }

  @Override
  public CacheStats stats() {
    return slabs.walk.stats(this);
  }
}
