// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;
import static io.mm4j.testkit.process.rules.HugeCases.H;
import static io.mm4j.testkit.process.rules.HugeCases.SIZE;

import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The cases of the kernel's cow.c: copy on write of a base page, of a huge page mapped in each way,
 * of the zero pages and of files; each as it is and with mprotect before the write. Those about
 * pins, vmsplice, io_uring, swap and hugetlb are left out: there are no such things here.
 */
public final class CowCases {
  private static final long PAGE = Bits.PAGE;
  private static final int DONTFORK = 10;
  private static final int COLLAPSE = 25;

  private CowCases() {}

  private static CaseRule of(String id, String name, String statement, Consumer<Rig> body) {
    return new CaseRule(
        new RuleInfo(
            id,
            name,
            statement,
            "What one process writes no other may read: passwords leaked this way.",
            "selftests cow.c; do_wp_page, do_huge_pmd_wp_page, copy_present_ptes",
            "a write goes into a page that another process still maps"),
        () -> {
          CaseSetup setup = new CaseSetup();
          setup.thp = ThpMode.MADVISE;
          return setup;
        },
        body);
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-113",
            "dirty-after-fork",
            "Pages of private memory that were written are dirty after a fork, in the parent and in"
                + " the child, whatever the rights were then, and so when one of both has gone.",
            CowCases::dirtyAfterFork),
        of(
            "AS-D01",
            "cow-base-page",
            "After a fork neither sees what the other writes to a page that was written before.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.put(A, 1);
              rig.put(A + 5 * PAGE, 1);
              bothWays(rig, A, A + 5 * PAGE);
            }),
        of(
            "AS-D02",
            "cow-thp-by-pmd",
            "Nor in a huge page that is mapped as one.",
            rig -> {
              huge(rig);
              bothWays(rig, H, H + SIZE - PAGE);
            }),
        of(
            "AS-D03",
            "cow-thp-by-ptes",
            "Nor in a huge page whose pages are mapped one by one.",
            rig -> {
              huge(rig);
              rig.protect(H + 7 * PAGE, PAGE, READ);
              rig.protect(H + 7 * PAGE, PAGE, RW);
              bothWays(rig, H, H + SIZE - PAGE);
            }),
        of(
            "AS-D04",
            "cow-thp-single-pte",
            "Nor in the one page that is left of a huge page.",
            rig -> {
              huge(rig);
              AdviceCases.advise(rig, H + PAGE, SIZE - PAGE, AdviceCases.DONTNEED);
              bothWays(rig, H, H);
            }),
        of(
            "AS-D05",
            "cow-thp-partly-mremapped",
            "Nor in a huge page of which half was moved.",
            rig -> {
              huge(rig);
              rig.move(H + SIZE / 2, H + 4 * SIZE, SIZE / 2);
              bothWays(rig, H, H + 4 * SIZE + SIZE / 2 - PAGE);
            }),
        of(
            "AS-D06",
            "cow-thp-partly-shared",
            "Nor in a huge page of which a child has only half.",
            CowCases::partlyShared),
        of(
            "AS-D07",
            "cow-zero-pages",
            "A write where a zero page is, small or huge, is seen by the writer alone.",
            CowCases::zeroPages),
        of(
            "AS-D08",
            "cow-private-file",
            "A write to a private mapping of a file, on disk or in shared memory, changes neither"
                + " the file nor another mapping of it.",
            CowCases::privateFile),
        of(
            "AS-D09",
            "cow-collapse",
            "Collapsing before a fork, or after it while all, the lower or the upper half is"
                + " shared, leaves each process its own bytes.",
            CowCases::collapse),
        of(
            "AS-D10",
            "missing-pages",
            "Whoever listens is asked once for each missing page of anonymous memory, not for those"
                + " that are there and not in a child; what he brings is read and written as any"
                + " page, what he does not bring is zero.",
            CowCases::missing),
        of(
            "AS-D11",
            "copy-looks-again",
            "If another page has come to its place while memory for a copy was looked for, a write"
                + " goes there, and the copy is thrown away.",
            CowCases::looksAgain));
  }

  /** As if another thread had discarded the page and written to a new one. */
  private static void looksAgain(Rig rig) {
    rig.map(A, TEN, RW);
    rig.put(A, 1);
    rig.put(A + 1, 1);
    Rig child = rig.fork();
    Floors.hook()
        .doBefore(
            1,
            () -> {
              AdviceCases.advise(rig, A, PAGE, AdviceCases.DONTNEED);
              rig.put(A + 1, 9);
            });
    rig.put(A, 2);
    rig.has(A + 1, 9);
    rig.has(A, 2);
    child.has(A, 1);
    child.has(A + 1, 1);
    rig.validate();
    Looks.rss(rig, 1);
    child.mm.exit();
  }

  private static void missing(Rig rig) {
    List<Long> asked = new ArrayList<>();
    Bystander bystander = new Bystander(rig.floor);
    rig.map(A, TEN, RW);
    rig.map(FAR, SIZE, RW);
    AdviceCases.advise(rig, FAR, SIZE, 14);
    rig.put(A, 1);
    rig.mm.missingTo(
        (uaddr, write) -> {
          asked.add(write ? -uaddr : uaddr);
          boolean brings = (uaddr & PAGE) != 0;
          return brings ? offset -> 3 + (offset & 63) : null;
        });
    rig.has(A, 1);
    rig.has(A + PAGE + 5, 8);
    rig.has(A + 2 * PAGE - 1, 66);
    boolean open = Floors.letsWrite(rig.mm, A + PAGE);
    RuleViolation.check(
        open, "a page that was brought for a read, to be written to", "a closed one");
    rig.put(A + PAGE, 9);
    rig.put(A + 3 * PAGE + 1, 7);
    rig.has(A + 3 * PAGE + 2, 5);
    rig.has(A + 2 * PAGE, 0);
    Looks.pages(rig, A, TEN, "A2,z1,A1,.6");
    rig.has(FAR + PAGE + 1, 4);
    Looks.anonHuge(rig, FAR, 0);
    List<Long> missing = List.of(A + PAGE, -(A + 3 * PAGE), A + 2 * PAGE, FAR + PAGE);
    RuleViolation.check(asked.equals(missing), "asked for " + missing, asked.toString());
    Rig child = rig.fork();
    child.has(A + PAGE, 9);
    child.has(A + 5 * PAGE, 0);
    child.put(A + PAGE, 2);
    rig.has(A + PAGE, 9);
    child.mm.exit();
    AdviceCases.advise(rig, A, TEN, AdviceCases.DONTNEED);
    rig.has(A + PAGE, 3);
    rig.protect(A, TEN, READ);
    rig.has(A + 5 * PAGE, 3);
    boolean closed = !Floors.letsWrite(rig.mm, A + 5 * PAGE);
    RuleViolation.check(closed, "a page that was brought to where nobody may write", "one open");
    rig.protect(A, TEN, RW);
    rig.put(A + 5 * PAGE, 4);
    rig.protect(A, TEN, 2);
    rig.has(A + 9 * PAGE, 3);
    boolean writes = Floors.letsWrite(rig.mm, A + 9 * PAGE);
    RuleViolation.check(writes, "a page that was brought to where all may write", "a closed one");
    rig.protect(A, TEN, RW);
    rig.mm.missingTo(null);
    rig.has(A + 7 * PAGE, 0);
    RuleViolation.checkEqual(7, asked.size(), "how often somebody was asked");
    bystander.keeps();
  }

  /** A huge page in which every page was written. */
  private static void huge(Rig rig) {
    rig.map(H, SIZE, RW);
    AdviceCases.advise(rig, H, SIZE, 14);
    for (long at = H; at < H + SIZE; at += PAGE) {
      rig.put(at, 1);
    }
    Looks.anonHuge(rig, H, 2048);
  }

  /** Child and parent write in turn to two pages that hold 1; with mprotect and without. */
  private static void dirtyAfterFork(Rig rig) {
    rig.map(A, TEN, RW);
    for (int i = 0; i < 10; i++) {
      rig.put(A + i * PAGE, 1);
    }
    rig.protect(A, 3 * PAGE, READ);
    rig.protect(A + 3 * PAGE, 3 * PAGE, 0);
    Rig child = rig.fork();
    for (Rig one : List.of(rig, child)) {
      dirty(one, A, 3);
      dirty(one, A + 3 * PAGE, 3);
      dirty(one, A + 6 * PAGE, 4);
    }
    rig.mm.exit();
    dirty(child, A, 3);
    dirty(child, A + 3 * PAGE, 3);
    dirty(child, A + 6 * PAGE, 4);
    child.mm.exit();
  }

  private static void dirty(Rig rig, long vma, int pages) {
    MemSizeStats sizes = rig.mm.sizes(vma);
    long dirty = sizes.sharedDirty() + sizes.privateDirty();
    rig.gives("dirty bytes of the VMA at " + Long.toHexString(vma), pages * PAGE, dirty);
  }

  private static void bothWays(Rig rig, long first, long last) {
    for (boolean protects : new boolean[] {false, true}) {
      Rig child = rig.fork();
      if (protects) {
        for (Rig one : List.of(rig, child)) {
          one.protect(first & -PAGE, PAGE, READ);
          one.protect(first & -PAGE, PAGE, RW);
        }
      }
      child.put(first, 2);
      rig.has(first, 1);
      rig.put(last, first == last ? 1 : 3);
      child.has(last, first == last ? 2 : 1);
      child.has(first, 2);
      Rig grandchild = child.fork();
      grandchild.put(first, 4);
      child.has(first, 2);
      child.put(first, 5);
      grandchild.has(first, 4);
      rig.has(first, 1);
      grandchild.mm.exit();
      child.put(last, 6);
      rig.has(last, first == last ? 1 : 3);
      child.mm.exit();
      rig.put(first, 1);
      rig.put(last, 1);
      rig.validate();
    }
  }

  private static void partlyShared(Rig rig) {
    for (boolean lower : new boolean[] {true, false}) {
      huge(rig);
      long kept = lower ? H : H + SIZE / 2;
      long shared = lower ? H + SIZE / 2 : H;
      AdviceCases.advise(rig, kept, SIZE / 2, DONTFORK);
      Rig child = rig.fork();
      child.put(shared, 2);
      rig.has(shared, 1);
      rig.put(shared + PAGE, 3);
      child.has(shared + PAGE, 1);
      rig.put(kept, 4);
      child.mm.exit();
      bothWays(rig, shared, shared + SIZE / 2 - PAGE);
      rig.has(kept, 4);
      rig.unmap(H, SIZE);
    }
  }

  private static void zeroPages(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(FAR, SIZE, RW);
    AdviceCases.advise(rig, FAR, SIZE, 14);
    for (long at : new long[] {A, FAR}) {
      rig.has(at, 0);
      Rig child = rig.fork();
      child.put(at, 2);
      rig.has(at, 0);
      rig.put(at + PAGE, 3);
      child.has(at + PAGE, 0);
      child.mm.exit();
      Rig other = rig.fork();
      other.has(at, 0);
      other.mm.exit();
    }
    rig.map(B, TEN, RW);
    rig.has(B, 0);
  }

  private static void privateFile(Rig rig) {
    for (int fd : new int[] {CaseSetup.DISK, CaseSetup.TMPFS}) {
      rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x12, fd, 0));
      rig.gives("it, shared", B, rig.mm.mmap(B, TEN, RW, 0x11, fd, 0));
      rig.has(A, CaseSetup.byteOf(0));
      rig.put(A, 101);
      rig.has(B, CaseSetup.byteOf(0));
      Rig child = rig.fork();
      child.put(A, 102);
      child.put(A + PAGE, 103);
      rig.has(A, 101);
      rig.has(A + PAGE, CaseSetup.byteOf(1));
      child.has(B + PAGE, CaseSetup.byteOf(1));
      rig.put(B + 2 * PAGE, 104);
      child.has(B + 2 * PAGE, 104);
      child.has(A + 2 * PAGE, 104);
      child.put(A + 2 * PAGE, 105);
      rig.has(B + 2 * PAGE, 104);
      child.mm.exit();
    }
  }

  private static void collapse(Rig rig) {
    for (int shared = 0; shared < 4; shared++) {
      rig.map(H, SIZE, RW);
      for (long at = H; at < H + SIZE; at += PAGE) {
        rig.put(at, 1);
      }
      if (shared == 0) {
        AdviceCases.advise(rig, H, SIZE, COLLAPSE);
        bothWays(rig, H, H + SIZE - PAGE);
      } else {
        if (shared > 1) {
          AdviceCases.advise(rig, shared == 2 ? H + SIZE / 2 : H, SIZE / 2, DONTFORK);
        }
        Rig child = rig.fork();
        AdviceCases.advise(rig, H, SIZE, 11);
        AdviceCases.advise(rig, H, SIZE, COLLAPSE);
        Looks.anonHuge(rig, H, 2048);
        long at = shared == 3 ? H + SIZE / 2 : H;
        child.put(at, 2);
        rig.has(at, 1);
        rig.put(at + PAGE, 3);
        child.has(at + PAGE, 1);
        child.mm.exit();
        rig.has(at, 1);
      }
      rig.unmap(H, SIZE);
    }
  }
}
