// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaivePolicy;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A process with private memory and two mappings of one file of shared memory, on a machine of any
 * number of nodes: which policy each page has, beside a list of pages for each.
 */
final class PolicyBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 16;
  private static final int FILE_PAGES = 40;
  private static final int[] COUNTS = {1, 2, 3, 6, 17, 63};
  private static final long PRIVATE_FIXED = 0x32;
  private static final long SHARED_FIXED = 0x11;
  private static final long ANSWER = Act.SCRATCH;
  private static final int MASK_BYTES = 32;

  /** A mapping and the policies of its VMAs, page by page. */
  private static final class Mapped {
    final long start;
    final boolean shared;
    final @Nullable NaivePolicy[] own = new NaivePolicy[PAGES];

    /** Page of the file at its start. */
    int index;

    Mapped(long start, boolean shared) {
      this.start = start;
      this.shared = shared;
    }

    boolean isBorder(int page) {
      return page == 0 || page == PAGES || !Objects.equals(own[page - 1], own[page]);
    }

    /** The first page of the VMA of a page. */
    int first(int page) {
      int at = page;
      while (!isBorder(at)) {
        at--;
      }
      return at;
    }

    int past(int page) {
      int at = page + 1;
      while (!isBorder(at)) {
        at++;
      }
      return at;
    }
  }

  private final AddressSpace mm;
  private final int count;
  private final Mapped[] all = {
    new Mapped(A, false), new Mapped(FAR, true), new Mapped(FAR + 64 * PAGE, true)
  };
  private final @Nullable NaivePolicy[] ofFile = new NaivePolicy[FILE_PAGES];

  /** Pages of the private memory that are there, all on node 0. */
  private final boolean[] there = new boolean[PAGES];

  private @Nullable NaivePolicy ofProcess;

  PolicyBench(ProcessFloor floor, Seeded random) {
    super(floor);
    count = COUNTS[random.below(COUNTS.length)];
    floor.kernelOption("numa-nodes", "" + count);
    mm = new CaseSetup().create(floor);
    checkEqual(ANSWER, mm.mmap(ANSWER, PAGE, RW, PRIVATE_FIXED, -1, 0), "mmap");
    checkEqual(A, mm.mmap(A, PAGES * PAGE, RW, PRIVATE_FIXED, -1, 0), "mmap");
    boolean touched = random.oneIn(2);
    for (int i = 0; i < PAGES && touched; i++) {
      check(mm.write(A + i * PAGE, 1).ok(), "a write", "a signal");
      there[i] = true;
    }
    mapAnew(all[1], 0);
    mapAnew(all[2], 8);
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    switch (random.below(12)) {
      case 0 -> ofProcess(random);
      case 1, 2 -> tells(random);
      case 3 -> home(random);
      case 4 -> {
        Mapped some = all[random.below(3)];
        if (some.shared) {
          mapAnew(some, random.below(FILE_PAGES - PAGES));
        } else {
          mapPart(some, random);
        }
      }
      case 5 -> moves(random);
      default -> bind(random);
    }
  }

  // ---------------------------------------------------------------- requests

  private static int word(Seeded random) {
    int mode = random.oneIn(12) ? random.between(7, 9) : random.below(7);
    int flags = 0;
    if (random.oneIn(3)) {
      flags |= random.oneIn(2) ? Uapi.MPOL_F_STATIC_NODES : Uapi.MPOL_F_RELATIVE_NODES;
    }
    flags |= random.oneIn(6) ? Uapi.MPOL_F_NUMA_BALANCING : 0;
    flags |= random.oneIn(20) ? Uapi.MPOL_F_STATIC_NODES | Uapi.MPOL_F_RELATIVE_NODES : 0;
    return mode | flags;
  }

  /** None, few nodes, many, or those that are there. */
  private long nodes(Seeded random) {
    long few = 1L << random.below(count) | 1L << random.below(8);
    return switch (random.below(6)) {
      case 0 -> 0;
      case 1 -> random.next();
      case 2 -> random.next() & (1L << count) - 1;
      case 3 -> 1L << random.below(count);
      default -> few;
    };
  }

  private static long bits(Seeded random) {
    return random.oneIn(3) ? random.below(70) : random.oneIn(9) ? random.below(40_000) : 64;
  }

  private void ofProcess(Seeded random) {
    int word = word(random);
    long nodes = nodes(random);
    long max = bits(random);
    NaivePolicy.Made made = NaivePolicy.of(word, nodes, max, count);
    gives("set_mempolicy", made.error(), mm.syscall(Syscall.SET_MEMPOLICY, word, nodes, max));
    if (made.error() == 0) {
      ofProcess = made.policy();
    }
  }

  private void gives(String what, long expected, long seen) {
    tell(what + " = " + new Act.Answer(seen));
    check(expected == seen, new Act.Answer(expected) + " from " + what, "" + new Act.Answer(seen));
  }

  private void bind(Seeded random) {
    Mapped some = all[random.below(3)];
    int from = random.below(PAGES);
    int to = from + random.below(PAGES - from) + 1;
    int word = word(random);
    long nodes = nodes(random);
    long max = bits(random);
    long flags = random.oneIn(3) ? random.below(random.oneIn(4) ? 16 : 4) : 0;
    boolean hole = random.oneIn(10); // a page behind the mapping
    long bytes = (to - from) * PAGE - (random.oneIn(4) ? random.below((int) PAGE) : 0);
    bytes = hole ? (PAGES + 1 - from) * PAGE : bytes;
    NaivePolicy.Made made = NaivePolicy.of(word, nodes, max, count);
    long expected = made.error();
    boolean first = NaivePolicy.isWord(word) && NaivePolicy.mask(nodes, max) >= 0;
    if (first && (flags & ~7) == 0 && (flags & Uapi.MPOL_MF_MOVE_ALL) != 0) {
      expected = -Errno.EPERM;
    } else if (first && (flags & ~7) != 0) {
      expected = -Errno.EINVAL;
    } else if (expected == 0 && made.policy() != null) {
      boolean strict = (flags & 3) == Uapi.MPOL_MF_STRICT;
      boolean elsewhere = strict && (NaivePolicy.mask(nodes, max) & 1) == 0;
      // The hole is seen when its turn comes to the VMA before it.
      int looked = hole ? Math.max(from, some.first(PAGES - 1)) : to;
      expected = elsewhere && hasPage(some, from, looked) ? -Errno.EIO : hole ? -Errno.EFAULT : 0;
    }
    gives(
        "mbind of pages "
            + from
            + "-"
            + to
            + " of "
            + Long.toHexString(some.start)
            + " to "
            + word
            + " "
            + Long.toHexString(nodes)
            + " flags "
            + flags,
        expected,
        mm.syscall(Syscall.MBIND, some.start + from * PAGE, bytes, word, nodes, max, flags));
    if (expected == 0) {
      for (int at = from; at < (hole ? PAGES : to); ) {
        at = give(some, at, hole ? PAGES : to, made.policy());
      }
    }
  }

  private boolean hasPage(Mapped some, int from, int to) {
    boolean any = false;
    for (int i = from; i < to; i++) {
      any |= !some.shared && there[i];
    }
    return any;
  }

  /** Gives a part of one VMA a policy; where the part ends. */
  private int give(Mapped some, int from, int to, @Nullable NaivePolicy policy) {
    int past = Math.min(to, some.past(from));
    if (!Objects.equals(some.own[from], policy)) {
      Arrays.fill(some.own, from, past, policy);
      if (some.shared) { // the file has it wherever the VMA that came of it lies
        Arrays.fill(ofFile, some.index + some.first(from), some.index + some.past(from), policy);
      }
    }
    return past;
  }

  private void home(Seeded random) {
    Mapped some = all[random.below(3)];
    int from = random.below(PAGES);
    int to = from + random.below(PAGES - from) + 1;
    long node = random.between(-1, count);
    long flags = random.oneIn(8) ? 1 : 0;
    long expected = -Errno.ENOENT;
    if (node < 0 || node >= count || flags != 0) {
      expected = -Errno.EINVAL;
    } else {
      for (int at = from; at < to; ) {
        NaivePolicy policy = some.own[at];
        if (policy == null) {
          at = Math.min(to, some.past(at));
        } else if (policy.mode() != Uapi.MPOL_BIND && policy.mode() != Uapi.MPOL_PREFERRED_MANY) {
          expected = -Errno.EOPNOTSUPP;
          break;
        } else {
          at = give(some, at, to, policy.at(node));
          expected = 0;
        }
      }
    }
    long seen =
        mm.syscall(
            Syscall.SET_MEMPOLICY_HOME_NODE,
            some.start + from * PAGE,
            (to - from) * PAGE,
            node,
            flags);
    gives("set_mempolicy_home_node of " + from + "-" + to + ": " + node, expected, seen);
  }

  /**
   * The file elsewhere, or the same part of it anew: the VMAs are gone, the file's policies not.
   */
  private void mapAnew(Mapped some, int index) {
    long bytes = PAGES * PAGE;
    gives(
        "mmap of the file from " + index,
        some.start,
        mm.mmap(some.start, bytes, RW, SHARED_FIXED, CaseSetup.TMPFS, index * PAGE));
    Arrays.fill(some.own, null);
    some.index = index;
  }

  private void mapPart(Mapped some, Seeded random) {
    int from = random.below(PAGES);
    int pages = 1 + random.below(PAGES - from);
    long at = some.start + from * PAGE;
    gives("mmap of " + pages, at, mm.mmap(at, pages * PAGE, RW, PRIVATE_FIXED, -1, 0));
    Arrays.fill(some.own, from, from + pages, null);
    Arrays.fill(there, from, from + pages, false);
  }

  private void moves(Seeded random) {
    long there = (1L << count) - 1;
    long many = random.next();
    long few = many & random.next();
    long to = NaivePolicy.mask(few, 64);
    long from = random.next();
    long max = bits(random);
    long target = NaivePolicy.mask(to, max);
    long expected =
        target < 0 || NaivePolicy.mask(from, max) < 0
            ? -Errno.EINVAL
            : (target & ~there) != 0 ? -Errno.EPERM : target == 0 ? -Errno.EINVAL : 0;
    gives("migrate_pages", expected, mm.syscall(Syscall.MIGRATE_PAGES, max, from, to));
    int page = random.below(PAGES);
    long node = random.between(-2, count);
    long flags = random.oneIn(4) ? random.below(8) : Uapi.MPOL_MF_MOVE;
    expected = this.there[page] ? 0 : -Errno.ENOENT;
    if ((flags & ~6) != 0) {
      expected = -Errno.EINVAL;
    } else if ((flags & Uapi.MPOL_MF_MOVE_ALL) != 0) {
      expected = -Errno.EPERM;
    } else if (node != Uapi.ANY_NODE && (node < 0 || node >= count)) {
      expected = -Errno.ENODEV;
    }
    gives(
        "move_pages of page " + page + " to " + node + " flags " + flags,
        expected,
        mm.syscall(Syscall.MOVE_PAGES, A + page * PAGE, node, flags));
  }

  // ---------------------------------------------------------------- what is told

  private void tells(Seeded random) {
    Mapped some = all[random.below(3)];
    int page = random.below(PAGES);
    boolean address = random.oneIn(2);
    long flags = address ? Uapi.MPOL_F_ADDR : random.oneIn(3) ? Uapi.MPOL_F_NODE : 0;
    flags = random.oneIn(5) ? Uapi.MPOL_F_MEMS_ALLOWED : flags;
    long addr = address ? some.start + page * PAGE + random.below((int) PAGE) : 0;
    long max = random.oneIn(2) ? 64 : random.below(200);
    for (int i = 0; i < 8 + MASK_BYTES; i++) {
      check(mm.write(ANSWER + i, 0x77).ok(), "a write", "a signal");
    }
    @Nullable NaivePolicy policy = ofProcess;
    if (address) {
      policy = some.shared ? ofFile[some.index + page] : some.own[page];
    }
    long told = policy == null ? 0 : policy.mode() | policy.flags();
    long nodes = policy == null ? 0 : policy.told();
    boolean mode = !random.oneIn(5); // either may be left out
    boolean mask = !random.oneIn(5);
    long expected = mask && max < count ? -Errno.EINVAL : 0;
    if (flags == Uapi.MPOL_F_MEMS_ALLOWED) {
      told = 0;
      nodes = (1L << count) - 1;
    } else if (flags == Uapi.MPOL_F_NODE) {
      boolean turns =
          policy != null
              && (policy.mode() == Uapi.MPOL_INTERLEAVE
                  || policy.mode() == Uapi.MPOL_WEIGHTED_INTERLEAVE);
      told = turns && policy != null ? Long.numberOfTrailingZeros(policy.nodes()) : 0;
      expected = turns ? expected : -Errno.EINVAL;
    } else if (!address && addr != 0) {
      expected = -Errno.EINVAL;
    }
    gives(
        "get_mempolicy of page " + page + " flags " + flags + " maxnode " + max,
        expected,
        mm.syscall(
            Syscall.GET_MEMPOLICY, mode ? ANSWER : 0, mask ? ANSWER + 8 : 0, max, addr, flags));
    if (expected == 0) {
      checkEqual(mode ? told : 0x7777_7777, number(ANSWER, Integer.BYTES), "the mode");
      long bytes = (max - 1 + 63) / 64 * 8;
      for (int i = 0; i < MASK_BYTES; i += 8) {
        long word = !mask || i >= bytes ? 0x7777_7777_7777_7777L : i == 0 ? nodes : 0;
        checkEqual(word, number(ANSWER + 8 + i, Long.BYTES), "the nodes from bit " + 8 * i);
      }
    }
  }

  private long number(long at, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) mm.read(at + i).value() << (8 * i);
    }
    return value;
  }

  @Override
  void holds() {
    for (Mapped some : all) {
      int vmas = 0;
      for (int page = 0; page < PAGES; page++) {
        if (some.isBorder(page)) {
          vmas++;
          @Nullable NaivePolicy policy = some.shared ? ofFile[some.index + page] : some.own[page];
          policy = policy == null ? ofProcess : policy;
          String wanted = policy == null ? "default" : policy.text();
          String seen = mm.memoryPolicy(some.start + page * PAGE);
          check(
              wanted.equals(seen),
              "policy " + wanted + " of page " + page + " at " + Long.toHexString(some.start),
              seen);
        }
      }
      int[] counted = new int[1];
      mm.forEachVma(some.start, some.start + PAGES * PAGE, vma -> counted[0]++);
      checkEqual(vmas, counted[0], "VMAs at " + Long.toHexString(some.start));
    }
  }
}
