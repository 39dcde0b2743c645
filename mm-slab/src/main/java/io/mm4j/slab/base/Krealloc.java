// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.SlabAllocator;
import java.lang.foreign.MemorySegment;

/** {@code krealloc()}: {@code __do_krealloc()} of mm/slub.c (Linux 6.18). */
final class Krealloc {
  private Krealloc() {}

  static <C extends BaseCache, P extends BaseCpu> long run(
      SlabBase<C, P> slabs, Cpu cpu, long paddr, long bytes, int gfp) {
    if (bytes == 0) {
      slabs.kfree(cpu, paddr);
      return SlabAllocator.ZERO_SIZE_PTR;
    }
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return slabs.kmalloc(cpu, bytes, gfp);
    }
    long usable = slabs.ksize(paddr); // refuses what is no live object
    C cache = slabs.owner(paddr);
    long room = cache == null ? usable : slabs.room(cache, paddr);
    long before = cache == null ? room : slabs.requested(cache, paddr);
    if (bytes <= room) {
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        if (before < bytes) {
          fill(slabs, paddr + before, bytes - before);
        } else {
          fill(slabs, paddr + bytes, room - bytes);
        }
      }
      if (cache != null) {
        slabs.resized(cache, paddr, (int) bytes);
      }
      return paddr;
    }
    long copy = slabs.kmalloc(cpu, bytes, gfp);
    if (copy != SlabAllocator.NO_OBJECT) {
      if (slabs.memory.hasContents()) {
        MemorySegment.copy(slabs.ram, paddr, slabs.ram, copy, before);
      }
      slabs.kfree(cpu, paddr);
    }
    return copy;
  }

  private static void fill(SlabBase<?, ?> slabs, long paddr, long bytes) {
    if (slabs.memory.hasContents()) {
      slabs.ram.asSlice(paddr, bytes).fill((byte) 0);
    }
  }
}
