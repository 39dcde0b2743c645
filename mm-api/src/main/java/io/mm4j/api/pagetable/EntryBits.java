// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * The bits of an entry, as masks. What an architecture or Linux on it does not have is 0. Entries
 * are longs even where the hardware's have 4 bytes.
 *
 * <p>The first ones are the architecture's (Intel SDM volume 3A chapter 4, AMD APM volume 2 chapter
 * 5), those from {@code protNone} on are what Linux does with bits that the hardware leaves alone
 * (arch/x86/include/asm/pgtable_types.h, Linux 6.18). The calls are its {@code pte_*} and {@code
 * pmd_*} functions that mean the same bit at every level.
 *
 * <p>A write-protected leaf never has the hardware's dirty bit: the CPU would take it for a shadow
 * stack. {@code savedDirty} says that it is dirty all the same.
 *
 * <p>Pure functions: any thread, O(1), no allocation.
 *
 * @param present the hardware uses the entry
 * @param write writes are let through
 * @param user user mode may use it
 * @param writeThrough PWT, the lowest bit of the memory type
 * @param cacheDisable PCD, the middle one
 * @param accessed the hardware has used it
 * @param dirty the hardware has written through it; leafs only
 * @param pageSize above level 1: it maps frames
 * @param global it stays in the TLB over a change of the page directory; leafs only
 * @param pat the highest bit of the memory type, in an entry of level 1
 * @param patLarge the same in a leaf above
 * @param noExec no code may be fetched through it
 * @param protectionKey the four bits of a protection key
 * @param frame the physical address in an entry of level 1 or one that refers to a table
 * @param protNone with {@code present} clear: the page is resident and nobody may use it
 * @param special the page has no {@code struct page} that counts: the zero page, a device
 * @param uffdWp write-protected for userfaultfd
 * @param softDirty written to since somebody began to watch
 * @param savedDirty dirty, of an entry that is write-protected
 * @param stray bits that hardware may set in an entry where nothing is ({@code
 *     _PAGE_KNL_ERRATUM_MASK})
 * @param inverted the bits of {@code frame} that are stored inverted while the entry is not present
 *     for the hardware, so that speculation finds no memory (L1TF)
 * @param table what an entry that refers to a table has beside the table's address
 * @param topTable the same in the top table
 */
@API(status = API.Status.EXPERIMENTAL)
public record EntryBits(
    long present,
    long write,
    long user,
    long writeThrough,
    long cacheDisable,
    long accessed,
    long dirty,
    long pageSize,
    long global,
    long pat,
    long patLarge,
    long noExec,
    long protectionKey,
    long frame,
    long protNone,
    long special,
    long uffdWp,
    long softDirty,
    long savedDirty,
    long stray,
    long inverted,
    long table,
    long topTable) {
  /** Whether the hardware uses it. */
  public boolean isMapped(long entry) {
    return (entry & present) != 0;
  }

  /** {@code pte_protnone()}: resident, and nobody may use it. */
  public boolean isProtnone(long entry) {
    return (entry & (present | protNone)) == protNone;
  }

  /** {@code pte_write()}: writes are let through. */
  public boolean isWrite(long entry) {
    return (entry & write) != 0;
  }

  /** Whether user mode may use it. */
  public boolean isUser(long entry) {
    return (entry & user) != 0;
  }

  /** {@code pte_exec()}: code may be fetched. */
  public boolean isExec(long entry) {
    return (entry & noExec) == 0;
  }

  /** {@code pte_young()}: used since it was last looked at. */
  public boolean isYoung(long entry) {
    return (entry & accessed) != 0;
  }

  /** {@code pte_dirty()}: written to, whichever bit says so. */
  public boolean isDirty(long entry) {
    return (entry & (dirty | savedDirty)) != 0;
  }

  /** {@code pte_global()}. */
  public boolean isGlobal(long entry) {
    return (entry & global) != 0;
  }

  /** {@code pte_special()}. */
  public boolean isSpecial(long entry) {
    return (entry & special) != 0;
  }

  /** {@code pte_uffd_wp()}. */
  public boolean isUffdWp(long entry) {
    return (entry & uffdWp) != 0;
  }

  /** {@code pte_soft_dirty()}. */
  public boolean isSoftDirty(long entry) {
    return (entry & softDirty) != 0;
  }

  /** {@code pte_mkyoung()}. */
  public long mkyoung(long entry) {
    return entry | accessed;
  }

  /** {@code pte_mkold()}. */
  public long mkold(long entry) {
    return entry & ~accessed;
  }

  /** {@code pte_mkdirty()}: soft-dirty too. */
  public long mkdirty(long entry) {
    return saveDirty(entry | dirty | softDirty);
  }

  /** {@code pte_mkclean()}. */
  public long mkclean(long entry) {
    return entry & ~(dirty | savedDirty);
  }

  /** {@code pte_mkwrite_novma()}. */
  public long mkwrite(long entry) {
    return restoreDirty(entry | write);
  }

  /** {@code pte_wrprotect()}: what was dirty stays so. */
  public long wrprotect(long entry) {
    return saveDirty(entry & ~write);
  }

  /** {@code pte_mkexec()}. */
  public long mkexec(long entry) {
    return entry & ~noExec;
  }

  /** {@code pte_mkglobal()}. */
  public long mkglobal(long entry) {
    return entry | global;
  }

  /** {@code pte_clrglobal()}. */
  public long clrglobal(long entry) {
    return entry & ~global;
  }

  /** {@code pte_mkspecial()}. */
  public long mkspecial(long entry) {
    return entry | special;
  }

  /** {@code pte_mkuffd_wp()}: write-protects it, too. */
  public long mkuffdWp(long entry) {
    return wrprotect(entry | uffdWp);
  }

  /** {@code pte_clear_uffd_wp()}: it stays write-protected. */
  public long clearUffdWp(long entry) {
    return entry & ~uffdWp;
  }

  /** {@code pte_mksoft_dirty()}. */
  public long mksoftDirty(long entry) {
    return entry | softDirty;
  }

  /** {@code pte_clear_soft_dirty()}. */
  public long clearSoftDirty(long entry) {
    return entry & ~softDirty;
  }

  /** {@code mksaveddirty_shift()}: of a write-protected entry the dirty bit moves aside. */
  long saveDirty(long entry) {
    return savedDirty != 0 && (entry & write) == 0 && (entry & dirty) != 0
        ? (entry & ~dirty) | savedDirty
        : entry;
  }

  /** {@code clear_saveddirty_shift()}: of a writable entry it moves back. */
  long restoreDirty(long entry) {
    return (entry & write) != 0 && (entry & savedDirty) != 0
        ? (entry & ~savedDirty) | dirty
        : entry;
  }
}
