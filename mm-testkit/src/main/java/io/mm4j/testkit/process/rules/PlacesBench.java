// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.Arrays;
import java.util.Set;

/**
 * PR_SET_MM, field by field and all at once: a field is taken if it is an address, if every end
 * then lies behind its start, and if heap and data stay within RLIMIT_DATA.
 */
final class PlacesBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long LOWEST = 65536;

  /** In the order of struct prctl_mm_map, which brk and start_stack are not in by number. */
  private static final int FIELDS = 11;

  private static final int[] NUMBERS = {1, 2, 3, 4, 6, 7, 5, 8, 9, 10, 11};
  private static final int START_BRK = 4;
  private static final int BRK = 5;
  private static final int START_STACK = 6;
  private static final int ALL_AT_ONCE = 14;
  private static final int MAP_BYTES = 104;
  private static final int MOST_AUXV = 448;
  private static final long STRUCT = Act.SCRATCH;
  private static final long HIGHEST = FAR + PAGE;
  private final AddressSpace mm;
  private final boolean mayOne;
  private final boolean mayExecute;
  private final long limit;
  private long[] fields;

  PlacesBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    mayOne = random.oneIn(2);
    mayExecute = random.oneIn(2);
    setup.capabilities =
        mayOne && mayExecute
            ? Set.of(Capability.SYS_RESOURCE, Capability.SYS_ADMIN)
            : mayOne
                ? Set.of(Capability.SYS_RESOURCE)
                : mayExecute ? Set.of(Capability.SYS_ADMIN) : Set.of();
    limit = random.oneIn(2) ? ResourceLimit.INFINITY : random.between(4, 40) * PAGE;
    mm = setup.create(floor);
    checkEqual(STRUCT, mm.mmap(STRUCT, PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(A, mm.mmap(A, 8 * PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(FAR, mm.mmap(FAR, PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(0, mm.setrlimit(ResourceLimit.DATA, limit, 0), "setrlimit");
    fields = seen();
  }

  @Override
  public void validate() {
    mm.validate();
  }

  private long[] seen() {
    MmFields.Places p = mm.fields().places();
    return new long[] {
      p.startCode(),
      p.endCode(),
      p.startData(),
      p.endData(),
      p.startBrk(),
      p.brk(),
      p.startStack(),
      p.argStart(),
      p.argEnd(),
      p.envStart(),
      p.envEnd()
    };
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    if (random.oneIn(3)) {
      all(random);
    } else {
      one(random);
    }
  }

  private long value(Seeded random) {
    return switch (random.below(8)) {
      case 0 -> LOWEST - 1 + random.below(3);
      case 1 -> SpaceSetup.TASK_SIZE - 1 + random.below(2);
      case 2 -> -1L >>> random.below(64);
      case 3 -> HIGHEST - 1 + random.below(2);
      case 4 -> fields[random.below(FIELDS)] + random.between(-1, 1);
      case 5 -> fields[random.below(FIELDS)] + random.between(-20, 20) * PAGE;
      case 6 -> A + random.below(2) * 8L * PAGE;
      default -> A + random.below(8 * PAGE);
    };
  }

  private void one(Seeded random) {
    int field = random.oneIn(16) ? -1 : random.below(FIELDS);
    int number = field < 0 ? 16 : NUMBERS[field];
    long value = value(random);
    long size = random.oneIn(16) ? 1 : 0;
    long last = random.oneIn(16) ? 1 : 0;
    long[] next = fields.clone();
    if (field >= 0) {
      next[field] = value;
    }
    long expected;
    if ((size | last) != 0) {
      expected = -Errno.EINVAL;
    } else if (!mayOne) {
      expected = -Errno.EPERM;
    } else if (!isAddress(value) || field < 0 || !inOrder(next)) {
      expected = -Errno.EINVAL;
    } else {
      boolean ofStack = field >= START_STACK;
      expected = ofStack && value >= HIGHEST ? -Errno.EFAULT : 0;
    }
    gives(expected, next, number, value, size, last);
  }

  private void gives(long expected, long[] next, long... args) {
    tell("PR_SET_MM " + Arrays.toString(args));
    long seen = mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MM, args[0], args[1], args[2], args[3]);
    check(
        seen == expected,
        new Act.Answer(expected) + " from PR_SET_MM " + Arrays.toString(args),
        "" + new Act.Answer(seen));
    if (expected == 0) {
      fields = next;
    }
  }

  private static boolean isAddress(long value) {
    return value >= LOWEST && value < SpaceSetup.TASK_SIZE;
  }

  private boolean inOrder(long[] f) {
    boolean addresses = Arrays.stream(f).allMatch(PlacesBench::isAddress);
    boolean ordered =
        f[0] < f[1] && f[2] <= f[3] && f[START_BRK] <= f[BRK] && f[7] <= f[8] && f[9] <= f[10];
    long data = f[BRK] - f[START_BRK] + f[3] - f[2];
    return addresses && ordered && (limit == ResourceLimit.INFINITY || data <= limit);
  }

  private void all(Seeded random) {
    long[] next = fields.clone();
    for (int i = 0; i < FIELDS; i++) {
      next[i] = next[i] == 0 || random.oneIn(3) ? A + random.below(9) * PAGE : next[i];
    }
    if (random.oneIn(2)) {
      next[random.below(FIELDS)] = value(random);
    } else {
      for (int i : new int[] {0, 2, START_BRK, 7, 9}) {
        next[i] = Math.min(next[i], next[i + 1] - 1);
      }
    }
    long auxv = new long[] {0, 0, A, HIGHEST, 1L << 62}[random.below(5)];
    int auxvBytes = random.oneIn(2) ? 0 : random.oneIn(4) ? MOST_AUXV + random.below(2) : 16;
    int exe = random.oneIn(4) ? CaseSetup.DISK : -1;
    for (int i = 0; i < FIELDS; i++) {
      put(i * Long.BYTES, next[i], Long.BYTES);
    }
    put(88, auxv, Long.BYTES);
    put(96, auxvBytes, Integer.BYTES);
    put(100, exe, Integer.BYTES);
    long size = random.oneIn(12) ? MAP_BYTES - 8 : MAP_BYTES;
    long at = random.oneIn(12) ? STRUCT + PAGE - MAP_BYTES + 1 : STRUCT;
    long expected = 0;
    if (size != MAP_BYTES) {
      expected = -Errno.EINVAL;
    } else if (at != STRUCT) {
      expected = -Errno.EFAULT;
    } else if (!inOrder(next)) {
      expected = -Errno.EINVAL;
    } else if (auxvBytes != 0 && (auxv == 0 || auxvBytes > MOST_AUXV)) {
      expected = -Errno.EINVAL;
    } else if (auxvBytes != 0 && auxv >= HIGHEST) {
      expected = -Errno.EFAULT;
    } else if (exe >= 0) {
      expected = mayExecute ? -Errno.EACCES : -Errno.EPERM;
    }
    gives(expected, next, ALL_AT_ONCE, at, size, 0);
  }

  private void put(int at, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      int one = (int) (value >>> (i * Byte.SIZE)) & 255;
      check(mm.write(STRUCT + at + i, one).ok(), "a write to the struct", "a signal");
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    check(
        Arrays.equals(fields, seen()),
        "the places " + Arrays.toString(fields),
        Arrays.toString(seen()));
    MmFields.Places places = mm.fields().places();
    for (VmaInfo vma : View.of(mm).vmas()) {
      if (vma.file() == null) {
        String name = StateRules.named(vma, places);
        check(vma.name().equals(name), "the name '" + name + "' of " + View.line(vma), "another");
      }
    }
    checkEqual(fields[BRK], mm.brk(0), "the break");
    Act.Answer old = new Act.Answer(mm.brk(fields[START_BRK] - 1));
    checkEqual(fields[BRK], old.value(), "the break after one below the heap");
  }
}
