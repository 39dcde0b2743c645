// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * The fields of {@code mm_struct}, read at one moment, in groups. Fields of floors that are not
 * there yet hold the value said here. What is asked for most has a method here as well.
 *
 * @param vmas the list of VMAs and its index
 * @param users who uses it, and its locks
 * @param places where exec put the program
 * @param sums sums over VMAs and pages
 * @param tables page tables and what else is the architecture's
 */
@API(status = API.Status.EXPERIMENTAL)
public record MmFields(Vmas vmas, Users users, Places places, Sums sums, Tables tables) {
  /**
   * The list of VMAs and its index.
   *
   * @param mmap start of the first VMA of the sorted list ({@code mmap}), -1 if none
   * @param mmRb start of the VMA at the root of the tree ({@code mm_rb}), or of the first VMA when
   *     the index has no single root; -1 if none
   * @param mmapCache start of the VMA found last ({@code mmap_cache}), -1 if none or not kept
   * @param mapCount number of VMAs, without the gate page ({@code map_count})
   * @param defFlags flags that new VMAs get ({@code def_flags}: mlockall with MCL_FUTURE), raw bits
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Vmas(long mmap, long mmRb, long mmapCache, int mapCount, long defFlags) {}

  /**
   * Who uses it, and its locks.
   *
   * @param mmUsers tasks that use the address space ({@code mm_users})
   * @param mmCount references to the structure ({@code mm_count}); all users together count one
   * @param mmapSem state of {@code mmap_sem}: 0 free, -1 held for writing, else readers
   * @param pageTableLock whether {@code page_table_lock} is held
   * @param mmlist whether the address space is on the list that swap-off walks ({@code mmlist});
   *     false without swap
   * @param swapAddress where the swapper stopped ({@code swap_address}, 2.4); 0 without swap
   * @param dumpable whether a core dump is allowed
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Users(
      int mmUsers,
      int mmCount,
      int mmapSem,
      boolean pageTableLock,
      boolean mmlist,
      long swapAddress,
      boolean dumpable) {}

  /**
   * Where exec put the program, and where its heap ends now.
   *
   * @param startCode first address of the program's code
   * @param endCode end of the program's code
   * @param startData first address of initialised data
   * @param endData end of initialised data
   * @param startBrk where the heap starts
   * @param brk where the heap ends, in bytes, not rounded
   * @param startStack where the stack pointer was at the start
   * @param argStart first address of the arguments
   * @param argEnd end of the arguments
   * @param envStart first address of the environment
   * @param envEnd end of the environment
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Places(
      long startCode,
      long endCode,
      long startData,
      long endData,
      long startBrk,
      long brk,
      long startStack,
      long argStart,
      long argEnd,
      long envStart,
      long envEnd) {
    /** Those of a layout. */
    public static Places of(MmLayout layout, long brk) {
      return new Places(
          layout.startCode(),
          layout.endCode(),
          layout.startData(),
          layout.endData(),
          layout.startBrk(),
          brk,
          layout.startStack(),
          layout.argStart(),
          layout.argEnd(),
          layout.envStart(),
          layout.envEnd());
    }

    /** The same with another break. */
    public Places withBrk(long other) {
      return new Places(
          startCode,
          endCode,
          startData,
          endData,
          startBrk,
          other,
          startStack,
          argStart,
          argEnd,
          envStart,
          envEnd);
    }
  }

  /**
   * Sums, in pages.
   *
   * @param rssPages resident pages ({@code rss}), without zero pages
   * @param totalVmPages sum of all VMAs ({@code total_vm})
   * @param lockedVmPages sum of the locked VMAs ({@code locked_vm})
   * @param dataVmPages private writable pages that are not stack ({@code data_vm}, RLIMIT_DATA)
   * @param execVmPages executable pages that are neither writable nor stack ({@code exec_vm})
   * @param stackVmPages pages of VMAs that grow down ({@code stack_vm})
   * @param hiwaterVmPages the largest total so far ({@code hiwater_vm})
   * @param committedPages pages this address space has charged ({@code VM_ACCOUNT})
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Sums(
      long rssPages,
      long totalVmPages,
      long lockedVmPages,
      long dataVmPages,
      long execVmPages,
      long stackVmPages,
      long hiwaterVmPages,
      long committedPages) {}

  /**
   * Page tables and what else is the architecture's.
   *
   * @param pgd physical address of the page directory; 0 when the process has ended
   * @param tablePages page tables below the page directory ({@code pgtables_bytes}, VmPTE)
   * @param cpuVmMask CPUs that may hold translations ({@code cpu_vm_mask}); 0 until CPUs run tasks
   * @param context the architecture's part ({@code context}): address of the vdso, 0 if unmapped
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Tables(long pgd, long tablePages, long cpuVmMask, long context) {}

  /** {@link Vmas#mapCount}. */
  public int mapCount() {
    return vmas.mapCount;
  }

  /** {@link Places#brk}. */
  public long brk() {
    return places.brk;
  }

  /** {@link Sums#rssPages}. */
  public long rssPages() {
    return sums.rssPages;
  }

  /** {@link Sums#totalVmPages}. */
  public long totalVmPages() {
    return sums.totalVmPages;
  }

  /** {@link Sums#lockedVmPages}. */
  public long lockedVmPages() {
    return sums.lockedVmPages;
  }

  /** {@link Sums#dataVmPages}. */
  public long dataVmPages() {
    return sums.dataVmPages;
  }

  /** {@link Sums#execVmPages}. */
  public long execVmPages() {
    return sums.execVmPages;
  }

  /** {@link Sums#stackVmPages}. */
  public long stackVmPages() {
    return sums.stackVmPages;
  }

  /** {@link Sums#hiwaterVmPages}. */
  public long hiwaterVmPages() {
    return sums.hiwaterVmPages;
  }

  /** {@link Sums#committedPages}. */
  public long committedPages() {
    return sums.committedPages;
  }

  /** {@link Tables#pgd}. */
  public long pgd() {
    return tables.pgd;
  }

  /** {@link Tables#tablePages}. */
  public long tablePages() {
    return tables.tablePages;
  }

  /** {@link Tables#context}. */
  public long context() {
    return tables.context;
  }
}
