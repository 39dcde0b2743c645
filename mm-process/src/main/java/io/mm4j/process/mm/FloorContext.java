// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.InputException;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugePools;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What all address spaces of one floor share: which there are, committed memory, how the kernel was
 * built, and memory that fails. {@link FloorFiles} has the files, {@link FileMappings} who maps
 * them, {@link SysctlFiles} the settings that are written meanwhile.
 */
public final class FloorContext {
  /** {@code vm_committed_as}, in pages. */
  long committedPages;

  /** Makes an empty index of VMAs. */
  final Supplier<? extends VmaIndex> indexes;

  /** Those that exist, to go through while none begins or ends. */
  final List<Mm> spaces = new ArrayList<>();

  private int lastPid;
  private @Nullable LongSupplier clock;

  /** {@code mm_forbids_zeropage()}: a read of anonymous memory maps a page of its own. */
  public boolean forbidsZeroPage;

  /** {@code CONFIG_ANON_VMA_NAME}. */
  public boolean anonVmaNames;

  /** {@code CONFIG_KSM}. */
  public boolean hasKsm = true;

  /** {@code X86_FEATURE_OSPKE}. */
  public boolean hasProtectionKeys;

  /** How many nodes policies may name, at most 63; 0 for those that have memory. */
  public long policyNodes;

  /** The disk's read_ahead_kb, in pages. */
  public long readAheadPages = 32;

  private @Nullable HugePools hugePools;

  /** The files that processes have open or mapped. */
  public final FloorFiles files = new FloorFiles(this);

  /** Who maps pages of files. */
  public final FileMappings mappings = new FileMappings(this);

  /** What is written under /proc/sys while processes live. */
  public final SysctlFiles sysctls = new SysctlFiles(this);

  /** Who watches faults. */
  public final Userfaults userfaults = new Userfaults();

  /** System V segments. */
  public final Segments segments = new Segments(this);

  private long allocations;
  private long failAt = -1;

  private final @Nullable Frames frames;

  /**
   * A floor without processes, on this kind of index.
   *
   * @param frames null on a machine without page tables, which can have no process
   */
  public FloorContext(Supplier<? extends VmaIndex> indexes, @Nullable Frames frames) {
    this.indexes = indexes;
    this.frames = frames;
  }

  /**
   * The frames that processes have.
   *
   * @throws InputException if the machine has no page tables
   */
  public Frames frames() {
    if (frames == null) {
      throw new InputException(
          "this machine can have no process: it has no page tables",
          "the floors below processes",
          "contents all or tables, and a paging plugin such as io.mm4j:mm-vmalloc");
    }
    return frames;
  }

  /** All address spaces that exist, in the order in which they were made. */
  public List<Mm> spaces() {
    return List.copyOf(spaces);
  }

  /** The pools of huge pages. */
  public HugePools hugePools() {
    HugePools pools = hugePools;
    if (pools == null) {
      pools = new HugePools(frames());
      hugePools = pools;
    }
    return pools;
  }

  /** {@code cpuset_current_mems_allowed}: the nodes that a policy may name, a bit each. */
  public long nodeMask() {
    return policyNodes == 0 ? frames().nodeMask() : (1L << policyNodes) - 1;
  }

  /** Gives all cached pages back; no process is left. */
  public void close() {
    files.close();
    if (hugePools != null) {
      hugePools.close();
    }
    if (frames != null) {
      frames.close();
    }
  }

  /** {@code vm_committed_as}, in pages. */
  public long committedPages() {
    return committedPages;
  }

  /** An address space of this floor exists. */
  public void add(Mm mm) {
    mm.pid = ++lastPid;
    mm.vmas.actor = mm.pid;
    spaces.add(mm);
  }

  /** {@code ktime_get_real_seconds()}; 0 without a clock. */
  public long realSeconds() {
    return clock == null ? 0 : clock.getAsLong();
  }

  /** Whether there is a clock: without one neither times nor numbers of processes are known. */
  public boolean hasClock() {
    return clock != null;
  }

  /** From now on this is the time. */
  public void clock(LongSupplier realSeconds) {
    clock = realSeconds;
  }

  /** {@code find_get_task_by_vpid()}, by {@link Mm#pid}; null if it lives no more. */
  public @Nullable Mm process(int pid) {
    for (Mm mm : spaces) {
      if (mm.pid == pid) {
        return mm;
      }
    }
    return null;
  }

  /** It exists no more. */
  public void remove(Mm mm) {
    spaces.remove(mm);
    segments.exited(mm.pid);
    userfaults.forget(mm);
    mm.descriptors.values().forEach(open -> files.closed(open.file()));
  }

  /** Counts an internal allocation; true if this is the one that must fail. */
  public boolean allocationFails() {
    return allocations++ == failAt;
  }

  /** Internal allocations so far. */
  public long allocations() {
    return allocations;
  }

  /** Makes the (n+1)-th allocation from now fail; a negative value none. */
  public void failAfter(long n) {
    failAt = n < 0 ? -1 : allocations + n;
  }
}
