// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The model of one process: its areas, limits and pages, and what every call has in common. Nothing
 * is kept that can be counted: all sums are recounts. The calls are in {@link NaiveCalls}, {@link
 * NaiveFlagCalls} and {@link NaiveMremap}, touches in {@link NaiveTouches}.
 */
public final class NaiveSpace {
  public final NaiveMachine machine;
  final AddressSpaceConfig config;
  public final Areas areas = new Areas();
  public final Contents contents = new Contents();
  public final Map<Integer, OpenFile> descriptors = new HashMap<>();
  final NaivePlaces places = new NaivePlaces(this);
  final Map<ResourceLimit, Long> limits = new EnumMap<>(ResourceLimit.class);
  public long brk;
  long defFlags;
  public long hiwater;

  /**
   * Pages that MREMAP_DONTUNMAP unlocked at their old place. Linux 6.18 goes on to count them in
   * {@code locked_vm}.
   */
  public long lockedByDontUnmap;

  /** Pages of the areas that {@link #gather} met, and how many of them were charged. */
  long gathered;

  long gatheredCharged;

  public NaiveSpace(NaiveMachine machine, AddressSpaceConfig config) {
    this.machine = machine;
    this.config = config;
    brk = config.layout().brk();
    limits.put(ResourceLimit.AS, config.asBytes());
    limits.put(ResourceLimit.DATA, config.dataBytes());
    limits.put(ResourceLimit.STACK, config.stackBytes());
    limits.put(ResourceLimit.MEMLOCK, config.memlockBytes());
    machine.spaces.add(this);
  }

  // ---------------------------------------------------------------- recounts

  private interface Counts {
    boolean test(Area area);
  }

  private long count(Counts which) {
    long sum = 0;
    for (Area area : areas.all()) {
      sum += which.test(area) ? area.pages() : 0;
    }
    return sum;
  }

  public long totalPages() {
    return count(area -> true);
  }

  public long dataPages() {
    return count(area -> isData(area.flags));
  }

  long stackPages() {
    return count(area -> area.any(Bits.GROWSDOWN));
  }

  long execPages() {
    return count(a -> (a.flags & (Bits.EXEC | Bits.WRITE | Bits.GROWSDOWN)) == Bits.EXEC);
  }

  public long lockedPages() {
    return count(area -> area.any(Bits.LOCKED)) + lockedByDontUnmap;
  }

  long committedPages() {
    return count(area -> area.any(Bits.ACCOUNT));
  }

  static boolean isData(long flags) {
    return (flags & (Bits.WRITE | Bits.SHARED | Bits.GROWSDOWN)) == Bits.WRITE;
  }

  // ---------------------------------------------------------------- limits

  public long limitPages(ResourceLimit resource) {
    Long bytes = limits.get(resource);
    return (bytes == null ? ResourceLimit.INFINITY : bytes) >>> 12;
  }

  boolean mayExpand(long flags, long pages) {
    if (totalPages() + pages > limitPages(ResourceLimit.AS)) {
      return false;
    }
    return !isData(flags)
        || dataPages() + pages <= limitPages(ResourceLimit.DATA)
        || Long.valueOf(0).equals(limits.get(ResourceLimit.DATA));
  }

  /** CAP_IPC_LOCK: no limit counts. */
  public boolean mayLockAll() {
    return config.capabilities().contains(Capability.IPC_LOCK);
  }

  boolean canLock() {
    Long limit = limits.get(ResourceLimit.MEMLOCK);
    return mayLockAll() || limit == null || limit != 0;
  }

  boolean mayLock(long flags, long bytes) {
    return (flags & Bits.LOCKED) == 0
        || mayLockAll()
        || lockedPages() + bytes / Bits.PAGE <= limitPages(ResourceLimit.MEMLOCK);
  }

  boolean full() {
    return areas.size() >= maxCount();
  }

  int maxCount() {
    return config.sysctls().maxMapCount();
  }

  /** The overcommit rule, for a process without capabilities and a machine without swap. */
  boolean mayCommit(long pages) {
    long ram = config.totalRamKb() / 4;
    int mode = config.sysctls().overcommitMemory();
    if (mode != 2) {
      return mode == 1 || pages <= ram;
    }
    long reserve = 8192 / 4 + Math.min(totalPages() / 32, 131072 / 4);
    long allowed = ram * config.sysctls().overcommitRatio() / 100 - reserve;
    return machine.committedPages() + pages < allowed;
  }

  long minAddr() {
    return Math.max(config.sysctls().mmapMinAddr(), config.sysctls().lsmMmapMinAddr());
  }

  long guardStart(Area area) {
    long gap = area.any(Bits.GROWSDOWN) ? config.sysctls().stackGuardGapPages() * Bits.PAGE : 0;
    return Math.max(0, area.start - gap);
  }

  // ---------------------------------------------------------------- unmapping

  /** Cuts areas at both ends of a range that is to be unmapped; what was cut stays cut. */
  long gather(long start, long end) {
    gathered = 0;
    gatheredCharged = 0;
    Area first = areas.first(start, end);
    if (first == null) {
      return 0;
    }
    if (first.start < start) {
      if (end < first.end && full()) {
        return -Errno.ENOMEM;
      }
      if (first.has(Bits.SEALED)) {
        return -Errno.EPERM;
      }
      areas.split(first, start);
    }
    for (Area area : areas.all()) {
      if (area.start < start || area.start >= end) {
        continue;
      }
      if (area.has(Bits.SEALED)) {
        return -Errno.EPERM;
      }
      if (area.end > end) {
        areas.split(area, end);
      }
      gathered += area.pages();
      gatheredCharged += area.has(Bits.ACCOUNT) ? area.pages() : 0;
    }
    return 0;
  }

  /** Removes what {@link #gather} has cut out. */
  void clear(long start, long end) {
    for (Area area : areas.all()) {
      if (area.start >= start && area.start < end) {
        areas.remove(area);
      }
    }
    contents.drop(start, end, false);
  }

  long unmap(long start, long end) {
    long error = gather(start, end);
    if (error == 0) {
      clear(start, end);
    }
    return error;
  }

  public long munmap(long start, long len) {
    long taskSize = config.layout().taskSize();
    if (start % Bits.PAGE != 0
        || Long.compareUnsigned(start, taskSize) > 0
        || Long.compareUnsigned(len, taskSize - start) > 0
        || len == 0) {
      return -Errno.EINVAL;
    }
    return unmap(start, start + Bits.align(len));
  }

  /**
   * Puts a new area at its place: joined with its neighbours if they agree.
   *
   * @param below whether it may join what lies below
   * @param above whether it may join what lies above
   */
  Area place(Area area, boolean below, boolean above) {
    areas.add(area);
    return areas.merge(area, below, above);
  }

  // ---------------------------------------------------------------- fork and exit

  /** The child of a fork, or null when memory may not be promised to it. */
  @Nullable
  public NaiveSpace fork() {
    NaiveSpace child = new NaiveSpace(machine, config);
    child.brk = brk;
    child.descriptors.putAll(descriptors);
    child.limits.putAll(limits);
    for (Area area : areas.all()) {
      if (area.has(Bits.DONTFORK)) {
        continue;
      }
      if (area.has(Bits.ACCOUNT) && !child.mayCommit(area.pages())) {
        child.exit();
        return null;
      }
      Area copy = area.like(area.start, area.end, area.pgoff);
      copy.flags &= ~(Bits.LOCKED | Bits.ONFAULT);
      copy.anon = null;
      copy.inherited = false;
      if (!area.has(Bits.WIPEONFORK)) {
        if (area.anon != null) {
          copy.anon = new Area.Anon();
          copy.inherited = true;
        }
        if (area.anon != null || area.has(Bits.GUARDED)) {
          contents.copyTo(child.contents, area.start, area.end);
        }
      }
      child.areas.add(copy);
    }
    child.hiwater = child.totalPages();
    return child;
  }

  public void exit() {
    areas.all().forEach(areas::remove);
    contents.clear();
    machine.spaces.remove(this);
  }

  // ---------------------------------------------------------------- descriptions

  boolean isCached(Area area, long addr) {
    OpenFile open = area.file;
    return open != null && machine.isCached(open.file(), area.pgoffAt(addr));
  }

  static boolean isShmem(OpenFile open) {
    return open.file().kind() == MappedFile.Kind.SHMEM;
  }

  /** All areas for a message. */
  public String text() {
    return List.copyOf(areas.all()).toString();
  }
}
