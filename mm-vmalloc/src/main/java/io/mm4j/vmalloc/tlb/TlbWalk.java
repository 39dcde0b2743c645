// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.tlb;

import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.vmalloc.entry.Entries;

/**
 * The walk of the hardware, after a TLB miss: rights of all levels count, accessed bits are set on
 * the way and the dirty bit of the leaf by a write; supervisor writes respect R/W (CR0.WP), and the
 * entries of PAE's top table have neither rights nor an accessed bit. Reserved bits other than bit
 * 7, SMEP, SMAP and protection keys are not modelled.
 *
 * <p>The result of a walk stands in fields, so that nothing is allocated.
 */
final class TlbWalk {
  private static final int FAULT_RESERVED = 1 << 3;
  private static final int DIRTY = 1 << 6;

  private final PageTableFormat format;
  private final TableShape shape;
  private final EntryBits bits;
  private final Entries entries;
  private final boolean topHasRights;

  /** Where the entries of the walk stand, by level. */
  private final long[] paddrs = new long[TableShape.MAX_LEVELS + 1];

  /** The level of the leaf that was found. */
  int level;

  /** Physical address of the page, and its rights. */
  long value;

  /** Whether it is for all address spaces. */
  boolean global;

  private long leaf;

  TlbWalk(PageTableFormat format, Entries entries) {
    this.format = format;
    this.shape = format.shape();
    this.bits = format.bits();
    this.entries = entries;
    this.topHasRights = (bits.topTable() & bits.write()) != 0;
  }

  /**
   * Walks for an access.
   *
   * @return the physical address, or a fault with its code
   */
  long fill(long root, long address, int kind) {
    int fault = find(root, address);
    if (fault >= 0) {
      return fault(fault, kind);
    }
    long wanted = kind & (Mmu.WRITE | Mmu.USER | Mmu.FETCH);
    if ((value & wanted) != wanted) {
      return fault(Mmu.FAULT_PROTECTION, kind);
    }
    long accessed = bits.accessed();
    for (int l = topHasRights ? shape.levels() : shape.levels() - 1; l >= level; l--) {
      long entry = entries.get(paddrs[l]);
      if ((entry & accessed) == 0) {
        entries.put(paddrs[l], entry | accessed);
      }
    }
    if ((kind & Mmu.WRITE) != 0 && (value & DIRTY) == 0) {
      entries.put(paddrs[level], entries.get(paddrs[level]) | bits.dirty());
      value |= DIRTY;
    }
    return (value & -1L << 12) + (address & (format.bytes(level) - 1));
  }

  /**
   * What the tables say of an address now, and nothing is changed.
   *
   * @return physical address of its 4 KiB and the rights; negative if it is not mapped
   */
  long look(long root, long address) {
    if (find(root, address) >= 0) {
      return -1;
    }
    long inside = address & (format.bytes(level) - 1) & -1L << 12;
    return value + inside;
  }

  /** Finds the leaf; returns -1, or the code of the fault without the kind of access. */
  private int find(long root, long address) {
    if (!shape.isCanonical(address)) {
      return Mmu.FAULT_CANONICAL;
    }
    long table = root;
    long rights = Mmu.WRITE | Mmu.USER | Mmu.FETCH;
    for (int l = shape.levels(); ; l--) {
      long at = entries.paddr(table, shape.index(l, address));
      long entry = entries.get(at);
      paddrs[l] = at;
      if (!bits.isMapped(entry)) {
        return 0;
      }
      if (l < shape.levels() || topHasRights) {
        rights &=
            (bits.isWrite(entry) ? Mmu.WRITE : 0)
                | (bits.isUser(entry) ? Mmu.USER : 0)
                | (bits.isExec(entry) ? Mmu.FETCH : 0);
      }
      if (l == 1 || (entry & bits.pageSize()) != 0) {
        if (!shape.hasLeafs(l)) {
          return FAULT_RESERVED | Mmu.FAULT_PROTECTION;
        }
        level = l;
        leaf = entry;
        global = bits.isGlobal(leaf);
        value = (format.pfn(l, entry) << 12) | rights | ((entry & bits.dirty()) != 0 ? DIRTY : 0);
        return -1;
      }
      table = format.tablePfn(entry);
    }
  }

  /** A CPU without NX does not say that it was fetching. */
  private long fault(int code, int kind) {
    int told = kind & (Mmu.WRITE | Mmu.USER | (bits.noExec() != 0 ? Mmu.FETCH : 0));
    return Long.MIN_VALUE | code | ((code & Mmu.FAULT_CANONICAL) != 0 ? 0 : told);
  }
}
