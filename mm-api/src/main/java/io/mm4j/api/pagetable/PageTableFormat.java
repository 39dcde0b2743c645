// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * What the page tables of an architecture look like: levels and bits, as masks and shifts. It is
 * data and not behaviour, so that a walk calls nothing that depends on a plugin; walking, mapping
 * and copy-on-write rules stand above it, once.
 *
 * <p>An entry is one of: nothing; a table of the next level; a leaf that maps frames, or that did
 * and keeps them though nobody may use it (PROT_NONE, or a huge page that is being split); or
 * absent, with {@link AbsentBits type and offset}. Which of these it is depends on the level, as
 * bit 7 does. Models the {@code pte_*}, {@code pmd_*} and {@code pud_*} functions of
 * arch/x86/include/asm/pgtable.h (Linux 6.18).
 *
 * <p>Pure functions: any thread, O(1), no allocation.
 *
 * @param name the plugin's name
 * @param shape levels and widths
 * @param bits the bits of entries
 * @param absent the form of absent entries
 * @param kernel where the kernel's addresses begin
 */
@API(status = API.Status.EXPERIMENTAL)
public record PageTableFormat(
    String name, TableShape shape, EntryBits bits, AbsentBits absent, KernelHalf kernel) {
  /** Nothing is there: {@code pte_none()}. */
  public static final long EMPTY = 0;

  /** Access that is allowed: reading. */
  public static final int READ = 1;

  /** Access that is allowed: writing. */
  public static final int WRITE = 1 << 1;

  /** Access that is allowed: fetching code. */
  public static final int EXEC = 1 << 2;

  /** Levels of the walk; level 1 is the one whose entries map pages. */
  public int levels() {
    return shape.levels();
  }

  /** log2 of the bytes that one entry of this level covers. */
  public int shift(int level) {
    return shape.shift(level);
  }

  /** Bytes that one entry of this level covers. */
  public long bytes(int level) {
    return 1L << shape.shift(level);
  }

  /** Entries of a table of this level. */
  public int entries(int level) {
    return shape.entries(level);
  }

  /** The index into the table of this level. */
  public int index(int level, long address) {
    return shape.index(level, address);
  }

  /** The frames that a leaf of this level maps, as an order: 0, 9 or 10, 18. */
  public int order(int level) {
    return shape.shift(level) - Pages.PAGE_SHIFT;
  }

  /** {@code pte_none()}: nothing is there, whatever stray bits the hardware has left. */
  public boolean isNone(long entry) {
    return (entry & ~bits.stray()) == 0;
  }

  /**
   * {@code pte_present()}, {@code pmd_present()}: a table, or a leaf whose frames are resident,
   * though the hardware may not be let at them. Difference: {@code pud_present()} does not count a
   * leaf of level 3 that was made invalid; here it is like one of level 2.
   */
  public boolean isPresent(int level, long entry) {
    long mask = bits.present() | bits.protNone() | (hasLeafs(level) ? bits.pageSize() : 0);
    return (entry & mask) != 0;
  }

  /** Whether the entry refers to a table of the level below. */
  public boolean isTable(int level, long entry) {
    return level > 1
        && (entry & bits.present()) != 0
        && !(hasLeafs(level) && (entry & bits.pageSize()) != 0);
  }

  /** {@code pmd_leaf()} and {@code pte_present()}: the entry keeps frames. */
  public boolean isLeaf(int level, long entry) {
    return isPresent(level, entry) && !isTable(level, entry);
  }

  /** {@code is_swap_pte()}: there is something, and it is no frame and no table. */
  public boolean isAbsent(int level, long entry) {
    return !isNone(entry) && !isPresent(level, entry);
  }

  private boolean hasLeafs(int level) {
    return level > 1 && shape.hasLeafs(level);
  }

  /**
   * {@code pmd_bad()}: an entry above level 1 that is there and should refer to a table does not
   * look like one; a huge page does not. Whether it was used does not count ({@code
   * CONFIG_ARCH_HAS_NONLEAF_PMD_YOUNG}: reclaim clears that bit), nor whose it is.
   */
  public boolean isBad(int level, long entry) {
    long free = bits.user() | bits.accessed();
    return (entry & ~bits.frame() & ~free) != (tableBits(level) & ~free);
  }

  /** What an entry of this level that refers to a table has beside its address. */
  public long tableBits(int level) {
    return level == shape.levels() ? bits.topTable() : bits.table();
  }

  /** {@code pmd_populate()}: an entry that refers to the table in this frame. */
  public long table(int level, long pfn) {
    return pfn << Pages.PAGE_SHIFT | tableBits(level);
  }

  /** The frame of the table that an entry refers to. */
  public long tablePfn(long entry) {
    return (entry & bits.frame()) >>> Pages.PAGE_SHIFT;
  }

  /** The bits that hold the physical address in a leaf of this level. */
  public long frameMask(int level) {
    return bits.frame() & -1L << shape.shift(level);
  }

  /**
   * {@code pfn_pte()}, {@code pmd_mkhuge(pfn_pmd())}: an entry that maps frames.
   *
   * @param level one that has leafs
   * @param pfn the first frame; a multiple of {@code 1 << order(level)}
   * @param prot bits from {@link #userProt}, {@link #kernelProt} or of another leaf of level 1
   */
  public long leaf(int level, long pfn, long prot) {
    long flags = level == 1 ? prot : large(prot) | bits.pageSize();
    long frame = pfn << Pages.PAGE_SHIFT ^ invertedIf(flags);
    return (frame & frameMask(level)) | flags;
  }

  /** {@code pte_pfn()}, {@code pmd_pfn()}: the first frame that a leaf of this level keeps. */
  public long pfn(int level, long entry) {
    return ((entry ^ invertedIf(entry)) & frameMask(level)) >>> Pages.PAGE_SHIFT;
  }

  /** {@code protnone_mask()}: what is inverted in an entry that the hardware does not use. */
  private long invertedIf(long entry) {
    return (entry & bits.present()) == 0 && entry != 0 ? bits.inverted() : 0;
  }

  /** {@code pte_pgprot()} in the form of level 1: what a leaf has beside its frame. */
  public long prot(int level, long entry) {
    long flags = entry & ~frameMask(level);
    return level == 1 ? flags : small(flags & ~bits.pageSize());
  }

  /**
   * {@code vm_get_page_prot()} of a mapping of a process: {@code PAGE_NONE}, {@code PAGE_READONLY},
   * {@code PAGE_SHARED} and so on, all of them accessed. A private mapping that may be written asks
   * for {@link #READ} only, until its page is its own.
   *
   * @param access {@link #READ}, {@link #WRITE}, {@link #EXEC}, joined by {@code |}; 0 is PROT_NONE
   */
  public long userProt(int access) {
    if (access == 0) {
      return bits.protNone() | bits.accessed();
    }
    return bits.present()
        | bits.user()
        | bits.accessed()
        | ((access & WRITE) != 0 ? bits.write() : 0)
        | ((access & EXEC) != 0 ? 0 : bits.noExec());
  }

  /**
   * {@code PAGE_KERNEL}, {@code PAGE_KERNEL_RO} and so on: global, accessed, and dirty if it may be
   * written.
   *
   * @param access with {@link #READ}
   */
  public long kernelProt(int access) {
    return bits.present()
        | bits.accessed()
        | bits.global()
        | ((access & WRITE) != 0 ? bits.write() | bits.dirty() : 0)
        | ((access & EXEC) != 0 ? 0 : bits.noExec());
  }

  /** {@code cachemode2protval()}: the same prot with this memory type. */
  public long withCache(long prot, CacheMode mode) {
    int index = mode.index();
    return (prot & ~(bits.writeThrough() | bits.cacheDisable() | bits.pat()))
        | ((index & 1) != 0 ? bits.writeThrough() : 0)
        | ((index & 2) != 0 ? bits.cacheDisable() : 0)
        | ((index & 4) != 0 ? bits.pat() : 0);
  }

  /** {@code pgprot2cachemode()}: the memory type of a leaf of this level. */
  public CacheMode cache(int level, long entry) {
    long pat = level == 1 ? bits.pat() : bits.patLarge();
    return CacheMode.of(
        ((entry & bits.writeThrough()) != 0 ? 1 : 0)
            | ((entry & bits.cacheDisable()) != 0 ? 2 : 0)
            | ((entry & pat) != 0 ? 4 : 0));
  }

  /**
   * {@code pte_modify()}, {@code pmd_modify()}: the same frames with another protection; the memory
   * type, whether it was used and written, soft-dirty, special and userfaultfd's bit stay.
   */
  public long modify(int level, long entry, long prot) {
    long kept = frameMask(level) | keptByModify(level);
    long changed = (entry & kept) | (prot & ~kept);
    if (invertedIf(entry) != invertedIf(changed)) {
      changed ^= bits.inverted() & frameMask(level);
    }
    return bits.isWrite(entry) ? bits.saveDirty(changed) : bits.restoreDirty(changed);
  }

  /** {@code _PAGE_CHG_MASK} and {@code _HPAGE_CHG_MASK} without the frame. */
  private long keptByModify(int level) {
    return bits.cacheDisable()
        | bits.writeThrough()
        | bits.special()
        | bits.accessed()
        | bits.dirty()
        | bits.savedDirty()
        | bits.softDirty()
        | bits.uffdWp()
        | (level == 1 ? bits.pat() : bits.patLarge() | bits.pageSize());
  }

  /**
   * {@code pmd_mkinvalid()}: a huge leaf that is being split; the hardware no longer uses it, for
   * the kernel it is still present.
   */
  public long mkinvalid(int level, long entry) {
    long flags = entry & ~frameMask(level) & ~(bits.present() | bits.protNone());
    long frame = pfn(level, entry) << Pages.PAGE_SHIFT ^ invertedIf(flags);
    return (frame & frameMask(level)) | flags;
  }

  /** {@code pgprot_4k_2_large()}: PAT has another bit in large leafs. */
  private long large(long prot) {
    boolean pat = (prot & bits.pat()) != 0;
    return (prot & ~bits.pat()) | (pat ? bits.patLarge() : 0);
  }

  /** {@code pgprot_large_2_4k()}. */
  private long small(long prot) {
    boolean pat = (prot & bits.patLarge()) != 0;
    return (prot & ~bits.patLarge()) | (pat ? bits.pat() : 0);
  }
}
