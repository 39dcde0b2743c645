// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.table;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * The peer: walks whose shifts and masks are constants of the program, one class for each format,
 * on the tables that the plugin made. They test what the plugin's walk tests, but for the canonical
 * form.
 */
abstract sealed class BareWalk {
  static final long FRAME = 0x000f_ffff_ffff_f000L;

  final MemorySegment ram;
  final long root;

  BareWalk(MemorySegment ram, long rootPfn) {
    this.ram = ram;
    this.root = rootPfn << 12;
  }

  static BareWalk of(String format, MemorySegment ram, long rootPfn) {
    return switch (format) {
      case "x86-64" -> new Four(ram, rootPfn);
      case "la57" -> new Five(ram, rootPfn);
      case "x86-32" -> new Two(ram, rootPfn);
      default -> new Three(ram, rootPfn);
    };
  }

  /** The physical address, or -1. */
  abstract long translate(long address);

  /** The physical address of the entry of level 1; there is a table. */
  abstract long slot(long address);

  /** Writes the entry. */
  abstract void put(long slot, long entry);

  final long below(long table, long address, int shift) {
    return ram.get(JAVA_LONG, table + ((address >>> shift & 511) << 3));
  }

  static long huge(long entry, long address, int shift) {
    long inside = (1L << shift) - 1;
    return (entry & FRAME & ~inside) | (address & inside);
  }

  /** From an entry of level 3 on, wide ones. */
  final long fromPud(long pud, long address) {
    if ((pud & 1) == 0) {
      return -1;
    }
    if ((pud & 0x80) != 0) {
      return huge(pud, address, 30);
    }
    return fromPmd(below(pud & FRAME, address, 21), address);
  }

  final long fromPmd(long pmd, long address) {
    if ((pmd & 1) == 0) {
      return -1;
    }
    if ((pmd & 0x80) != 0) {
      return huge(pmd, address, 21);
    }
    long pte = below(pmd & FRAME, address, 12);
    return (pte & 1) == 0 ? -1 : (pte & FRAME) | (address & 4095);
  }

  final long lowest(long pmd, long address) {
    return (pmd & FRAME) + ((address >>> 12 & 511) << 3);
  }

  private static final class Four extends BareWalk {
    Four(MemorySegment ram, long rootPfn) {
      super(ram, rootPfn);
    }

    @Override
    long translate(long address) {
      long pgd = below(root, address, 39);
      return (pgd & 1) == 0 ? -1 : fromPud(below(pgd & FRAME, address, 30), address);
    }

    @Override
    long slot(long address) {
      long pud = below(below(root, address, 39) & FRAME, address, 30);
      return lowest(below(pud & FRAME, address, 21), address);
    }

    @Override
    void put(long slot, long entry) {
      ram.set(JAVA_LONG, slot, entry);
    }
  }

  private static final class Five extends BareWalk {
    Five(MemorySegment ram, long rootPfn) {
      super(ram, rootPfn);
    }

    @Override
    long translate(long address) {
      long pgd = below(root, address, 48);
      if ((pgd & 1) == 0) {
        return -1;
      }
      long p4d = below(pgd & FRAME, address, 39);
      return (p4d & 1) == 0 ? -1 : fromPud(below(p4d & FRAME, address, 30), address);
    }

    @Override
    long slot(long address) {
      long p4d = below(below(root, address, 48) & FRAME, address, 39);
      long pud = below(p4d & FRAME, address, 30);
      return lowest(below(pud & FRAME, address, 21), address);
    }

    @Override
    void put(long slot, long entry) {
      ram.set(JAVA_LONG, slot, entry);
    }
  }

  private static final class Three extends BareWalk {
    Three(MemorySegment ram, long rootPfn) {
      super(ram, rootPfn);
    }

    @Override
    long translate(long address) {
      long pgd = ram.get(JAVA_LONG, root + ((address >>> 30 & 3) << 3));
      return (pgd & 1) == 0 ? -1 : fromPmd(below(pgd & FRAME, address, 21), address);
    }

    @Override
    long slot(long address) {
      long pgd = ram.get(JAVA_LONG, root + ((address >>> 30 & 3) << 3));
      return lowest(below(pgd & FRAME, address, 21), address);
    }

    @Override
    void put(long slot, long entry) {
      ram.set(JAVA_LONG, slot, entry);
    }
  }

  private static final class Two extends BareWalk {
    private static final long FRAME_32 = 0xffff_f000L;

    Two(MemorySegment ram, long rootPfn) {
      super(ram, rootPfn);
    }

    private long entry(long table, long address, int shift) {
      return ram.get(JAVA_INT, table + ((address >>> shift & 1023) << 2)) & 0xffff_ffffL;
    }

    @Override
    long translate(long address) {
      long pgd = entry(root, address, 22);
      if ((pgd & 1) == 0) {
        return -1;
      }
      if ((pgd & 0x80) != 0) {
        return (pgd & 0xffc0_0000L) | (address & 0x3f_ffff);
      }
      long pte = entry(pgd & FRAME_32, address, 12);
      return (pte & 1) == 0 ? -1 : (pte & FRAME_32) | (address & 4095);
    }

    @Override
    long slot(long address) {
      return (entry(root, address, 22) & FRAME_32) + ((address >>> 12 & 1023) << 2);
    }

    @Override
    void put(long slot, long entry) {
      ram.set(JAVA_INT, slot, (int) entry);
    }
  }
}
