// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveUffd;
import io.mm4j.testkit.process.naive.NaiveUffd.Page;
import io.mm4j.testkit.process.naive.NaiveUffd.There;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Private and shared memory of which any parts are watched by a userfaultfd in any mode, while its
 * pages are brought, protected, poisoned, moved, discarded, inherited and touched, beside {@link
 * NaiveUffd}.
 */
final class UffdPagesBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 20;
  private static final int[] RIGHTS = {2, Rig.RW, Rig.RW | 4};
  private static final int BYTES_PAGES = 4;
  private static final long PRIVATE = UffdBench.STRUCTS + 0x20_0000;
  private static final long SHARED = UffdBench.STRUCTS + 0x8_0000;
  private static final long HUGE = 1L << 21;
  private static final int DONTNEED = 4;
  private static final int REMOVE = 9;
  private static final long NEVER =
      Uffd.EVENT_FORK
          | Uffd.EVENT_REMAP
          | Uffd.EVENT_REMOVE
          | Uffd.EVENT_UNMAP
          | Uffd.SIGBUS
          | Uffd.THREAD_ID
          | Uffd.WP_ASYNC;

  private final FrameAudit audit = new FrameAudit();
  private final Rig rig;
  private final AddressSpace mm;
  private final UffdBench uffd;
  private final boolean exact;

  /** Whether the private memory is a part of what was a huge page. */
  private final boolean large;

  private final NaiveUffd ofPrivate;
  private final NaiveUffd ofShared;

  UffdPagesBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    large = random.oneIn(3);
    setup.thp = large ? ThpMode.ALWAYS : ThpMode.NEVER;
    setup.capabilities = Set.of(Capability.SYS_PTRACE);
    mm = setup.create(floor);
    rig = new Rig(floor, mm);
    exact = random.oneIn(2);
    boolean unpopulated = random.oneIn(2);
    long features = Uffd.FEATURES & ~NEVER;
    features &= exact ? -1 : ~Uffd.EXACT_ADDRESS;
    features &= unpopulated ? -1 : ~Uffd.WP_UNPOPULATED;
    uffd = UffdBench.open(rig, Uffd.NONBLOCK, features);
    int prot = RIGHTS[random.below(RIGHTS.length)];
    rig.map(PRIVATE, large ? HUGE : PAGES * PAGE, prot);
    boolean file = random.oneIn(2);
    int flags = file ? 0x11 : 0x31;
    long mapped = mm.mmap(SHARED, PAGES * PAGE, prot, flags, file ? CaseSetup.TMPFS : -1, 0);
    rig.gives("mmap", SHARED, mapped);
    // One anon_vma for all, so that parts merge again whoever was touched first.
    rig.touch(PRIVATE);
    if (large) { // parts of a huge page, of which the rest is gone
      rig.unmap(PRIVATE + PAGES * PAGE, HUGE - PAGES * PAGE);
    } else {
      rig.gives("madvise", 0, mm.madvise(PRIVATE, PAGE, DONTNEED));
    }
    ofPrivate = new NaiveUffd(PAGES, false, unpopulated);
    for (int i = 0; i < PAGES && large; i++) {
      ofPrivate.fill(NaiveUffd.What.COPY, i, i == 0 ? 1 : 0, false);
    }
    ofShared = new NaiveUffd(PAGES, true, unpopulated);
    for (int i = 0; i < PAGES && file; i++) {
      ofShared.fileHas(i, CaseSetup.byteOf(i));
    }
  }

  @Override
  public void validate() {
    mm.validate();
  }

  private static long start(NaiveUffd memory) {
    return memory.shared ? SHARED : PRIVATE;
  }

  @Override
  void step(Seeded random) {
    NaiveUffd memory = random.oneIn(2) ? ofPrivate : ofShared;
    int from = random.below(PAGES);
    int to = Math.min(PAGES, from + random.between(1, random.oneIn(4) ? PAGES : 4));
    switch (random.weighted(10, 3, 5, 8, 5, 4, 3, 8, 4, 1, 20)) {
      case 0 -> register(memory, from, to, 1 + random.below(7));
      case 1 -> {
        rig.gives("unregister", 0, uffd.unregister(at(memory, from), (to - from) * PAGE));
        memory.unregister(from, to);
      }
      case 2 -> {
        boolean on = random.oneIn(2);
        long error = memory.protect(from, to, on);
        tell("protect " + from + "-" + to + " " + on);
        long mode = on ? Uffd.WRITEPROTECT_WP : random.oneIn(2) ? 0 : 2;
        long seen = uffd.protect(at(memory, from), (to - from) * PAGE, mode);
        rig.gives("UFFDIO_WRITEPROTECT", error, seen);
      }
      case 3 -> bring(random, memory, NaiveUffd.What.COPY, from, to);
      case 4 -> bring(random, memory, NaiveUffd.What.CONTINUE, from, to);
      case 5 -> bring(random, memory, NaiveUffd.What.ZERO, from, to);
      case 6 -> bring(random, memory, NaiveUffd.What.POISON, from, to);
      case 7 -> move(random, random.oneIn(9) ? ofShared : ofPrivate, from, to);
      case 8 -> discard(random, memory, from, to);
      case 9 -> bear();
      default -> touch(memory, from, random.oneIn(2), random);
    }
  }

  private static long at(NaiveUffd memory, int page) {
    return start(memory) + page * PAGE;
  }

  private void register(NaiveUffd memory, int from, int to, int wanted) {
    // What is protected stays watched for writes: what else would become of it is judged elsewhere.
    long mode = memory.hasWrites(from, to) ? wanted | Uffd.REGISTER_WP : wanted;
    boolean can = memory.shared || (mode & Uffd.REGISTER_MINOR) == 0;
    tell("register " + from + "-" + to + " mode " + mode);
    long seen = uffd.register(at(memory, from), (to - from) * PAGE, mode);
    rig.gives("UFFDIO_REGISTER of mode " + mode, can ? 0 : -Errno.EINVAL, seen);
    if (can) {
      memory.register(from, to, mode);
      long ioctls = 0b1_1111_1100;
      ioctls &= (mode & Uffd.REGISTER_WP) == 0 ? ~(1 << 6) : -1;
      ioctls &= (mode & Uffd.REGISTER_MINOR) == 0 ? ~(1 << 7) : -1;
      uffd.answers(24, ioctls);
    }
  }

  /** Brings pages, now and then where a frame cannot be had: then fewer than could be. */
  private void bring(Seeded random, NaiveUffd memory, NaiveUffd.What what, int from, int toIn) {
    boolean copies = what == NaiveUffd.What.COPY;
    int source = random.below(BYTES_PAGES);
    int to = copies ? Math.min(toIn, from + BYTES_PAGES - source) : toIn;
    boolean wp = (copies || what == NaiveUffd.What.CONTINUE) && random.oneIn(3);
    long mode = (wp ? Uffd.COPY_WP : 0) | (random.oneIn(3) ? Uffd.MODE_DONTWAKE : 0);
    long error = memory.cannotFill(what, from, to, wp);
    int most = error != 0 ? 0 : memory.fills(what, from, to);
    error = error == 0 && most < to - from ? memory.refuses(what, from + most) : error;
    boolean poor = random.oneIn(8);
    tell(what + " " + from + "-" + to + " wp " + wp + (poor ? " short of frames" : ""));
    Floors.hook().failIn(poor ? 1 + random.below(3) : 0);
    long dst = at(memory, from);
    long len = (to - from) * PAGE;
    long seen =
        switch (what) {
          case COPY ->
              mm.syscall(
                  Syscall.UFFDIO_COPY,
                  uffd.fd,
                  UffdBench.STRUCTS,
                  dst,
                  UffdBench.BYTES + source * PAGE,
                  len,
                  mode);
          case ZERO -> one(Syscall.UFFDIO_ZEROPAGE, dst, len, mode);
          case CONTINUE -> one(Syscall.UFFDIO_CONTINUE, dst, len, mode);
          case POISON -> one(Syscall.UFFDIO_POISON, dst, len, mode);
        };
    Floors.hook().failIn(0);
    int done = answered(seen, copies ? 32 : 24, most, to - from, error, poor);
    for (int i = 0; i < done; i++) {
      memory.fill(what, from + i, 11 * (source + i + 1), wp);
    }
  }

  private long one(Syscall call, long start, long len, long mode) {
    return mm.syscall(call, uffd.fd, UffdBench.STRUCTS, start, len, mode);
  }

  /** How many pages were brought, if the call and its struct say so rightly. */
  private int answered(long seen, int place, int most, int wanted, long error, boolean poor) {
    long told = uffd.field(place);
    long first = most > 0 ? most * PAGE : error;
    if (poor && told != first) {
      check(told == -Errno.ENOMEM || told < most * PAGE, "-ENOMEM, or fewer pages", "" + told);
    } else {
      checkEqual(first, told, "bytes that were brought, or an error, in the struct");
    }
    int done = told < 0 ? 0 : (int) (told / PAGE);
    rig.gives("the call", told < 0 ? told : done == wanted ? 0 : -Errno.EAGAIN, seen);
    return done;
  }

  private void move(Seeded random, NaiveUffd memory, int dst, int dstPast) {
    int pages = dstPast - dst;
    int src = random.below(PAGES);
    if (src + pages > PAGES || Math.abs(src - dst) < pages) {
      return; // ranges that overlap
    }
    boolean holes = random.oneIn(2);
    long error = ofPrivate.cannotMove(dst, dstPast, src);
    error = memory.shared ? -Errno.EINVAL : error;
    int most = error != 0 ? 0 : ofPrivate.moves(dst, src, pages, holes);
    error = error == 0 && most < pages ? ofPrivate.staysAt(dst + most, src + most, holes) : error;
    tell("move " + src + " to " + dst + ": " + pages + (holes ? " with holes" : ""));
    long seen =
        mm.syscall(
            Syscall.UFFDIO_MOVE,
            uffd.fd,
            UffdBench.STRUCTS,
            at(ofPrivate, dst),
            at(memory, src),
            pages * PAGE,
            holes ? Uffd.MOVE_ALLOW_SRC_HOLES : 0);
    int done = answered(seen, 32, most, pages, error, false);
    for (int i = 0; i < done; i++) {
      ofPrivate.move(dst + i, src + i);
    }
  }

  private void discard(Seeded random, NaiveUffd memory, int from, int to) {
    boolean remove = memory.shared && random.oneIn(2);
    tell((remove ? "MADV_REMOVE " : "MADV_DONTNEED ") + from + "-" + to);
    long seen = mm.madvise(at(memory, from), (to - from) * PAGE, remove ? REMOVE : DONTNEED);
    rig.gives("madvise", 0, seen);
    memory.discard(from, to, remove);
  }

  /** A child has what was private, and nobody watches it. */
  private void bear() {
    if (large) {
      return; // whether one of its pages may move then hangs on the first one of the huge page
    }
    tell("fork");
    AddressSpace child = Objects.requireNonNull(mm.fork());
    for (VmaInfo vma : vmas(child, PRIVATE)) {
      check(letters(vma).isEmpty(), "nobody who watches the child", letters(vma));
    }
    checkEqual(vmas(mm, PRIVATE).size(), vmas(child, PRIVATE).size(), "VMAs of the child's memory");
    String[] seen = new String[PAGES];
    java.util.Arrays.fill(seen, ".");
    child.pagemap(
        PRIVATE,
        PRIVATE + PAGES * PAGE,
        (at, word) ->
            seen[(int) ((at - PRIVATE) / PAGE)] =
                ((word & Pagemap.PRESENT) != 0 ? "P" : "s")
                    + ((word & Pagemap.UFFD_WP) != 0 ? "w" : ""));
    String wanted = ofPrivate.inherited();
    String all = String.join(" ", seen);
    check(all.equals(wanted), "the child's pages " + wanted, all);
    ofPrivate.fork();
    Floors.unload();
    child.exit();
  }

  private void touch(NaiveUffd memory, int page, boolean write, Seeded random) {
    long addr = at(memory, page) + (write ? 0 : random.below((int) PAGE));
    int value = 1 + random.below(120);
    Page now = memory.page(page);
    NaiveUffd.Touched wanted = memory.touch(page, write, value);
    tell((write ? "write to " : "read of ") + page + " of " + Long.toHexString(start(memory)));
    TouchOutcome seen = write ? mm.write(addr, value) : mm.read(addr);
    TouchOutcome.Kind kind =
        wanted.poisoned()
            ? TouchOutcome.Kind.BUS_ADRERR
            : wanted.flags() >= 0 ? TouchOutcome.Kind.UFFD_WAIT : TouchOutcome.Kind.OK;
    Looks.ends((write ? "a write to " : "a read of ") + page + " " + now, kind, seen);
    if (wanted.flags() >= 0) {
      uffd.tells(Uffd.PAGEFAULT_MESSAGE, wanted.flags(), exact ? addr : addr & -PAGE, 0);
    }
    uffd.silent();
    if (memory.shared && !write) {
      around();
    }
  }

  /** A read maps also what the file has beside it, if nobody wants to be told of that. */
  private void around() {
    mm.pagemap(
        SHARED,
        SHARED + PAGES * PAGE,
        (at, word) -> {
          if ((word & Pagemap.PRESENT) != 0) {
            ofShared.broughtAround((int) ((at - SHARED) / PAGE));
          }
        });
  }

  // ---------------------------------------------------------------- what must agree

  @Override
  void holds() {
    audit.holds(List.of(mm));
    for (NaiveUffd memory : List.of(ofPrivate, ofShared)) {
      long start = start(memory);
      uffd.marks(start, PAGES, memory.marks());
      StringBuilder modes = new StringBuilder();
      for (VmaInfo vma : vmas(mm, start)) {
        modes.append((vma.end() - start) / PAGE).append(letters(vma)).append(' ');
      }
      String wanted = memory.modes();
      check(
          modes.toString().equals(wanted),
          "VMAs that end, and are watched, so: " + wanted,
          modes.toString());
      for (int i = 0; i < PAGES; i++) {
        Page page = memory.page(i);
        if (page.there == There.PAGE || page.there == There.ZERO) {
          rig.has(start + i * PAGE, page.value);
        }
      }
    }
  }

  private static List<VmaInfo> vmas(AddressSpace of, long start) {
    List<VmaInfo> all = new ArrayList<>();
    of.forEachVma(start, start + PAGES * PAGE, all::add);
    return all;
  }

  private static String letters(VmaInfo vma) {
    StringBuilder out = new StringBuilder();
    for (String one : List.of("um", "uw", "ui")) {
      out.append(vma.flags().contains(one) ? one : "");
    }
    return out.toString();
  }
}
