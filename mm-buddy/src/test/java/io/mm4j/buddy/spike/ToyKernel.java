// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.pagetable.PageTableFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a kernel has above the page allocator, each in a few lines: an LRU list, a swap device, a
 * reverse map (it asks every address space), and the reclaimer and migrator that are registered
 * with the machine.
 */
final class ToyKernel {
  final PhysicalMemory memory;
  final MemMap memMap;
  final PageAllocator pages;
  final PageTableFormat format = ToyFormat.format();
  final List<ToyMm> spaces = new ArrayList<>();
  final FrameList lru;
  private final Map<Long, byte[]> swap = new HashMap<>();
  private long nextSlot = 1;

  ToyKernel(Machine machine) {
    memory = machine.memory();
    memMap = memory.memMap();
    pages = machine.pages();
    lru = new FrameList(memMap);
    machine.pressure().register(this::reclaim);
    machine.pressure().register(FrameOwner.ANON, this::migrate);
  }

  int swappedPages() {
    return swap.size();
  }

  long allocPage(Cpu cpu, int gfp) {
    long pfn = pages.allocPages(cpu, gfp, 0);
    if (pfn == PageAllocator.NO_PAGE) {
      throw new IllegalStateException("out of memory");
    }
    return pfn;
  }

  /** Writes the pages that were mapped longest ago to swap, until enough are free. */
  private long reclaim(ReclaimRequest request) {
    long freed = 0;
    while (freed < request.pages() && lru.size() > 0) {
      long pfn = lru.last();
      long slot = nextSlot++;
      swap.put(slot, bytes(pfn).toArray(ValueLayout.JAVA_BYTE));
      int mapped = replaceEverywhere(pfn, format.absent().entry(0, slot));
      memMap.setMapcount(pfn, memMap.mapcount(pfn) - mapped);
      lru.remove(pfn);
      for (int i = 0; i < mapped; i++) {
        pages.freePages(request.cpu(), pfn, 0);
      }
      freed++;
    }
    return freed;
  }

  void swapIn(long slot, long pfn) {
    byte[] bytes = swap.remove(slot);
    if (bytes == null) {
      throw new IllegalStateException("nothing in swap slot " + slot);
    }
    bytes(pfn).copyFrom(MemorySegment.ofArray(bytes));
  }

  private boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn, int order) {
    memory.copyPage(destinationPfn, sourcePfn);
    lru.remove(sourcePfn);
    long entry = format.leaf(1, destinationPfn, format.userProt(PageTableFormat.WRITE));
    replaceEverywhere(sourcePfn, entry);
    memMap.move(destinationPfn, sourcePfn);
    lru.addFirst(destinationPfn);
    return true;
  }

  /** How many entries mapped the frame; they have the new entry now. */
  private int replaceEverywhere(long pfn, long newEntry) {
    long index = memMap.index(pfn);
    return (int) spaces.stream().filter(s -> s.replace(index, pfn, newEntry)).count();
  }

  private MemorySegment bytes(long pfn) {
    return memory.ram().asSlice(pfn << Pages.PAGE_SHIFT, Pages.PAGE_SIZE);
  }
}
