// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import io.mm4j.api.Cpu;
import org.apiguardian.api.API;

/**
 * The page tables of a machine, its kernel's and those of its processes. They lie in frames of the
 * page allocator, owned by {@link io.mm4j.api.memory.FrameOwner#PAGE_TABLE}, and every entry is
 * bytes in RAM as the architecture has them: who writes such bytes has changed the translation.
 *
 * <p><b>Roots.</b> A root is the frame of a top table, what a CPU has in CR3. The top entries of
 * the kernel's addresses are the same in all roots: those of the kernel's own root are copied into
 * a new one, and the tables below them are shared. When the kernel later gets a new top entry, the
 * others receive it at once, or each at its first fault ({@link #syncKernel}); which of the two is
 * the machine's.
 *
 * <p><b>Frames of a table.</b> Of its row {@code mapping} is the root that the table belongs to (0
 * as long as it is a spare one), {@code index} has its level in the lowest 8 bits, and {@code
 * private} is the first of the tables deposited with it.
 *
 * <p><b>What a caller owes.</b> The frames that leafs map are the caller's: nothing here counts
 * references to them. Nor is a TLB flushed unless it is asked for: after an entry was changed so
 * that less is allowed, or another frame is meant, {@link #flushRange} must follow before the old
 * frame is used for something else.
 *
 * <p><b>Threads.</b> A root and its cursors are for one thread at a time, who holds the lock of the
 * address space; the kernel's root for whoever holds the lock of the kernel's addresses. {@link
 * #translate} and a CPU's walk may go on beside them, as hardware's do. New and freed roots are
 * guarded here. No lock is held while a frame is allocated.
 *
 * <p>Running out of frames is a documented value; a mistake of the caller is a {@link
 * io.mm4j.api.MisuseException}, and nothing changes.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface PageTables extends AutoCloseable {
  /** There is no frame for a root. */
  long NO_ROOT = -1;

  /** There is no frame for a table. */
  long NO_TABLE = -1;

  /** Nothing is mapped there. */
  long NOT_MAPPED = -1;

  /** What the tables look like. */
  PageTableFormat format();

  /**
   * The kernel's root, {@code init_mm.pgd}; made with the first use, with RAM in the direct map
   * ({@code init_mem_mapping()}) in leafs as large as alignment allows, and the tables for {@link
   * KernelHalf#filledStart} on. Difference: Linux takes these tables from boot memory, here a
   * machine that translates nothing keeps its frames.
   *
   * @return the frame of its top table, or {@link #NO_ROOT}, and no frame is kept
   */
  long kernelRoot(Cpu cpu);

  /**
   * {@code pgd_alloc()}: a root for a process, with nothing in the user's half. With three levels
   * the tables below the top one are there, too, as the CPU reads its four top entries only when
   * CR3 is loaded.
   *
   * @return the frame of its top table, or {@link #NO_ROOT}, and no frame is kept
   */
  long newRoot(Cpu cpu);

  /**
   * {@code free_pgtables()} and {@code pgd_free()}: gives all tables of the user's half and the
   * root back. The caller has removed what was mapped, and flushed.
   *
   * @throws io.mm4j.api.MisuseException if it is no root or the kernel's, a CPU has it loaded, or
   *     an entry that is no table is left; it names the address
   */
  void freeRoot(Cpu cpu, long root);

  /**
   * {@code vmalloc_fault()} of arch/x86/mm/fault.c: if the kernel's root has a top entry for an
   * address of the kernel that this root has not, copies it. O(levels).
   *
   * @return whether the fault is mended: the address is mapped by the kernel's root, and so by this
   *     one now
   */
  boolean syncKernel(long root, long address);

  /** A new cursor; it is reused for any root and range. */
  TableCursor cursor();

  /**
   * A table for {@link TableCursor#populate}, {@link TableCursor#split} or {@link
   * TableCursor#deposit}, full of nothing: {@code pte_alloc_one()}. For callers that allocate first
   * and walk after.
   *
   * @return its frame, or {@link #NO_TABLE}
   */
  long newTable(Cpu cpu);

  /**
   * Gives a table back that {@link #newTable} gave and nobody has populated, or that {@link
   * TableCursor#withdraw} returned.
   */
  void freeTable(Cpu cpu, long tablePfn);

  /**
   * The physical address behind a linear one, as the tables in RAM say now; rights are not looked
   * at, no accessed bit is set and no TLB is asked. O(levels), no allocation.
   *
   * @return a physical address, or {@link #NOT_MAPPED}
   */
  long translate(long root, long address);

  /**
   * Tells each step of the same walk, from the top table on, down to the entry that ends it.
   *
   * @return what {@link #translate} returns
   */
  long walk(long root, long address, Step step);

  /** Receives the steps of a walk. */
  @FunctionalInterface
  interface Step {
    /**
     * An entry was read.
     *
     * @param level of the table
     * @param tablePfn the frame that holds the table
     * @param index of the entry in it
     * @param entry its value
     */
    void read(int level, long tablePfn, int index, long entry);
  }

  /**
   * How many tables of this level a root has below its top table, deposited ones among them; for a
   * process without those that it shares with the kernel: {@code mm->pgtables_bytes} by level.
   */
  long tables(long root, int level);

  /** Frames that hold tables now, those of the kernel and spare ones among them. O(1). */
  long tableFrames();

  /** What a CPU translates with. */
  Mmu mmu(Cpu cpu);

  /**
   * {@code flush_tlb_mm_range()}: from now on no CPU uses an older translation of these addresses
   * of a root. On this CPU at once - page by page up to 33 of them, beyond that all of the root -,
   * on another one before its next access.
   *
   * @param end one past the last address
   */
  void flushRange(Cpu cpu, long root, long start, long end);

  /** {@code flush_tlb_mm()}: the same for all addresses of a root but those of the kernel. */
  void flushRoot(Cpu cpu, long root);

  /** {@code flush_tlb_kernel_range()}: the same for addresses of the kernel, in all roots. */
  void flushKernelRange(Cpu cpu, long start, long end);

  /** The segments in front of the tables. */
  Segmentation segmentation();

  /** How often {@link #syncKernel} has copied an entry. */
  long kernelSyncs();

  /**
   * Walks all tables and compares owners, counts and the kernel's half of each root; throws {@link
   * io.mm4j.api.CorruptStateError}.
   */
  void validate();

  /**
   * Gives the kernel's tables back, and those of roots that are left, whatever they map. No call is
   * legal afterwards.
   */
  @Override
  void close();
}
