// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import java.util.ArrayList;
import java.util.List;

/**
 * The sheaves of one cache: two of each CPU, and full ones of each node. {@code alloc_from_pcs()},
 * {@code free_to_pcs()} and what replaces an empty or a full one, of mm/slub.c (Linux 6.18). What
 * fills an empty one, and what is left of a full one that nobody has room for, is the allocator's:
 * such objects are unknown here, as 0.
 */
public final class SheafModel {
  /** {@code MAX_FULL_SHEAVES}. */
  private static final int MOST_FULL = 10;

  private static final class CpuSide {
    final int node;
    List<Long> main = new ArrayList<>();
    List<Long> spare = new ArrayList<>();

    CpuSide(int node) {
      this.node = node;
    }
  }

  private final int capacity;
  private final List<CpuSide> cpus = new ArrayList<>();
  private final List<List<List<Long>>> full = new ArrayList<>();

  /** Empty sheaves of so many objects. */
  public SheafModel(int capacity, int nodes, List<Integer> cpuNodes) {
    this.capacity = capacity;
    for (int i = 0; i < nodes; i++) {
      full.add(new ArrayList<>());
    }
    cpuNodes.forEach(node -> cpus.add(new CpuSide(node)));
  }

  /** Free objects in all sheaves. */
  public long objects() {
    long sheaves = full.stream().mapToLong(List::size).sum();
    long ofCpus = cpus.stream().mapToLong(cpu -> cpu.main.size() + cpu.spare.size()).sum();
    return ofCpus + sheaves * capacity;
  }

  /** Whether the next allocation of a CPU comes from sheaves. */
  public boolean has(int cpuId) {
    CpuSide cpu = cpus.get(cpuId);
    return !cpu.main.isEmpty() || !cpu.spare.isEmpty() || !full.get(cpu.node).isEmpty();
  }

  /** Whether the next free of a CPU finds room in sheaves. */
  public boolean hasRoom(int cpuId) {
    CpuSide cpu = cpus.get(cpuId);
    return cpu.main.size() < capacity
        || cpu.spare.size() < capacity
        || full.get(cpu.node).size() < MOST_FULL;
  }

  /** An allocation by a CPU for which there is an object; 0 if it is any that is unknown. */
  public long alloc(int cpuId) {
    CpuSide cpu = cpus.get(cpuId);
    if (cpu.main.isEmpty() && !cpu.spare.isEmpty()) {
      exchange(cpu);
    } else if (cpu.main.isEmpty()) {
      cpu.main = full.get(cpu.node).removeLast();
    }
    return cpu.main.removeLast();
  }

  private static void exchange(CpuSide cpu) {
    List<Long> main = cpu.main;
    cpu.main = cpu.spare;
    cpu.spare = main;
  }

  /** A free by a CPU of an object of its node, for which there is room. */
  public void free(int cpuId, long object) {
    CpuSide cpu = cpus.get(cpuId);
    if (cpu.main.size() == capacity && cpu.spare.size() < capacity) {
      exchange(cpu);
    } else if (cpu.main.size() == capacity) {
      full.get(cpu.node).add(cpu.main);
      cpu.main = new ArrayList<>();
    }
    cpu.main.add(object);
  }

  /** All sheaves are empty from now on. */
  public void clear() {
    full.forEach(List::clear);
    for (CpuSide cpu : cpus) {
      cpu.main.clear();
      cpu.spare.clear();
    }
  }

  /** The sheaf that a CPU works on has so many objects, nobody here knows which. */
  public void restart(int cpuId, long count) {
    List<Long> main = cpus.get(cpuId).main;
    main.clear();
    for (long i = 0; i < count; i++) {
      main.add(0L);
    }
  }

  /** Objects in the sheaf that a CPU works on. */
  public int inMain(int cpuId) {
    return cpus.get(cpuId).main.size();
  }
}
