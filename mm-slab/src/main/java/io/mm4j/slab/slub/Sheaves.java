// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import org.jspecify.annotations.Nullable;

/**
 * What happens when the sheaf that a CPU works on is empty or full: {@code
 * __pcs_replace_empty_main()} and {@code __pcs_replace_full_main()} of mm/slub.c (Linux 6.18).
 *
 * <p>Empty: the spare one if there is something in it, a full one of the node's barn, or it is
 * filled from slabs. Full: the spare one if there is room in it, an empty one of the barn, or half
 * of it goes back to the slabs.
 *
 * <p>Difference: the kernel fills a sheaf to the brim. Here slabs that are there fill it half, and
 * a new slab is made only for the first object, so that a sheaf of large objects does not make
 * many; and they fill less of it after memory ran short ({@link CpuCache#batch}).
 */
final class Sheaves {
  private final SlubAllocator slabs;

  Sheaves(SlubAllocator slabs) {
    this.slabs = slabs;
  }

  /** An object out of the sheaf, which is filled if need be; or none. */
  long take(SlubCpu cpu, CpuCache c, ObjectSheaf main, ObjectSheaf spare, int gfp) {
    if (main.isEmpty()) {
      fill(cpu, c, main, spare, gfp);
      if (main.isEmpty()) {
        return SlabAllocator.NO_OBJECT;
      }
    }
    return main.pop();
  }

  private void fill(SlubCpu cpu, CpuCache c, ObjectSheaf main, ObjectSheaf spare, int gfp) {
    SlabEvents events = slabs.events();
    if (!spare.isEmpty()) {
      main.exchange(spare);
      if (events != null) {
        events.step(cpu.cpu(), "the sheaf is empty: the spare one has " + main.size() + " objects");
      }
      return;
    }
    if (c.cache.nodes[cpu.cpu().nodeId()].barn.takeFull(main)) {
      tell(events, cpu, "both sheaves are empty: a full one from the node's barn");
      return;
    }
    while (main.size() < c.batch) {
      long object = slabs.source.take(cpu, c, gfp, SlabAllocator.NUMA_NO_NODE, main.isEmpty());
      if (object == SlabAllocator.NO_OBJECT) {
        break;
      }
      main.push(object);
    }
    c.grow();
    if (events != null) {
      events.step(cpu.cpu(), "both sheaves are empty: " + main.size() + " objects from slabs");
    }
  }

  /** An object into the sheaf, of which some go elsewhere if it is full. */
  void put(SlubCpu cpu, CpuCache c, ObjectSheaf main, ObjectSheaf spare, long object) {
    if (main.size() == main.capacity()) {
      makeRoom(cpu, c, main, spare);
    }
    main.push(object);
  }

  private void makeRoom(SlubCpu cpu, CpuCache c, ObjectSheaf main, ObjectSheaf spare) {
    SlabEvents events = slabs.events();
    if (spare.size() < spare.capacity()) {
      main.exchange(spare);
      tell(events, cpu, "the sheaf is full: the spare one has room");
    } else if (c.cache.nodes[cpu.cpu().nodeId()].barn.takeEmpty(main)) {
      tell(events, cpu, "both sheaves are full: an empty one from the node's barn");
    } else {
      tell(events, cpu, "both sheaves and the barn are full: half a sheaf goes back to the slabs");
      flush(cpu, c, main, Math.max(1, main.capacity() / 2));
    }
  }

  private static void tell(@Nullable SlabEvents events, SlubCpu cpu, String text) {
    if (events != null) {
      events.step(cpu.cpu(), text);
    }
  }

  /** The lowest objects of a sheaf go back to their slabs. */
  private void flush(SlubCpu cpu, CpuCache c, ObjectSheaf sheaf, int count) {
    long[] objects = cpu.leaving(count);
    for (int i = 0; i < count; i++) {
      objects[i] = sheaf.get(i);
    }
    sheaf.dropLowest(count);
    slabs.returns.freeAll(cpu, c, objects, count);
  }

  /** {@code pcs_flush_all()}: both sheaves of a CPU go back to the slabs. */
  void flushAll(SlubCpu cpu, CpuCache c) {
    if (c.main != null && c.spare != null) {
      flush(cpu, c, c.main, c.main.size());
      flush(cpu, c, c.spare, c.spare.size());
    }
  }

  /** {@code barn_shrink()}: the full sheaves of all nodes go back to the slabs. */
  void shrinkBarns(SlubCpu cpu, CpuCache c) {
    for (NodeSlabs node : c.cache.nodes) {
      for (long[] full = node.barn.removeFull(); full != null; full = node.barn.removeFull()) {
        slabs.returns.freeAll(cpu, c, full, full.length);
      }
    }
  }
}
