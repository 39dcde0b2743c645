// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.faults;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.KernelHalf;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.paging.naive.NaiveFormats;
import java.util.List;
import java.util.function.UnaryOperator;

/** Formats with one wrong number. */
public final class FormatFaults {
  private FormatFaults() {}

  private static Fault<PageTableFormatProvider> fault(
      String name,
      String what,
      List<String> rules,
      String format,
      UnaryOperator<PageTableFormat> change) {
    return new Fault<>(name, what, rules, new NaiveFormats(name, format, change));
  }

  /** One number in place of another. */
  @FunctionalInterface
  private interface Change {
    /** The numbers, by the order of {@link EntryBits} or {@link AbsentBits}. */
    void of(long[] numbers);
  }

  private static final int PRESENT = 0;
  private static final int WRITE = 1;
  private static final int ACCESSED = 5;
  private static final int DIRTY = 6;
  private static final int PAGE_SIZE = 7;
  private static final int PAT_LARGE = 10;
  private static final int NO_EXEC = 11;
  private static final int FRAME = 13;
  private static final int PROT_NONE = 14;
  private static final int SPECIAL = 15;
  private static final int UFFD_WP = 16;
  private static final int SOFT_DIRTY = 17;
  private static final int SAVED_DIRTY = 18;
  private static final int STRAY = 19;
  private static final int INVERTED = 20;
  private static final int TABLE = 21;

  // Places by the order of AbsentBits.
  private static final int OFFSET = 2;
  private static final int OFFSET_INVERTED = 3;
  private static final int EXCLUSIVE = 5;
  private static final int ABSENT_SOFT_DIRTY = 6;

  private static UnaryOperator<PageTableFormat> bits(Change change) {
    return f -> {
      EntryBits b = f.bits();
      long[] m = {
        b.present(), b.write(), b.user(), b.writeThrough(), b.cacheDisable(), b.accessed(),
        b.dirty(), b.pageSize(), b.global(), b.pat(), b.patLarge(), b.noExec(),
        b.protectionKey(), b.frame(), b.protNone(), b.special(), b.uffdWp(), b.softDirty(),
        b.savedDirty(), b.stray(), b.inverted(), b.table(), b.topTable()
      };
      change.of(m);
      EntryBits wrong =
          new EntryBits(
              m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m[12],
              m[13], m[14], m[15], m[16], m[17], m[18], m[19], m[20], m[21], m[22]);
      return new PageTableFormat(f.name(), f.shape(), wrong, f.absent(), f.kernel());
    };
  }

  private static UnaryOperator<PageTableFormat> absentBits(Change change) {
    return absent(
        a -> {
          long[] m = {
            a.typeShift(), a.offsetShift(), a.offset(), a.inverted(),
            a.maxOffset(), a.exclusive(), a.softDirty(), a.uffdWp()
          };
          change.of(m);
          return new AbsentBits((int) m[0], (int) m[1], m[2], m[3], m[4], m[5], m[6], m[7]);
        });
  }

  private static UnaryOperator<PageTableFormat> absent(UnaryOperator<AbsentBits> change) {
    return f ->
        new PageTableFormat(f.name(), f.shape(), f.bits(), change.apply(f.absent()), f.kernel());
  }

  private static UnaryOperator<PageTableFormat> shape(UnaryOperator<TableShape> change) {
    return f ->
        new PageTableFormat(f.name(), change.apply(f.shape()), f.bits(), f.absent(), f.kernel());
  }

  /** All of them. */
  public static List<Fault<PageTableFormatProvider>> all() {
    return List.of(
        fault(
            "four-levels-of-57-bits",
            "la57 has the shape of x86-64.",
            List.of("PT-01"),
            "la57",
            shape(s -> new TableShape(4, 8, 9, 512, 48, 0b1110))),
        fault(
            "leafs-of-no-level",
            "No huge pages on x86-pae.",
            List.of("PT-01"),
            "x86-pae",
            shape(s -> new TableShape(3, 8, 9, 4, 32, 0b10))),
        fault(
            "nx-is-bit-62",
            "No-execute stands in bit 62.",
            List.of("PT-02", "PT-05", "PT-13"),
            "x86-64",
            bits(m -> m[NO_EXEC] = 1L << 62)),
        fault(
            "pae-table-is-user-writable",
            "An entry of PAE's top table has reserved bits.",
            List.of("PT-02"),
            "x86-pae",
            bits(m -> m[22] = 0x67)),
        fault(
            "pae-frames-of-36-bits",
            "A physical address of PAE has 36 bits.",
            List.of("PT-02"),
            "x86-pae",
            bits(m -> m[FRAME] = (1L << 36) - 4096)),
        fault(
            "soft-dirty-is-bit-10",
            "Soft-dirty is where userfaultfd's bit is.",
            List.of("PT-03", "PT-10", "PT-13"),
            "x86-64",
            bits(m -> m[SOFT_DIRTY] = m[UFFD_WP])),
        fault(
            "soft-dirty-in-the-frame",
            "Soft-dirty is a bit of the frame.",
            List.of("PT-C09", "PT-C10", "PT-13"),
            "x86-64",
            bits(m -> m[SOFT_DIRTY] = 1L << 40)),
        fault(
            "kernel-at-2-gib",
            "The kernel of x86-32 begins at 2 GiB.",
            List.of("PT-04"),
            "x86-32",
            f ->
                new PageTableFormat(
                    f.name(),
                    f.shape(),
                    f.bits(),
                    f.absent(),
                    new KernelHalf(2L << 30, 2L << 30, 2L << 30, 2L << 30, 2L << 30))),
        fault(
            "kernel-within-an-entry",
            "The kernel of x86-pae begins at 3.5 GiB, within an entry of the top table.",
            List.of("PT-04", "PT-07"),
            "x86-pae",
            f ->
                new PageTableFormat(
                    f.name(),
                    f.shape(),
                    f.bits(),
                    f.absent(),
                    new KernelHalf(7L << 29, 7L << 29, 7L << 29, 7L << 29, 7L << 29))),
        fault(
            "write-is-page-size",
            "Whether a huge page may be written is told by the bit that makes it one.",
            List.of("PT-02", "PT-C16"),
            "x86-64",
            bits(m -> m[WRITE] = m[PAGE_SIZE])),
        fault(
            "prot-none-is-not-inverted",
            "The frame of a page that nobody may use is stored as it is.",
            List.of("PT-03", "PT-05"),
            "x86-64",
            bits(m -> m[INVERTED] = 0)),
        fault(
            "inverts-half-a-frame",
            "Of an inverted frame the upper half is inverted, the flags with it.",
            List.of("PT-08", "PT-03"),
            "x86-pae",
            bits(m -> m[INVERTED] &= -1L << 32)),
        fault(
            "swap-offset-is-not-inverted",
            "The offset of a swap entry is stored as it is.",
            List.of("PT-06"),
            "x86-64",
            absentBits(m -> m[OFFSET_INVERTED] = 0)),
        fault(
            "index-of-nine-bits",
            "Addresses of x86-32 are translated by PAE's two lower levels.",
            List.of("PT-01"),
            "x86-32",
            shape(s -> new TableShape(2, 8, 9, 512, 30, 0b110))),
        fault(
            "present-is-global",
            "PROT_NONE is told by the bit that accessed has.",
            List.of("PT-09"),
            "x86-64",
            bits(m -> m[PROT_NONE] = 1L << 12)),
        fault(
            "dirty-is-accessed",
            "Dirty and accessed are one bit.",
            List.of("PT-10", "PT-13", "PT-C01", "PT-C02", "PT-C03"),
            "x86-64",
            bits(m -> m[DIRTY] = m[ACCESSED])),
        fault(
            "large-pat-is-bit-7",
            "PAT has the same bit in huge pages.",
            List.of("PT-11", "PT-14"),
            "x86-64",
            bits(m -> m[PAT_LARGE] = 1 << 7)),
        fault(
            "swap-offsets-of-40-bits",
            "The offset has fewer bits than it may need.",
            List.of("PT-12", "PT-C11", "PT-C12"),
            "x86-64",
            absentBits(
                m -> {
                  m[OFFSET] = (1L << 49) - 512;
                  m[OFFSET_INVERTED] = (1L << 49) - 512;
                })),
        fault(
            "swap-type-of-global",
            "The type of a swap entry begins at the bit of PROT_NONE.",
            List.of("PT-12", "PT-C11"),
            "x86-32",
            absent(
                a ->
                    new AbsentBits(
                        8, 13, -1L << 13 & 0xffff_ffffL, 0, (1 << 19) - 1, a.exclusive(), 0, 0))),
        fault(
            "exclusive-is-in-the-offset",
            "The mark of an exclusive swap entry is a bit of its offset.",
            List.of("PT-12", "PT-C12"),
            "x86-64",
            absentBits(m -> m[EXCLUSIVE] = 1 << 9)),
        fault(
            "swap-soft-dirty-is-present",
            "A soft-dirty swap entry is present.",
            List.of("PT-12", "PT-C13", "PT-C14"),
            "x86-64",
            absentBits(m -> m[ABSENT_SOFT_DIRTY] = 1)),
        fault(
            "migration-of-four-types",
            "The type of an absent entry has 4 bits of room.",
            List.of("PT-06", "PT-C15"),
            "x86-32",
            absent(
                a ->
                    new AbsentBits(
                        1, 5, -1L << 5 & 0xffff_ffffL, 0, (1 << 23) - 1, a.exclusive(), 0, 0))),
        fault(
            "page-size-is-bit-6",
            "A huge page is told by the dirty bit.",
            List.of("PT-02", "PT-C04", "PT-C05"),
            "x86-64",
            bits(m -> m[PAGE_SIZE] = 1 << 6)),
        fault(
            "special-is-in-the-frame",
            "The mark of the zero page is a bit of the frame.",
            List.of("PT-03", "PT-C06", "PT-13"),
            "x86-64",
            bits(m -> m[SPECIAL] = 1 << 13)),
        fault(
            "prot-none-is-present",
            "A page that nobody may use is there for the hardware.",
            List.of("PT-03", "PT-C07", "PT-C08"),
            "x86-64",
            bits(m -> m[PROT_NONE] = 1)),
        fault(
            "no-stray-bits",
            "An entry with an accessed bit alone is something.",
            List.of("PT-03", "PT-15"),
            "x86-64",
            bits(m -> m[STRAY] = 0)),
        fault(
            "no-saved-dirty",
            "A write-protected page forgets that it was written.",
            List.of("PT-03"),
            "x86-64",
            bits(m -> m[SAVED_DIRTY] = 0)),
        fault(
            "saved-dirty-is-write",
            "What says that a write-protected page is dirty makes it writable.",
            List.of("PT-10", "PT-13"),
            "x86-64",
            bits(m -> m[SAVED_DIRTY] = m[WRITE])),
        fault(
            "invalid-is-nothing",
            "A huge page that is being split is told by the bit that was cleared.",
            List.of("PT-C17", "PT-C18"),
            "x86-64",
            bits(m -> m[PAGE_SIZE] = m[PRESENT])),
        fault(
            "tables-are-huge",
            "An entry that refers to a table has the bit of a huge page.",
            List.of("PT-02", "PT-C19"),
            "x86-64",
            bits(m -> m[TABLE] |= 1 << 7)));
  }
}
