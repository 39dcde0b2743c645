// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.KmemCache;
import java.util.function.Consumer;

/** Walks over all pages: live objects, and {@code validate()}, which finds every unit once. */
final class SlobWalk {
  private final SlobAllocator slabs;

  SlobWalk(SlobAllocator slabs) {
    this.slabs = slabs;
  }

  void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    slabs.frames.forEach(
        (pfn, tag) -> {
          SlobCache mine = slabs.cache(tag / slabs.nodes);
          if (mine == slabs.heapCache()) {
            forEachInPage(
                pfn,
                (each, paddr) -> {
                  if (each == cache && slabs.frames.isLive(paddr, each.shift)) {
                    visitor.accept(paddr);
                  }
                });
          } else if (mine == cache && mine.inPages && slabs.memMap.head(pfn) == pfn) {
            long paddr = pfn << Pages.PAGE_SHIFT;
            if (slabs.frames.isLive(paddr, mine.shift)) {
              visitor.accept(paddr);
            }
          }
        });
  }

  @FunctionalInterface
  private interface ObjectVisitor {
    void object(SlobCache cache, long paddr);
  }

  private void forEachInPage(long pfn, ObjectVisitor visitor) {
    long end = (pfn + 1) << Pages.PAGE_SHIFT;
    for (long at = pfn << Pages.PAGE_SHIFT; at < end; at += SlobAllocator.HEADER) {
      int id = slabs.owners.at(at);
      SlobCache cache = id > 0 ? slabs.cache(id) : null;
      if (cache != null) {
        visitor.object(cache, at);
      }
    }
  }

  /** A block is free: no object lies in it. */
  void checkFree(long block, int bytes) {
    for (long at = block & -SlobAllocator.HEADER; at < block + bytes; at += SlobAllocator.HEADER) {
      boolean begins = at >= block && slabs.owners.at(at) > 0;
      CorruptStateError.check(
          !begins, String.format("an object=0x%x in a free block=0x%x", at, block));
    }
  }

  void validate() {
    long[] pages = {0, 0};
    slabs.frames.forEach(
        (pfn, tag) -> {
          if (slabs.cache(tag / slabs.nodes) == slabs.heapCache()) {
            int[] units = {slabs.heap.validate(pfn)};
            pages[0]++;
            pages[1] += units[0] > 0 ? 1 : 0;
            forEachInPage(pfn, (cache, paddr) -> units[0] += unitsOf(cache, paddr));
            CorruptStateError.check(
                units[0] == Pages.PAGE_SIZE / SlobHeap.UNIT,
                "slob page=" + pfn + ": units that are neither free nor an object's: " + units[0]);
          }
        });
    CorruptStateError.check(
        pages[0] == slabs.heapCache().heapPages.sum() && pages[1] == slabs.heap.listed(),
        "slob pages="
            + slabs.heapCache().heapPages
            + " found="
            + pages[0]
            + " listed="
            + slabs.heap.listed());
    for (SlobCache cache : slabs.all()) {
      long[] live = {0};
      forEachLive(cache, paddr -> live[0]++);
      CorruptStateError.check(
          live[0] == cache.live.sum(),
          "cache=" + cache + " live=" + cache.live + " found=" + live[0]);
    }
  }

  private int unitsOf(SlobCache cache, long paddr) {
    CorruptStateError.check(
        slabs.frames.isLive(paddr, cache.shift) || cache.isWaiting(paddr),
        String.format("an object=0x%x that is neither live nor waits: cache=%s", paddr, cache));
    return SlobHeap.units(
        cache.kmallocIndex >= 0
            ? slabs.bytes(cache, paddr) + SlobAllocator.HEADER
            : cache.blockBytes);
  }
}
