// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.CacheStats;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One cache of mm/slub.c without sheaves and debug flags, with every object by its address: {@code
 * ___slab_alloc()}, {@code get_partial()}, {@code __slab_free()}, {@code deactivate_slab()} and
 * {@code put_cpu_partial()} of Linux 6.18. It says which object comes next. Where a new slab lies
 * it learns from the first object of it.
 */
public final class CpuSlabModel {
  /** {@code SHRINK_PROMOTE_MAX}. */
  private static final int PROMOTED = 32;

  private static final class Slab {
    final long base;
    final int node;
    final Deque<Long> free = new ArrayDeque<>();
    boolean frozen;
    int inuse;

    Slab(long base, int node) {
      this.base = base;
      this.node = node;
    }
  }

  private static final class CpuSide {
    final int node;
    @Nullable Slab slab;
    Deque<Long> free = new ArrayDeque<>();
    final Deque<Slab> partial = new ArrayDeque<>();

    CpuSide(int node) {
      this.node = node;
    }
  }

  private final int size;
  private final int order;
  private final int perSlab;
  private final int minPartial;
  private final int cpuPartialSlabs;
  private final List<CpuSide> cpus = new ArrayList<>();
  private final List<Deque<Slab>> partial = new ArrayList<>();
  private final Map<Long, Slab> slabs = new HashMap<>();

  /** Without a slab. */
  public CpuSlabModel(NaiveGeometry geometry, int nodeCount, List<Integer> cpuNodes) {
    size = geometry.size;
    order = geometry.order;
    perSlab = geometry.objects;
    minPartial = geometry.minPartial;
    cpuPartialSlabs = (2 * geometry.cpuPartial + perSlab - 1) / perSlab;
    for (int i = 0; i < nodeCount; i++) {
      partial.add(new ArrayDeque<>());
    }
    cpuNodes.forEach(node -> cpus.add(new CpuSide(node)));
  }

  private long base(long object) {
    return object & -(4096L << order);
  }

  /**
   * An allocation on a CPU.
   *
   * @param node the node that it must be of, or -1
   * @param got what the allocator gave
   * @param gotNode the node of that
   * @return what it should have given; -1 if a new slab is due, and this is none
   */
  public long alloc(int cpuId, int node, long got, int gotNode) {
    CpuSide cpu = cpus.get(cpuId);
    Slab slab = cpu.slab;
    if (slab != null && node >= 0 && slab.node != node) {
      deactivate(cpu, slab);
      slab = null;
    }
    if (slab != null && cpu.free.isEmpty()) {
      cpu.free = new ArrayDeque<>(slab.free); // what others have freed
      slab.free.clear();
      slab.inuse = perSlab;
      if (cpu.free.isEmpty()) {
        slab.frozen = false;
        cpu.slab = null;
        slab = null;
      }
    }
    if (slab == null && !another(cpu, node)) {
      long base = base(got);
      if (slabs.containsKey(base)) {
        return -1;
      }
      Slab fresh = new Slab(base, gotNode);
      for (int i = 0; i < perSlab; i++) {
        fresh.free.addLast(base + (long) i * size);
      }
      slabs.put(base, fresh);
      freeze(cpu, fresh);
    }
    return cpu.free.removeFirst();
  }

  /** A slab of the CPU's list, of the node's, or of another node's. */
  private boolean another(CpuSide cpu, int node) {
    while (!cpu.partial.isEmpty()) {
      Slab slab = cpu.partial.removeFirst();
      if (node < 0 || slab.node == node) {
        freeze(cpu, slab);
        return true;
      }
      toNode(slab, true);
    }
    int near = node < 0 ? cpu.node : node;
    if (fromNode(cpu, partial.get(near))) {
      return true;
    }
    for (int other = 0; node < 0 && other < partial.size(); other++) {
      boolean many = other != near && partial.get(other).size() > minPartial;
      if (many && fromNode(cpu, partial.get(other))) {
        return true;
      }
    }
    return false;
  }

  private boolean fromNode(CpuSide cpu, Deque<Slab> list) {
    if (list.isEmpty()) {
      return false;
    }
    freeze(cpu, list.removeFirst());
    for (int more = 0; !list.isEmpty() && more <= cpuPartialSlabs / 2; more++) {
      cpu.partial.addFirst(list.removeFirst());
    }
    return true;
  }

  private void freeze(CpuSide cpu, Slab slab) {
    cpu.slab = slab;
    cpu.free = new ArrayDeque<>(slab.free);
    slab.free.clear();
    slab.frozen = true;
    slab.inuse = perSlab;
  }

  private void deactivate(CpuSide cpu, Slab slab) {
    boolean others = !slab.free.isEmpty();
    slab.inuse -= cpu.free.size();
    while (!cpu.free.isEmpty()) {
      slab.free.addFirst(cpu.free.removeLast());
    }
    slab.frozen = false;
    cpu.slab = null;
    if (slab.inuse < perSlab) {
      toNode(slab, others);
    }
  }

  /** To its node's list, or, if it is empty and the node has enough, away. */
  private void toNode(Slab slab, boolean tail) {
    Deque<Slab> list = partial.get(slab.node);
    if (slab.inuse == 0 && list.size() >= minPartial) {
      slabs.remove(slab.base);
    } else if (tail) {
      list.addLast(slab);
    } else {
      list.addFirst(slab);
    }
  }

  /** A free on a CPU. */
  public void free(int cpuId, long object) {
    CpuSide cpu = cpus.get(cpuId);
    Slab slab = Objects.requireNonNull(slabs.get(base(object)), "no slab of the model");
    if (slab == cpu.slab) {
      cpu.free.addFirst(object);
      return;
    }
    boolean full = slab.free.isEmpty();
    slab.free.addFirst(object);
    slab.inuse--;
    if (slab.frozen) {
      return;
    }
    if (full) {
      if (cpu.partial.size() >= cpuPartialSlabs) {
        putPartials(cpu);
      }
      cpu.partial.addFirst(slab);
      return;
    }
    Deque<Slab> list = partial.get(slab.node);
    if (slab.inuse == 0 && list.contains(slab) && list.size() >= minPartial) {
      list.remove(slab);
      slabs.remove(slab.base);
    }
  }

  /** {@code put_partials()}. */
  private void putPartials(CpuSide cpu) {
    List<Slab> all = List.copyOf(cpu.partial);
    cpu.partial.clear();
    all.forEach(each -> toNode(each, true));
  }

  private void flush(CpuSide cpu) {
    if (cpu.slab != null) {
      deactivate(cpu, cpu.slab);
    }
    putPartials(cpu);
  }

  /**
   * A shrink by a CPU: what CPUs keep goes back, its own first, then empty slabs; those with few
   * free objects come first from then on.
   */
  public void shrink(int cpuId) {
    flush(cpus.get(cpuId));
    cpus.forEach(this::flush);
    for (Deque<Slab> list : partial) {
      Map<Integer, Deque<Slab>> promoted = new TreeMap<>(Comparator.reverseOrder());
      for (Slab slab : List.copyOf(list)) {
        if (slab.inuse == 0) {
          list.remove(slab);
          slabs.remove(slab.base);
        } else if (slab.free.size() <= PROMOTED) {
          list.remove(slab);
          promoted.computeIfAbsent(slab.free.size(), free -> new ArrayDeque<>()).addFirst(slab);
        }
      }
      promoted.values().forEach(group -> group.reversed().forEach(list::addFirst));
    }
  }

  /** What the cache holds when so many objects are live. */
  public CacheStats stats(long live) {
    long free = 0;
    long listed = 0;
    for (Deque<Slab> list : partial) {
      listed += list.size();
      for (Slab slab : list) {
        free += slab.free.size();
      }
    }
    long onCpus = 0;
    long cpuSlabs = 0;
    for (CpuSide cpu : cpus) {
      onCpus += cpu.partial.size();
      cpuSlabs += cpu.slab == null ? 0 : 1;
    }
    long all = slabs.size();
    long objects = all * perSlab;
    long pages = all << order;
    return new CacheStats(
        objects - free, objects, live, all, all, pages, listed, onCpus, cpuSlabs, 0);
  }
}
