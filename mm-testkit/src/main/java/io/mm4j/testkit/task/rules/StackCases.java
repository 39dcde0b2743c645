// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.task.rules.ExecCases.END;
import static io.mm4j.testkit.task.rules.ExecCases.auxv;
import static io.mm4j.testkit.task.rules.ExecCases.born;
import static io.mm4j.testkit.task.rules.ExecCases.fixed;
import static io.mm4j.testkit.task.rules.ExecCases.mm;
import static io.mm4j.testkit.task.rules.ExecCases.request;
import static io.mm4j.testkit.task.rules.ExecCases.run;
import static io.mm4j.testkit.task.rules.ExecCases.stack;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage.StackRight;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.ExecRequest.Program;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.VmaInfo;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The stack that a program begins with: its rights, what lies in it, and when that is too much. */
final class StackCases {
  /** {@code MAX_ARG_STRLEN} without the last zero, and a quarter of 8 MiB. */
  private static final int LONGEST = (128 << 10) - 1;

  private static final int ROOM = 2 << 20;

  private StackCases() {}

  /** What the stack is, and when arguments are too long for it. */
  static void stacks(TaskBench bench) {
    if (bench.abi != Abi.I386_24) {
      areas(bench);
      vector(bench);
      lengths(bench);
    }
  }

  private static void areas(TaskBench bench) {
    boolean wide = bench.abi.is64();
    for (StackRight right : StackRight.values()) {
      AddressSpace mm = run(bench, request(bench.abi, fixed(wide, right), null, List.of("a")));
      boolean exec = right == StackRight.EXECUTE || (right == StackRight.DEFAULT && !wide);
      VmaInfo stack = stack(mm);
      check(
          stack.perms().equals(exec ? "rwxp" : "rw-p"),
          "a stack of " + right + (exec ? " with code" : " without code"),
          stack.perms());
      checkEqual(0x21000, stack.end() - stack.start(), "a page and 128 KiB of stack");
    }
  }

  private static void vector(TaskBench bench) {
    boolean wide = bench.abi.is64();
    Program program = fixed(wide, StackRight.NO_EXECUTE);
    AddressSpace mm = run(bench, request(bench.abi, program, null, List.of()));
    long sp = mm.fields().places().startStack();
    int size = wide ? 8 : 4;
    checkEqual(1, TaskCases.word(mm, sp, size), "argc of no arguments");
    long empty = TaskCases.word(mm, sp + size, size);
    check(TaskCases.string(mm, empty).isEmpty(), "an empty argv[0]", TaskCases.string(mm, empty));
    for (int more = 1; more < 3; more++) {
      AddressSpace other =
          run(bench, request(bench.abi, program, null, Collections.nCopies(more, "a")));
      Map<Long, Long> vector = auxv(bench.abi, other);
      long end = vector.getOrDefault(END, 0L);
      check(
          end <= vector.getOrDefault(25L, 0L),
          "the bytes of AT_RANDOM behind the vector",
          "0x" + Long.toHexString(end));
    }
    Map<Long, Long> auxv = auxv(bench.abi, mm);
    long path = auxv.getOrDefault(31L, 0L);
    check(TaskCases.string(mm, path).equals("/bin/made"), "AT_EXECFN /bin/made", "another text");
    checkEqual(stack(mm).end(), path + "/bin/made".length() + 1 + size, "the end of the stack");
    long platform = auxv.getOrDefault(15L, 0L);
    String name = TaskCases.string(mm, platform);
    check(name.equals(bench.abi.platform()), "AT_PLATFORM " + bench.abi.platform(), name);
    long random = auxv.getOrDefault(25L, platform);
    check(random + 16 <= platform, "AT_RANDOM, 16 bytes below AT_PLATFORM", "elsewhere");
    checkEqual(1000, auxv.getOrDefault(11L, 0L), "AT_UID");
    checkEqual(1000, auxv.getOrDefault(12L, 0L), "AT_EUID");
    checkEqual(100, auxv.getOrDefault(13L, 0L), "AT_GID");
    checkEqual(100, auxv.getOrDefault(14L, 0L), "AT_EGID");
    checkEqual(0, auxv.getOrDefault(7L, 0L), "AT_BASE without an interpreter");
    checkEqual(4096, auxv.getOrDefault(6L, 0L), "AT_PAGESZ");
  }

  private static void lengths(TaskBench bench) {
    String most = "x".repeat(LONGEST);
    long fits = 0;
    long not = -Errno.E2BIG;
    exec(bench, List.of(most), fits, "an argument of 128 KiB with its zero");
    exec(bench, List.of(most + "x"), not, "an argument of a byte more");
    exec(bench, Collections.nCopies(15, most), fits, "nearly a quarter of the stack");
    exec(bench, Collections.nCopies(ROOM >> 17, most), not, "more than a quarter of the stack");
    String small = "y".repeat(102);
    int many = 20_000;
    check(many * 103 < ROOM, "less than the room without pointers", "more");
    exec(bench, Collections.nCopies(many, small), not, "arguments whose pointers are too many");
    for (int more = 0; more < 2; more++) {
      Task task = born(bench);
      ExecRequest plain =
          request(bench.abi, fixed(bench.abi.is64(), StackRight.NO_EXECUTE), null, List.of("a"));
      ExecRequest longer =
          new ExecRequest(
              plain.path(),
              plain.program(),
              null,
              plain.abi(),
              plain.arguments(),
              List.of(most + "y".repeat(more)),
              plain.auxiliary());
      checkEqual(more == 0 ? fits : not, bench.tasks.exec(task, longer), "a long variable");
      bench.tasks.exit(task);
    }
  }

  private static void exec(TaskBench bench, List<String> arguments, long wanted, String what) {
    Task task = born(bench);
    AddressSpace before = mm(task);
    Program program = fixed(bench.abi.is64(), StackRight.NO_EXECUTE);
    checkEqual(wanted, bench.tasks.exec(task, request(bench.abi, program, null, arguments)), what);
    check(before.equals(mm(task)) == (wanted != 0), "the old memory only after an error", what);
    bench.tasks.exit(task);
  }
}
