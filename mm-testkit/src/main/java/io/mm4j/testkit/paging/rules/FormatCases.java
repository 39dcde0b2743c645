// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.SwapType;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The cases of mm/debug_vm_pgtable.c (Linux 6.18) that look at entries alone, by name: each helper
 * keeps what it promises, and the frame of the entry with it.
 */
public final class FormatCases {
  private static final int ACCESSES = 8;

  private FormatCases() {}

  /** All of them. */
  public static List<Rule<PageTableFormatProvider>> all() {
    List<Rule<PageTableFormatProvider>> rules = new ArrayList<>();
    add(rules, "C01", "pte-basic", f -> null, (f, r) -> basic(f, 1, r));
    add(rules, "C02", "pmd-basic", f -> leafs(f, 2), (f, r) -> basic(f, 2, r));
    add(rules, "C03", "pud-basic", f -> leafs(f, 3), (f, r) -> basic(f, 3, r));
    add(rules, "C04", "pmd-leaf", f -> leafs(f, 2), (f, r) -> leaf(f, 2, r));
    add(rules, "C05", "pud-leaf", f -> leafs(f, 3), (f, r) -> leaf(f, 3, r));
    add(rules, "C06", "pte-special", f -> null, FormatCases::special);
    add(rules, "C07", "pte-protnone", f -> null, (f, r) -> protnone(f, 1, r));
    add(rules, "C08", "pmd-protnone", f -> leafs(f, 2), (f, r) -> protnone(f, 2, r));
    add(rules, "C09", "pte-soft-dirty", FormatCases::softDirty, (f, r) -> softDirty(f, 1, r));
    add(rules, "C10", "pmd-soft-dirty", FormatCases::softDirty, (f, r) -> softDirty(f, 2, r));
    add(rules, "C11", "pte-swap", f -> null, FormatCases::swap);
    add(rules, "C12", "pte-swap-exclusive", f -> null, (f, r) -> exclusive(f));
    add(
        rules,
        "C13",
        "pte-swap-soft-dirty",
        FormatCases::softDirty,
        (f, r) -> swapSoftDirty(f, 1, r));
    add(
        rules,
        "C14",
        "pmd-swap-soft-dirty",
        FormatCases::softDirty,
        (f, r) -> swapSoftDirty(f, 2, r));
    add(rules, "C15", "swap-migration", f -> null, FormatCases::migration);
    add(rules, "C16", "hugetlb-basic", f -> leafs(f, 2), FormatCases::hugetlb);
    add(rules, "C17", "pmd-thp", f -> leafs(f, 2), (f, r) -> thp(f, 2, r));
    add(rules, "C18", "pud-thp", f -> leafs(f, 3), (f, r) -> thp(f, 3, r));
    add(rules, "C19", "populate", f -> null, FormatCases::populate);
    return rules;
  }

  private static void add(
      List<Rule<PageTableFormatProvider>> rules,
      String id,
      String name,
      Function<PageTableFormat, @Nullable String> missing,
      FormatRule.Body body) {
    RuleInfo info =
        new RuleInfo(
            "PT-" + id,
            name,
            "The helpers of " + name.replace('-', '_') + "_tests keep what the kernel expects.",
            "Generic code relies on each of them.",
            "mm/debug_vm_pgtable.c " + name.replace('-', '_') + "_tests",
            "two helpers share a bit, or one of them does nothing");
    rules.add(new FormatRule(info, missing, body));
  }

  private static @Nullable String leafs(PageTableFormat format, int level) {
    return level <= format.levels() && format.shape().hasLeafs(level)
        ? null
        : "the format has no leafs of level " + level;
  }

  private static @Nullable String softDirty(PageTableFormat format) {
    return format.bits().softDirty() != 0 ? null : "Linux does not track soft-dirty here";
  }

  private static void expect(boolean good, String what, PageTableFormat f, long entry) {
    check(good, what, String.format("otherwise: %s entry=0x%x", f.name(), entry));
  }

  private static void basic(PageTableFormat f, int level, Seeded random) {
    EntryBits b = f.bits();
    for (int access = 0; access < ACCESSES; access++) {
      long pfn = FormatRules.frame(f, level, random);
      long e = f.leaf(level, pfn, f.userProt(access));
      expect(!b.isDirty(b.wrprotect(e)), "new and write-protected is clean", f, e);
      expect(b.isYoung(b.mkyoung(b.mkold(e))), "mkyoung of old is young", f, e);
      expect(b.isDirty(b.mkdirty(b.mkclean(e))), "mkdirty of clean is dirty", f, e);
      expect(b.isWrite(b.mkwrite(b.wrprotect(e))), "mkwrite is writable", f, e);
      expect(!b.isYoung(b.mkold(b.mkyoung(e))), "mkold of young is old", f, e);
      expect(!b.isDirty(b.mkclean(b.mkdirty(e))), "mkclean of dirty is clean", f, e);
      expect(!b.isWrite(b.wrprotect(b.mkwrite(e))), "wrprotect is not writable", f, e);
      expect(!b.isDirty(b.wrprotect(b.mkclean(e))), "wrprotect of clean is clean", f, e);
      expect(b.isDirty(b.wrprotect(b.mkdirty(e))), "wrprotect of dirty is dirty", f, e);
      for (long changed :
          new long[] {
            b.mkyoung(e),
            b.mkold(e),
            b.mkdirty(e),
            b.mkclean(e),
            b.mkwrite(e),
            b.wrprotect(e),
            b.wrprotect(b.mkdirty(e))
          }) {
        expect(f.pfn(level, changed) == pfn, "the frame stays", f, changed);
        expect(f.isPresent(level, changed), "it stays present", f, changed);
      }
    }
    long huge = f.leaf(level, 0, f.userProt(PageTableFormat.READ));
    expect(level == 1 || f.isBad(level, huge), "a huge page is no table", f, huge);
  }

  private static void leaf(PageTableFormat f, int level, Seeded random) {
    long pfn = FormatRules.frame(f, level, random);
    long e = f.leaf(level, pfn, f.kernelProt(PageTableFormat.READ));
    expect(f.isLeaf(level, e) && !f.isTable(level, e), "a huge entry is a leaf", f, e);
    expect((e & 1L << 7) != 0, "it has the bit PS", f, e);
    expect(f.pfn(level, e) == pfn, "with its frame", f, e);
  }

  private static void special(PageTableFormat f, Seeded random) {
    long pfn = FormatRules.frame(f, 1, random);
    long e = f.bits().mkspecial(f.leaf(1, pfn, f.userProt(PageTableFormat.READ)));
    expect(f.bits().isSpecial(e), "mkspecial is special", f, e);
    expect(f.pfn(1, e) == pfn && f.isPresent(1, e), "the zero page stays", f, e);
  }

  private static void protnone(PageTableFormat f, int level, Seeded random) {
    long pfn = FormatRules.frame(f, level, random);
    long e = f.leaf(level, pfn, f.userProt(0));
    expect(f.bits().isProtnone(e), "PROT_NONE is protnone", f, e);
    expect(f.isPresent(level, e), "and present", f, e);
    expect(!f.bits().isMapped(e), "but not for the hardware", f, e);
    expect(f.pfn(level, e) == pfn, "with its frame", f, e);
    long back = f.modify(level, e, f.userProt(PageTableFormat.READ));
    expect(!f.bits().isProtnone(back) && f.pfn(level, back) == pfn, "and comes back", f, back);
  }

  private static void softDirty(PageTableFormat f, int level, Seeded random) {
    long pfn = FormatRules.frame(f, level, random);
    long e = f.leaf(level, pfn, f.userProt(PageTableFormat.READ));
    long soft = f.bits().mksoftDirty(e);
    expect(f.bits().isSoftDirty(soft), "mksoft_dirty is soft-dirty", f, soft);
    expect(f.bits().clearSoftDirty(soft) == e, "clear_soft_dirty takes it back", f, soft);
    expect(f.pfn(level, soft) == pfn, "the frame stays", f, soft);
  }

  private static void swap(PageTableFormat f, Seeded random) {
    AbsentBits a = f.absent();
    long offset = random.next() & a.maxOffset();
    int type = 1 + random.below(SwapType.MAX_SWAPFILES - 1);
    long e = a.entry(type, offset);
    expect(f.isAbsent(1, e) && a.isSwap(e), "a swap entry is one", f, e);
    expect(a.type(e) == type && a.offset(e) == offset, "with its type and slot", f, e);
    expect(a.entry(a.type(e), a.offset(e)) == e, "read and written again it is the same", f, e);
    for (int t = 0; t < SwapType.TYPES; t++) {
      long of = a.entry(t, SwapType.MARKER_BITS);
      boolean marker = t == 31;
      expect(a.isSwap(of) == (t < 24), "types below 24 are swap files", f, of);
      expect(a.isMigration(of) == (t >= 25 && t <= 27), "types 25 to 27 are migration", f, of);
      expect(a.isMarker(of) == marker && a.isGuard(of) == marker, "type 31 is a marker", f, of);
      expect(a.markerBits(of) == (marker ? 7 : 0), "and only it has marker bits", f, of);
    }
  }

  private static void exclusive(PageTableFormat f) {
    AbsentBits a = f.absent();
    long e = a.entry(SwapType.TYPES - 1, a.maxOffset());
    expect(!a.isExclusive(e), "all bits of type and offset are not exclusive", f, e);
    long marked = a.mkexclusive(e);
    expect(a.isExclusive(marked), "mkexclusive is exclusive", f, marked);
    expect(!f.isPresent(1, marked) && !a.isSoftDirty(marked), "and nothing else", f, marked);
    expect(
        a.type(marked) == SwapType.TYPES - 1 && a.offset(marked) == a.maxOffset(),
        "type and offset stay",
        f,
        marked);
    expect(a.clearExclusive(marked) == e, "clear_exclusive takes it back", f, marked);
  }

  private static void swapSoftDirty(PageTableFormat f, int level, Seeded random) {
    AbsentBits a = f.absent();
    long e = a.entry(SwapType.MIGRATION_READ, random.next() & a.maxOffset());
    long soft = a.mksoftDirty(e);
    expect(a.isSoftDirty(soft), "swp_mksoft_dirty is soft-dirty", f, soft);
    expect(f.isAbsent(level, soft) && a.isMigration(soft), "and still absent", f, soft);
    expect(a.clearSoftDirty(soft) == e, "swp_clear_soft_dirty takes it back", f, soft);
  }

  private static void migration(PageTableFormat f, Seeded random) {
    AbsentBits a = f.absent();
    long pfn = random.next() & a.maxOffset() & 0x3f_ffff;
    long write = a.entry(SwapType.MIGRATION_WRITE, pfn);
    expect(a.isMigration(write), "a writable migration entry is one", f, write);
    expect(a.type(write) == SwapType.MIGRATION_WRITE, "and writable", f, write);
    long read = a.entry(SwapType.MIGRATION_READ, a.offset(write));
    expect(a.isMigration(read), "a readable one too", f, read);
    expect(a.type(read) != SwapType.MIGRATION_WRITE, "and not writable", f, read);
    expect(a.offset(read) == pfn, "of the same frame", f, read);
    long guard = a.marker(SwapType.MARKER_GUARD);
    expect(a.isGuard(guard) && !a.isMigration(guard), "a guard is none", f, guard);
  }

  private static void hugetlb(PageTableFormat f, Seeded random) {
    EntryBits b = f.bits();
    long e = f.leaf(2, FormatRules.frame(f, 2, random), f.userProt(PageTableFormat.READ));
    expect(b.isDirty(b.mkdirty(e)), "huge mkdirty is dirty", f, e);
    expect(b.isWrite(b.mkwrite(b.wrprotect(e))), "huge mkwrite is writable", f, e);
    expect(!b.isWrite(b.wrprotect(b.mkwrite(e))), "huge wrprotect is not", f, e);
    expect(f.isLeaf(2, b.mkdirty(b.mkwrite(e))), "and still huge", f, e);
    expect(f.isLeaf(2, b.wrprotect(e)), "write-protected, too", f, e);
  }

  private static void thp(PageTableFormat f, int level, Seeded random) {
    long pfn = FormatRules.frame(f, level, random);
    long e = f.leaf(level, pfn, f.userProt(PageTableFormat.READ | PageTableFormat.WRITE));
    long invalid = f.mkinvalid(level, e);
    expect(f.isLeaf(level, e), "a huge page is a leaf", f, e);
    expect(f.isLeaf(level, invalid), "made invalid it is still one", f, invalid);
    expect(f.isPresent(level, invalid), "and present", f, invalid);
    expect(!f.bits().isMapped(invalid), "but not for the hardware", f, invalid);
    expect(f.pfn(level, invalid) == pfn, "with its frame", f, invalid);
  }

  private static void populate(PageTableFormat f, Seeded random) {
    for (int level = 2; level <= f.levels(); level++) {
      long pfn = FormatRules.frame(f, 1, random);
      long e = f.table(level, pfn);
      expect(!f.isBad(level, e), "a populated entry is not bad", f, e);
      expect(!f.isBad(level, f.bits().mkold(e)), "nor one that was not used", f, e);
      expect(f.isBad(level, e | f.bits().pageSize()), "one with PS is", f, e);
      expect(f.isBad(level, e & ~f.bits().present()), "and one that is not present", f, e);
      expect(f.isTable(level, e) && f.tablePfn(e) == pfn, "and refers to its table", f, e);
    }
  }
}
