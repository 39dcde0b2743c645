// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.KernelHalf;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.SwapType;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The rules of a format: against the manual, and against a model that was written beside it. */
public final class FormatRules {
  private static final List<CacheMode> MODES = List.of(CacheMode.values());
  private static final int ROUNDS = 200;

  private FormatRules() {}

  private static FormatRule manual(
      String id, String name, String statement, String why, String behind, FormatRule.Body body) {
    return new FormatRule(
        new RuleInfo(
            id, name, statement, why, behind, "a bit was counted wrong, or is another format's"),
        Manual::missing,
        body);
  }

  private static FormatRule model(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      FormatRule.Body body) {
    return new FormatRule(
        new RuleInfo(id, name, statement, why, behind, failure), format -> null, body);
  }

  /** All of them. */
  public static List<Rule<PageTableFormatProvider>> all() {
    return List.of(
        manual(
            "PT-01",
            "shape-of-the-manual",
            "Levels, bytes of an entry, entries of a table, width of an address and the levels that"
                + " have leafs are the architecture's.",
            "A walk that is one level short reads data as tables.",
            "Intel SDM 3A tables 4-1 and 4-2; arch/x86/include/asm/pgtable_64_types.h",
            (f, r) -> equal(Manual.shape(f.name()), shape(f.shape()))),
        manual(
            "PT-02",
            "bits-of-the-manual",
            "Every bit that the hardware reads stands where the manual says.",
            "The hardware does not ask what was meant.",
            "Intel SDM 3A tables 4-4 to 4-6, 4-8 to 4-11, 4-14 to 4-20",
            (f, r) -> equal(Manual.hardware(f.name()), hardware(f.bits()))),
        manual(
            "PT-03",
            "bits-of-linux",
            "What Linux keeps in free bits and in entries that are not present stands where Linux"
                + " has it, and only where it has it.",
            "A dump of a real page table is read by them.",
            "arch/x86/include/asm/pgtable_types.h, pgtable_64.h, pgtable-3level.h,"
                + " pgtable-2level.h",
            (f, r) -> equal(Manual.software(f.name()), software(f))),
        manual(
            "PT-04",
            "borders-of-linux",
            "User addresses end, the kernel's and its direct map begin where Linux has them.",
            "The two halves are divided by top entries.",
            "Documentation/arch/x86/x86_64/mm.rst, 5level-paging.rst; CONFIG_VMSPLIT_3G",
            (f, r) -> equal(Manual.kernel(f.name()), kernel(f.kernel()))),
        manual(
            "PT-05",
            "protections",
            "PAGE_NONE, PAGE_READONLY, PAGE_SHARED, PAGE_KERNEL and their like give a frame the"
                + " entries that Linux gives it, PROT_NONE with its frame inverted.",
            "An entry in RAM is what other tools look at.",
            "arch/x86/include/asm/pgtable_types.h; pgtable-invert.h",
            (f, r) -> equal(Manual.protections(f.name()), protections(f))),
        manual(
            "PT-06",
            "absent-entries",
            "Swap, migration and marker entries have the bits that Linux gives them.",
            "A swapped page is found again by them alone.",
            "__swp_entry, __swp_pteval_entry; make_pte_marker",
            (f, r) -> equal(Manual.absent(f.name()), absent(f))),
        model(
            "PT-07",
            "halves",
            "The kernel's half begins with an entry of the top table; user addresses end below it;"
                + " the direct map and what is filled lie in it, on entries of the top table; all"
                + " are canonical.",
            "A top entry that is half the kernel's cannot be shared.",
            "KERNEL_PGD_BOUNDARY, TASK_SIZE_MAX, PAGE_OFFSET; preallocate_vmalloc_pages",
            "a border is rounded otherwise, or signed",
            FormatRules::halves),
        model(
            "PT-08",
            "leafs",
            "A leaf of any level gives back frame and protection, and nothing of one is in the"
                + " other, be it accessible or not.",
            "A frame number that loses a bit is somebody else's memory.",
            "pfn_pte, pte_pfn, pfn_pmd, pmd_pfn, protnone_mask",
            "frame and flags overlap, or only one of writing and reading inverts",
            FormatRules::leafs),
        model(
            "PT-09",
            "one-kind",
            "Every entry is nothing, a table, a leaf or absent, and only one of these; what was"
                + " made as one is that one.",
            "Walks decide by it what to free.",
            "pte_none, pte_present, pmd_leaf, pmd_bad, is_swap_pte",
            "a flag of an absent entry means present elsewhere",
            FormatRules::kinds),
        model(
            "PT-10",
            "changes",
            "Any row of changes - young, old, dirty, clean, writable or not, special, marks of"
                + " soft-dirty and userfaultfd, another protection - leaves an entry as a model of"
                + " booleans says, and its frame alone.",
            "mprotect, fork and reclaim rewrite entries all day.",
            "pte_mkdirty, pte_wrprotect, pte_modify, mksaveddirty_shift, flip_protnone_guard",
            "two marks share a bit, or modify forgets to invert",
            FormatModel::changes),
        model(
            "PT-11",
            "memory-types",
            "Each memory type is read back from a leaf of each level, and moves with a leaf that is"
                + " split.",
            "A device behind write-back memory loses writes.",
            "cachemode2protval, pgprot2cachemode, pgprot_4k_2_large",
            "the bit of PAT is the same at all levels",
            FormatRules::memoryTypes),
        model(
            "PT-12",
            "absent-round-trip",
            "Any type and offset up to the largest comes back from an absent entry, with any flags,"
                + " and the hardware finds it not present.",
            "A slot that comes back as another one is another process's memory.",
            "swp_entry_to_pte, pte_to_swp_entry; generic_max_swapfile_size",
            "the largest offset does not fit, or a flag lies inside it",
            FormatRules::absentRoundTrip),
        model(
            "PT-13",
            "bits-apart",
            "No two marks of a leaf share a bit, and none lies in the frame.",
            "Setting one would set the other.",
            "arch/x86/include/asm/pgtable_types.h",
            "a bit was used twice",
            FormatRules::apart),
        model(
            "PT-14",
            "changed-protection",
            "modify gives a leaf of any level what one of the new protection has from the start,"
                + " the memory type aside, which stays; a huge leaf that is made invalid keeps its"
                + " frames and memory type, and is not PROT_NONE.",
            "mprotect and splitting are done to huge pages, too.",
            "pte_modify, pmd_modify, flip_protnone_guard, pmd_mkinvalid",
            "bits below the frame of a huge leaf are inverted, or its PAT bit is lost",
            FormatRules::protectionChanges),
        manual(
            "PT-15",
            "stray-bits",
            "Accessed and dirty alone are nothing in entries of 8 bytes, at every level, and"
                + " something in those of 4.",
            "CPUs of the Knights Landing line set them where nothing is.",
            "arch/x86/include/asm/pgtable_64.h _PAGE_KNL_ERRATUM_MASK",
            FormatRules::strayBits));
  }

  private static void equal(Map<String, Long> expected, Map<String, Long> seen) {
    expected.forEach(
        (name, value) -> {
          Long found = seen.get(name);
          check(
              value.equals(found),
              String.format("%s = 0x%x", name, value),
              found == null ? "nothing" : String.format("0x%x", found));
        });
  }

  private static Map<String, Long> shape(TableShape shape) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("levels", (long) shape.levels());
    map.put("entryBytes", (long) shape.entryBytes());
    map.put("indexBits", (long) shape.indexBits());
    map.put("topEntries", (long) shape.topEntries());
    map.put("addressBits", (long) shape.addressBits());
    map.put("leafLevels", (long) shape.leafLevels());
    return map;
  }

  private static Map<String, Long> hardware(EntryBits bits) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("present", bits.present());
    map.put("write", bits.write());
    map.put("user", bits.user());
    map.put("writeThrough", bits.writeThrough());
    map.put("cacheDisable", bits.cacheDisable());
    map.put("accessed", bits.accessed());
    map.put("dirty", bits.dirty());
    map.put("pageSize", bits.pageSize());
    map.put("global", bits.global());
    map.put("pat", bits.pat());
    map.put("patLarge", bits.patLarge());
    map.put("noExec", bits.noExec());
    map.put("protectionKey", bits.protectionKey());
    map.put("frame", bits.frame());
    map.put("table", bits.table());
    map.put("topTable", bits.topTable());
    return map;
  }

  private static Map<String, Long> software(PageTableFormat format) {
    EntryBits bits = format.bits();
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("protNone", bits.protNone());
    map.put("special", bits.special());
    map.put("uffdWp", bits.uffdWp());
    map.put("softDirty", bits.softDirty());
    map.put("savedDirty", bits.savedDirty());
    map.put("stray", bits.stray());
    map.put("inverted", bits.inverted());
    map.put("swp exclusive", format.absent().exclusive());
    map.put("swp softDirty", format.absent().softDirty());
    map.put("swp uffdWp", format.absent().uffdWp());
    return map;
  }

  private static Map<String, Long> kernel(KernelHalf half) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("userEnd", half.userEnd());
    map.put("start", half.start());
    map.put("directMap", half.directMap());
    map.put("filledStart", half.filledStart());
    map.put("filledEnd", half.filledEnd());
    return map;
  }

  private static Map<String, Long> protections(PageTableFormat f) {
    int read = PageTableFormat.READ;
    int write = read | PageTableFormat.WRITE;
    int exec = PageTableFormat.EXEC;
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("PAGE_NONE", f.leaf(1, 0x12345, f.userProt(0)));
    map.put("PAGE_READONLY", f.leaf(1, 0x12345, f.userProt(read)));
    map.put("PAGE_READONLY_EXEC", f.leaf(1, 0x12345, f.userProt(read | exec)));
    map.put("PAGE_SHARED", f.leaf(1, 0x12345, f.userProt(write)));
    map.put("PAGE_SHARED_EXEC", f.leaf(1, 0x12345, f.userProt(write | exec)));
    map.put("PAGE_KERNEL", f.leaf(1, 0x12345, f.kernelProt(write)));
    map.put("PAGE_KERNEL_EXEC", f.leaf(1, 0x12345, f.kernelProt(write | exec)));
    map.put("PAGE_KERNEL_RO", f.leaf(1, 0x12345, f.kernelProt(read)));
    map.put("PAGE_KERNEL_ROX", f.leaf(1, 0x12345, f.kernelProt(read | exec)));
    return map;
  }

  private static Map<String, Long> absent(PageTableFormat f) {
    AbsentBits bits = f.absent();
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("swap 1 0x12345", bits.entry(1, 0x12345));
    map.put("swap 0 0", bits.entry(0, 0));
    map.put("guard", bits.marker(SwapType.MARKER_GUARD));
    map.put("largest offset", bits.maxOffset());
    map.put("migration write 0x12345", bits.entry(SwapType.MIGRATION_WRITE, 0x12345));
    return map;
  }

  private static void halves(PageTableFormat format, Seeded random) {
    KernelHalf half = format.kernel();
    TableShape shape = format.shape();
    long covered = format.bytes(format.levels()) - 1;
    long[] borders = {half.start(), half.filledStart(), half.filledEnd()};
    for (long border : borders) {
      check(
          (border & covered) == 0 && shape.isCanonical(border),
          String.format("0x%x begins an entry of the top table", border),
          "it does not");
      check(half.contains(border), String.format("0x%x is the kernel's", border), "it is not");
    }
    boolean below = Long.compareUnsigned(half.userEnd(), half.start()) <= 0;
    check(below, "user addresses end below the kernel's", String.format("0x%x", half.userEnd()));
    check(
        half.contains(half.directMap()) && shape.isCanonical(half.directMap()),
        "the direct map is in the kernel's half",
        String.format("0x%x", half.directMap()));
    for (int i = 0; i < ROUNDS; i++) {
      long user = Long.remainderUnsigned(random.next(), half.userEnd());
      check(
          shape.isCanonical(user) && !half.contains(user),
          String.format("0x%x is a canonical user address", user),
          "it is not");
    }
  }

  /** A frame that a leaf of this level can have. */
  static long frame(PageTableFormat format, int level, Seeded random) {
    int bits = Long.bitCount(format.bits().frame());
    long most = (1L << bits) - 1;
    long any = random.oneIn(4) ? most : random.next() & most >>> random.below(bits);
    return any & -1L << format.order(level);
  }

  private static void leafs(PageTableFormat format, Seeded random) {
    for (int i = 0; i < ROUNDS; i++) {
      int level = FormatModel.leafLevel(format, random);
      long pfn = frame(format, level, random);
      long prot = FormatModel.prot(format, random);
      long entry = format.leaf(level, pfn, prot);
      String what = String.format("leaf(%d, 0x%x, 0x%x) = 0x%x", level, pfn, prot, entry);
      check(format.isLeaf(level, entry), what + " is a leaf", "it is none");
      check(
          format.pfn(level, entry) == pfn,
          what + " keeps its frame",
          String.format("0x%x", format.pfn(level, entry)));
      check(
          format.prot(level, entry) == prot,
          what + " keeps its protection",
          String.format("0x%x", format.prot(level, entry)));
      boolean hidden = format.bits().inverted() != 0 && !format.bits().isMapped(entry);
      long stored = (entry & format.frameMask(level)) >>> 12;
      long expected = hidden ? ~pfn & format.frameMask(level) >>> 12 : pfn;
      check(
          stored == expected,
          String.format("%s stores frame 0x%x", what, expected),
          String.format("0x%x", stored));
    }
  }

  private static void kinds(PageTableFormat format, Seeded random) {
    check(format.isNone(PageTableFormat.EMPTY), "nothing is none", "it is something");
    for (int i = 0; i < ROUNDS; i++) {
      int level = 1 + random.below(format.levels());
      long any = random.oneIn(3) ? 1L << random.below(64) : random.next();
      long entry = format.shape().entryBytes() == 4 ? any & 0xffff_ffffL : any;
      int kinds =
          (format.isNone(entry) ? 1 : 0)
              + (format.isTable(level, entry) ? 1 : 0)
              + (format.isLeaf(level, entry) ? 1 : 0)
              + (format.isAbsent(level, entry) ? 1 : 0);
      check(
          kinds == 1,
          String.format("0x%x is of one kind at level %d", entry, level),
          kinds + " kinds");
      long table = format.table(Math.max(2, level), frame(format, 1, random));
      check(
          format.isTable(Math.max(2, level), table) && !format.isBad(Math.max(2, level), table),
          String.format("0x%x is a table", table),
          "it is none");
      int leafLevel = FormatModel.leafLevel(format, random);
      long leaf =
          format.leaf(
              leafLevel, frame(format, leafLevel, random), FormatModel.prot(format, random));
      check(
          leafLevel == 1 || format.isBad(leafLevel, leaf),
          String.format("0x%x is no table", leaf),
          "it looks like one");
      long absent = format.absent().entry(1 + random.below(31), random.below(1 << 20));
      check(format.isAbsent(1, absent), String.format("0x%x is absent", absent), "it is not");
    }
  }

  private static void memoryTypes(PageTableFormat format, Seeded random) {
    for (CacheMode mode : CacheMode.values()) {
      long prot = format.withCache(FormatModel.prot(format, random), mode);
      for (int level = 1; level <= format.levels(); level++) {
        if (format.shape().hasLeafs(level)) {
          long entry = format.leaf(level, frame(format, level, random), prot);
          CacheMode seen = format.cache(level, entry);
          check(seen == mode, mode + " at level " + level, "" + seen);
          long again = format.leaf(1, 0, format.prot(level, entry));
          check(
              format.cache(1, again) == mode,
              mode + " of level " + level + " in a page",
              "" + format.cache(1, again));
        }
      }
    }
  }

  private static void absentRoundTrip(PageTableFormat format, Seeded random) {
    AbsentBits bits = format.absent();
    for (int i = 0; i < ROUNDS; i++) {
      int type = random.oneIn(4) ? SwapType.MARKER : random.below(SwapType.TYPES);
      long offset = random.oneIn(4) ? bits.maxOffset() : random.next() & bits.maxOffset();
      long entry = bits.entry(type, offset);
      String what = String.format("entry(%d, 0x%x) = 0x%x", type, offset, entry);
      long flags = random.next() & (bits.exclusive() | bits.softDirty() | bits.uffdWp());
      check(bits.clearFlags(entry | flags) == entry, what + " and its flags are apart", "not");
      long marked = entry | flags;
      check(bits.type(marked) == type, what + " keeps its type", "" + bits.type(marked));
      check(
          bits.offset(marked) == offset,
          what + " keeps its offset",
          String.format("0x%x", bits.offset(marked)));
      check(!format.bits().isMapped(marked), what + " is not there for the hardware", "it is");
      check(
          format.isAbsent(1, marked) || marked == 0, // the last slot of swap file 0
          what + " is absent",
          "it is not");
    }
  }

  private static void protectionChanges(PageTableFormat format, Seeded random) {
    EntryBits bits = format.bits();
    for (int i = 0; i < ROUNDS; i++) {
      int level = FormatModel.leafLevel(format, random);
      long pfn = frame(format, level, random);
      CacheMode mode = MODES.get(random.below(MODES.size()));
      long first = format.withCache(format.userProt(random.below(8)), mode);
      long second = format.withCache(format.userProt(random.below(8)), mode);
      long entry = format.leaf(level, pfn, first);
      long expected = format.leaf(level, pfn, second);
      long seen = format.modify(level, entry, second);
      check(
          seen == expected,
          String.format("modify(%d, 0x%x, 0x%x) = 0x%x", level, entry, second, expected),
          String.format("0x%x", seen));
      if (level > 1) {
        long invalid = format.mkinvalid(level, entry);
        check(
            !bits.isMapped(invalid)
                && !bits.isProtnone(invalid)
                && format.pfn(level, invalid) == pfn
                && format.cache(level, invalid) == mode,
            String.format(
                "mkinvalid(%d, 0x%x) keeps frames and memory type, and is not PROT_NONE",
                level, entry),
            String.format("0x%x", invalid));
      }
    }
  }

  private static void strayBits(PageTableFormat format, Seeded random) {
    long stray = 0x60 & ~(random.oneIn(2) ? 0x20 : 0);
    boolean nothing = format.shape().entryBytes() == 8;
    for (int level = 1; level <= format.levels(); level++) {
      check(
          format.isNone(stray) == nothing && format.isAbsent(level, stray) != nothing,
          String.format("0x%x is %s", stray, nothing ? "nothing" : "something"),
          "otherwise at level " + level);
    }
  }

  private static void apart(PageTableFormat format, Seeded random) {
    EntryBits b = format.bits();
    long[] marks = {
      b.present(),
      b.write(),
      b.user(),
      b.writeThrough(),
      b.cacheDisable(),
      b.accessed(),
      b.dirty(),
      b.global(),
      b.pat(),
      b.noExec(),
      b.protectionKey(),
      b.special(),
      b.uffdWp(),
      b.softDirty(),
      b.savedDirty(),
      b.frame()
    };
    long used = 0;
    for (long mark : marks) {
      check(
          (used & mark) == 0,
          String.format("bits 0x%x are used once", mark),
          String.format("0x%x of them twice", used & mark));
      used |= mark;
    }
    check(
        format.shape().entryBytes() == 8 || used >>> 32 == 0,
        "all bits are in 4 bytes",
        String.format("0x%x", used));
  }
}
