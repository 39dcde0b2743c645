// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import io.mm4j.testkit.process.rules.SpaceSubject.Pair;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** Who shares which page: pagemap, and the sums of smaps that follow from it. */
public final class ShareRules {
  private static final long PAGE = Bits.PAGE;

  private ShareRules() {}

  /** Entries of a range by address. */
  private static NavigableMap<Long, Long> entries(Pair process, VmaInfo vma) {
    NavigableMap<Long, Long> entries = new TreeMap<>();
    process.mm().pagemap(vma.start(), vma.end(), entries::put);
    return entries;
  }

  private static boolean isShown(VmaInfo vma) {
    return vma.start() >= 0 && !vma.pages().isEmpty() && !vma.pages().equals("?");
  }

  /** Pagemap says of each page what the VMA's letters say. */
  public static void pagemap(SpaceSubject run) {
    Pair process = run.actor();
    for (VmaInfo vma : View.of(process.mm()).vmas()) {
      if (!isShown(vma)) {
        continue;
      }
      NavigableMap<Long, Long> entries = entries(process, vma);
      long addr = vma.start();
      for (String letters : vma.pages().split(",", -1)) {
        long end = addr + Long.parseLong(letters.substring(1)) * PAGE;
        run(letters.charAt(0), addr, end, entries.subMap(addr, true, end, false));
        addr = end;
      }
    }
  }

  /** Where a letter wants nothing, as in most of a large mapping, only what is there is judged. */
  private static void run(char letter, long from, long end, NavigableMap<Long, Long> entries) {
    long wanted = bits(letter);
    long next = from;
    for (Map.Entry<Long, Long> each : entries.entrySet()) {
      long addr = each.getKey();
      if (addr > next && wanted != 0) {
        differs(letter, next, 0);
      }
      if ((each.getValue() & ~(Pagemap.PFRAME | Pagemap.SOFT_DIRTY)) != wanted) {
        differs(letter, addr, each.getValue());
      }
      next = addr + PAGE;
    }
    if (next < end && wanted != 0) {
      differs(letter, next, 0);
    }
  }

  private static void differs(char letter, long addr, long entry) {
    throw new RuleViolation(
        letter + " at " + Long.toHexString(addr) + ": " + Pagemap.words(bits(letter)),
        Pagemap.words(entry).toString());
  }

  private static long bits(char letter) {
    return switch (letter) {
      case 'A' -> Pagemap.PRESENT | Pagemap.MMAP_EXCLUSIVE;
      case 'a', 'z', 'Z' -> Pagemap.PRESENT;
      case 'F' -> Pagemap.PRESENT | Pagemap.FILE | Pagemap.MMAP_EXCLUSIVE;
      case 'f' -> Pagemap.PRESENT | Pagemap.FILE;
      case 'g' -> Pagemap.SWAP | Pagemap.GUARD_REGION;
      default -> 0;
    };
  }

  /** The sums of smaps are what counting frames in the pagemaps of all processes gives. */
  public static void sums(SpaceSubject run) {
    Map<Long, Integer> mapped = new HashMap<>();
    for (Pair process : run.processes) {
      process.mm().pagemap(0, SpaceSetup.TASK_SIZE, (addr, entry) -> count(mapped, entry));
    }
    Pair process = run.actor();
    for (VmaInfo vma : View.of(process.mm()).vmas()) {
      if (!isShown(vma)) {
        continue;
      }
      String where = " of " + View.line(vma);
      MemSizeStats sizes = process.mm().sizes(vma.start());
      if (vma.flags().contains("ht")) {
        RuleViolation.checkEqual(
            Letters.count(vma.pages(), "AaFf") * PAGE,
            sizes.sharedHugetlb() + sizes.privateHugetlb(),
            "pages of the pool" + where);
        continue;
      }
      long[] sums = new long[3];
      entries(process, vma)
          .forEach(
              (addr, entry) -> {
                char letter = Letters.at(vma.pages(), (addr - vma.start()) / PAGE);
                if ("AaFf".indexOf(letter) >= 0) {
                  int n = mapped.getOrDefault(Pagemap.pfn(entry), 0);
                  sums[0] += (PAGE << MemSizeStats.PSS_SHIFT) / n;
                  sums[n > 1 ? 1 : 2] += PAGE;
                }
              });
      RuleViolation.checkEqual(sums[0], sizes.pss(), "Pss" + where);
      RuleViolation.checkEqual(
          sums[1], sizes.sharedClean() + sizes.sharedDirty(), "shared" + where);
      RuleViolation.checkEqual(
          sums[2], sizes.privateClean() + sizes.privateDirty(), "private" + where);
      RuleViolation.checkEqual(sums[1] + sums[2], sizes.resident(), "Rss" + where);
      RuleViolation.checkEqual(
          sums[0], sizes.pssAnon() + sizes.pssFile() + sizes.pssShmem(), "Pss by kind" + where);
      RuleViolation.checkEqual(
          vma.flags().contains("lo") ? sums[0] : 0, sizes.pssLocked(), "Locked" + where);
      RuleViolation.check(
          sizes.pssDirty() <= sums[0] && sizes.referenced() <= sizes.resident(),
          "no more dirty or referenced than resident" + where,
          sizes.toString());
    }
  }

  private static void count(Map<Long, Integer> mapped, long entry) {
    long pfn = Pagemap.pfn(entry);
    if (pfn >= 0) {
      int _ = mapped.merge(pfn, 1, Integer::sum);
    }
  }

  /** The cases with figures that Linux gave. */
  public static List<Rule<VmaIndexProvider>> cases() {
    return List.of(
        new CaseRule(
            new RuleInfo(
                "AS-72",
                "smaps-of-fork",
                "Of private memory and of shared memory that parent and child use in turn, smaps"
                    + " shows the sums that Linux 6.18.44 showed after the same calls.",
                "People find out by them what a process costs.",
                "smaps_page_accumulate; __copy_present_ptes makes the child's entries old, and"
                    + " those of shared memory clean",
                "what a child inherits counts as used or written by it"),
            CaseSetup::new,
            ShareRules::smapsOfFork));
  }

  /** Rss, Pss, Pss_Dirty, Shared_Clean, Shared_Dirty, Private_Clean, Private_Dirty, Referenced. */
  private static void shows(Rig rig, String when, long addr, String expected) {
    MemSizeStats sizes = rig.mm.sizes(addr);
    String seen =
        String.format(
            "%d %d %d  %d %d %d %d  %d",
            sizes.resident() >> 10,
            MemSizeStats.pssKb(sizes.pss()),
            MemSizeStats.pssKb(sizes.pssDirty()),
            sizes.sharedClean() >> 10,
            sizes.sharedDirty() >> 10,
            sizes.privateClean() >> 10,
            sizes.privateDirty() >> 10,
            sizes.referenced() >> 10);
    RuleViolation.check(seen.equals(expected), when + ": " + expected, seen);
  }

  private static void smapsOfFork(Rig rig) {
    rig.map(A, TEN, RW);
    for (long page = 0; page < 4; page++) {
      rig.touch(A + page * PAGE);
    }
    shows(rig, "4 pages written", A, "16 16 16  0 0 0 16  16");
    Rig child = rig.fork();
    shows(child, "in the child", A, "16 8 8  0 16 0 0  0");
    child.touch(A);
    shows(child, "the child wrote to one", A, "16 10 10  0 12 0 4  4");
    shows(rig, "in the parent", A, "16 10 10  0 12 0 4  16");
    child.mm.exit();
    shows(rig, "the child has ended", A, "16 16 16  0 0 0 16  16");

    rig.gives("mmap of shared memory", FAR, rig.mm.mmap(FAR, TEN, RW, 0x31, -1, 0));
    rig.touch(FAR);
    rig.has(FAR + PAGE, 0);
    shows(rig, "shared: one written, one read", FAR, "8 8 4  0 0 4 4  8");
    Rig other = rig.fork();
    shows(other, "shared, in the child", FAR, "0 0 0  0 0 0 0  0");
    other.has(FAR, 1);
    shows(other, "shared, the child read", FAR, "8 4 2  4 4 0 0  8");
    other.touch(FAR + PAGE);
    shows(other, "shared, the child wrote", FAR, "8 4 4  0 8 0 0  8");
    shows(rig, "shared, in the parent", FAR, "8 4 2  4 4 0 0  8");
    other.mm.exit();
    shows(rig, "shared, the child has ended", FAR, "8 8 8  0 0 0 8  8");
  }
}
