// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.List;

/**
 * One slab of two pages a cache. The freelist lies in the free objects; {@code mapping} of the
 * first frame names the cache, {@code private} counts the objects in use.
 */
final class ToySlab {
  /** Out of memory. */
  static final long NO_OBJECT = 0;

  private static final int ORDER = 1;

  private static final class Cache {
    final String name;
    final int bytes;
    long pfn = PageAllocator.NO_PAGE;
    long firstFree;

    Cache(String name, int bytes) {
      this.name = name;
      this.bytes = bytes;
    }
  }

  private final PhysicalMemory memory;
  private final MemMap memMap;
  private final PageAllocator pages;
  private final List<Cache> caches = new ArrayList<>();

  ToySlab(PhysicalMemory memory, PageAllocator pages) {
    this.memory = memory;
    this.memMap = memory.memMap();
    this.pages = pages;
  }

  int kmemCacheCreate(String name, int bytes, int align) {
    int unit = Math.max(8, align);
    caches.add(new Cache(name, (bytes + unit - 1) / unit * unit));
    return caches.size(); // 0 is no cache: mapping of a frame that is no slab
  }

  long kmemCacheAlloc(Cpu cpu, int cache, int gfp) {
    Cache c = caches.get(cache - 1);
    if (c.pfn == PageAllocator.NO_PAGE && !grow(cpu, cache, gfp)) {
      return NO_OBJECT;
    }
    long object = c.firstFree;
    if (object != NO_OBJECT) {
      c.firstFree = memory.getLong(object);
      memMap.setPrivateData(c.pfn, memMap.privateData(c.pfn) + 1);
    }
    return object;
  }

  private boolean grow(Cpu cpu, int cache, int gfp) {
    Cache c = caches.get(cache - 1);
    long pfn = pages.allocPages(cpu, gfp, ORDER);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    memMap.setOwners(pfn, ORDER, FrameOwner.SLAB);
    memMap.setMapping(pfn, cache);
    long start = pfn << Pages.PAGE_SHIFT;
    long last = start + (Pages.PAGE_SIZE << ORDER) - c.bytes;
    long next = NO_OBJECT;
    for (long object = start + (last - start) / c.bytes * c.bytes; object >= start; ) {
      memory.putLong(object, next);
      next = object;
      object -= c.bytes;
    }
    c.pfn = pfn;
    c.firstFree = next;
    return true;
  }

  void kmemCacheFree(Cpu cpu, int cache, long paddr) {
    long slab = memMap.head(paddr >>> Pages.PAGE_SHIFT);
    if (memMap.owner(slab) != FrameOwner.SLAB || memMap.mapping(slab) != cache) {
      throw new MisuseException("not an object of cache=" + cache + ": paddr=" + paddr);
    }
    Cache c = caches.get(cache - 1);
    memory.putLong(paddr, c.firstFree);
    c.firstFree = paddr;
    memMap.setPrivateData(slab, memMap.privateData(slab) - 1);
  }

  void kmemCacheDestroy(Cpu cpu, int cache) {
    Cache c = caches.get(cache - 1);
    if (c.pfn != PageAllocator.NO_PAGE) {
      long live = memMap.privateData(c.pfn);
      if (live != 0) {
        throw new MisuseException("cache=" + c.name + " has live objects=" + live);
      }
      pages.freePages(cpu, c.pfn, ORDER);
      c.pfn = PageAllocator.NO_PAGE;
    }
  }

  void validate() {
    for (Cache c : caches) {
      CorruptStateError.check(
          c.pfn == PageAllocator.NO_PAGE || memMap.owner(c.pfn) == FrameOwner.SLAB,
          "cache=" + c.name + " pfn=" + c.pfn);
    }
  }
}
