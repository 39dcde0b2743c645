// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MappedFile.Owner;
import io.mm4j.api.process.NumaStats;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Map;

/** Cases of what calls and files of /proc tell of memory, and to whom. */
public final class TellingCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Programs and people decide by what they are told.",
          "what is told is worked out beside what is there");

  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;
  private static final int FILE = 40;

  private TellingCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F53",
            "who-may-know",
            "mincore tells what of a file is in the cache to its owner, to who could write to it"
                + " and to root; to all others every page is resident.",
            "can_do_mincore",
            TellingCases::strangers),
        GROUP.rule(
            "AS-F54",
            "used-once",
            "Pages of a file that were used through a mapping are marked as used when it goes,"
                + " unless its open was told POSIX_FADV_NOREUSE and not POSIX_FADV_NORMAL since.",
            "vma_has_recency, generic_fadvise",
            TellingCases::notReused),
        GROUP.rule(
            "AS-F55",
            "numa-maps",
            "numa_maps counts the pages that a VMA maps, without zero pages: how many of them are"
                + " anonymous, dirty, active and on which node, and how often the most used one is"
                + " mapped; a page of a pool counts as one.",
            "gather_stats, can_gather_numa_stats, gather_hugetlb_stats",
            TellingCases::sums),
        GROUP.rule(
            "AS-F56",
            "numbers-of-sysctls",
            "A sysctl takes decimal, hexadecimal and octal numbers between blanks, and what stands"
                + " behind a blank does not count; signs, other letters and more than 64 bits are"
                + " EINVAL.",
            "proc_get_long (compared with 6.18.44)",
            TellingCases::numbers),
        GROUP.rule(
            "AS-F57",
            "unshared-for-a-reader",
            "Who reads another process by process_vm_readv makes it a copy of each page that it"
                + " shares since a fork; a page that it shares no more is marked as its own.",
            "gup_must_unshare, do_wp_page with FAULT_FLAG_UNSHARE",
            TellingCases::unshared),
        GROUP.rule(
            "AS-F58",
            "surplus-of-a-node",
            "Surplus pages of a pool are counted by the node that they lie on.",
            "alloc_surplus_hugetlb_folio, adjust_pool_surplus",
            TellingCases::surplus));
  }

  private static void strangers(Rig rig) {
    known(rig, new Owner(0, 0, 0644), "18");
    known(rig, new Owner(0, 0, 0646), "12,06");
    known(rig, new Owner(0, 1000, 0644), "18");
    known(rig, new Owner(0, 1000, 0664), "12,06");
    known(rig, new Owner(0, 1000, 0646), "18");
    known(rig, new Owner(1000, 0, 0444), "12,06");
  }

  private static void known(Rig rig, Owner owner, String expected) {
    MappedFile file = new MappedFile("F", MappedFile.Kind.TMPFS, 8 * PAGE, null, -1).owned(owner);
    rig.mm.installFd(FILE, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED, FILE, 0));
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.touch(A);
    rig.touch(A + PAGE);
    rig.unmap(A, PAGE);
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED, FILE, 0));
    Looks.mincore(rig, A, 8 * PAGE, expected);
    rig.unmap(A, 8 * PAGE);
  }

  private static long frame(Rig rig, long addr) {
    long[] seen = {-1};
    rig.mm.pagemap(addr, addr + PAGE, (at, entry) -> seen[0] = Pagemap.pfn(entry));
    return seen[0];
  }

  private static boolean marked(Rig rig, int fd) {
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, PAGE, READ, SHARED, fd, 0));
    rig.has(FAR, CaseSetup.byteOf(0));
    long pfn = frame(rig, FAR);
    int before = rig.floor.lruFlags(pfn);
    rig.unmap(FAR, PAGE);
    return before != rig.floor.lruFlags(pfn);
  }

  private static void advice(Rig rig, int advice) {
    rig.gives("fadvise64", 0, rig.mm.syscall(Syscall.FADVISE64, CaseSetup.DISK, 0, 0, advice));
  }

  private static void notReused(Rig rig) {
    advice(rig, Uapi.POSIX_FADV_NOREUSE);
    RuleViolation.check(!marked(rig, CaseSetup.DISK), "no mark with NOREUSE", "one");
    RuleViolation.check(marked(rig, CaseSetup.DISK_READ_ONLY), "a mark by another open", "none");
    advice(rig, Uapi.POSIX_FADV_RANDOM);
    RuleViolation.check(!marked(rig, CaseSetup.DISK), "no mark with RANDOM behind it", "one");
    advice(rig, Uapi.POSIX_FADV_NORMAL);
    RuleViolation.check(marked(rig, CaseSetup.DISK), "a mark with NORMAL", "none");
  }

  private static void tells(Rig rig, String what, long at, NumaStats expected) {
    NumaStats seen = rig.mm.numaStats(at);
    NumaStats here =
        new NumaStats(
            expected.pages(),
            expected.anon(),
            expected.dirty(),
            expected.active(),
            expected.mapcountMax(),
            seen.byNode());
    long onNodes = seen.byNode().values().stream().mapToLong(Long::longValue).sum();
    RuleViolation.check(seen.equals(here), expected + " of " + what, seen.toString());
    RuleViolation.check(onNodes == expected.pages(), expected.pages() + " on nodes", onNodes + "");
  }

  private static NumaStats stats(long pages, long anon, long dirty, long active, long most) {
    return new NumaStats(pages, anon, dirty, active, most, Map.of());
  }

  private static void sums(Rig rig) {
    rig.map(A, 8 * PAGE, RW);
    tells(rig, "nothing", A, stats(0, 0, 0, 0, 0));
    rig.put(A, 1);
    rig.put(A + PAGE, 1);
    rig.has(A + 2 * PAGE, 0);
    tells(rig, "two pages and the zero page", A, stats(2, 2, 2, 0, 1));
    Rig child = rig.fork();
    tells(rig, "two shared pages", A, stats(2, 2, 2, 0, 2));
    child.put(A, 2);
    tells(rig, "a shared page", A, stats(2, 2, 2, 0, 2));
    child.put(A + PAGE, 2);
    tells(rig, "no shared page", A, stats(2, 2, 2, 0, 1));
    child.mm.exit();
    rig.gives("mlock", 0, rig.mm.mlock(A, PAGE));
    tells(rig, "a locked page", A, stats(1, 1, 1, 1, 1));
    tells(rig, "not the start of a VMA", A + 2 * PAGE, stats(0, 0, 0, 0, 0));
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 4 * PAGE, READ, PRIVATE, CaseSetup.TMPFS, 0));
    rig.has(FAR, CaseSetup.byteOf(0));
    long pages = rig.mm.usage(FAR).rssKb() >> 2;
    tells(rig, "a file", FAR, stats(pages, 0, 0, 0, 1));
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "2"));
    long huge = 0x40000000L;
    rig.gives("mmap", huge, rig.mm.mmap(huge, 2 * HUGE, RW, 0x40032, -1, 0));
    rig.put(huge, 1);
    tells(rig, "a huge page", huge, stats(1, 1, 1, 0, 1));
  }

  private static void sysctl(Rig rig, String text, int expected) {
    rig.gives("'" + text + "'", 0, rig.floor.writeSysctl("max_map_count", text));
    int now = rig.floor.sysctls().maxMapCount();
    RuleViolation.checkEqual(expected, now, "max_map_count after '" + text + "'");
  }

  private static void numbers(Rig rig) {
    sysctl(rig, "0x100", 256);
    sysctl(rig, "0XfF", 255);
    sysctl(rig, "0100", 64);
    sysctl(rig, " 100\n", 100);
    sysctl(rig, "101 102", 101);
    for (String wrong : List.of("08", "0x", "1e", "-1", "+5", "", "0x1ffffffffffffffff")) {
      Looks.fails(
          rig, "'" + wrong + "'", Errno.EINVAL, rig.floor.writeSysctl("max_map_count", wrong));
      Looks.fails(
          rig, "'" + wrong + "'", Errno.EINVAL, rig.floor.writeSysctl("nr_hugepages", wrong));
    }
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "02"));
    RuleViolation.checkEqual(2, rig.floor.hugePages().total(), "pages of the pool");
  }

  private static void unshared(Rig rig) {
    rig.map(A, 4 * PAGE, RW);
    rig.put(A, 33);
    rig.put(A + PAGE, 34);
    Rig child = rig.fork();
    rig.map(FAR, PAGE, RW);
    long[] words = {FAR + 100, 2, A, 2};
    for (int i = 0; i < words.length * Long.BYTES; i++) {
      rig.put(FAR + i, (int) (words[i / Long.BYTES] >>> (i % Long.BYTES * Byte.SIZE)) & 255);
    }
    String both = "a2,.2";
    RuleViolation.check(pages(child).equals(both), both, pages(child));
    long got = rig.mm.syscall(Syscall.PROCESS_VM_READV, child.mm.pid(), FAR, 1, FAR + 16, 1, 0);
    rig.gives("process_vm_readv", 2, got);
    rig.has(FAR + 100, 33);
    RuleViolation.check(pages(child).equals("A1,a1,.2"), "A1,a1,.2", pages(child));
    RuleViolation.check(frame(child, A) != frame(rig, A), "a copy of the page", "the page of both");
    child.has(A, 33);
    child.put(A, 44);
    rig.has(A, 33);
  }

  private static String pages(Rig rig) {
    return Looks.vmas(rig, A, A + PAGE).getFirst().pages();
  }

  private static void surplus(Rig rig) {
    rig.gives("overcommit", 0, rig.floor.writeSysctl("nr_overcommit_hugepages", "2"));
    rig.gives("mmap", A, rig.mm.mmap(A, 2 * HUGE, RW, 0x40032, -1, 0));
    rig.put(A, 1);
    rig.put(A + HUGE, 1);
    onNode(rig, 2);
    rig.unmap(A, HUGE);
    onNode(rig, 1);
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "1"));
    onNode(rig, 0);
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "0"));
    onNode(rig, 1);
    rig.unmap(A + HUGE, HUGE);
    onNode(rig, 0);
  }

  private static void onNode(Rig rig, long expected) {
    long seen = rig.floor.hugePoolsOf(0).getFirst().surplus();
    RuleViolation.check(seen == expected, expected + " surplus pages of node 0", seen + "");
  }
}
