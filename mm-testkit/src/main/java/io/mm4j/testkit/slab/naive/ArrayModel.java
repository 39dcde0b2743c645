// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.CacheStats;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One cache of mm/slab.c with every object by its address: {@code cache_alloc_refill()}, {@code
 * cache_flusharray()}, {@code free_block()} and {@code cache_reap()} of Linux 2.6.32, {@code
 * kmem_cache_alloc_batch()} and {@code __kmem_cache_free()} of 2.4.20. It says which object comes
 * next. Where a new slab lies it learns from the first object of it.
 */
public final class ArrayModel {
  /** {@code BATCHREFILL_LIMIT}. */
  private static final int REFILL = 16;

  private static final long SECOND = 1_000_000_000L;

  private static final class Slab {
    final long base;
    final long first;
    final Deque<Integer> free = new ArrayDeque<>();

    Slab(long base, long first, int objects) {
      this.base = base;
      this.first = first;
      for (int i = 0; i < objects; i++) {
        free.addLast(i);
      }
    }
  }

  private final class NodeSide {
    final ArrayDeque<Slab> partial = new ArrayDeque<>();
    final ArrayDeque<Slab> empty = new ArrayDeque<>();
    final List<Long> shared = new ArrayList<>();
    long limit = geometry.objects;
    int slabs;
    int free;
    int colour;
    boolean asked;
    long nextReap;
  }

  private static final class CpuSide {
    final int node;
    final List<Long> objects = new ArrayList<>();
    boolean touched;
    long nextReap = 2 * SECOND;

    CpuSide(int node) {
      this.node = node;
    }
  }

  private final ArrayGeometry.Kernel kernel;
  private final ArrayGeometry geometry;
  private final List<NodeSide> nodes = new ArrayList<>();
  private final List<CpuSide> cpus = new ArrayList<>();
  private final Map<Long, Slab> slabs = new HashMap<>();

  /** Without a slab. */
  public ArrayModel(
      ArrayGeometry.Kernel kernel, ArrayGeometry geometry, int nodeCount, List<Integer> cpuNodes) {
    this.kernel = kernel;
    this.geometry = geometry;
    for (int i = 0; i < nodeCount; i++) {
      nodes.add(new NodeSide());
      nodes.get(i).limit += geometry.tunables.batchCount();
    }
    for (int node : cpuNodes) {
      cpus.add(new CpuSide(node));
      nodes.get(node).limit += geometry.tunables.batchCount();
    }
  }

  private boolean hasArrays() {
    return geometry.tunables.limit() > 0;
  }

  /**
   * An allocation on a CPU.
   *
   * @param node the node that it must be of, or -1
   * @param got what the allocator gave
   * @return what it should have given
   */
  public long alloc(int cpuId, int node, long got) {
    CpuSide cpu = cpus.get(cpuId);
    if (!hasArrays() || (node >= 0 && node != cpu.node)) {
      NodeSide side = nodes.get(node < 0 ? cpu.node : node);
      if (side.partial.isEmpty() && side.empty.isEmpty()) {
        side.asked = true;
        grow(side, got);
      }
      return take(side);
    }
    if (cpu.objects.isEmpty()) {
      refill(cpu, got);
    }
    return cpu.objects.removeLast();
  }

  private void refill(CpuSide cpu, long got) {
    NodeSide side = nodes.get(cpu.node);
    int batch = geometry.tunables.batchCount();
    batch = cpu.touched || kernel.old() ? batch : Math.min(batch, REFILL);
    cpu.touched = true;
    if (!side.shared.isEmpty()) {
      int from = Math.max(0, side.shared.size() - batch);
      List<Long> moved = side.shared.subList(from, side.shared.size());
      cpu.objects.addAll(moved);
      moved.clear();
      return;
    }
    while (batch > 0 && !(side.partial.isEmpty() && side.empty.isEmpty())) {
      cpu.objects.add(take(side));
      batch--;
    }
    if (batch > 0) {
      side.asked = true;
    }
    if (cpu.objects.isEmpty()) {
      grow(side, got);
      for (int i = 0; i < Math.min(batch, geometry.objects); i++) {
        cpu.objects.add(take(side));
      }
    }
  }

  private long take(NodeSide side) {
    if (side.partial.isEmpty()) {
      side.asked = true;
      side.partial.addFirst(side.empty.removeFirst());
    }
    Slab slab = side.partial.getFirst();
    long object = slab.first + (long) slab.free.removeFirst() * geometry.size;
    side.free--;
    if (slab.free.isEmpty()) {
      side.partial.removeFirst();
    }
    return object;
  }

  private void grow(NodeSide side, long got) {
    long base = base(got);
    long first = base + geometry.before + geometry.marks + (long) side.colour * geometry.colourOff;
    side.colour = (side.colour + 1) % geometry.colours;
    Slab slab = new Slab(base, first, geometry.objects);
    if (slabs.putIfAbsent(base, slab) != null) {
      throw new IllegalArgumentException(String.format("0x%x", base));
    }
    side.empty.addLast(slab);
    side.slabs++;
    side.free += geometry.objects;
  }

  /** Whether an address lies in a slab that is known. */
  public boolean knows(long object) {
    return slabs.containsKey(base(object));
  }

  private long base(long object) {
    return object & -(4096L << geometry.order);
  }

  /**
   * A free on a CPU.
   *
   * @param node the object's
   */
  public void free(int cpuId, int node, long object) {
    CpuSide cpu = cpus.get(cpuId);
    NodeSide side = nodes.get(node);
    if (!hasArrays() || node != cpu.node) {
      put(side, List.of(object));
      return;
    }
    if (cpu.objects.size() == geometry.tunables.limit()) {
      flush(cpu, side);
    }
    cpu.objects.add(object);
  }

  private void flush(CpuSide cpu, NodeSide side) {
    int batch = geometry.tunables.batchCount();
    int room = batch * geometry.tunables.sharedFactor() - side.shared.size();
    if (kernel.old()) {
      int size = cpu.objects.size();
      List<Long> newest = cpu.objects.subList(size - batch, size);
      put(side, newest);
      newest.clear();
      return;
    }
    List<Long> oldest = cpu.objects.subList(0, room > 0 ? Math.min(room, batch) : batch);
    if (room > 0) {
      side.shared.addAll(oldest);
    } else {
      put(side, oldest);
    }
    oldest.clear();
  }

  private void put(NodeSide side, List<Long> objects) {
    for (long object : objects) {
      Slab slab = Objects.requireNonNull(slabs.get(base(object)), "no slab of the model");
      boolean full = slab.free.isEmpty();
      slab.free.addFirst((int) ((object - slab.first) / geometry.size));
      side.free++;
      boolean empty = slab.free.size() == geometry.objects;
      boolean stays = kernel.old() && !full && !empty;
      if (!stays) {
        side.partial.remove(slab);
        if (!empty && kernel.old()) {
          side.partial.addFirst(slab);
        } else if (!empty) {
          side.partial.addLast(slab);
        } else if (!kernel.old() && side.free > side.limit) {
          discard(side, slab);
        } else {
          side.empty.addFirst(slab);
        }
      }
    }
  }

  private void discard(NodeSide side, Slab slab) {
    side.free -= geometry.objects;
    side.slabs--;
    slabs.remove(slab.base);
  }

  /** A CPU looks at the clock. */
  public void look(int cpuId, long nowNs) {
    CpuSide cpu = cpus.get(cpuId);
    if (kernel.old() || nowNs < cpu.nextReap) {
      return;
    }
    cpu.nextReap = nowNs + 2 * SECOND;
    NodeSide side = nodes.get(cpu.node);
    if (cpu.touched && !cpu.objects.isEmpty()) {
      cpu.touched = false;
    } else {
      drain(side, cpu.objects, geometry.tunables.limit());
    }
    if (nowNs < side.nextReap) {
      return;
    }
    side.nextReap = nowNs + 4 * SECOND;
    // Refills touch the CPU's array only.
    int room = geometry.tunables.batchCount() * geometry.tunables.sharedFactor();
    drain(side, side.shared, room);
    long some = (side.limit + 5L * geometry.objects - 1) / (5L * geometry.objects);
    for (int i = 0; !side.asked && i < some && !side.empty.isEmpty(); i++) {
      discard(side, side.empty.removeLast());
    }
    side.asked = false;
  }

  private void drain(NodeSide side, List<Long> objects, int room) {
    int some = (room + 4) / 5;
    some = some > objects.size() ? (objects.size() + 1) / 2 : some;
    List<Long> oldest = objects.subList(0, some);
    put(side, oldest);
    oldest.clear();
  }

  /** Objects that nodes share, not those of CPUs' own arrays. */
  public long shared() {
    return nodes.stream().mapToLong(n -> n.shared.size()).sum();
  }

  /** What the cache holds when so many objects are live. */
  public CacheStats stats(long live) {
    long all = 0;
    long free = 0;
    long active = 0;
    long partial = 0;
    long cached = shared();
    for (NodeSide side : nodes) {
      all += side.slabs;
      free += side.free;
      active += side.slabs - side.empty.size();
      partial += side.partial.size();
    }
    for (CpuSide cpu : cpus) {
      cached += cpu.objects.size();
    }
    long objects = all * geometry.objects;
    long pages = all << geometry.order;
    return new CacheStats(objects - free, objects, live, active, all, pages, partial, 0, 0, cached);
  }
}
