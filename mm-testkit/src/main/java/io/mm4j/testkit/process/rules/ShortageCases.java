// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.HeapUse;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import io.mm4j.testkit.process.rules.Touches.Meeting;
import io.mm4j.testkit.process.rules.Touches.Touch;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** First touches of every kind of memory, and forks, without each of the frames that they need. */
public final class ShortageCases {
  private static final long PAGE = Bits.PAGE;

  /** No touch needs as many frames. */
  private static final int MOST = 60;

  private static final int GENERATIONS = 240;

  /** Bytes by which generations may differ. */
  private static final long LEEWAY = 16 << 10;

  private static final long HUGE = 1L << 21;

  /** Far enough apart for page tables of their own on each level. */
  private static final long APART = 1L << 40;

  private static final long ZERO_AT = A + APART;
  private static final long SMALL_AT = A + 2 * APART;
  private static final long POOL_AT = A + 3 * APART;
  private static final long POOL_FIXED = 0x40032;

  private static final Touch FORK =
      new Touch(
          "a fork",
          ShortageCases::beforeFork,
          ShortageCases::fork,
          -Errno.ENOMEM,
          ShortageCases::hasAll);

  private ShortageCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new CaseRule(
            new RuleInfo(
                "AS-91",
                "lines-of-descent",
                "Of a line of processes in which each parent ends when its second child is born,"
                    + " and the first one has ended, the late ones need no more memory for their"
                    + " anon_vmas than the early ones: who has gone leaves an anon_vma that is used"
                    + " again.",
                "A server that restarts itself for years must not grow by a list.",
                "anon_vma_clone, anon_vma_fork, unlink_anon_vmas (num_children, num_active_vmas)",
                "a child is not taken off its parent's count, or nobody looks at the count"),
            CaseSetup::new,
            ShortageCases::descent),
        new CaseRule(
            new RuleInfo(
                "AS-92",
                "touches-without-frames",
                "A first access to memory of any kind - anonymous, huge, of files, shared, of the"
                    + " pool, the kernel's data, a copy, brought by somebody, a stack that grows,"
                    + " by a call - that lacks one of its frames fails as such an access does,"
                    + " leaves the page as it was and contradicts nothing; made again it is done,"
                    + " and every frame comes back.",
                "Each kind of fault has its own way out.",
                "VM_FAULT_OOM in do_anonymous_page, do_huge_pmd_anonymous_page, do_fault,"
                    + " do_wp_page, vvar_fault, hugetlb_fault; populate_vma_page_range",
                "NULL is taken for a page, or what was taken before is kept"),
            CaseSetup::new,
            rig -> Touches.all().forEach(ShortageCases::withoutFrames)),
        new CaseRule(
            new RuleInfo(
                "AS-F96",
                "forks-without-frames",
                "A fork that lacks any one of its frames - a page table on any level, one that is"
                    + " kept for a huge page or the huge zero page - is ENOMEM, leaves the parent"
                    + " what it had and contradicts nothing; made again it is done, and every"
                    + " frame comes back.",
                "A server that cannot fork now will try again.",
                "copy_page_range, copy_huge_pmd (pte_alloc_one), copy_hugetlb_page_range, dup_mmap",
                "what the child had so far is not given back"),
            CaseSetup::new,
            rig -> withoutFrames(FORK)),
        new CaseRule(
            new RuleInfo(
                "AS-94",
                "touches-meanwhile",
                "If memory is touched by another thread while a first access to it, or to the page"
                    + " of a file that it shows, looks for a frame, the access is done all the"
                    + " same, one page is there in the end, and the frame that nobody needs is free"
                    + " again.",
                "Faults of two threads are one at a time only page table by page table.",
                "pte_offset_map_lock and pmd_same after the allocation in do_anonymous_page,"
                    + " __do_huge_pmd_anonymous_page, finish_fault, wp_page_copy;"
                    + " filemap_add_folio",
                "what was there before the allocation is believed, or the second frame is lost"),
            CaseSetup::new,
            rig -> Touches.meetings().forEach(ShortageCases::meanwhile)));
  }

  // ---------------------------------------------------------------- generations

  private static void descent(Rig rig) {
    // Apart by rights, so that each VMA has an anon_vma of its own.
    for (int i = 0; i < 80; i++) {
      rig.map(A + i * PAGE, PAGE, i % 2 == 0 ? RW : 7);
      rig.touch(A + i * PAGE);
    }
    AddressSpace now = rig.mm;
    long[] bytes = new long[GENERATIONS];
    for (int i = 0; i < GENERATIONS; i++) {
      Objects.requireNonNull(now.fork()).exit(); // a brother, who leaves no child
      long before = HeapUse.ofThisThread();
      AddressSpace child = Objects.requireNonNull(now.fork());
      now.exit();
      bytes[i] = HeapUse.ofThisThread() - before;
      now = child;
    }
    now.validate();
    now.exit();
    long early = median(Arrays.copyOfRange(bytes, 20, 60));
    long late = median(Arrays.copyOfRange(bytes, GENERATIONS - 40, GENERATIONS));
    check(
        late <= early + LEEWAY,
        "at most " + (early + LEEWAY) + " bytes of heap for a late generation",
        Long.toString(late));
  }

  private static long median(long[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  // ---------------------------------------------------------------- forks

  private static void beforeFork(Rig rig) {
    for (long at : new long[] {A, ZERO_AT}) {
      rig.map(at, HUGE, RW);
      rig.gives("MADV_HUGEPAGE", 0, rig.mm.madvise(at, HUGE, Uapi.MADV_HUGEPAGE));
    }
    rig.put(A, 5);
    rig.has(ZERO_AT, 0);
    rig.map(SMALL_AT, 2 * PAGE, RW);
    rig.put(SMALL_AT, 6);
    rig.gives("nr_hugepages", 0, rig.floor.resizeHugePool(HUGE, 1));
    rig.gives("mmap of the pool", POOL_AT, rig.mm.mmap(POOL_AT, HUGE, RW, POOL_FIXED, -1, 0));
    rig.put(POOL_AT, 7);
  }

  private static long fork(Rig rig) {
    @Nullable AddressSpace child = rig.mm.fork();
    if (child == null) {
      return -Errno.ENOMEM;
    }
    hasAll(new Rig(rig.floor, child));
    child.exit();
    return 0;
  }

  private static void hasAll(Rig rig) {
    rig.has(A, 5);
    rig.has(ZERO_AT + HUGE - 1, 0);
    rig.has(SMALL_AT, 6);
    rig.has(POOL_AT, 7);
    Looks.anonHuge(rig, A, HUGE >> 10);
  }

  // ---------------------------------------------------------------- touches

  /** Each frame, and each allocation inside, is refused once, until none is. */
  private static void withoutFrames(Touch touch) {
    HookedPages pages = Floors.hook();
    int failures = 0;
    for (int n = 1, most = MOST; n < most; n++) {
      int frame = n;
      boolean refused = alone(touch, rig -> frameRefused(rig, touch, pages, frame));
      failures += refused ? 1 : 0;
      most = refused ? MOST : 0;
    }
    for (int n = 0, most = MOST; n < most; n++) {
      int allocation = n;
      boolean refused = alone(touch, rig -> allocationFails(rig, touch, allocation));
      most = refused ? MOST : 0;
    }
    check(failures > 0, "an access to " + touch.name() + " that takes frames", "none");
  }

  /** On a floor of its own; every frame comes back. */
  private static boolean alone(Touch touch, Predicate<Rig> body) {
    long free = Floors.freeFrames();
    boolean went;
    try (ProcessFloor floor = Floors.booted(Map.of())) {
      CaseSetup setup = new CaseSetup();
      setup.thp = ThpMode.MADVISE;
      Rig rig = new Rig(floor, setup.create(floor));
      touch.before().accept(rig);
      went = body.test(rig);
      touch.looks().accept(rig);
      rig.validate();
      rig.mm.exit();
    } catch (CorruptStateError | MisuseException e) {
      throw new RuleViolation("no contradiction after " + touch.name(), e.toString());
    }
    checkEqual(free, Floors.freeFrames(), "free frames after " + touch.name());
    return went;
  }

  private static boolean frameRefused(Rig rig, Touch touch, HookedPages pages, int n) {
    long asked = pages.allocations();
    pages.failIn(n);
    long rss = rig.mm.fields().rssPages();
    long answer = touch.does().applyAsLong(rig);
    pages.failIn(0);
    boolean refused = pages.allocations() - asked >= n;
    judge(rig, touch, answer, rss, refused, touch.name() + " without its frame " + n);
    return refused;
  }

  private static boolean allocationFails(Rig rig, Touch touch, int n) {
    long made = rig.floor.allocationCount();
    rig.floor.failAllocationAfter(n);
    long rss = rig.mm.fields().rssPages();
    long answer = touch.does().applyAsLong(rig);
    rig.floor.failAllocationAfter(-1);
    boolean failed = rig.floor.allocationCount() - made > n;
    judge(rig, touch, answer, rss, failed, touch.name() + " whose allocation " + n + " fails");
    return failed;
  }

  /** What fails fails as it must, leaves nothing, and is done when it is made again. */
  private static void judge(
      Rig rig, Touch touch, long answer, long rss, boolean refused, String what) {
    rig.validate();
    if (answer != 0) {
      check(refused, "success of " + touch.name(), "" + answer);
      rig.gives(what, touch.errno(), answer);
      checkEqual(rss, rig.mm.fields().rssPages(), "rss after " + what);
      rig.gives(touch.name() + " after that", 0, touch.does().applyAsLong(rig));
    }
  }

  private static void meanwhile(Meeting meeting) {
    HookedPages pages = Floors.hook();
    for (int n = 1, most = MOST; n < most; n++) {
      int frame = n;
      boolean met = alone(meeting.other(), rig -> meets(rig, meeting, pages, frame));
      most = met ? MOST : 0;
    }
  }

  private static boolean meets(Rig rig, Meeting meeting, HookedPages pages, int n) {
    Touch other = meeting.other();
    boolean[] met = {false};
    pages.doBefore(
        n,
        () -> {
          met[0] = true;
          rig.gives(other.name() + " meanwhile", 0, other.does().applyAsLong(rig));
        });
    long answer = meeting.first().does().applyAsLong(rig);
    pages.doBefore(0, () -> {});
    String what = meeting.first().name() + " with " + other.name() + " in its allocation " + n;
    rig.gives(what, 0, answer);
    if (!met[0]) {
      rig.gives(other.name() + " after it", 0, other.does().applyAsLong(rig));
    }
    return met[0];
  }
}
