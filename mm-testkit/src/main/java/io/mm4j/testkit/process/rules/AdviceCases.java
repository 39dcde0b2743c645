// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.END;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of madvise: each piece of advice, on each kind of memory. */
public final class AdviceCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Allocators and databases advise all the time and read the errno.",
          "a piece of advice falls into the branch of another, or a kind of memory is let in");

  static final int DONTNEED = 4;
  static final int FREE = 8;
  static final int REMOVE = 9;
  static final int COLD = 20;
  static final int PAGEOUT = 21;
  static final int DONTNEED_LOCKED = 24;
  static final int GUARD_INSTALL = 102;
  public static final int GUARD_REMOVE = 103;

  private static final long PAGE = Bits.PAGE;
  private static final int COLLAPSE = 25;
  private static final int ANON = 0x32;
  private static final int SHARED = 0x31;

  private AdviceCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C48",
            "advice-sets-flags",
            "Advice that is about flags sets its own, takes its opposite away and no other.",
            "madvise_vma_behavior",
            AdviceCases::setsFlags),
        GROUP.rule(
            "AS-C49",
            "advice-by-kind",
            "Memory that cannot take a piece of advice refuses it: files, shared, locked,"
                + " droppable and special memory, each in its own way.",
            "madvise_vma_behavior, madvise_dontneed_free_valid_vma, madvise_remove",
            AdviceCases::byKind),
        GROUP.rule(
            "AS-C50",
            "advice-ranges",
            "Advice checks its range first; holes are passed over and reported at the end.",
            "do_madvise, madvise_walk_vmas",
            AdviceCases::ranges),
        GROUP.rule(
            "AS-C51",
            "advice-on-sealed",
            "Of sealed memory, only anonymous memory that cannot be written refuses advice, and"
                + " only such advice as discards.",
            "can_madvise_modify; selftests mseal_test.c",
            AdviceCases::onSealed),
        GROUP.rule(
            "AS-C52",
            "advice-discards",
            "MADV_DONTNEED drops pages and leaves guards; MADV_FREE, COLD and PAGEOUT leave what"
                + " nobody reclaims; a private copy gives way to the file's page.",
            "zap_page_range_single, madvise_free_single_vma",
            AdviceCases::discards),
        GROUP.rule(
            "AS-C53",
            "advice-guards",
            "Guard pages replace what was there, are refused to any touch and to populating, and"
                + " go by MADV_GUARD_REMOVE, munmap and nothing else.",
            "madvise_guard_install, madvise_guard_remove; selftests guard-regions.c",
            AdviceCases::guards),
        GROUP.rule(
            "AS-C54",
            "advice-populates",
            "MADV_POPULATE_READ and WRITE want the right, name holes, guards and ends of files,"
                + " and make pages present as a touch would.",
            "madvise_populate, faultin_page_range; selftests madv_populate.c",
            AdviceCases::populates));
  }

  static void advise(Rig rig, long addr, long bytes, int advice) {
    rig.gives(
        "madvise " + advice + " at " + Long.toHexString(addr),
        0,
        rig.mm.madvise(addr, bytes, advice));
  }

  private static void refused(Rig rig, int errno, long addr, int... advice) {
    for (int each : advice) {
      Looks.fails(rig, "madvise " + each, errno, rig.mm.madvise(addr, PAGE, each));
    }
  }

  private static void setsFlags(Rig rig) {
    rig.map(A, TEN, RW);
    String[] steps = {
      "1 ac rr",
      "2 ac sr",
      "1 ac rr",
      "0 ac",
      "2 ac sr",
      "0 ac",
      "1 ac rr",
      "10 ac rr dc",
      "11 ac rr",
      "16 ac rr dd",
      "17 ac rr",
      "18 ac rr wf",
      "16 ac rr wf dd",
      "19 ac rr dd",
      "17 ac rr",
      "12 ac rr mg",
      "13 ac rr",
      "14 ac rr hg",
      "15 ac rr nh",
      "14 ac rr hg",
      "10 ac rr dc hg",
      "18 ac rr dc wf hg",
      "0 ac dc wf hg",
      "11 ac wf hg",
      "19 ac hg",
      "3 ac hg"
    };
    for (String step : steps) {
      String[] words = step.split(" ", 2);
      advise(rig, A, TEN, Integer.parseInt(words[0]));
      // smaps shows the letters by bit number: sr rr dc ac wf dd hg nh mg.
      Looks.flags(rig, A, byBit(words[1]));
    }
    rig.shows("0-10 rw-p");
  }

  private static String byBit(String letters) {
    List<String> wanted = List.of(letters.split(" ", -1));
    return String.join(
        " ",
        List.of("sr", "rr", "dc", "ac", "wf", "dd", "hg", "nh", "mg").stream()
            .filter(wanted::contains)
            .toList());
  }

  private static void byKind(Rig rig) {
    rig.map(A, TEN, RW);
    Looks.works("mmap", rig.mm.mmap(B, TEN, RW, SHARED, -1, 0));
    Looks.works("mmap", rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.DISK, 0));
    refused(rig, Errno.EINVAL, A, 5, 6, 7, 26, 99, 104, -1);
    refused(rig, Errno.EINVAL, A, REMOVE);
    refused(rig, Errno.EINVAL, B, 18, FREE);
    refused(rig, Errno.EINVAL, C, 18, FREE);
    refused(rig, Errno.EACCES, C, REMOVE);
    rig.gives("MADV_MERGEABLE of shared memory", 0, rig.mm.madvise(B, PAGE, 12));
    Looks.flags(rig, B, "sh ms");
    rig.gives("MADV_MERGEABLE of a private file", 0, rig.mm.madvise(C, TEN, 12));
    Looks.flags(rig, C, "ac mg");
    Looks.works("mmap", rig.mm.mmap(C, TEN, READ, 0x11, CaseSetup.DISK_READ_ONLY, 0));
    refused(rig, Errno.EACCES, C, REMOVE);
    refused(rig, Errno.EINVAL, C, FREE, COLLAPSE);
    rig.gives("MADV_MERGEABLE of a file that may be shared", 0, rig.mm.madvise(C, PAGE, 12));
    Looks.flags(rig, C, "ms");
    rig.gives("MADV_WIPEONFORK", -Errno.EINVAL, rig.mm.madvise(C, PAGE, 18));
    locked(rig);
    special(rig);
    droppable(rig);
  }

  private static void locked(Rig rig) {
    rig.gives("mlock", 0, rig.mm.mlock(A, TEN));
    refused(rig, Errno.EINVAL, A, DONTNEED, FREE, COLD, PAGEOUT, GUARD_INSTALL);
    Looks.pages(rig, A, TEN, "A10");
    advise(rig, A, PAGE, DONTNEED_LOCKED);
    Looks.pages(rig, A, TEN, ".1,A9");
    advise(rig, A, PAGE, GUARD_REMOVE);
    rig.gives("munlock", 0, rig.mm.munlock(A, TEN));
    Looks.works("mmap", rig.mm.mmap(C, TEN, RW, 0x11, CaseSetup.DISK, 0));
    rig.gives("mlock", 0, rig.mm.mlock(C, TEN));
    refused(rig, Errno.EINVAL, C, REMOVE, DONTNEED, COLD, PAGEOUT);
  }

  /** The clock data of the vdso, which no process may change. */
  private static void special(Rig rig) {
    rig.mm.loadVma(new VmaInfo(FAR, FAR + 4 * PAGE, "r--p", 0, "[vvar]", null, List.of(), ""));
    rig.mm.loadVma(
        new VmaInfo(FAR + 4 * PAGE, FAR + 6 * PAGE, "r-xp", 0, "[vdso]", null, List.of(), ""));
    for (int advice : new int[] {DONTNEED, COLD, PAGEOUT, GUARD_INSTALL, GUARD_REMOVE, 11, 17}) {
      Looks.fails(
          rig,
          "madvise " + advice + " of [vvar]",
          Errno.EINVAL,
          rig.mm.madvise(FAR, 4 * PAGE, advice));
    }
    Looks.fails(rig, "populating [vvar]", Errno.EINVAL, rig.mm.madvise(FAR, 4 * PAGE, 22));
    Looks.fails(rig, "a part of [vdso]", Errno.EINVAL, rig.mm.madvise(FAR + 4 * PAGE, PAGE, 16));
    rig.gives("all of [vdso]", 0, rig.mm.madvise(FAR + 4 * PAGE, 2 * PAGE, 11));
    Looks.fails(
        rig, "guards in [vdso]", Errno.EINVAL, rig.mm.madvise(FAR + 4 * PAGE, PAGE, GUARD_INSTALL));
    rig.gives("MADV_MERGEABLE of [vdso]", 0, rig.mm.madvise(FAR + 4 * PAGE, 2 * PAGE, 12));
    Looks.flags(rig, FAR + 4 * PAGE, "de");
  }

  private static void droppable(Rig rig) {
    Looks.works("MAP_DROPPABLE", rig.mm.mmap(B, TEN, RW, 0x38, -1, 0));
    Looks.flags(rig, B, "nr wf dd dp");
    refused(rig, Errno.EINVAL, B, 17, 19);
    rig.gives("MADV_MERGEABLE", 0, rig.mm.madvise(B, TEN, 12));
    rig.gives("MADV_DOFORK", 0, rig.mm.madvise(B, TEN, 11));
    Looks.flags(rig, B, "nr wf dd dp");
  }

  private static void ranges(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(C, TEN, RW);
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.madvise(A + 1, PAGE, 16));
    Looks.fails(rig, "a length that wraps to 0", Errno.EINVAL, rig.mm.madvise(A, -1, 16));
    Looks.fails(rig, "a range that wraps", Errno.EINVAL, rig.mm.madvise(A, -A, 16));
    rig.gives("no range", 0, rig.mm.madvise(A, 0, 16));
    rig.gives("no range in a hole", 0, rig.mm.madvise(B, 0, 16));
    Looks.fails(rig, "no range, unknown advice", Errno.EINVAL, rig.mm.madvise(A, 0, 7));
    rig.shows("0-10 rw-p, 20-30 rw-p");
    Looks.fails(rig, "a hole in between", Errno.ENOMEM, rig.mm.madvise(A + PAGE, 20 * PAGE, 16));
    Looks.flags(rig, A + PAGE, "ac dd");
    Looks.flags(rig, C, "ac dd");
    Looks.flags(rig, C + PAGE, "ac");
    rig.shows("0-1 rw-p, 1-10 rw-p, 20-21 rw-p, 21-30 rw-p");
    Looks.fails(rig, "up to a VMA", Errno.ENOMEM, rig.mm.madvise(B, TEN, 16));
    Looks.flags(rig, C + PAGE, "ac");
    Looks.fails(rig, "short of a VMA", Errno.ENOMEM, rig.mm.madvise(B, 5 * PAGE, 17));
    Looks.flags(rig, C, "ac dd");
    Looks.fails(rig, "behind all", Errno.ENOMEM, rig.mm.madvise(END, PAGE, 16));
    Looks.fails(rig, "past the last", Errno.ENOMEM, rig.mm.madvise(C, 2 * TEN, 17));
    Looks.flags(rig, C, "ac");
    Looks.fails(rig, "discarding a hole", Errno.ENOMEM, rig.mm.madvise(B, TEN + 1, DONTNEED));
    rig.gives("a length that is no page's", 0, rig.mm.madvise(C, PAGE + 1, 16));
    rig.shows(C, END, "0-2 rw-p, 2-10 rw-p");
    rig.floor.failAllocationAfter(0);
    long refused = rig.mm.madvise(A + 4 * PAGE, PAGE, 17);
    rig.floor.failAllocationAfter(-1);
    Looks.fails(rig, "a split without memory", Errno.EAGAIN, refused);
  }

  private static void onSealed(Rig rig) {
    int[] discarding = {FREE, DONTNEED, DONTNEED_LOCKED, REMOVE, 10, 18, GUARD_INSTALL};
    rig.map(A, TEN, READ);
    rig.map(B, TEN, RW);
    rig.touch(B);
    Looks.works("mmap", rig.mm.mmap(C, TEN, READ, 0x12, CaseSetup.DISK, 0));
    rig.gives("mseal", 0, rig.mm.mseal(A, 3 * TEN, 0));
    refused(rig, Errno.EPERM, A, discarding);
    for (int harmless : new int[] {0, 1, 2, 3, 11, 12, 14, 16, 17, 19, COLD, GUARD_REMOVE}) {
      rig.gives("madvise " + harmless, 0, rig.mm.madvise(A, TEN, harmless));
    }
    for (int advice : new int[] {FREE, DONTNEED, DONTNEED_LOCKED, 10, 18, GUARD_INSTALL}) {
      rig.gives("madvise " + advice, 0, rig.mm.madvise(B, TEN, advice));
    }
    rig.gives("DONTNEED of a sealed file", 0, rig.mm.madvise(C, TEN, DONTNEED));
    rig.gives("DONTFORK of a sealed file", 0, rig.mm.madvise(C, TEN, 10));
  }

  private static void discards(Rig rig) {
    rig.map(A, TEN, RW);
    rig.put(A, 5);
    rig.put(A + PAGE, 6);
    rig.has(A + 2 * PAGE, 0);
    rig.put(A + 9 * PAGE, 7);
    advise(rig, A + 4 * PAGE, PAGE, GUARD_INSTALL);
    Looks.pages(rig, A, TEN, "A2,z1,.1,g1,.4,A1");
    for (int keeps : new int[] {COLD, PAGEOUT, 3, 0, 12, FREE}) {
      advise(rig, A, TEN, keeps);
      Looks.pages(rig, A, TEN, "A2,z1,.1,g1,.4,A1");
    }
    rig.has(A, 5);
    advise(rig, A + PAGE, 8 * PAGE, DONTNEED);
    Looks.pages(rig, A, TEN, "A1,.3,g1,.4,A1");
    Looks.rss(rig, 2);
    rig.has(A + 9 * PAGE, 7);
    rig.has(A + PAGE, 0);
    advise(rig, A, TEN, DONTNEED_LOCKED);
    Looks.pages(rig, A, TEN, ".4,g1,.5");
    rig.has(A, 0);
    Looks.works("mmap", rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.DISK, 3 * PAGE));
    rig.put(B + PAGE, 99);
    rig.has(B + PAGE, 99);
    advise(rig, B, 2 * PAGE, DONTNEED);
    rig.has(B + PAGE, CaseSetup.byteOf(4));
  }

  private static void guards(Rig rig) {
    rig.map(A, TEN, RW);
    rig.put(A + PAGE, 1);
    advise(rig, A + PAGE, 3 * PAGE, GUARD_INSTALL);
    Looks.pages(rig, A, TEN, ".1,g3,.6");
    Looks.flags(rig, A, "gu ac");
    Looks.rss(rig, 0);
    Looks.ends(
        "a guard page", io.mm4j.api.process.TouchOutcome.Kind.SEGV_MAPERR, rig.mm.read(A + PAGE));
    Looks.fails(rig, "populating", Errno.EFAULT, rig.mm.madvise(A, TEN, 22));
    Looks.pages(rig, A, TEN, "z1,g3,.6");
    Looks.fails(rig, "locking", Errno.ENOMEM, rig.mm.mlock(A, TEN));
    rig.gives("munlock", 0, rig.mm.munlock(A, TEN));
    advise(rig, A, 2 * PAGE, GUARD_REMOVE);
    Looks.pages(rig, A, TEN, "A1,.1,g2,.6");
    Looks.flags(rig, A, "gu ac");
    Rig child = rig.fork();
    Looks.pages(child, A, TEN, "a1,.1,g2,.6");
    child.mm.exit();
    rig.gives("fixed", A + 3 * PAGE, rig.mm.mmap(A + 3 * PAGE, PAGE, RW, ANON, -1, 0));
    Looks.pages(rig, A, TEN, "A1,.1,g1,.7");
    Looks.works("mmap", rig.mm.mmap(B, TEN, RW, 0x11, CaseSetup.DISK, 0));
    advise(rig, B, PAGE, GUARD_INSTALL);
    advise(rig, B, 2 * PAGE, DONTNEED);
    Looks.pages(rig, B, TEN, "g1,.9");
    rig.fork().mm.exit();
    Rig second = rig.fork();
    Looks.pages(second, B, TEN, "g1,.9");
    second.mm.exit();
  }

  private static void populates(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(B, TEN, READ);
    advise(rig, A, 2 * PAGE, 22);
    advise(rig, A + PAGE, 2 * PAGE, 23);
    Looks.pages(rig, A, TEN, "z1,A2,.7");
    advise(rig, A, 2 * PAGE, 23);
    Looks.pages(rig, A, TEN, "A3,.7");
    Looks.fails(rig, "writing read-only memory", Errno.EINVAL, rig.mm.madvise(A, 2 * TEN, 23));
    Looks.pages(rig, A, 2 * TEN, "A10,.10");
    advise(rig, A, 2 * TEN, 22);
    Looks.pages(rig, A, 2 * TEN, "A10,z10");
    Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.madvise(B + 9 * PAGE, 2 * PAGE, 22));
    rig.map(C, TEN, 0);
    Looks.fails(rig, "no rights", Errno.EINVAL, rig.mm.madvise(C, PAGE, 22));
    rig.map(C, TEN, 4);
    Looks.fails(rig, "only to execute", Errno.EINVAL, rig.mm.madvise(C, PAGE, 22));
    Looks.works("mmap", rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.TINY, 0));
    Looks.fails(rig, "behind the end", Errno.EFAULT, rig.mm.madvise(C, TEN, 23));
    Looks.pages(rig, C, TEN, "A6,.4");
    rig.has(C + 4 * PAGE, CaseSetup.byteOf(4));
    Rig child = rig.fork();
    Looks.pages(child, A, TEN, "a10");
    child.gives("MADV_POPULATE_WRITE", 0, child.mm.madvise(A, 4 * PAGE, 23));
    Looks.pages(child, A, TEN, "A4,a6");
    Looks.pages(rig, A, TEN, "A4,a6");
    child.gives("MADV_POPULATE_READ", 0, child.mm.madvise(A, TEN, 22));
    Looks.pages(child, A, TEN, "A4,a6");
    child.mm.exit();
  }
}
