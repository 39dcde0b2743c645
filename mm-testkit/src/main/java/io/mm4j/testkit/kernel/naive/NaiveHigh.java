// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelRegion;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.pagetable.CacheMode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** kmap, local mappings and the fixmap, as plainly as they can be written down. */
final class NaiveHigh {
  private static final long PAGE = NaiveMaps.PAGE;
  private static final int LOCAL_SLOTS = 16;
  private static final int FIRST_LOCAL = 64;

  private final KernelSpaceProvider.Floors floors;
  private final NaiveMaps maps;
  private final Set<SpaceHabit> habits;
  private final long[] frames;
  private final int[] counts;
  private final Map<Integer, Deque<Long>> local = new HashMap<>();
  private final long fixmapFirst;
  private final long fixmapTop;
  private int last = -1;

  NaiveHigh(KernelSpaceProvider.Floors floors, NaiveMaps maps, Set<SpaceHabit> habits) {
    this.floors = floors;
    this.maps = maps;
    this.habits = habits;
    int slots = floors.kernelLayout().form().pkmapPages();
    frames = new long[slots];
    counts = new int[has(SpaceHabit.ONE_SLOT_LESS) ? slots - 1 : slots];
    KernelRegion fixmap = floors.kernelLayout().region("fixmap").orElseThrow();
    fixmapFirst = fixmap.start();
    fixmapTop = fixmap.last() + 1;
  }

  private boolean has(SpaceHabit habit) {
    return habits.contains(habit);
  }

  private boolean isLow(long pfn) {
    if (pfn < 0 || pfn >= floors.layout().endPfn()) {
      throw new MisuseException("no frame: pfn=" + pfn);
    }
    return pfn < floors.layout().lowmemEndPfn() && !has(SpaceHabit.ALL_IS_HIGH);
  }

  private long direct(long pfn) {
    return maps.format().kernel().directMap() + pfn * PAGE;
  }

  private long slot(int i) {
    return floors.kernelLayout().form().pkmap() + i * PAGE;
  }

  private int slotOf(long pfn) {
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0 && frames[i] == pfn) {
        return i;
      }
    }
    return -1;
  }

  long kmap(Cpu cpu, long pfn) {
    if (isLow(pfn)) {
      return direct(pfn);
    }
    int slot = has(SpaceHabit.ALWAYS_A_NEW_SLOT) ? -1 : slotOf(pfn);
    for (int tried = 0; slot < 0 && tried < counts.length; tried++) {
      last = (last + 1) % counts.length;
      if (last == 0) {
        flush(cpu);
      }
      if (counts[last] == 0) {
        boolean leads = maps.map(cpu, slot(last), 1, pfn, maps.prot());
        if (!leads && !has(SpaceHabit.SLOT_LEADS_NOWHERE)) {
          return KernelSpace.NO_ADDRESS;
        }
        slot = last;
        frames[slot] = pfn;
        counts[slot] = 1;
      }
    }
    if (slot < 0) {
      return KernelSpace.NO_ADDRESS;
    }
    counts[slot]++;
    return slot(slot);
  }

  private void flush(Cpu cpu) {
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] == 1) {
        counts[i] = 0;
        maps.unmap(cpu, slot(i), slot(i) + PAGE);
      }
    }
    if (!has(SpaceHabit.PKMAP_STAYS_IN_TLB)) {
      floors.tables().flushKernelRange(cpu, slot(0), slot(counts.length));
    }
  }

  void kunmap(Cpu cpu, long pfn) {
    if (isLow(pfn)) {
      return;
    }
    int slot = slotOf(pfn);
    if (slot < 0 || counts[slot] < 2) {
      throw new MisuseException("not mapped: pfn=" + pfn);
    }
    counts[slot]--;
    if (has(SpaceHabit.KUNMAP_EMPTIES)) {
      counts[slot] = 0;
      maps.unmap(cpu, slot(slot), slot(slot) + PAGE);
    }
  }

  private Deque<Long> stack(Cpu cpu) {
    int whose = has(SpaceHabit.LOCAL_FOR_ALL) ? 0 : cpu.id();
    return local.computeIfAbsent(whose, id -> new ArrayDeque<>());
  }

  long kmapLocal(Cpu cpu, long pfn) {
    if (isLow(pfn)) {
      return direct(pfn);
    }
    Deque<Long> mine = stack(cpu);
    if (mine.size() == LOCAL_SLOTS) {
      throw new MisuseException("no slot is left: cpu=" + cpu.id());
    }
    int whose = has(SpaceHabit.LOCAL_FOR_ALL) ? 0 : cpu.id();
    long at = fixToVirt(FIRST_LOCAL + whose * LOCAL_SLOTS + mine.size());
    if (!maps.map(cpu, at, 1, pfn, maps.prot())) {
      return KernelSpace.NO_ADDRESS;
    }
    mine.push(at);
    return at;
  }

  void kunmapLocal(Cpu cpu, long address) {
    long page = address & -PAGE;
    if (page < fixmapFirst || page >= fixmapTop) {
      return;
    }
    Deque<Long> mine = stack(cpu);
    boolean first = !mine.isEmpty() && mine.peek() == page;
    if (!first && !has(SpaceHabit.LOCAL_IN_ANY_ORDER)) {
      throw new MisuseException(String.format("not the last one: address=0x%x", address));
    }
    mine.remove(page);
    maps.unmap(cpu, page, page + PAGE);
    floors.tables().mmu(cpu).flushOne(page);
  }

  long fixToVirt(int index) {
    long address = fixmapTop - index * PAGE;
    if (index < 1 || address < fixmapFirst) {
      throw new MisuseException("no slot: index=" + index);
    }
    return address;
  }

  long setFixmap(Cpu cpu, int index, long paddr, CacheMode mode) {
    if (index >= FIRST_LOCAL || paddr % PAGE != 0 || paddr < 0) {
      throw new MisuseException("no page at a fixed address: index=" + index);
    }
    long at = fixToVirt(index);
    long where = has(SpaceHabit.FIXMAP_OFF) ? at - PAGE : at;
    if (!maps.map(cpu, where, 1, paddr >>> 12, maps.format().withCache(maps.prot(), mode))) {
      return KernelSpace.NO_ADDRESS;
    }
    floors.tables().flushKernelRange(cpu, at, at + PAGE);
    return at;
  }

  void clearFixmap(Cpu cpu, int index) {
    long at = fixToVirt(index);
    if (!has(SpaceHabit.FIXMAP_STAYS)) {
      maps.unmap(cpu, at, at + PAGE);
      floors.tables().flushKernelRange(cpu, at, at + PAGE);
    }
  }
}
