// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile.Kind;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveGaps;
import org.jspecify.annotations.Nullable;

/** One process of any layout: where mappings of any kind go, beside {@link NaiveGaps}. */
final class PlaceBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final long THIRD_64 = 0x2aaaaaaab000L;
  private static final long THIRD_32 = 0x55555000L;
  private static final int NOBODY_TOUCHES = 0;
  private final AddressSpace mm;
  private final NaiveGaps.Layout layout;
  private final NaiveGaps gaps;

  PlaceBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    if (random.oneIn(3)) {
      setup.ia32();
    }
    setup.overcommit = 1;
    setup.topDown = !random.oneIn(3);
    setup.guardPages = random.oneIn(2) ? 256 : 4;
    setup.minAddr = random.oneIn(2) ? 4096 : 0;
    setup.lsmMinAddr = random.oneIn(2) ? 65536 : 0;
    long third = setup.compat32 ? THIRD_32 : THIRD_64;
    long far = setup.compat32 ? 1L << 28 : 1L << 40;
    switch (random.below(5)) {
      case 0 -> setup.base = third + random.between(-2, 2) * PAGE;
      case 1 -> setup.base = third + far + random.between(-2, 2) * PAGE;
      case 2 -> setup.base = (1 + random.below(40)) * HUGE + random.below(3) * PAGE;
      case 3 -> setup.base = setup.taskSize - random.below(4) * PAGE;
      default -> setup.base -= random.below(600) * PAGE;
    }
    mm = setup.create(floor);
    layout =
        new NaiveGaps.Layout(
            setup.topDown,
            setup.compat32,
            setup.taskSize,
            setup.base,
            Math.max(setup.minAddr, setup.lsmMinAddr),
            setup.guardPages * PAGE);
    gaps = new NaiveGaps(layout);
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    if (random.oneIn(4)) {
      unmap(random);
    } else {
      map(random);
    }
  }

  /** Near to something that is mapped, or to a border. */
  private long near(Seeded random) {
    long about =
        switch (random.below(8)) {
          case 0 -> layout.base();
          case 1 -> layout.taskSize();
          case 2 -> layout.compat32() ? THIRD_32 : THIRD_64;
          case 3 -> random.oneIn(2) ? 0x40000000L : 0x80000000L;
          case 4 -> layout.lowest();
          case 5 -> 1L << 32;
          default -> Math.max(0, gaps.startFrom(random.below(layout.taskSize())));
        };
    long at = about + random.between(-5, 5) * (random.oneIn(3) ? HUGE : PAGE);
    return Math.max(layout.lowest(), Math.min(at, layout.taskSize() - PAGE)) & -PAGE;
  }

  private long length(Seeded random) {
    return switch (random.below(10)) {
      case 0, 1 -> random.between(1, 3) * HUGE;
      case 2 -> HUGE + random.between(-2, 2) * PAGE;
      case 3 -> layout.base() - random.below(8) * PAGE;
      case 4 -> layout.taskSize() / 3 * random.between(1, 3) & -PAGE;
      case 5 -> 0x40000000L - random.below(3) * PAGE;
      case 6 -> random.between(1, 600) * PAGE;
      default -> random.between(1, 5) * PAGE;
    };
  }

  private void unmap(Seeded random) {
    long at = near(random);
    long bytes = Math.min(length(random), layout.taskSize() - at);
    if (random.oneIn(2)) { // only a little of what is there
      bytes = Math.min(bytes, 3 * PAGE);
    }
    tell("munmap of " + hex(bytes) + " at " + hex(at));
    long result = mm.munmap(at, bytes);
    if (result == -Errno.EINVAL) {
      return; // a page of the pool would be cut
    }
    checkEqual(0, result, "munmap at " + hex(at));
    gaps.free(at, at + bytes);
  }

  private void map(Seeded random) {
    int fd =
        switch (random.below(6)) {
          case 0 -> CaseSetup.DISK;
          case 1 -> CaseSetup.TMPFS;
          case 2 -> CaseSetup.ZERO;
          default -> -1;
        };
    @Nullable Kind kind =
        fd == CaseSetup.DISK ? Kind.EXT4 : fd == CaseSetup.TMPFS ? Kind.TMPFS : null;
    kind = fd == CaseSetup.ZERO ? Kind.DEV_ZERO : kind;
    boolean pool = fd < 0 && random.oneIn(5);
    long addr = random.oneIn(2) ? 0 : near(random);
    boolean fixed = addr != 0 && random.oneIn(4);
    boolean growsDown = fd < 0 && !pool && random.oneIn(4);
    boolean shared = !growsDown && random.oneIn(3);
    long len = Math.max(PAGE, length(random));
    len = pool ? len + HUGE - 1 & -HUGE : len;
    long off = fd < 0 || random.oneIn(2) ? 0 : random.below(1100) * PAGE;
    long flags =
        Uapi.MAP_NORESERVE
            | (shared ? Uapi.MAP_SHARED : Uapi.MAP_PRIVATE)
            | (fd < 0 ? Uapi.MAP_ANONYMOUS : 0)
            | (pool ? Uapi.MAP_HUGETLB : 0)
            | (fixed ? Uapi.MAP_FIXED : 0)
            | (growsDown ? Uapi.MAP_GROWSDOWN : 0)
            | (random.oneIn(5) ? Uapi.MAP_32BIT : 0)
            | (random.oneIn(5) ? Uapi.MAP_ABOVE4G : 0);
    long given = fixed ? addr : addr + (random.oneIn(4) ? 77 : 0);
    String call =
        "mmap(" + hex(given) + ", " + hex(len) + ", flags " + hex(flags) + ", " + kind + ")";
    long wanted = gaps.place(kind, pool, given, len, off, flags);
    long seen = mm.mmap(given, len, NOBODY_TOUCHES, flags, fd, off);
    tell(call + " = " + new Act.Answer(seen));
    if (Errno.isError(seen) && !Errno.isError(wanted) && fixed) {
      return; // a page of the pool would be cut
    }
    check(
        wanted == seen,
        new Act.Answer(wanted) + " from " + call + " in " + layout,
        new Act.Answer(seen).toString());
    if (!Errno.isError(seen)) {
      gaps.take(seen, seen + len, growsDown);
    }
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  @Override
  void holds() {
    long[] total = new long[1];
    mm.forEachVma(vma -> total[0] += vma.bytes() / PAGE);
    checkEqual(gaps.pages(), total[0], "pages that are mapped");
    checkEqual(gaps.pages(), mm.fields().totalVmPages(), "total_vm");
  }
}
