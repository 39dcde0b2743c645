// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.testkit.kernel.naive.NaiveArea.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The kernel's mappings in sorted maps and lists, page by page. For one thread. */
public final class NaiveKernelSpace implements KernelSpace {
  private static final long PAGE = NaiveMaps.PAGE;
  private static final int ANYWHERE = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM;

  private final KernelSpaceProvider.Floors floors;
  private final Set<SpaceHabit> habits;
  private final VmallocAllocator areas;
  private final NaiveMaps maps;
  private final NaiveHigh high;
  private final NaiveDevices devices;
  private final TreeMap<Long, NaiveArea> known = new TreeMap<>();
  private final Deque<Long> deferred = new ArrayDeque<>();
  private long held;

  /** Over some floors. */
  public NaiveKernelSpace(KernelSpaceProvider.Floors floors, Set<SpaceHabit> habits) {
    this.floors = floors;
    this.habits = habits.isEmpty() ? Set.of() : EnumSet.copyOf(habits);
    areas = floors.areas();
    maps = new NaiveMaps(floors);
    high = new NaiveHigh(floors, maps, this.habits);
    devices = new NaiveDevices(floors, this, maps, this.habits);
  }

  boolean has(SpaceHabit habit) {
    return habits.contains(habit);
  }

  @Override
  public KernelLayout layout() {
    return floors.kernelLayout();
  }

  private long total() {
    return floors.pages().zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
  }

  @Override
  public long vmalloc(Cpu cpu, long bytes) {
    return vmalloc(cpu, bytes, ANYWHERE, 0, "vmalloc");
  }

  @Override
  public long vzalloc(Cpu cpu, long bytes) {
    int zero = has(SpaceHabit.VZALLOC_AS_IT_COMES) ? 0 : Gfp.__GFP_ZERO;
    return vmalloc(cpu, bytes, ANYWHERE | zero, 0, "vzalloc");
  }

  @Override
  public long vmallocUser(Cpu cpu, long bytes) {
    int zero = has(SpaceHabit.USER_AS_IT_COMES) ? 0 : Gfp.__GFP_ZERO;
    return vmalloc(cpu, bytes, ANYWHERE | zero, 0, "vmalloc_user");
  }

  @Override
  public long vmalloc32(Cpu cpu, long bytes) {
    int zone = floors.architecture().is64Bit() ? Gfp.__GFP_DMA32 : 0;
    int gfp = has(SpaceHabit.ANY_ZONE) ? ANYWHERE : Gfp.GFP_KERNEL | zone;
    return vmalloc(cpu, bytes, gfp, 0, "vmalloc_32");
  }

  @Override
  public long vmallocHuge(Cpu cpu, long bytes) {
    int order = maps.format().order(2);
    long least = (PAGE << order) + (has(SpaceHabit.ONE_IS_SMALL) ? 1 : 0);
    if (!floors.architecture().is64Bit() || bytes < least || (bytes >>> 12) > total()) {
      return vmalloc(cpu, bytes, ANYWHERE, 0, "vmalloc_huge");
    }
    long step = PAGE << order;
    long whole = (bytes + step - 1) & -step;
    long address = vmalloc(cpu, whole, ANYWHERE | Gfp.__GFP_NORETRY, order, "vmalloc_huge");
    return address != NO_ADDRESS || has(SpaceHabit.HUGE_OR_NOTHING)
        ? address
        : vmalloc(cpu, bytes, ANYWHERE, 0, "vmalloc_huge");
  }

  private long size(long bytes) {
    if (bytes <= 0 || bytes > 1L << 40) {
      throw new MisuseException("no size: bytes=" + bytes);
    }
    return (has(SpaceHabit.ROUNDS_DOWN) && bytes > PAGE ? bytes : bytes + PAGE - 1) & -PAGE;
  }

  private long vmalloc(Cpu cpu, long bytes, int gfp, int order, String caller) {
    long size = size(bytes);
    if (size / PAGE > total() && !has(SpaceHabit.TAKES_ANY_SIZE)) {
      return NO_ADDRESS;
    }
    NaiveArea area = area(cpu, Kind.VMALLOC, size, PAGE << order, true, caller);
    if (area == null) {
      return NO_ADDRESS;
    }
    area.order = order;
    long list = size / PAGE * (floors.architecture().is64Bit() ? 8 : 4);
    boolean good = true;
    if (list > PAGE) {
      area.list = vmalloc(cpu, list, ANYWHERE | Gfp.__GFP_ZERO, 0, caller);
      good = area.list != NO_ADDRESS;
    }
    while (good && area.frames.size() < size / PAGE) {
      good = addBlock(cpu, area, gfp, area.frames.size());
    }
    good = good && mapAll(cpu, area);
    if (!good) {
      if (has(SpaceHabit.KEEPS_FRAMES_OF_FAILURES)) {
        area.frames.clear();
      }
      release(cpu, area, has(SpaceHabit.KEEPS_ADDRESSES_OF_FAILURES));
      return NO_ADDRESS;
    }
    known.put(area.address, area);
    return area.address;
  }

  private boolean addBlock(Cpu cpu, NaiveArea area, int gfp, long index) {
    long pfn = floors.pages().allocPages(cpu, gfp, area.order);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    FrameOwner owner = has(SpaceHabit.HOLDS_NOTHING) ? FrameOwner.KERNEL : FrameOwner.VMALLOC;
    floors.memory().memMap().hold(pfn, area.order, owner, 0, area.address, index);
    for (int i = 0; i < 1 << area.order; i++) {
      area.frames.add(pfn + i);
    }
    held += 1L << area.order;
    return true;
  }

  /** Maps the frames of an area, with huge leafs where they can be put. */
  private boolean mapAll(Cpu cpu, NaiveArea area) {
    int count = area.frames.size();
    int pages = has(SpaceHabit.ONE_PAGE_SHORT) && count > 1 ? count - 1 : count;
    int level = area.order > 0 && !has(SpaceHabit.SMALL_LEAFS) ? 2 : 1;
    for (int i = 0; i < pages; ) {
      long at = area.address + i * PAGE;
      int here = level == 2 && maps.isFree(cpu, at, 2) ? 2 : 1;
      long pfn = area.frames.get(has(SpaceHabit.MAPS_THE_FIRST_TWICE) && i == 1 ? 0 : i);
      if (!maps.map(cpu, at, here, pfn, maps.prot())) {
        return false;
      }
      i += here == 2 ? 1 << area.order : 1;
    }
    return !has(SpaceHabit.MAPS_THE_GUARD)
        || maps.map(cpu, area.address + count * PAGE, 1, area.frames.get(0), maps.prot());
  }

  @Nullable NaiveArea area(
      Cpu cpu, Kind kind, long size, long align, boolean guard, String caller) {
    long bytes = guard ? size + PAGE : size;
    long start = layout().vmallocStart();
    long end = layout().vmallocEnd();
    long address = areas.alloc(cpu, bytes, align, start, end);
    if (address == VmallocAllocator.NO_ADDRESS
        && !has(SpaceHabit.GIVES_UP)
        && purge(cpu) + areas.shrink() > 0) {
      address = areas.alloc(cpu, bytes, align, start, end);
    }
    return address == VmallocAllocator.NO_ADDRESS
        ? null
        : new NaiveArea(kind, address, bytes, size, caller);
  }

  void keep(NaiveArea area) {
    known.put(area.address, area);
  }

  void release(Cpu cpu, NaiveArea area, boolean keepsAddresses) {
    if (!has(SpaceHabit.STAYS_MAPPED)) {
      maps.unmap(cpu, area.address, area.address + area.bytes);
    }
    if (!floors.areasCan().lazy() && !has(SpaceHabit.NEVER_FLUSHES)) {
      floors.tables().flushKernelRange(cpu, area.address, area.address + area.bytes);
    }
    if (!keepsAddresses) {
      areas.free(cpu, area.address);
    }
    boolean own = area.kind == Kind.VMALLOC || area.kind == Kind.TOUCHED;
    boolean loses = has(SpaceHabit.LOSES_A_FRAME) && area.frames.size() > 8;
    for (int i = 0; own && i < area.frames.size(); i += 1 << area.order) {
      held -= 1L << area.order;
      if (!loses || i + 1 < area.frames.size()) {
        giveBack(cpu, area.frames.get(i), area.order);
      }
    }
    if (area.kind == Kind.VMAP && has(SpaceHabit.VUNMAP_FREES)) {
      area.frames.forEach(pfn -> floors.pages().freePages(cpu, pfn, 0));
    }
    NaiveArea list = area.list == NO_ADDRESS ? null : known.remove(area.list);
    if (list != null) {
      release(cpu, list, false);
    }
    if (areas.isPurgeDue() && !has(SpaceHabit.NEVER_PURGES)) {
      int _ = purge(cpu);
    }
  }

  void giveBack(Cpu cpu, long pfn, int order) {
    if (floors.memory().memMap().drop(pfn, order)) {
      floors.pages().freePages(cpu, pfn, order);
    }
  }

  private NaiveArea take(long address, Kind kind) {
    NaiveArea area = known.get(address);
    boolean touched = area != null && area.kind == Kind.TOUCHED && kind == Kind.VMALLOC;
    boolean wrong = area == null || (area.kind != kind && !touched);
    boolean lost = has(SpaceHabit.FINDS_NONE_OF_MANY) && known.size() > 40;
    if (lost || area == null || (wrong && !has(SpaceHabit.FREES_ANY_KIND))) {
      throw new MisuseException(String.format("no such area: address=0x%x", address));
    }
    known.remove(address);
    return area;
  }

  @Override
  public long vmallocAtTouch(Cpu cpu, long bytes) {
    NaiveArea area = area(cpu, Kind.TOUCHED, size(bytes), PAGE, true, "vmalloc_at_touch");
    if (area == null) {
      return NO_ADDRESS;
    }
    known.put(area.address, area);
    return area.address;
  }

  @Override
  public boolean fault(Cpu cpu, long root, long address) {
    if (!has(SpaceHabit.NEVER_SYNCS) && floors.tables().syncKernel(root, address)) {
      return true;
    }
    NaiveArea area = known.get(areas.find(address));
    if (area == null || area.kind != Kind.TOUCHED) {
      return has(SpaceHabit.MENDS_EVERYTHING) && layout().isVmalloc(address);
    }
    long end = area.address + (has(SpaceHabit.TOUCHES_THE_GUARD) ? area.bytes : area.size);
    if (address >= end) {
      return false;
    }
    long page = address & -PAGE;
    if (has(SpaceHabit.TOUCHES_ALL)) {
      for (long at = area.address; at < end; at += PAGE) {
        if (at != page && maps.pfn(cpu, at) == NO_PAGE) {
          boolean _ = touch(cpu, area, at);
        }
      }
    }
    boolean good = maps.pfn(cpu, page) != NO_PAGE || touch(cpu, area, page);
    if (good) {
      boolean _ = floors.tables().syncKernel(root, address);
    }
    return good;
  }

  private boolean touch(Cpu cpu, NaiveArea area, long at) {
    int zero = has(SpaceHabit.TOUCHED_AS_IT_COMES) ? 0 : Gfp.__GFP_ZERO;
    if (!addBlock(cpu, area, ANYWHERE | zero, (at - area.address) / PAGE)) {
      return false;
    }
    long pfn = area.frames.getLast();
    boolean second = !has(SpaceHabit.SECOND_TOUCH_STAYS) && maps.pfn(cpu, at) != NO_PAGE;
    if (!second && maps.map(cpu, at, 1, pfn, maps.prot())) {
      return true;
    }
    if (!has(SpaceHabit.TOUCH_DOES_NOT_UNWIND)) {
      area.frames.removeLast();
      held--;
      giveBack(cpu, pfn, 0);
    }
    return second;
  }

  @Override
  public void vfree(Cpu cpu, long address) {
    if (address != NO_ADDRESS) {
      release(cpu, take(address, Kind.VMALLOC), false);
    }
  }

  @Override
  public void vfreeAtomic(Cpu cpu, long address) {
    if (has(SpaceHabit.FREES_AT_ONCE)) {
      vfree(cpu, address);
    } else {
      deferred.add(address);
    }
  }

  @Override
  public int runDeferred(Cpu cpu) {
    List<Long> all = new ArrayList<>(deferred);
    deferred.clear();
    all.forEach(address -> vfree(cpu, address));
    return all.size();
  }

  @Override
  public long vmap(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, pfns, count, Kind.VMAP, true, "vmap");
  }

  private long vmap(Cpu cpu, long[] pfns, int count, Kind kind, boolean guard, String caller) {
    if (count <= 0 || count > pfns.length) {
      throw new MisuseException("frames to map: count=" + count);
    }
    for (int i = 0; i < count; i++) {
      if (pfns[i] < 0 || pfns[i] >= floors.memory().memMap().endPfn()) {
        throw new MisuseException("no frame of RAM: pfn=" + pfns[i]);
      }
    }
    NaiveArea area = area(cpu, kind, count * PAGE, PAGE, guard, caller);
    if (area == null) {
      return NO_ADDRESS;
    }
    for (int i = 0; i < count; i++) {
      area.frames.add(pfns[has(SpaceHabit.VMAP_BACKWARDS) ? count - 1 - i : i]);
    }
    if (!mapAll(cpu, area)) {
      if (!has(SpaceHabit.VMAP_DOES_NOT_UNWIND)) {
        release(cpu, area, false);
      }
      return NO_ADDRESS;
    }
    known.put(area.address, area);
    return area.address;
  }

  @Override
  public void vunmap(Cpu cpu, long address) {
    if (address != NO_ADDRESS) {
      release(cpu, take(address, Kind.VMAP), false);
    }
  }

  @Override
  public long vmMapRam(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, pfns, count, Kind.RAM, has(SpaceHabit.RAM_WITH_GUARD), "vm_map_ram");
  }

  @Override
  public void vmUnmapRam(Cpu cpu, long address, int count) {
    NaiveArea area = known.get(address);
    if (area != null && area.size != count * PAGE && !has(SpaceHabit.ANY_COUNT)) {
      throw new MisuseException("another size: count=" + count);
    }
    release(cpu, take(address, Kind.RAM), false);
  }

  @Override
  public long vmallocToPfn(long address) {
    if (!layout().isVmalloc(address)) {
      throw new MisuseException(String.format("not of the vmalloc area: address=0x%x", address));
    }
    return maps.pfn(floors.cpus().get(0), address);
  }

  @Override
  public long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode) {
    return devices.ioremap(cpu, paddr, bytes, mode);
  }

  @Override
  public void iounmap(Cpu cpu, long address) {
    release(cpu, take(address & -PAGE, Kind.IOREMAP), false);
  }

  @Override
  public long dmaAllocCoherent(Cpu cpu, long bytes, long mask) {
    return devices.allocCoherent(cpu, bytes, mask);
  }

  @Override
  public long busAddress(long address) {
    return devices.busAddress(address);
  }

  @Override
  public void dmaFreeCoherent(Cpu cpu, long bytes, long address) {
    devices.freeCoherent(cpu, bytes, address);
  }

  @Override
  public long kmap(Cpu cpu, long pfn) {
    return high.kmap(cpu, pfn);
  }

  @Override
  public void kunmap(Cpu cpu, long pfn) {
    high.kunmap(cpu, pfn);
  }

  @Override
  public long kmapLocal(Cpu cpu, long pfn) {
    return high.kmapLocal(cpu, pfn);
  }

  @Override
  public void kunmapLocal(Cpu cpu, long address) {
    high.kunmapLocal(cpu, address);
  }

  @Override
  public long fixToVirt(int index) {
    return high.fixToVirt(index);
  }

  @Override
  public long setFixmap(Cpu cpu, int index, long paddr, CacheMode mode) {
    return high.setFixmap(cpu, index, paddr, mode);
  }

  @Override
  public void clearFixmap(Cpu cpu, int index) {
    high.clearFixmap(cpu, index);
  }

  @Override
  public long kvmalloc(Cpu cpu, long bytes) {
    SlabAllocator slabs = floors.slabs();
    if (slabs != null && bytes > 0 && !has(SpaceHabit.KVMALLOC_WITHOUT_SLAB)) {
      boolean small = bytes <= PAGE;
      int gfp = Gfp.GFP_KERNEL | (small ? 0 : Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY);
      long paddr = slabs.kmalloc(cpu, bytes, gfp);
      if (paddr > 0) {
        return maps.format().kernel().directMap() + paddr;
      }
      if (small || has(SpaceHabit.KVMALLOC_ONLY_SLAB)) {
        return NO_ADDRESS;
      }
    }
    return vmallocHuge(cpu, bytes);
  }

  @Override
  public void kvfree(Cpu cpu, long address) {
    SlabAllocator slabs = floors.slabs();
    if (layout().isVmalloc(address)) {
      vfree(cpu, address);
    } else if (slabs != null && address != NO_ADDRESS) {
      slabs.kfree(cpu, address - maps.format().kernel().directMap());
    }
  }

  @Override
  public String vmallocinfo() {
    return new NaiveInfo(floors, habits).text(known);
  }

  @Override
  public long vmallocPages() {
    return held;
  }

  @Override
  public int purge(Cpu cpu) {
    return areas.purge(
        (start, end) -> {
          if (!has(SpaceHabit.NEVER_FLUSHES)) {
            floors.tables().flushKernelRange(cpu, start, end);
          }
        });
  }

  @Override
  public void validate() {
    for (NaiveArea area : known.values()) {
      CorruptStateError.check(areas.bytes(area.address) == area.bytes, "an area without addresses");
    }
  }

  @Override
  public void close() {
    Cpu cpu = floors.cpus().get(0);
    int _ = runDeferred(cpu);
    boolean leaves = habits.contains(SpaceHabit.LEAVES_TOUCHED);
    known.values().removeIf(area -> leaves && area.kind == NaiveArea.Kind.TOUCHED);
    while (!known.isEmpty()) {
      release(cpu, known.pollLastEntry().getValue(), false);
    }
    devices.close(cpu);
    int _ = purge(cpu);
  }
}
