// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.AdviceCases.COLD;
import static io.mm4j.testkit.process.rules.AdviceCases.DONTNEED;
import static io.mm4j.testkit.process.rules.AdviceCases.FREE;
import static io.mm4j.testkit.process.rules.AdviceCases.GUARD_INSTALL;
import static io.mm4j.testkit.process.rules.AdviceCases.GUARD_REMOVE;
import static io.mm4j.testkit.process.rules.AdviceCases.PAGEOUT;
import static io.mm4j.testkit.process.rules.AdviceCases.REMOVE;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.END;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;

/**
 * The cases of the kernel's guard-regions.c, each in memory of three kinds: anonymous, shared
 * memory of tmpfs, private mappings of a file. Those about process_madvise, userfaultfd, readahead,
 * seals of memfd and pagemap are left out: there are no such calls here.
 */
public final class GuardCases {
  private static final long PAGE = Bits.PAGE;

  /** What is mapped. */
  private enum Kind {
    ANON,
    SHMEM,
    FILE
  }

  private interface Body {
    void run(Rig rig, Kind kind);
  }

  private GuardCases() {}

  private static CaseRule of(String id, String name, String statement, Body body) {
    return plain(
        id,
        name,
        statement,
        rig -> {
          for (Kind kind : Kind.values()) {
            body.run(rig, kind);
            rig.unmap(A, END - A);
            rig.unmap(FAR, 2 * TEN);
          }
        });
  }

  private static CaseRule plain(String id, String name, String statement, Consumer<Rig> body) {
    return new CaseRule(
        new RuleInfo(
            id,
            name,
            statement,
            "Allocators put guard pages between stacks and trust that they stay.",
            "selftests guard-regions.c: " + name.replaceFirst("guard-", "").replace('-', '_'),
            "a path through the page tables takes a guard marker for nothing, or for a page"),
        CaseSetup::new,
        body);
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-G01",
            "guard-basic",
            "A guard page cannot be read or written, its neighbours can; a removed one is as new.",
            GuardCases::basic),
        of(
            "AS-G02",
            "guard-multi-vma",
            "Guards go into all mappings of a range; a hole in it is ENOMEM, and the rest is done.",
            GuardCases::multiVma),
        of(
            "AS-G03",
            "guard-munmap",
            "What is unmapped and mapped anew has no guards.",
            GuardCases::munmap),
        of(
            "AS-G04",
            "guard-mprotect",
            "Guards stay whatever the rights of the mapping become.",
            GuardCases::mprotect),
        of(
            "AS-G05",
            "guard-split-merge",
            "Guards stay where they are when the mapping falls apart and grows together.",
            GuardCases::splitMerge),
        of(
            "AS-G06",
            "guard-dontneed",
            "MADV_DONTNEED discards what lies between guards, and leaves the guards.",
            GuardCases::dontneed),
        of(
            "AS-G07",
            "guard-mlock",
            "Locked memory takes no guards; when it is unlocked it does.",
            GuardCases::mlock),
        of("AS-G08", "guard-mremap-move", "Guards move with their mapping.", GuardCases::move),
        of(
            "AS-G09",
            "guard-mremap-expand",
            "Guards stay when the mapping grows; what is new has none.",
            GuardCases::expand),
        of(
            "AS-G10",
            "guard-mremap-shrink",
            "Guards in what is kept stay when the mapping shrinks; those in the rest are gone.",
            GuardCases::shrink),
        of(
            "AS-G11",
            "guard-fork",
            "A child has its parent's guards; whoever removes his own leaves the other's.",
            GuardCases::fork),
        plain(
            "AS-G12",
            "guard-fork-cow",
            "Guards that a child puts over pages that it shares with its parent discard its own.",
            GuardCases::forkCow),
        plain(
            "AS-G13",
            "guard-free",
            "MADV_FREE leaves guards, and pages between them.",
            GuardCases::free),
        of(
            "AS-G14",
            "guard-populate",
            "Populating over a guard is EFAULT, both ways.",
            GuardCases::populate),
        of(
            "AS-G15",
            "guard-cold-pageout",
            "MADV_COLD and MADV_PAGEOUT leave guards.",
            GuardCases::coldPageout),
        plain(
            "AS-G16",
            "guard-hole-punch",
            "A hole that is punched into a file leaves guards that lie over it.",
            GuardCases::holePunch),
        plain(
            "AS-G17",
            "guard-map-private",
            "Guards in one mapping of a file are not in another one.",
            GuardCases::mapPrivate),
        plain(
            "AS-G18",
            "guard-anon-zeropage",
            "A guard takes the place of a zero page, which is there again when it was removed.",
            GuardCases::anonZeropage));
  }

  private static void map(Rig rig, Kind kind, long addr, long bytes) {
    switch (kind) {
      case ANON -> rig.map(addr, bytes, RW);
      case SHMEM ->
          rig.gives("tmpfs", addr, rig.mm.mmap(addr, bytes, RW, 0x11, CaseSetup.TMPFS, 0));
      case FILE -> rig.gives("a file", addr, rig.mm.mmap(addr, bytes, RW, 0x12, CaseSetup.DISK, 0));
    }
  }

  private static void install(Rig rig, long addr, long pages) {
    AdviceCases.advise(rig, addr, pages * PAGE, GUARD_INSTALL);
  }

  private static void remove(Rig rig, long addr, long pages) {
    AdviceCases.advise(rig, addr, pages * PAGE, GUARD_REMOVE);
  }

  private static void dead(Rig rig, long addr, long pages) {
    for (long at = addr; at < addr + pages * PAGE; at += PAGE) {
      String where = "a guard at " + Long.toHexString(at);
      Looks.ends("reading " + where, TouchOutcome.Kind.SEGV_MAPERR, rig.mm.read(at));
      Looks.ends("writing " + where, TouchOutcome.Kind.SEGV_MAPERR, rig.mm.write(at, 1));
    }
  }

  private static void alive(Rig rig, long addr, long pages) {
    for (long at = addr; at < addr + pages * PAGE; at += PAGE) {
      RuleViolation.check(rig.mm.read(at).ok(), "a read at " + Long.toHexString(at), "a signal");
      rig.touch(at);
    }
  }

  private static void basic(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    alive(rig, A, 10);
    install(rig, A, 1);
    dead(rig, A, 1);
    alive(rig, A + PAGE, 9);
    remove(rig, A, 1);
    if (kind != Kind.SHMEM) {
      rig.has(A, kind == Kind.ANON ? 0 : CaseSetup.byteOf(0));
    }
    alive(rig, A, 10);
    install(rig, A, 10);
    dead(rig, A, 10);
    remove(rig, A + PAGE, 8);
    alive(rig, A + PAGE, 8);
    dead(rig, A, 1);
    dead(rig, A + 9 * PAGE, 1);
    remove(rig, A, 10);
    alive(rig, A, 10);
  }

  private static void multiVma(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    map(rig, kind, C, TEN);
    alive(rig, A, 10);
    long end = END - A;
    Looks.fails(rig, "guards over a hole", Errno.ENOMEM, rig.mm.madvise(A, end, GUARD_INSTALL));
    dead(rig, A, 10);
    dead(rig, C, 10);
    Looks.fails(rig, "no guards over it", Errno.ENOMEM, rig.mm.madvise(A, end, GUARD_REMOVE));
    alive(rig, A, 10);
    alive(rig, C, 10);
  }

  private static void munmap(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 1);
    install(rig, A + 9 * PAGE, 1);
    dead(rig, A, 1);
    rig.unmap(A, PAGE);
    rig.unmap(A + 9 * PAGE, PAGE);
    map(rig, kind, A, PAGE);
    map(rig, kind, A + 9 * PAGE, PAGE);
    alive(rig, A, 10);
  }

  private static void mprotect(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 10);
    rig.protect(A, TEN, READ);
    for (long at = A; at < A + TEN; at += PAGE) {
      Looks.ends("a guard in r--", TouchOutcome.Kind.SEGV_MAPERR, rig.mm.read(at));
    }
    rig.protect(A, TEN, 0);
    rig.protect(A, TEN, RW);
    dead(rig, A, 10);
    remove(rig, A, 10);
    alive(rig, A, 10);
  }

  private static void splitMerge(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 10);
    rig.protect(A + 2 * PAGE, 2 * PAGE, READ);
    Looks.ends("a guard in r--", TouchOutcome.Kind.SEGV_MAPERR, rig.mm.read(A + 2 * PAGE));
    dead(rig, A, 2);
    dead(rig, A + 4 * PAGE, 6);
    rig.protect(A + 2 * PAGE, 2 * PAGE, RW);
    rig.shows("0-10 rw-p".replace("p", kind == Kind.SHMEM ? "s" : "p"));
    dead(rig, A, 10);
    remove(rig, A + 4 * PAGE, 2);
    dead(rig, A, 4);
    alive(rig, A + 4 * PAGE, 2);
    dead(rig, A + 6 * PAGE, 4);
  }

  private static void dontneed(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    for (int i = 0; i < 10; i++) {
      rig.put(A + i * PAGE, 100 + i);
    }
    for (int i = 0; i < 10; i += 2) {
      install(rig, A + i * PAGE, 1);
    }
    AdviceCases.advise(rig, A, TEN, DONTNEED);
    for (int i = 0; i < 10; i++) {
      if (i % 2 == 0) {
        dead(rig, A + i * PAGE, 1);
      } else {
        int file = CaseSetup.byteOf(i);
        rig.has(A + i * PAGE, kind == Kind.ANON ? 0 : kind == Kind.FILE ? file : 100 + i);
      }
    }
  }

  private static void mlock(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    rig.gives("mlock", 0, rig.mm.mlock(A, TEN));
    Looks.fails(
        rig, "guards in locked memory", Errno.EINVAL, rig.mm.madvise(A, TEN, GUARD_INSTALL));
    alive(rig, A, 10);
    rig.gives("munlock", 0, rig.mm.munlock(A, TEN));
    install(rig, A, 10);
    dead(rig, A, 10);
  }

  private static void move(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 1);
    install(rig, A + 9 * PAGE, 1);
    rig.move(A, FAR, TEN);
    dead(rig, FAR, 1);
    alive(rig, FAR + PAGE, 8);
    dead(rig, FAR + 9 * PAGE, 1);
    remove(rig, FAR, 10);
    alive(rig, FAR, 10);
  }

  private static void expand(Rig rig, Kind kind) {
    map(rig, kind, A, TEN / 2);
    install(rig, A, 1);
    install(rig, A + 4 * PAGE, 1);
    rig.gives("growing in place", A, rig.mm.mremap(A, TEN / 2, TEN, 0, 0));
    dead(rig, A, 1);
    alive(rig, A + PAGE, 3);
    dead(rig, A + 4 * PAGE, 1);
    alive(rig, A + 5 * PAGE, 5);
    rig.gives("and moving", FAR, rig.mm.mremap(A, TEN, 2 * TEN, 3, FAR));
    dead(rig, FAR, 1);
    dead(rig, FAR + 4 * PAGE, 1);
    alive(rig, FAR + 5 * PAGE, 15);
  }

  private static void shrink(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 1);
    install(rig, A + 2 * PAGE, 1);
    install(rig, A + 9 * PAGE, 1);
    rig.gives("shrinking", A, rig.mm.mremap(A, TEN, 3 * PAGE, 0, 0));
    dead(rig, A, 1);
    alive(rig, A + PAGE, 1);
    dead(rig, A + 2 * PAGE, 1);
    rig.gives("growing", A, rig.mm.mremap(A, 3 * PAGE, TEN, 0, 0));
    dead(rig, A + 2 * PAGE, 1);
    alive(rig, A + 3 * PAGE, 7);
  }

  private static void fork(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A, 5);
    Rig child = rig.fork();
    dead(child, A, 5);
    alive(child, A + 5 * PAGE, 5);
    remove(child, A, 5);
    alive(child, A, 5);
    dead(rig, A, 5);
    install(child, A + 5 * PAGE, 5);
    alive(rig, A + 5 * PAGE, 5);
    dead(child, A + 5 * PAGE, 5);
    child.mm.exit();
  }

  private static void forkCow(Rig rig) {
    rig.map(A, TEN, RW);
    for (int i = 0; i < 10; i++) {
      rig.put(A + i * PAGE, 50 + i);
    }
    Rig child = rig.fork();
    child.has(A, 50);
    install(child, A, 10);
    dead(child, A, 10);
    rig.has(A + 9 * PAGE, 59);
    remove(child, A, 10);
    child.has(A, 0);
    child.put(A, 7);
    rig.has(A, 50);
    Looks.pages(rig, A, TEN, "A10");
    child.mm.exit();
  }

  private static void free(Rig rig) {
    rig.map(A, TEN, RW);
    rig.put(A + PAGE, 9);
    install(rig, A, 1);
    install(rig, A + 2 * PAGE, 1);
    AdviceCases.advise(rig, A, TEN, FREE);
    dead(rig, A, 1);
    dead(rig, A + 2 * PAGE, 1);
    rig.has(A + PAGE, 9);
  }

  private static void populate(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    install(rig, A + 5 * PAGE, 1);
    for (int advice : new int[] {22, 23}) {
      Looks.fails(rig, "populating a guard", Errno.EFAULT, rig.mm.madvise(A, TEN, advice));
    }
    dead(rig, A + 5 * PAGE, 1);
    remove(rig, A, 10);
    for (int advice : new int[] {22, 23}) {
      AdviceCases.advise(rig, A, TEN, advice);
    }
    Looks.rss(rig, 10);
  }

  private static void coldPageout(Rig rig, Kind kind) {
    map(rig, kind, A, TEN);
    alive(rig, A, 10);
    install(rig, A, 2);
    AdviceCases.advise(rig, A, TEN, COLD);
    AdviceCases.advise(rig, A, TEN, PAGEOUT);
    dead(rig, A, 2);
    alive(rig, A + 2 * PAGE, 8);
  }

  private static void holePunch(Rig rig) {
    map(rig, Kind.SHMEM, A, TEN);
    alive(rig, A, 10);
    install(rig, A + 3 * PAGE, 4);
    AdviceCases.advise(rig, A + 2 * PAGE, 6 * PAGE, REMOVE);
    dead(rig, A + 3 * PAGE, 4);
    rig.has(A + 2 * PAGE, 0);
    remove(rig, A + 3 * PAGE, 4);
    rig.has(A + 3 * PAGE, 0);
  }

  private static void mapPrivate(Rig rig) {
    map(rig, Kind.FILE, A, TEN);
    rig.gives("it, shared", B, rig.mm.mmap(B, TEN, RW, 0x11, CaseSetup.DISK, 0));
    install(rig, A, 5);
    install(rig, B + 5 * PAGE, 5);
    dead(rig, A, 5);
    alive(rig, A + 5 * PAGE, 5);
    alive(rig, B, 5);
    dead(rig, B + 5 * PAGE, 5);
  }

  private static void anonZeropage(Rig rig) {
    rig.map(A, TEN, RW);
    for (int i = 0; i < 10; i++) {
      rig.has(A + i * PAGE, 0);
    }
    Looks.pages(rig, A, TEN, "z10");
    install(rig, A, 10);
    Looks.pages(rig, A, TEN, "g10");
    dead(rig, A, 10);
    remove(rig, A, 10);
    Looks.pages(rig, A, TEN, ".10");
    rig.has(A, 0);
    Looks.pages(rig, A, TEN, "z1,.9");
  }
}
