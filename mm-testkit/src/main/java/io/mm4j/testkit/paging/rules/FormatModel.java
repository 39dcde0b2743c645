// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.testkit.Seeded;

/** What a leaf says, as booleans; changed beside the entry. */
final class FormatModel {
  private static final int CHANGES = 60;

  private final PageTableFormat format;
  private final EntryBits bits;
  private final int level;
  private final long pfn;

  private boolean mapped;
  private boolean none;
  private boolean write;
  private boolean exec;
  private boolean young;
  private boolean dirty;
  private boolean special;
  private boolean uffd;
  private boolean soft;

  private FormatModel(PageTableFormat format, int level, long pfn) {
    this.format = format;
    this.bits = format.bits();
    this.level = level;
    this.pfn = pfn;
  }

  /** A level that has leafs. */
  static int leafLevel(PageTableFormat format, Seeded random) {
    int level = 1 + random.below(format.levels());
    return format.shape().hasLeafs(level) ? level : 1;
  }

  /** Any protection of a process or of the kernel. */
  static long prot(PageTableFormat format, Seeded random) {
    int access = random.below(8);
    return random.oneIn(3)
        ? format.kernelProt(access | PageTableFormat.READ)
        : format.userProt(access);
  }

  /** The rule PT-10. */
  static void changes(PageTableFormat format, Seeded random) {
    int level = leafLevel(format, random);
    long pfn = FormatRules.frame(format, level, random);
    FormatModel model = new FormatModel(format, level, pfn);
    int access = random.below(8);
    long entry = format.leaf(level, pfn, format.userProt(access));
    model.protect(access);
    model.young = true;
    model.compare(entry, "userProt(" + access + ")");
    for (int i = 0; i < CHANGES; i++) {
      int what = random.below(14);
      int next = random.below(8);
      entry = model.change(entry, what, next);
      model.compare(entry, "change " + what + " (" + next + ")");
    }
  }

  private void protect(int access) {
    none = access == 0;
    mapped = !none;
    write = (access & PageTableFormat.WRITE) != 0;
    exec = none || (access & PageTableFormat.EXEC) != 0;
  }

  private long change(long entry, int what, int access) {
    switch (what) {
      case 0 -> young = true;
      case 1 -> young = false;
      case 2 -> {
        dirty = true;
        soft = true;
      }
      case 3 -> dirty = false;
      case 4 -> write = true;
      case 5 -> write = false;
      case 6 -> special = true;
      case 7 -> {
        uffd = true;
        write = false;
      }
      case 8 -> uffd = false;
      case 9 -> soft = true;
      case 10 -> soft = false;
      default -> protect(access);
    }
    return switch (what) {
      case 0 -> bits.mkyoung(entry);
      case 1 -> bits.mkold(entry);
      case 2 -> bits.mkdirty(entry);
      case 3 -> bits.mkclean(entry);
      case 4 -> bits.mkwrite(entry);
      case 5 -> bits.wrprotect(entry);
      case 6 -> bits.mkspecial(entry);
      case 7 -> bits.mkuffdWp(entry);
      case 8 -> bits.clearUffdWp(entry);
      case 9 -> bits.mksoftDirty(entry);
      case 10 -> bits.clearSoftDirty(entry);
      default -> format.modify(level, entry, format.userProt(access));
    };
  }

  private void compare(long entry, String after) {
    is("present for the kernel", true, format.isPresent(level, entry), entry, after);
    is("mapped", mapped, bits.isMapped(entry), entry, after);
    is("prot-none", none, bits.isProtnone(entry), entry, after);
    is("writable", write, bits.isWrite(entry), entry, after);
    is("executable", exec || bits.noExec() == 0, bits.isExec(entry), entry, after);
    is("young", young, bits.isYoung(entry), entry, after);
    is("dirty", dirty, bits.isDirty(entry), entry, after);
    is("special", special, bits.isSpecial(entry), entry, after);
    is("uffd-wp", uffd && bits.uffdWp() != 0, bits.isUffdWp(entry), entry, after);
    is("soft-dirty", soft && bits.softDirty() != 0, bits.isSoftDirty(entry), entry, after);
    is(
        "dirty for the hardware and write-protected",
        false,
        bits.savedDirty() != 0 && !write && (entry & bits.dirty()) != 0,
        entry,
        after);
    check(
        format.pfn(level, entry) == pfn,
        String.format("frame 0x%x after %s", pfn, after),
        String.format("0x%x in 0x%x", format.pfn(level, entry), entry));
  }

  private static void is(String what, boolean expected, boolean seen, long entry, String after) {
    check(
        expected == seen,
        what + " = " + expected + " after " + after,
        seen + String.format(", entry=0x%x", entry));
  }
}
