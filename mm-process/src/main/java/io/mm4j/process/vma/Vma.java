// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.process.OpenFile;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Mapping;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.uffd.Userfaultfd;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One mapping ({@code struct vm_area_struct}). Objects are pooled by {@link VmaTree}: one that was
 * removed must not be kept.
 */
public final class Vma implements Mapping {
  /** Kinds of mappings that the kernel itself installs. */
  public enum Special {
    /** An ordinary VMA. */
    NONE,
    /** Code of the virtual dynamic shared object. */
    VDSO,
    /** Its data. */
    VVAR,
    /** Its data from clocks. */
    VVAR_VCLOCK
  }

  /** Handle in the index. */
  int handle = -1;

  /** First address. */
  public long start;

  /** Address behind the last byte. */
  public long end;

  /** Offset of the first page in the file, in pages; for anonymous memory where it was faulted. */
  public long pgoff;

  /** See {@link VmFlags}. */
  public long flags;

  /** {@code vma_is_secretmem()}: nobody reads it by its frames. */
  public boolean isSecret() {
    return backing != null && backing.isSecret();
  }

  /** The open file, {@code vm_file}. Private /dev/zero has one and is anonymous all the same. */
  public @Nullable OpenFile file;

  /** Where pages come from; null for anonymous memory and special mappings. */
  public @Nullable FileObject backing;

  /** What {@code PR_SET_VMA_ANON_NAME} called it ({@code anon_name}). */
  public @Nullable String anonName;

  /** Where its pages are to come from ({@code vm_policy}); null for wherever. */
  public @Nullable MemPolicy policy;

  /** Who is told of its faults ({@code vm_userfaultfd_ctx}); null for nobody. */
  public @Nullable Userfaultfd uffd;

  /** Kernel-made mapping or not. */
  public Special special = Special.NONE;

  /** Own anon_vma; null until an anonymous page was needed. */
  public @Nullable AnonVma anonVma;

  /** All anon_vmas under which its pages may be: its own and those of ancestors. */
  AnonVma[] chain = new AnonVma[2];

  int chainLength;

  /** The page tables of its address space ({@code vm_mm->pgd}). */
  private final @Nullable PageTable pageTable;

  Vma(@Nullable PageTable pageTable) {
    this.pageTable = pageTable;
  }

  @Override
  public @Nullable PageTable pageTable() {
    return pageTable;
  }

  @Override
  public long firstIndex() {
    return pgoff;
  }

  /**
   * {@code vma_has_recency()}: who reads in order, or anywhere, or a file that he will not use
   * again ({@code POSIX_FADV_NOREUSE}), does not tell what is used.
   */
  public boolean hasRecency() {
    return !hasAny(VmFlags.SEQ_READ | VmFlags.RAND_READ)
        && (backing == null || file == null || !backing.isNotReused(file));
  }

  @Override
  public boolean isLocked() {
    return has(VmFlags.LOCKED);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Private pages are written by permission of a fault, and so are those of files on disks,
   * which become dirty, and all in which somebody wants to know of writes ({@code
   * vma_soft_dirty_enabled()}, {@code userfaultfd_wp()}).
   */
  @Override
  public long pageProt(PageTableFormat format) {
    int access = 0;
    if (VmFlags.isAccessible(flags)) {
      boolean watched =
          has(VmFlags.UFFD_WP)
              || (pageTable != null && pageTable.tracksSoftDirty() && !has(VmFlags.SOFTDIRTY));
      boolean shmem = has(VmFlags.SHARED) && backing != null && backing.isShmem() && !watched;
      access = PageTableFormat.READ;
      access |= has(VmFlags.EXEC) ? PageTableFormat.EXEC : 0;
      access |= shmem && has(VmFlags.WRITE) ? PageTableFormat.WRITE : 0;
    }
    return format.userProt(access);
  }

  @Override
  public long pastIndex() {
    return pgoff + pages();
  }

  @Override
  public long addressOf(long index) {
    return start + ((index - pgoff) << 12);
  }

  /** Length in pages. */
  public long pages() {
    return (end - start) >>> 12;
  }

  /** {@code vma_is_anonymous}: no file system serves its pages. */
  public boolean isAnonymous() {
    return backing == null && special == Special.NONE;
  }

  /** Whether it has these bits, all of them. */
  public boolean has(long bits) {
    return (flags & bits) == bits;
  }

  /** Whether it has any of these bits. */
  public boolean hasAny(long bits) {
    return (flags & bits) != 0;
  }

  @Override
  public boolean isDroppable() {
    return has(VmFlags.DROPPABLE);
  }

  @Override
  public long anonMapping() {
    return java.util.Objects.requireNonNull(anonVma).mapping();
  }

  /** {@code list_is_singular(&vma->anon_vma_chain)}. */
  public boolean chainIsSingular() {
    return chainLength == 1;
  }

  /** {@code vma_had_uncowed_parents}: faulted, and by fork under more than one anon_vma. */
  public boolean hadUncowedParents() {
    return anonVma != null && chainLength != 1;
  }

  /** The level of the page tables at which its huge pages of a pool are leafs. */
  public int hugeLevel() {
    return java.util.Objects.requireNonNull(file).file().kind().leafLevel();
  }

  /** {@code huge_page_size(hstate_vma())}: bytes of one of its huge pages of a pool. */
  public long hugeBytes() {
    return java.util.Objects.requireNonNull(pageTable).bytes(hugeLevel());
  }

  /**
   * The place of an address in the file, in huge pages of a pool ({@code vma_hugecache_offset}).
   */
  public long hugeIndexAt(long addr) {
    return pgoffAt(addr) / (hugeBytes() >>> 12);
  }

  /** Page offset of an address in it. */
  public long pgoffAt(long addr) {
    return pgoff + ((addr - start) >> 12);
  }

  void link(AnonVma anonVma) {
    if (chainLength == chain.length) {
      chain = Arrays.copyOf(chain, chainLength * 2);
    }
    chain[chainLength++] = anonVma;
    anonVma.vmas.add(this);
  }

  void reset() {
    handle = -1;
    file = null;
    backing = null;
    anonName = null;
    policy = null;
    uffd = null;
    special = Special.NONE;
    anonVma = null;
    flags = 0;
    Arrays.fill(chain, 0, chainLength, null);
    chainLength = 0;
  }

  @Override
  public String toString() {
    return Long.toHexString(start) + "-" + Long.toHexString(end) + " " + VmFlags.perms(flags);
  }
}
