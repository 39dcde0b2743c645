// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ElfImage.Segment;
import io.mm4j.api.process.ElfImage.StackRight;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.ExecRequest.Program;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Programs of more kinds than the tiny one: with an interpreter, with alignment, with segments that
 * are out of order, and what cannot be executed. As load_elf_binary of 6.18 does it; a machine of
 * 2.4 is passed over.
 */
final class ExecCases {
  private static final int R = ElfImage.PF_R;
  private static final int RW = R | ElfImage.PF_W;
  private static final int RX = R | ElfImage.PF_X;
  private static final int ALIGN = 0x10000;

  /** What is below the stack where its limit is 8 MiB: {@code MIN_GAP} of mmap_base. */
  private static final long GAP = 128L << 20;

  /** No type of the auxiliary vector: where it ends. */
  static final long END = -1;

  private ExecCases() {}

  private static Segment load(int flags, long vaddr, long file, long memory) {
    long offset = vaddr & 0xfffff;
    return new Segment(ElfImage.PT_LOAD, flags, offset, vaddr, file, memory, ALIGN);
  }

  private static Program program(
      boolean is64, int type, @Nullable String interpreter, StackRight stack, Segment... segments) {
    MappedFile file = MappedFile.sparse("/bin/made", MappedFile.Kind.EXT4, 1 << 20);
    long first = segments[0].vaddr();
    ElfImage image =
        new ElfImage(
            is64,
            type,
            first + 0x40,
            64 + (first & 0xfffff),
            List.of(segments),
            interpreter,
            stack);
    return new Program(new OpenFile(file, OpenFile.Mode.READ_ONLY), image);
  }

  static ExecRequest request(
      Abi abi, Program program, @Nullable Program interpreter, List<String> arguments) {
    ExecRequest.Auxiliary who = new ExecRequest.Auxiliary(0x178bfbff, 2, 3376, 1000, 100, 1);
    return new ExecRequest(
        "/bin/made", program, interpreter, abi, arguments, List.of("HOME=/"), who);
  }

  static Program fixed(boolean is64, StackRight stack) {
    return program(is64, ElfImage.ET_EXEC, null, stack, load(RX, 0x401000, 0x80, 0x80));
  }

  private static Program dynamic(boolean is64, @Nullable String interpreter) {
    return program(
        is64,
        ElfImage.ET_DYN,
        interpreter,
        StackRight.NO_EXECUTE,
        load(RX, 0, 0x1080, 0x1080),
        load(RW, 0x13000, 0x100, 0x1200));
  }

  private static Program interpreter(boolean is64) {
    return program(
        is64,
        ElfImage.ET_DYN,
        null,
        StackRight.NO_EXECUTE,
        load(RX, 0, 0x1000, 0x1000),
        load(RW, 0x5000, 0x80, 0x80));
  }

  static Task born(TaskBench bench) {
    return bench.tasks.spawn("before", bench.config());
  }

  static AddressSpace mm(Task task) {
    AddressSpace mm = task.mm();
    if (mm == null) {
      throw new RuleViolation("an address space", "none");
    }
    return mm;
  }

  static AddressSpace run(TaskBench bench, ExecRequest request) {
    Task task = born(bench);
    checkEqual(0, bench.tasks.exec(task, request), "exec");
    return mm(task);
  }

  /** Mappings without those of the kernel, in words. */
  private static List<String> maps(AddressSpace mm) {
    List<String> out = new ArrayList<>();
    mm.forEachMap(
        (VmaInfo v) -> {
          if (!v.name().startsWith("[")) {
            out.add(map(v.start(), v.end(), v.perms()));
          }
        });
    return out;
  }

  private static String map(long start, long end, String perms) {
    return Long.toHexString(start) + "-" + Long.toHexString(end) + " " + perms;
  }

  private static void same(List<String> wanted, AddressSpace mm) {
    List<String> seen = maps(mm);
    check(seen.equals(wanted), wanted.toString(), seen.toString());
  }

  static VmaInfo stack(AddressSpace mm) {
    List<VmaInfo> found = new ArrayList<>();
    mm.forEachMap(
        v -> {
          if (v.name().equals("[stack]")) {
            found.add(v);
          }
        });
    checkEqual(1, found.size(), "stacks");
    return found.getFirst();
  }

  private static long top(Abi abi) {
    return abi.is64() ? 0x7fff_ffff_f000L : 0xc000_0000L;
  }

  /** Where programs and what belongs to them go, and what is refused. */
  static void programs(TaskBench bench) {
    if (bench.abi != Abi.I386_24) {
      outOfOrder(bench);
      zeroesBetween(bench);
      codeWithBss(bench);
      withInterpreter(bench);
      byItself(bench);
      dataFirst(bench);
      inherited(bench);
      refused(bench);
    }
  }

  private static void outOfOrder(TaskBench bench) {
    Program program =
        program(
            bench.abi.is64(),
            ElfImage.ET_EXEC,
            null,
            StackRight.NO_EXECUTE,
            load(RX, 0x401000, 0x80, 0x80),
            load(RW, 0x405000, 0x123, 0x2123),
            load(R, 0x403000, 0x40, 0x50)); // bss in a page that cannot be written stays as it is
    AddressSpace mm = run(bench, request(bench.abi, program, null, List.of("a")));
    same(
        List.of(
            "401000-402000 r-xp", "403000-404000 r--p", "405000-406000 rw-p", "406000-408000 rw-p"),
        mm);
    MmFields.Places places = mm.fields().places();
    checkEqual(0x401000, places.startCode(), "start_code");
    checkEqual(0x401080, places.endCode(), "end_code");
    checkEqual(0x405000, places.startData(), "start_data");
    checkEqual(0x405123, places.endData(), "end_data");
    checkEqual(0x408000, places.startBrk(), "start_brk");
  }

  /** Zeroes become part of those before them and never of those behind. */
  private static void zeroesBetween(TaskBench bench) {
    Program program =
        program(
            bench.abi.is64(),
            ElfImage.ET_EXEC,
            null,
            StackRight.NO_EXECUTE,
            load(RX, 0x401000, 0x80, 0x80),
            load(RW, 0x407000, 0, 0x1000),
            load(RW, 0x409000, 0, 0x1000),
            load(RW, 0x408000, 0, 0x1000));
    AddressSpace mm = run(bench, request(bench.abi, program, null, List.of("a")));
    same(List.of("401000-402000 r-xp", "407000-409000 rw-p", "409000-40a000 rw-p"), mm);
  }

  private static void codeWithBss(TaskBench bench) {
    Program program =
        program(
            bench.abi.is64(),
            ElfImage.ET_EXEC,
            null,
            StackRight.NO_EXECUTE,
            load(RW | ElfImage.PF_X, 0x401000, 0x10, 0x3010));
    AddressSpace mm = run(bench, request(bench.abi, program, null, List.of("a")));
    same(List.of("401000-402000 rwxp", "402000-405000 rwxp"), mm);
  }

  private static void withInterpreter(TaskBench bench) {
    boolean wide = bench.abi.is64();
    long base = wide ? 0x5555_5555_0000L : 0x40_0000L;
    long its = top(bench.abi) - GAP - 0x6000;
    Program program = dynamic(wide, "/lib/ld.so");
    AddressSpace mm = run(bench, request(bench.abi, program, interpreter(wide), List.of("a")));
    same(
        List.of(
            map(base, base + 0x2000, "r-xp"),
            map(base + 0x13000, base + 0x14000, "rw-p"),
            map(base + 0x14000, base + 0x15000, "rw-p"),
            map(its, its + 0x1000, "r-xp"),
            map(its + 0x5000, its + 0x6000, "rw-p")),
        mm);
    checkEqual(base + 0x15000, mm.fields().places().startBrk(), "start_brk");
    Map<Long, Long> auxv = auxv(bench.abi, mm);
    checkEqual(base + 64, auxv.getOrDefault(3L, 0L), "AT_PHDR");
    checkEqual(its, auxv.getOrDefault(7L, 0L), "AT_BASE");
    checkEqual(base + 0x40, auxv.getOrDefault(9L, 0L), "AT_ENTRY");
  }

  /** The file of one whose first segment can be written is open for reading only. */
  private static void dataFirst(TaskBench bench) {
    Program program =
        program(
            bench.abi.is64(),
            ElfImage.ET_DYN,
            null,
            StackRight.NO_EXECUTE,
            load(RW, 0, 0x80, 0x80),
            load(RX, 0x11000, 0x80, 0x80));
    AddressSpace mm = run(bench, request(bench.abi, program, null, List.of("a")));
    long at = mm.fields().places().startCode() - 0x11000;
    same(List.of(map(at, at + 0x1000, "rw-p"), map(at + 0x11000, at + 0x12000, "r-xp")), mm);
  }

  /** A program that can lie anywhere and has no interpreter goes among the mappings. */
  private static void byItself(TaskBench bench) {
    AddressSpace mm =
        run(bench, request(bench.abi, dynamic(bench.abi.is64(), null), null, List.of("a")));
    long at = mm.fields().places().startCode();
    long lowest = top(bench.abi) - GAP - 0x25000;
    check(
        at % ALIGN == 0 && Long.compareUnsigned(at, lowest) >= 0,
        "the first border of 64 KiB from 0x" + Long.toHexString(lowest) + " on",
        "0x" + Long.toHexString(at));
    same(
        List.of(
            map(at, at + 0x2000, "r-xp"),
            map(at + 0x13000, at + 0x14000, "rw-p"),
            map(at + 0x14000, at + 0x15000, "rw-p")),
        mm);
    long heap = bench.abi.is64() ? 0x5555_5555_5000L : 0x40_0000L;
    checkEqual(heap, mm.fields().places().startBrk(), "start_brk");
  }

  private static void inherited(TaskBench bench) {
    Task task = born(bench);
    AddressSpace before = mm(task);
    before.installFd(
        7,
        new OpenFile(
            MappedFile.sparse("/tmp/open", MappedFile.Kind.EXT4, 1 << 20),
            OpenFile.Mode.READ_ONLY));
    checkEqual(0, before.setrlimit(ResourceLimit.MEMLOCK, 0x7000, 0), "setrlimit");
    checkEqual(0, before.setrlimit(ResourceLimit.STACK, 0x10000, 0), "setrlimit");
    Program program = fixed(bench.abi.is64(), StackRight.NO_EXECUTE);
    checkEqual(0, bench.tasks.exec(task, request(bench.abi, program, null, List.of("a"))), "exec");
    AddressSpace mm = mm(task);
    checkEqual(0x7000, mm.softLimit(ResourceLimit.MEMLOCK), "RLIMIT_MEMLOCK after exec");
    check(mm.mmap(0, 4096, 1, 2, 7, 0) > 0, "a mapping of the open file", "an error");
    checkEqual(0x10000, stack(mm).end() - stack(mm).start(), "bytes of a stack of 64 KiB");
  }

  /** What prctl has set, before an exec and behind it. */
  static void keepsSettings(TaskBench bench) {
    if (bench.abi == Abi.I386_24) {
      return;
    }
    boolean wide = bench.abi.is64();
    Program program = fixed(wide, StackRight.NO_EXECUTE);
    long[][] cases = {
      {0, 0, 0}, {1, 1, 1}, {3, 3, 0}, {0, 3, 0}, {3, 1, 1}
    }; // THP, MDWE, MDWE then
    for (long[] each : cases) {
      Task task = set(bench, each[0], each[1]);
      checkEqual(
          0, bench.tasks.exec(task, request(bench.abi, program, null, List.of("a"))), "exec");
      AddressSpace mm = mm(task);
      checkEqual(each[0], mm.syscall(Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE), "PR_GET_THP_DISABLE");
      checkEqual(each[2], mm.syscall(Syscall.PRCTL, Uapi.PR_GET_MDWE), "PR_GET_MDWE after exec");
    }
    Program both =
        program(
            wide,
            ElfImage.ET_EXEC,
            null,
            StackRight.NO_EXECUTE,
            load(RW | ElfImage.PF_X, 0x401000, 0x80, 0x80));
    checkEqual(
        -Errno.EACCES,
        bench.tasks.exec(set(bench, 0, 1), request(bench.abi, both, null, List.of("a"))),
        "exec of a segment that can be written and executed, with MDWE");
    checkEqual(
        0,
        bench.tasks.exec(set(bench, 0, 3), request(bench.abi, both, null, List.of("a"))),
        "the same with MDWE that is not inherited");
  }

  private static Task set(TaskBench bench, long thp, long mdwe) {
    Task task = born(bench);
    AddressSpace mm = mm(task);
    if (thp != 0) {
      checkEqual(
          0, mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, 1, thp & ~1), "PR_SET_THP_DISABLE");
    }
    if (mdwe != 0) {
      checkEqual(0, mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MDWE, mdwe), "PR_SET_MDWE");
    }
    return task;
  }

  private static void refused(TaskBench bench) {
    boolean wide = bench.abi.is64();
    Program good = fixed(wide, StackRight.NO_EXECUTE);
    Task task = born(bench);
    AddressSpace mm = mm(task);
    Program other = fixed(!wide, StackRight.NO_EXECUTE);
    checkEqual(
        -Errno.ENOEXEC,
        bench.tasks.exec(task, request(bench.abi, other, null, List.of("a"))),
        "exec of a program of another ABI");
    ExecRequest mixed =
        request(bench.abi, dynamic(wide, "/lib/ld.so"), interpreter(!wide), List.of("a"));
    checkEqual(
        -Errno.ELIBBAD, bench.tasks.exec(task, mixed), "exec with an interpreter of another ABI");
    for (Abi strange : wide ? List.of(Abi.I386) : List.of(Abi.X86_64, Abi.IA32_ON_64)) {
      Program its = fixed(strange.is64(), StackRight.NO_EXECUTE);
      checkEqual(
          -Errno.ENOEXEC,
          bench.tasks.exec(task, request(strange, its, null, List.of("a"))),
          "exec of a program of a kernel with other page tables");
    }
    check(mm.equals(task.mm()), "the address space of before", "another one");
    checkEqual(
        0, bench.tasks.exec(task, request(bench.abi, good, null, List.of("a"))), "exec after that");
    Program large =
        program(
            wide,
            ElfImage.ET_EXEC,
            null,
            StackRight.NO_EXECUTE,
            load(RX, 0x401000, 0x80, 0x80),
            load(RW, 0x403000, 0x90, 0x80));
    long[] left = new long[3];
    for (int life = 0; life < left.length; life++) {
      Task victim = born(bench);
      checkEqual(
          -Errno.EINVAL,
          bench.tasks.exec(victim, request(bench.abi, large, null, List.of("a"))),
          "exec of more bytes of the file than of memory");
      check(
          victim.state() != Task.State.RUNNING,
          "a task that has ended: nothing is left to go back to",
          "" + victim.state());
      left[life] = bench.machine.pages().freePages() + bench.machine.pages().pcpPages();
    }
    checkEqual(left[1], left[2], "free frames after another program that failed");
    Program nothing =
        program(wide, ElfImage.ET_DYN, "/lib/ld.so", StackRight.NO_EXECUTE, load(RX, 0, 0, 0));
    for (ExecRequest empty :
        List.of(
            request(bench.abi, nothing, interpreter(wide), List.of("a")),
            request(bench.abi, dynamic(wide, "/lib/ld.so"), nothing, List.of("a")))) {
      Task victim = born(bench);
      checkEqual(-Errno.EINVAL, bench.tasks.exec(victim, empty), "exec of segments without bytes");
      check(victim.state() != Task.State.RUNNING, "a task that has ended", "" + victim.state());
    }
    Task leader = born(bench);
    long threads = Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD;
    Task thread = bench.tasks.find((int) bench.tasks.clone(leader, threads));
    check(thread != null, "a thread", "none");
    checkEqual(
        -Errno.EINVAL,
        bench.tasks.exec(leader, request(bench.abi, large, null, List.of("a"))),
        "exec of the same by one of two threads");
    check(
        Objects.requireNonNull(thread).state() != Task.State.RUNNING,
        "no thread that goes on",
        "" + thread.state());
  }

  /** Programs whose vector, strings and bss need pages of their own; none on a machine of 2.4. */
  static List<ExecRequest> largeRequests(TaskBench bench) {
    if (bench.abi == Abi.I386_24) {
      return List.of();
    }
    boolean wide = bench.abi.is64();
    List<String> many = Collections.nCopies(wide ? 900 : 1800, "a");
    return List.of(
        request(bench.abi, fixed(wide, StackRight.NO_EXECUTE), null, many),
        request(bench.abi, dynamic(wide, "/lib/ld.so"), interpreter(wide), many),
        request(bench.abi, dynamic(wide, null), null, many),
        request(
            bench.abi,
            program(
                wide,
                ElfImage.ET_DYN,
                "/lib/ld.so",
                StackRight.NO_EXECUTE,
                load(RX, 0, 0x1000, 0x1000)),
            dynamic(wide, null),
            many));
  }

  /** The auxiliary vector by type. */
  static Map<Long, Long> auxv(Abi abi, AddressSpace mm) {
    int size = abi.is64() ? 8 : 4;
    long at = mm.fields().places().startStack();
    at += size * (1 + TaskCases.word(mm, at, size));
    for (int zeros = 0; zeros < 2; at += size) {
      zeros += TaskCases.word(mm, at, size) == 0 ? 1 : 0;
    }
    Map<Long, Long> all = new HashMap<>();
    for (long type = TaskCases.word(mm, at, size); type != 0; ) {
      all.put(type, TaskCases.word(mm, at + size, size));
      at += 2L * size;
      type = TaskCases.word(mm, at, size);
    }
    all.put(END, at + 2L * size);
    return all;
  }
}
