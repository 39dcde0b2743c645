// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * One address space: the kernel's {@code mm_struct} with its VMAs, and the system calls on it.
 *
 * <p>Arguments are raw words exactly as a user passes them (32-bit processes: zero-extended).
 * Results are raw too: an address, 0, or a negated {@link Errno}. Unknown flags and wrong addresses
 * are never misuse of this interface: they give what Linux 6.18 gives. One thread at a time.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface AddressSpace {
  // ---------------------------------------------------------------- set-up

  /**
   * Adds a VMA of a start state, exactly as given, without merging. Special names ({@code [vdso]},
   * {@code [vvar]}, {@code [vvar_vclock]}, {@code [stack]}) give the VMA its special behaviour;
   * {@code [vsyscall]} (the gate page) is remembered for {@link #forEachVma} only. Empty flags are
   * derived from perms and kind. The letters {@code A} and {@code a} of {@code pages} mean that the
   * VMA has an anon_vma.
   *
   * @throws IllegalArgumentException if it overlaps another VMA, is not page-aligned or ends above
   *     the layout's task size
   */
  void loadVma(VmaInfo vma);

  /** Puts an open file behind a descriptor number; null closes it. */
  void installFd(int fd, @Nullable OpenFile file);

  /** Receives reasons from now on; null switches them off. */
  void explainTo(@Nullable Explainer explainer);

  /**
   * Tells page faults and searches for room from now on; null for nobody. A child of a fork tells
   * nobody.
   *
   * @return false if the address space has no such sink, so that nothing will be told
   */
  default boolean watch(@Nullable MmEvents events) {
    return false;
  }

  /** Is asked for missing pages from now on, null for nobody. A child of a fork asks nobody. */
  void missingTo(@Nullable MissingPages listener);

  // ---------------------------------------------------------------- calls

  /** {@code mmap(2)}; offset in bytes ({@code mmap2} callers multiply first). */
  long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes);

  /** {@code munmap(2)}. */
  long munmap(long addr, long len);

  /** {@code mprotect(2)}. */
  long mprotect(long addr, long len, long prot);

  /** {@code mremap(2)}. */
  long mremap(long addr, long oldLen, long newLen, long flags, long newAddr);

  /** The raw {@code brk} call: returns the break after it. */
  long brk(long addr);

  /** {@code madvise(2)}. */
  long madvise(long addr, long len, long advice);

  /** {@code mlock(2)}. */
  long mlock(long addr, long len);

  /** {@code mlock2(2)}; flag 1 is MLOCK_ONFAULT. */
  long mlock2(long addr, long len, long flags);

  /** {@code munlock(2)}. */
  long munlock(long addr, long len);

  /** {@code mlockall(2)}. */
  long mlockall(long flags);

  /** {@code munlockall(2)}. */
  long munlockall();

  /** {@code msync(2)}. */
  long msync(long addr, long len, long flags);

  /** {@code mseal(2)}. */
  long mseal(long addr, long len, long flags);

  /**
   * {@code mincore(2)}. The kernel writes the vector to user memory at {@code vec}, which counts as
   * write access there.
   *
   * @param sink receives, page by page from {@code addr}, 1 for resident or 0; called only when the
   *     call succeeds
   */
  long mincore(long addr, long len, long vec, ByteSink sink);

  /** Receives bytes in order. */
  @FunctionalInterface
  interface ByteSink {
    /** The next byte. */
    void accept(int value);

    /** The next {@code count} bytes, all equal; may be many more than fit memory. */
    default void accept(int value, long count) {
      for (long i = 0; i < count; i++) {
        accept(value);
      }
    }
  }

  /**
   * {@code setrlimit(2)}: the soft limit.
   *
   * @param structAddr where the caller put the struct, which the kernel reads; 0 for none
   */
  long setrlimit(ResourceLimit resource, long softBytes, long structAddr);

  /** {@code getrlimit(2)}: the soft limit in bytes, unsigned. */
  long softLimit(ResourceLimit resource);

  /** {@code getrlimit(2)}: the hard limit in bytes, unsigned. */
  long hardLimit(ResourceLimit resource);

  /**
   * Another system call: of files, System V segments, protection keys, prctl.
   *
   * @param args raw words in the order of {@link Syscall#arguments}; missing ones are 0
   * @return what the kernel gives; {@code -ENOSYS} from an address space that has no such call
   */
  default long syscall(Syscall call, long... args) {
    return -Errno.ENOSYS;
  }

  /**
   * {@code memfd_create(2)}: a file of shared memory without a name in any file system.
   *
   * @param name what maps shows behind {@code /memfd:}
   * @param flags MFD_ flags
   * @return the lowest descriptor that is free
   */
  default long memfdCreate(String name, long flags) {
    return -Errno.ENOSYS;
  }

  /**
   * {@code prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME)}: names the anonymous memory of a range, as maps
   * shows it. VMAs with different names do not merge.
   *
   * @param name at most 79 printable ASCII characters without {@code \`$[]}; null for none
   * @return 0 or a negated {@link Errno}: {@code EINVAL} on a kernel without names, or for a bad
   *     name or range; {@code EBADF} where a file is mapped; {@code ENOMEM} where nothing is
   */
  default long setVmaName(long addr, long len, @Nullable String name) {
    return -Errno.EINVAL;
  }

  /** {@code fork(2)}: the child's address space (dup_mmap). Null when it failed with ENOMEM. */
  @Nullable AddressSpace fork();

  /**
   * A fork whose child nobody follows: it exists for a moment only, but what it does to this
   * address space (pages marked for copy on write) stays.
   */
  void forkUnrecorded();

  /** The process ends: all VMAs go (exit_mmap). No call may follow. */
  void exit();

  // ---------------------------------------------------------------- touches

  /** User mode reads one byte. */
  TouchOutcome read(long uaddr);

  /** User mode writes one byte. */
  TouchOutcome write(long uaddr, int value);

  /** User mode jumps there. */
  TouchOutcome execute(long uaddr);

  /**
   * Another process, of root, reads bytes here with ptrace, as a debugger does before it lets the
   * program run there. Pages become present whatever their rights are, and a stack grows.
   */
  void peek(long uaddr, int bytes, long stackLimitBytes);

  /**
   * A recorded page fault.
   *
   * @param user in user mode; else the kernel touched user memory
   */
  TouchOutcome fault(long uaddr, boolean write, boolean user, boolean exec);

  // ---------------------------------------------------------------- reading

  /** All VMAs in address order, the gate page last. What a consumer receives is its own. */
  void forEachVma(Consumer<VmaInfo> consumer);

  /** As {@link #forEachVma}, but only those that overlap the range; addresses are unsigned. */
  void forEachVma(long start, long end, Consumer<VmaInfo> consumer);

  /**
   * As {@link #forEachVma}, but flags are empty and pages are {@code ?}: what maps shows, cheaper.
   */
  void forEachMap(Consumer<VmaInfo> consumer);

  /** Changes whenever maps would show something new; equal values mean an unchanged maps. */
  long mapsGeneration();

  /** The smaps figures of the VMA that starts here: rss, anon, locked, anonHuge in kB. */
  VmaUsage usage(long vmaStart);

  /**
   * Sizes of one VMA in kB.
   *
   * @param rssKb resident
   * @param anonKb of it anonymous
   * @param lockedKb proportional share when the VMA is locked, else 0
   * @param anonHugeKb of it in huge pages mapped whole
   */
  record VmaUsage(long rssKb, long anonKb, long lockedKb, long anonHugeKb) {}

  /**
   * What smaps sums up of the VMA that starts here ({@code smap_gather_stats}); {@link
   * MemSizeStats#NONE} if none does. O(pages that are mapped).
   *
   * @throws UnsupportedOperationException if the address space does not tell
   */
  default MemSizeStats sizes(long vmaStart) {
    throw new UnsupportedOperationException("the address space does not tell who shares its pages");
  }

  /**
   * What {@code /proc/PID/numa_maps} sums up of the VMA that starts here; {@link NumaStats#NONE} if
   * none does. O(pages that are mapped).
   */
  default NumaStats numaStats(long vmaStart) {
    return NumaStats.NONE;
  }

  /**
   * {@code ProtectionKey} of smaps: the key of the VMA that holds an address, from 0 to 15, 0 where
   * none does; -1 if the CPU has no keys.
   */
  default int protectionKey(long uaddr) {
    return -1;
  }

  /**
   * {@code RDPKRU}: two bits for each key from 0 on, of which the first denies every access and the
   * second writes.
   *
   * @throws UnsupportedOperationException where the CPU has no keys (SIGILL)
   */
  default int keyRights() {
    throw new UnsupportedOperationException("the CPU has no protection keys");
  }

  /**
   * {@code WRPKRU}: the program changes what it may do with its keys.
   *
   * @throws UnsupportedOperationException where the CPU has no keys (SIGILL)
   */
  default void keyRights(int pkru) {
    throw new UnsupportedOperationException("the CPU has no protection keys");
  }

  /**
   * {@code THPeligible} of smaps: whether the VMA that starts here may have huge pages and one
   * would fit.
   */
  default boolean thpEligible(long vmaStart) {
    return false;
  }

  /**
   * The policy of the VMA that holds an address, as {@code /proc/PID/numa_maps} shows it: {@code
   * default}, {@code bind:0}, {@code prefer (many)=static:0-1}.
   */
  default String memoryPolicy(long uaddr) {
    return "default";
  }

  /**
   * {@code /proc/PID/pagemap} of a range, as root reads it: the entries that are not 0, in the
   * order of addresses. Nothing is shown where no VMA is, or where the VMA has no pages of memory.
   * O(page tables).
   *
   * @param end one past the last address
   * @throws UnsupportedOperationException if the address space does not tell
   */
  default void pagemap(long start, long end, Pagemap.Sink sink) {
    throw new UnsupportedOperationException("the address space does not tell its frames");
  }

  /**
   * A number is written to {@code /proc/PID/clear_refs}: 1 forgets which pages were used, 2 of
   * anonymous memory only, 3 of files only, 4 what was written to (soft-dirty), 5 the peak of the
   * resident set. O(page tables).
   *
   * @return 0 or {@code -EINVAL} for another number
   */
  default long clearRefs(int type) {
    return -Errno.ENOSYS;
  }

  /**
   * {@code ioctl(PAGEMAP_SCAN)} on the pagemap of this address space: which pages have which
   * categories. Where the request names memory of the process, its struct is read and the regions
   * are written there. O(page tables).
   */
  default PagemapScan.Found pagemapScan(PagemapScan scan) {
    return new PagemapScan.Found(-Errno.ENOSYS, -1, List.of());
  }

  /**
   * The number by which calls of other processes of its floor name it, from 1 on; 0 if the floor
   * does not number them.
   */
  default int pid() {
    return 0;
  }

  /**
   * Where exec put the program, and where mmap searches; {@link MmLayout#brk} is that of the start.
   *
   * @throws UnsupportedOperationException if the address space does not tell
   */
  default MmLayout layout() {
    throw new UnsupportedOperationException("the address space does not tell its layout");
  }

  /** {@code mm_struct}'s fields now. */
  MmFields fields();

  /**
   * Walks everything and cross-checks: list = index = counters = a recount of the accounting.
   *
   * @throws io.mm4j.api.CorruptStateError naming what contradicts what
   */
  void validate();
}
