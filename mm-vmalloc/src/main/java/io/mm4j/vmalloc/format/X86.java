// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.format;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.KernelHalf;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableShape;

/**
 * The four formats of x86. Bits 0 to 8 mean the same in all of them; the rest depends on how wide
 * an entry is.
 *
 * <pre>
 *   bit   7  6  5  4   3   2   1  0
 *   leaf  PAT D A PCD PWT U/S R/W P     level 1; G is bit 8
 *   huge  PS  D A PCD PWT U/S R/W P     above; G is bit 8, PAT is bit 12
 *   table 0   - A PCD PWT U/S R/W P
 * </pre>
 *
 * <p>Not modelled: PSE-36, by which a 4 MiB page of x86-32 may lie above 4 GiB (Linux without PAE
 * has no memory there), encryption bits, and page-table isolation.
 */
final class X86 {
  private static final long P = 1;
  private static final long RW = 1 << 1;
  private static final long US = 1 << 2;
  private static final long PWT = 1 << 3;
  private static final long PCD = 1 << 4;
  private static final long A = 1 << 5;
  private static final long D = 1 << 6;
  private static final long PS = 1 << 7;
  private static final long G = 1 << 8;
  private static final long SOFTW1 = 1 << 9;
  private static final long SOFTW2 = 1 << 10;
  private static final long SOFTW3 = 1 << 11;
  private static final long PAT_LARGE = 1 << 12;
  private static final long SOFTW5 = 1L << 58;
  private static final long PKEY = 0xfL << 59;
  private static final long NX = 1L << 63;

  /** What Linux gives an entry that refers to a table: {@code _PAGE_TABLE}. */
  private static final long TABLE = P | RW | US | A | D;

  /** Physical addresses of up to 52 bits, in entries of 8 bytes. */
  private static final long FRAME_52 = (1L << 52) - (1 << 12);

  private static final long FRAME_32 = (1L << 32) - (1 << 12);

  private static final int LEAFS_4K = 1 << 1;
  private static final int LEAFS_2M = 1 << 2;
  private static final int LEAFS_1G = 1 << 3;

  private X86() {}

  /** Four levels, 48 bits. */
  static PageTableFormat fourLevels(String name, boolean gigabytePages) {
    return new PageTableFormat(
        name,
        new TableShape(4, 8, 9, 512, 48, longLeafs(gigabytePages)),
        longBits(),
        longAbsent(),
        new KernelHalf(
            0x7fff_ffff_f000L,
            0xffff_8000_0000_0000L,
            0xffff_8880_0000_0000L,
            0xffff_c900_0000_0000L,
            0xffff_e900_0000_0000L));
  }

  /** Five levels, 57 bits. */
  static PageTableFormat fiveLevels(String name, boolean gigabytePages) {
    return new PageTableFormat(
        name,
        new TableShape(5, 8, 9, 512, 57, longLeafs(gigabytePages)),
        longBits(),
        longAbsent(),
        new KernelHalf(
            0xff_ffff_ffff_f000L,
            0xff00_0000_0000_0000L,
            0xff11_0000_0000_0000L,
            0xffa0_0000_0000_0000L,
            0xffd2_0000_0000_0000L));
  }

  private static int longLeafs(boolean gigabytePages) {
    return LEAFS_4K | LEAFS_2M | (gigabytePages ? LEAFS_1G : 0);
  }

  private static EntryBits longBits() {
    return new EntryBits(
        P, RW, US, PWT, PCD, A, D, PS, G, PS, PAT_LARGE, NX, PKEY, FRAME_52, G, SOFTW1, SOFTW2,
        SOFTW3, SOFTW5, A | D, FRAME_52, TABLE, TABLE);
  }

  /** Type in bits 59 to 63, inverted offset in 9 to 58; flags in place of R/W, U/S and PWT. */
  private static AbsentBits longAbsent() {
    long offset = (1L << 59) - (1 << 9);
    return new AbsentBits(59, 9, offset, offset, (1L << 50) - 1, PWT, RW, US);
  }

  /** Three levels, 32 bits of linear and up to 52 of physical addresses. */
  static PageTableFormat pae(String name) {
    EntryBits bits =
        new EntryBits(
            P, RW, US, PWT, PCD, A, D, PS, G, PS, PAT_LARGE, NX, 0, FRAME_52, G, SOFTW1, 0, 0,
            SOFTW2, A | D, FRAME_52, TABLE, P);
    // A swap entry of Linux has 32 bits here, 5 of them for the type and one that is lost.
    long offset = (1L << 59) - (1 << 9);
    AbsentBits absent = new AbsentBits(59, 9, offset, offset, (1L << 26) - 1, PS, 0, 0);
    return new PageTableFormat(
        name, new TableShape(3, 8, 9, 4, 32, LEAFS_4K | LEAFS_2M), bits, absent, low());
  }

  /** Two levels of 1024 entries of 4 bytes. */
  static PageTableFormat twoLevels(String name) {
    EntryBits bits =
        new EntryBits(
            P, RW, US, PWT, PCD, A, D, PS, G, PS, PAT_LARGE, 0, 0, FRAME_32, G, SOFTW1, 0, 0,
            SOFTW2, 0, 0, TABLE, TABLE);
    long offset = (1L << 32) - (1 << 9);
    AbsentBits absent = new AbsentBits(1, 9, offset, 0, (1 << 23) - 1, PS, 0, 0);
    return new PageTableFormat(
        name, new TableShape(2, 4, 10, 1024, 32, LEAFS_4K | LEAFS_2M), bits, absent, low());
  }

  /** 3 GiB for processes, 1 GiB for the kernel. */
  private static KernelHalf low() {
    return new KernelHalf(0xc000_0000L, 0xc000_0000L, 0xc000_0000L, 0xc000_0000L, 0xc000_0000L);
  }
}
