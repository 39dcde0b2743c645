// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;

/**
 * Which mm/slab.c it is, and on what machine.
 *
 * @param old 2.4.20; else 2.6.32
 * @param pointer bytes of a pointer: 4 or 8
 * @param line bytes of a cache line
 * @param breakOrder from this order on wasted bytes are no reason for a larger one
 * @param cpus how many CPUs there are
 */
record Form(boolean old, int pointer, int line, int breakOrder, int cpus) {
  /** {@code (32 << 20) >> PAGE_SHIFT}: machines with more frames may have larger slabs. */
  private static final long LARGE_MACHINE = 32L << 20 >>> Pages.PAGE_SHIFT;

  static Form of(String text, Floors floors) {
    boolean old =
        switch (text) {
          case "auto" -> floors.architecture() == Architecture.X86_32_24;
          case "2.4" -> true;
          case "2.6" -> false;
          default -> throw new InputException("form=" + text, "slab=slab:form", "2.4, 2.6, auto");
        };
    long frames = 0;
    for (Node node : floors.memory().nodes()) {
      frames += node.zones().stream().mapToLong(Zone::presentPages).sum();
    }
    int order = frames > LARGE_MACHINE ? 1 : 0;
    int pointer = floors.architecture() == Architecture.X86_64 ? 8 : 4;
    int line = old && pointer == 4 ? 32 : 64; // 2.4 for x86-64 has lines of 64, too
    return new Form(old, pointer, line, old ? order + 1 : order, floors.cpus().count());
  }

  /**
   * The sizes of kmalloc: {@code cache_sizes} of 2.4, {@code malloc_sizes} of 2.6 - with 96 bytes,
   * which a kernel has whose cache lines are of 32.
   */
  KmallocSizes sizes() {
    return old ? new KmallocSizes(32, 128 << 10, false) : KmallocSizes.MALLOC_SIZES;
  }

  /** {@code sizeof(struct slab)}. */
  int descriptorBytes() {
    return 4 * pointer + 2 * Integer.BYTES + (old ? 0 : pointer); // the node came with 2.6
  }

  /** {@code enable_cpucache()}: how many objects a CPU keeps; 0 for a cache without arrays. */
  int limit(int size) {
    if (old) {
      boolean none = cpus == 1 || size > Pages.PAGE_SIZE;
      return none ? 0 : size > 1024 ? 60 : size > 256 ? 124 : 252;
    }
    if (size > 128 << 10) {
      return 1;
    }
    return size > Pages.PAGE_SIZE ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;
  }

  /** How many of them come and go at once. */
  int batchCount(int size) {
    int limit = limit(size);
    return old ? limit / 2 : (limit + 1) / 2;
  }

  /** The shared array of a node has room for so many batches. */
  int sharedFactor(int size) {
    return old || size > Pages.PAGE_SIZE || cpus == 1 ? 0 : 8;
  }
}
