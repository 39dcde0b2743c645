// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.entry;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Entries as bytes in RAM, and the walk from a root to a leaf. What the walk needs of the format is
 * taken out of it once, so that a step is a shift, a mask, a load and a test, whatever formats the
 * program has loaded.
 *
 * <p>Plain loads and stores; any thread. Nothing is allocated.
 */
public final class Entries {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment ram;
  private final boolean wide;
  private final int levels;
  private final int topShift;
  private final int indexBits;
  private final long indexMask;
  private final int leafLevels;
  private final long present;
  private final long pageSize;
  private final long frame;

  /** An address is canonical if nothing is left of it above these bits, once the bias is added. */
  private final int addressBits;

  private final long bias;

  /** How far an address is shifted to have the offset of its entry in the top table. */
  private final int topOffset;

  /** The same in a table of level 1. */
  private final int lastOffset;

  private final long offsetMask;

  /** Of an entry that refers to a table this is {@link #present}. */
  private final long tableTest;

  /** The entries of a machine. */
  public Entries(PhysicalMemory memory, PageTableFormat format) {
    TableShape shape = format.shape();
    ram = memory.ram();
    wide = shape.entryBytes() == 8;
    levels = shape.levels();
    topShift = shape.shift(levels);
    indexBits = shape.indexBits();
    indexMask = (1L << indexBits) - 1;
    leafLevels = shape.leafLevels();
    present = format.bits().present();
    pageSize = format.bits().pageSize();
    frame = format.bits().frame();
    addressBits = shape.addressBits();
    bias = addressBits > 32 ? 1L << (addressBits - 1) : 0;
    topOffset = topShift - entryShift();
    lastOffset = Pages.PAGE_SHIFT - entryShift();
    offsetMask = indexMask << entryShift();
    tableTest = present | pageSize;
  }

  /** log2 of the bytes of an entry. */
  public int entryShift() {
    return wide ? 3 : 2;
  }

  /** The entry at a physical address. */
  public long get(long paddr) {
    return wide ? ram.get(LONG, paddr) : ram.get(INT, paddr) & 0xffff_ffffL;
  }

  /** Writes the entry at a physical address. */
  public void put(long paddr, long entry) {
    if (wide) {
      ram.set(LONG, paddr, entry);
    } else {
      ram.set(INT, paddr, (int) entry);
    }
  }

  /** Writes entries of one table in a row, from a physical address on. */
  public void putRow(long paddr, long[] row, int count) {
    if (wide) {
      MemorySegment.copy(row, 0, ram, LONG, paddr, count);
    } else {
      for (int i = 0; i < count; i++) {
        ram.set(INT, paddr + ((long) i << 2), (int) row[i]);
      }
    }
  }

  /** The physical address of an entry of a table. */
  public long paddr(long tablePfn, int index) {
    return (tablePfn << Pages.PAGE_SHIFT) + ((long) index << entryShift());
  }

  private boolean isCanonical(long address) {
    return (address + bias) >>> addressBits == 0;
  }

  /** See {@link PageTables#translate}. */
  public long translate(long root, long address) {
    if (!isCanonical(address)) {
      return PageTables.NOT_MAPPED;
    }
    return wide
        ? translateWide(root << Pages.PAGE_SHIFT, address)
        : translateNarrow(root << Pages.PAGE_SHIFT, address);
  }

  /** A loop: written out for five levels it is too large to be inlined, and slower. */
  private long translateWide(long top, long address) {
    long table = top;
    int offset = topOffset;
    for (int level = levels; level > 1; level--) {
      long entry = ram.get(LONG, table + (address >>> offset & offsetMask));
      if ((entry & tableTest) != present) {
        return notTable(entry, level, address);
      }
      table = entry & frame;
      offset -= indexBits;
    }
    long last = ram.get(LONG, table + (address >>> lastOffset & offsetMask));
    return (last & present) == 0
        ? PageTables.NOT_MAPPED
        : (last & frame) | (address & (Pages.PAGE_SIZE - 1));
  }

  private long translateNarrow(long top, long address) {
    long table = top;
    int offset = topOffset;
    for (int level = levels; level > 1; level--) {
      long entry = ram.get(INT, table + (address >>> offset & offsetMask)) & 0xffff_ffffL;
      if ((entry & tableTest) != present) {
        return notTable(entry, level, address);
      }
      table = entry & frame;
      offset -= indexBits;
    }
    long last = ram.get(INT, table + (address >>> lastOffset & offsetMask)) & 0xffff_ffffL;
    return (last & present) == 0
        ? PageTables.NOT_MAPPED
        : (last & frame) | (address & (Pages.PAGE_SIZE - 1));
  }

  /** Nothing, a leaf above level 1, or a reserved bit where there are none. */
  private long notTable(long entry, int level, long address) {
    if ((entry & present) == 0 || (leafLevels >>> level & 1) == 0) {
      return PageTables.NOT_MAPPED;
    }
    long inside = (1L << (Pages.PAGE_SHIFT + (level - 1) * indexBits)) - 1;
    return (entry & frame & ~inside) | (address & inside);
  }

  /** See {@link PageTables#walk}. */
  public long walk(long root, long address, PageTables.Step step) {
    if (!isCanonical(address)) {
      return PageTables.NOT_MAPPED;
    }
    long tablePfn = root;
    int shift = topShift;
    for (int level = levels; level > 0; level--) {
      int index = (int) (address >>> shift & indexMask);
      long entry = get(paddr(tablePfn, index));
      step.read(level, tablePfn, index, entry);
      if ((entry & present) == 0 || level == 1 || (entry & pageSize) != 0) {
        break;
      }
      tablePfn = (entry & frame) >>> Pages.PAGE_SHIFT;
      shift -= indexBits;
    }
    return translate(root, address);
  }
}
