// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTableFormat;
import java.util.Set;
import java.util.TreeMap;

/** Device ranges, and memory that devices reach. */
final class NaiveDevices {
  private static final long PAGE = NaiveMaps.PAGE;

  private final KernelSpaceProvider.Floors floors;
  private final NaiveKernelSpace space;
  private final NaiveMaps maps;
  private final Set<SpaceHabit> habits;

  /** Orders of coherent blocks by their frames. */
  private final TreeMap<Long, Integer> coherent = new TreeMap<>();

  NaiveDevices(
      KernelSpaceProvider.Floors floors,
      NaiveKernelSpace space,
      NaiveMaps maps,
      Set<SpaceHabit> habits) {
    this.floors = floors;
    this.space = space;
    this.maps = maps;
    this.habits = habits;
  }

  private boolean has(SpaceHabit habit) {
    return habits.contains(habit);
  }

  private boolean isRam(long paddr, long last) {
    long from = has(SpaceHabit.LAST_BYTE_ONLY) ? last : paddr;
    long to = has(SpaceHabit.FIRST_BYTE_ONLY) ? paddr : last;
    return floors.layout().map().ranges().stream()
        .anyMatch(r -> r.type() == MemoryMap.Type.USABLE && from < r.end() && to >= r.start());
  }

  long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode) {
    long last = paddr + bytes - 1;
    if (bytes <= 0 || paddr < 0 || last < paddr) {
      throw new MisuseException("no range: bytes=" + bytes);
    }
    boolean wide = floors.architecture().is64Bit();
    int bits = wide ? 52 : floors.architecture() == Architecture.X86_PAE ? 36 : 32;
    if (last >>> bits != 0 || isRam(paddr, last)) {
      return KernelSpace.NO_ADDRESS;
    }
    long start = paddr & -PAGE;
    long covered = has(SpaceHabit.IGNORES_THE_LAST_PAGE) ? bytes : last + 1 - start;
    long size = (covered + PAGE - 1) & -PAGE;
    PageTableFormat format = maps.format();
    long align = Math.clamp(Long.highestOneBit(2 * size - 1), PAGE, format.bytes(wide ? 3 : 2));
    long step = has(SpaceHabit.ALIGNED_TO_A_PAGE) ? PAGE : align;
    NaiveArea area = space.area(cpu, NaiveArea.Kind.IOREMAP, size, step, true, "ioremap");
    if (area == null) {
      return KernelSpace.NO_ADDRESS;
    }
    area.paddr = start;
    long prot = format.withCache(maps.prot(), has(SpaceHabit.ONE_TYPE) ? CacheMode.UC_MINUS : mode);
    for (long done = 0; done < size; ) {
      long at = area.address + done;
      int level = 1;
      for (int l = 2; l <= Math.min(3, format.levels() - 1); l++) {
        long leaf = format.bytes(l);
        boolean fits = (at | (start + done)) % leaf == 0 && size - done >= leaf;
        if (format.shape().hasLeafs(l) && fits && maps.isFree(cpu, at, l)) {
          level = l;
        }
      }
      if (!maps.map(cpu, at, level, (start + done) >>> 12, prot)) {
        if (!has(SpaceHabit.IOREMAP_DOES_NOT_UNWIND)) {
          space.release(cpu, area, false);
        }
        return KernelSpace.NO_ADDRESS;
      }
      done += format.bytes(level);
    }
    space.keep(area);
    return area.address + (has(SpaceHabit.FORGETS_THE_OFFSET) ? 0 : paddr - start);
  }

  long allocCoherent(Cpu cpu, long bytes, long mask) {
    if (bytes <= 0 || mask <= 0) {
      throw new MisuseException("no coherent memory: bytes=" + bytes + " mask=" + mask);
    }
    long pages = (bytes + PAGE - 1) / PAGE;
    int order = 0;
    while (1L << order < pages) {
      order++;
    }
    int zero = has(SpaceHabit.COHERENT_AS_IT_COMES) ? 0 : Gfp.__GFP_ZERO;
    boolean any = has(SpaceHabit.IGNORES_THE_MASK);
    for (int zone : new int[] {0, Gfp.GFP_DMA32, Gfp.GFP_DMA}) {
      long pfn = floors.pages().allocPages(cpu, Gfp.GFP_KERNEL | zero | zone, order);
      if (pfn == PageAllocator.NO_PAGE) {
        continue;
      }
      if (any || Long.compareUnsigned((pfn + pages) * PAGE - 1, mask) <= 0) {
        coherent.put(pfn, order);
        return maps.format().kernel().directMap() + pfn * PAGE;
      }
      if (!has(SpaceHabit.LOSES_WHAT_IS_TOO_HIGH)) {
        floors.pages().freePages(cpu, pfn, order);
      }
    }
    return KernelSpace.NO_ADDRESS;
  }

  long busAddress(long address) {
    long paddr = address - maps.format().kernel().directMap();
    if (!coherent.containsKey(paddr >>> 12) || paddr % PAGE != 0) {
      throw new MisuseException("no coherent memory: address=" + address);
    }
    return paddr;
  }

  void freeCoherent(Cpu cpu, long bytes, long address) {
    long pfn = busAddress(address) >>> 12;
    int order = coherent.getOrDefault(pfn, 0);
    long pages = (bytes + PAGE - 1) / PAGE;
    if (pages > 1L << order || 2 * pages <= 1L << order) {
      throw new MisuseException("another size: bytes=" + bytes);
    }
    coherent.remove(pfn);
    floors.pages().freePages(cpu, pfn, order);
  }

  void close(Cpu cpu) {
    coherent.forEach((pfn, order) -> floors.pages().freePages(cpu, pfn, order));
    coherent.clear();
  }
}
