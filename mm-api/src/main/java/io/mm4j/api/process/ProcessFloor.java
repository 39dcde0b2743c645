// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apiguardian.api.API;

/**
 * Makes address spaces. All address spaces that come from one floor, directly or by fork, share its
 * memory-wide accounting (committed pages) and its numbering of shared-memory objects. One thread
 * at a time may use a floor and everything made from it.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface ProcessFloor extends AutoCloseable {
  /**
   * Makes an address space without any VMA. Load a start state with {@link
   * AddressSpace#loadVma(VmaInfo)}.
   *
   * @throws IllegalArgumentException if the configuration contradicts itself (names the field and
   *     its value)
   */
  AddressSpace createAddressSpace(AddressSpaceConfig config);

  /**
   * A new process with a stack and nothing else mapped: {@link AddressSpaceConfig#defaults()} with
   * this machine's {@link #sysctls()}. Map what it needs with its system calls.
   */
  default AddressSpace spawn() {
    return spawn(AddressSpaceConfig.defaults().sysctls(sysctls()));
  }

  /**
   * A new process with a stack of 132 KiB at the end of its user space, and nothing else mapped.
   */
  default AddressSpace spawn(AddressSpaceConfig config) {
    AddressSpace space = createAddressSpace(config);
    long top = config.layout().taskSize() & -Pages.PAGE_SIZE;
    long bottom = top - 33 * Pages.PAGE_SIZE;
    space.loadVma(new VmaInfo(bottom, top, "rw-p", 0, "[stack]", null, List.of(), "?"));
    return space;
  }

  /**
   * Makes the (n+1)-th internal allocation from now fail, as a kernel's {@code kmalloc} may. The
   * call that meets it answers {@code -ENOMEM} and changes nothing, or does its documented part. A
   * negative value switches the failure off.
   */
  void failAllocationAfter(long n);

  /** Internal allocations made so far: the range from which {@link #failAllocationAfter} picks. */
  long allocationCount();

  /**
   * Pages that are charged now ({@code vm_committed_as}, {@code Committed_AS} of /proc/meminfo):
   * those of all address spaces of this floor ({@link MmFields#committedPages()}), and those of
   * shared memory, which are charged once, when it is made, until its last mapping goes.
   */
  long committedPages();

  /** The settings that the machine was booted with: those of a process that brings no others. */
  default MmSysctls sysctls() {
    return MmSysctls.DEFAULTS;
  }

  /**
   * {@code truncate(2)} of root, and what {@code O_TRUNC} does: gives a file another size. Mapped
   * pages behind it go, private copies among them.
   *
   * @return 0 or a negated {@link Errno}
   */
  default long truncate(MappedFile file, long bytes) {
    return -Errno.ENOSYS;
  }

  /** {@code unlink(2)}: the file has no name any more; maps shows it as deleted. */
  default void unlink(MappedFile file) {}

  /**
   * {@code mount(2)} of root: from now on files can lie there.
   *
   * @return 0 or a negated {@link Errno}: {@code ENOMEM} where a pool of huge pages has less than
   *     {@link Mount#leastBytes} free, {@code EINVAL} for a least size above the most, {@code
   *     ENODEV} for pages that the machine has not, {@code EBUSY} for one that was mounted before
   */
  default long mount(Mount mount) {
    return -Errno.ENOSYS;
  }

  /**
   * Writes a file under {@code /proc/sys/vm} while processes live: {@code overcommit_memory},
   * {@code overcommit_ratio}, {@code overcommit_kbytes}, {@code max_map_count}, {@code
   * mmap_min_addr}, {@code legacy_va_layout}, {@code nr_hugepages}, {@code
   * nr_overcommit_hugepages}. It holds for all of them, and for those to come.
   *
   * @param name without {@code vm.}
   * @return 0 or a negated {@link Errno}: {@code ENOENT} for a name that this floor does not know
   */
  default long writeSysctl(String name, String value) {
    return -Errno.ENOENT;
  }

  /**
   * Reads a file that {@link #writeSysctl} writes. What a recorded process had in place of the
   * machine's own setting is told while one lives.
   *
   * @param name without {@code vm.}
   * @return the number that the file shows, as text without a line's end; empty for a name that
   *     this floor does not know
   */
  default Optional<String> readSysctl(String name) {
    return Optional.empty();
  }

  /**
   * Sets one of the options of this floor's provider after it was made, before it has a process: a
   * recording says how its kernel was built, and which disk it had.
   *
   * @throws InputException for an option that the provider does not have, or another value than it
   *     allows
   */
  default void kernelOption(String name, String value) {
    throw new InputException(
        "this process floor has no option '" + name + "'", "the recording", "a floor that has it");
  }

  /**
   * Gives the floor a clock. Without one, as where a recording is replayed, it knows neither times
   * nor numbers of processes where calls tell them; a floor that tells none has no use for it.
   *
   * @param realSeconds seconds since 1970
   */
  default void clock(LongSupplier realSeconds) {}

  /**
   * The tasks, on this machine's CPUs.
   *
   * @throws io.mm4j.api.InputException if the floor has none: {@link ProcessFloorProvider#hasTasks}
   */
  default Tasks tasks() {
    throw new InputException(
        "this process floor has address spaces and no tasks", "--plugin process=", "linux");
  }

  /** The pool of huge pages of the default size, as /proc/meminfo shows it. */
  default HugePages hugePages() {
    return new HugePages(1L << 21, 0, 0, 0, 0, 0);
  }

  /** The pools of all sizes that this machine has huge pages of, the smallest first. */
  default List<HugePages> hugePools() {
    return List.of();
  }

  /**
   * What lies of them on a node: {@code /sys/devices/system/node/nodeN/hugepages}. Promises are not
   * a node's, and 0 here.
   */
  default List<HugePages> hugePoolsOf(int nodeId) {
    return List.of();
  }

  /**
   * Writes {@code nr_hugepages} of a directory under {@code /sys/kernel/mm/hugepages}: the pool
   * gets as near to this size as memory allows; what is in use or promised is surplus.
   *
   * @param pageBytes the size of the pages
   * @return 0 or a negated {@link Errno}: {@code ENOENT} where there are no pages of this size,
   *     {@code EINVAL} for a negative number
   */
  default long resizeHugePool(long pageBytes, long pages) {
    return -Errno.ENOENT;
  }

  /**
   * Writes {@code nr_overcommit_hugepages} of a directory under {@code /sys/kernel/mm/hugepages}:
   * so many pages more may be taken from the page allocator when they are needed.
   *
   * @param pageBytes the size of the pages
   * @return 0 or a negated {@link Errno}: {@code ENOENT} where there are no pages of this size,
   *     {@code EINVAL} for a negative number and for pages larger than the page allocator's blocks
   */
  default long overcommitHugePool(long pageBytes, long pages) {
    return -Errno.ENOENT;
  }

  /**
   * A pool of huge pages: {@code HugePages_*} of /proc/meminfo, and the files of its directory
   * under {@code /sys/kernel/mm/hugepages}.
   *
   * @param pageBytes the size of its pages
   * @param total in the pool, in use or not
   * @param free in the pool and not in use
   * @param reserved of the free ones promised to mappings
   * @param surplus of all those beyond {@code vm.nr_hugepages}
   * @param overcommit {@code nr_overcommit_hugepages}
   */
  record HugePages(
      long pageBytes, long total, long free, long reserved, long surplus, long overcommit) {}

  /**
   * Whether a frame is the zero page, or belongs to the huge one; no frame is taken for the answer.
   */
  default boolean isZeroPage(long pfn) {
    return false;
  }

  /**
   * What reclaim would know of the folio that a frame belongs to, if a process or the page cache
   * has it: of {@code PageFlags} {@code PG_LRU}, {@code PG_REFERENCED}, {@code PG_ACTIVE}, {@code
   * PG_UNEVICTABLE}, {@code PG_MLOCKED} and {@code PG_ANON_EXCLUSIVE}, as {@code
   * lru_add_drain_all()} of mm/swap.c, Linux 6.18, leaves them. O(VMAs of its mapping).
   */
  default int lruFlags(long pfn) {
    return 0;
  }

  /**
   * Ends every process that still lives, so that what the floor holds goes back to the floors
   * below. No call is legal afterwards.
   */
  @Override
  default void close() {}
}
