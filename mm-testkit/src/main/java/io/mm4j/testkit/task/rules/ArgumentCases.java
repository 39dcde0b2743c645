// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage.StackRight;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Task;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.task.naive.NaiveElf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/** Arguments and variables that are as long as exec takes, or longer, to the byte. */
final class ArgumentCases {
  private static final int PAGE = 4096;
  private static final int PROGRAMS = 4;
  private static final long KIB = 1024;

  /** MAX_ARG_STRLEN, ARG_MAX, and the pages of all strings of 2.4. */
  private static final long LONGEST = 128 * KIB;

  /** RLIMIT_STACK: a quarter of it counts from 512 KiB on; what is smaller stops the growth. */
  private static final long[] STACKS = {
    100,
    PAGE,
    40 * KIB + 5,
    128 * KIB,
    300 * KIB,
    512 * KIB,
    512 * KIB + 4,
    520 * KIB + 3,
    8192 * KIB,
    24576 * KIB + 4,
    1L << 30,
    Long.MAX_VALUE
  };

  /** Of what may be, so much is written and looked at; more is only refused. */
  private static final long MOST_WRITTEN = 160 * KIB;

  private final TaskBench bench;
  private final Seeded random;
  private final Abi abi;
  private final String path;
  private final long stack;

  /** RLIMIT_AS. */
  private final long space;

  private ArgumentCases(TaskBench bench, Seeded random) {
    this.bench = bench;
    this.random = random;
    boolean compat = bench.abi == Abi.X86_64 && random.oneIn(3);
    abi = compat ? Abi.IA32_ON_64 : bench.abi;
    path = "/bin/" + "d".repeat(random.between(1, 30));
    stack = STACKS[random.below(STACKS.length)];
    boolean narrow = random.oneIn(4) && abi != Abi.I386_24;
    space = narrow ? random.between(1, 30) * (long) PAGE - random.below(2) : Long.MAX_VALUE;
  }

  /** Draws arguments about a border and executes a program with them. */
  static void toTheByte(TaskBench bench, Seeded random) {
    for (int i = 0; i < PROGRAMS; i++) {
      new ArgumentCases(bench, random).run();
    }
  }

  private void run() {
    List<String> arguments = new ArrayList<>();
    List<String> environment = new ArrayList<>();
    long border = border(random);
    long room = border + random.between(-1, 1);
    boolean many = random.oneIn(4) && pointers(2) > 0;
    int count = many ? (int) Math.min(20_000, border / (2 + pointers(1))) : random.between(1, 3);
    room -= pointers(many ? count : 0);
    if (abi == Abi.I386_24 && random.oneIn(8)) { // as many pointers as 2.4 has room for
      long slots = (LONGEST - NaiveElf.kernelWord(abi)) / NaiveElf.kernelWord(abi);
      List<String> list = random.oneIn(2) ? arguments : environment;
      list.addAll(Collections.nCopies((int) slots + random.below(2), ""));
      arguments.addAll(arguments.isEmpty() ? List.of("a") : List.of());
    } else {
      fill(arguments, environment, room - path.length() - 1, count);
    }
    ExecRequest plain =
        ExecCases.request(
            abi, ExecCases.fixed(abi.is64(), StackRight.NO_EXECUTE), null, List.of("a"));
    ExecRequest request =
        new ExecRequest(
            path, plain.program(), null, abi, arguments, environment, plain.auxiliary());
    Task task = bench.tasks.spawn("before", bench.config());
    AddressSpace before = Objects.requireNonNull(task.mm());
    checkEqual(0, before.setrlimit(ResourceLimit.STACK, stack, 0), "setrlimit");
    checkEqual(0, before.setrlimit(ResourceLimit.AS, space, 0), "setrlimit");
    String what =
        "exec of "
            + bytes(arguments, environment)
            + " bytes in "
            + arguments.size()
            + " arguments"
            + " and "
            + environment.size()
            + " variables, with a stack of "
            + stack
            + " bytes";
    boolean fits = fits(arguments, environment);
    if (fits && bytes(arguments, environment) > MOST_WRITTEN) {
      bench.tasks.exit(task); // as true, and it would take long
      return;
    }
    long error = bench.tasks.exec(task, request);
    if (!fits) {
      checkEqual(-Errno.E2BIG, error, what);
      check(before.equals(task.mm()), "the memory of before", "another");
    } else if (error == 0) {
      AddressSpace mm = Objects.requireNonNull(task.mm());
      long from = mm.fields().places().argStart();
      checkEqual(top() - bytes(arguments, environment), from, "arg_start after " + what);
    } else { // no room for the vector, or for the program
      boolean narrow = space < Long.MAX_VALUE && error == -Errno.ENOMEM;
      checkEqual(narrow ? error : -Errno.EFAULT, error, what);
    }
    if (task.state() == Task.State.RUNNING) {
      bench.tasks.exit(task);
    }
  }

  /** One of the limits, in bytes from the first string's end. */
  private long border(Seeded random) {
    return switch (random.below(abi == Abi.I386_24 ? 2 : 4)) {
      case 0 -> LONGEST - (abi == Abi.I386_24 ? NaiveElf.kernelWord(abi) : 0);
      case 1 -> random.between(1, 20) * (long) PAGE - NaiveElf.kernelWord(abi);
      case 2 -> most();
      default -> {
        long least = Math.max(PAGE, Math.min(space, Math.min(stack, MOST_WRITTEN)));
        yield least / PAGE * PAGE - NaiveElf.kernelWord(abi);
      }
    };
  }

  private long top() {
    return NaiveElf.top(abi) - NaiveElf.kernelWord(abi);
  }

  private long most() {
    return Math.max(LONGEST, Math.min(6 * KIB * KIB, stack / 4));
  }

  private long pointers(int count) {
    return abi == Abi.I386_24 ? 0 : (long) count * NaiveElf.kernelWord(abi);
  }

  private void fill(List<String> arguments, List<String> environment, long bytes, int count) {
    long left = bytes;
    for (int i = 1; i <= count || left > 0; i++) {
      boolean last = i >= count && left <= LONGEST;
      long share = last ? left : Math.min(LONGEST, Math.max(1, left / Math.max(1, count - i + 1)));
      boolean argument = arguments.isEmpty() || random.oneIn(2);
      int length = (int) Math.max(0, share - 1);
      (argument ? arguments : environment).add("x".repeat(length));
      left -= length + 1;
    }
    if (random.oneIn(4)) { // one that is a byte too long, or just not
      List<String> list = environment.isEmpty() || random.oneIn(2) ? arguments : environment;
      list.set(0, "y".repeat((int) LONGEST - random.below(2)));
    }
  }

  private long bytes(List<String> arguments, List<String> environment) {
    long sum = path.length() + 1L;
    for (List<String> list : Arrays.asList(arguments, environment)) {
      sum += list.stream().mapToLong(text -> text.length() + 1).sum();
    }
    return sum;
  }

  private boolean fits(List<String> arguments, List<String> environment) {
    long bytes = bytes(arguments, environment);
    if (abi == Abi.I386_24) {
      long room = LONGEST - NaiveElf.kernelWord(abi);
      long slots = room / NaiveElf.kernelWord(abi);
      return bytes <= room && arguments.size() <= slots && environment.size() <= slots;
    }
    boolean one = true;
    for (List<String> list : Arrays.asList(arguments, environment)) {
      one &= list.stream().allMatch(text -> text.length() < LONGEST);
    }
    long pointers = pointers(arguments.size() + environment.size());
    long area = (bytes + NaiveElf.kernelWord(abi) + PAGE - 1) / PAGE * PAGE;
    return one
        && pointers < most()
        && bytes + pointers <= most()
        && (area == PAGE || (area <= stack && area <= space));
  }
}
