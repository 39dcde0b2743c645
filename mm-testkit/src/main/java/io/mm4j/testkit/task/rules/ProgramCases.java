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
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.task.naive.NaiveElf;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Programs of any shape, drawn from a seed, against the model of what exec makes of them. */
final class ProgramCases {
  private static final int PAGE = 4096;

  /** So many are drawn in a step: a machine takes longer to boot than a program to load. */
  private static final int PROGRAMS = 5;

  /** {@code mmap_min_addr}. */
  private static final long LEAST = 0x10000;

  /** Of the bytes of AT_RANDOM: so many, so far from each other. */
  private static final int SEEDS = 4;

  private static final long SPREAD = 0x9e3779b97f4a7c15L;

  private static final int R = ElfImage.PF_R;
  private static final long EXPAND = 128L << 10;
  private static final int PT_NOTE = 4;

  /** RLIMIT_STACK: usual ones, some that move mmap_base, and less than exec takes at first. */
  private static final long[] LIMITS = {
    (100L << 10) + 5,
    127L << 10,
    8L << 20,
    8L << 20,
    200L << 20,
    (128L << 20) + 5,
    (300L << 20) + 4000,
    1L << 30,
    Long.MAX_VALUE,
    Long.MAX_VALUE
  };

  private static final MappedFile FILE =
      new MappedFile("/bin/drawn", MappedFile.Kind.EXT4, 1 << 20, at -> (int) byteAt(at));

  private final TaskBench bench;
  private final Seeded random;
  private final Abi abi;

  /** Whether no segment asks for a border that can be. */
  private final boolean unaligned;

  private ProgramCases(TaskBench bench, Seeded random) {
    this.bench = bench;
    this.random = random;
    boolean compat = bench.abi == Abi.X86_64 && random.oneIn(2);
    abi = compat ? Abi.IA32_ON_64 : bench.abi;
    unaligned = random.oneIn(4);
  }

  private static long byteAt(long offset) {
    return offset * 31 + (offset >> 12) & 127;
  }

  /** Draws programs and executes them. */
  static void any(TaskBench bench, Seeded random) {
    for (int i = 0; i < PROGRAMS; i++) {
      new ProgramCases(bench, random).run();
    }
  }

  private void run() {
    boolean old = abi == Abi.I386_24;
    boolean dynamic = random.oneIn(2);
    boolean interpreted = random.oneIn(2) && !old;
    Wrong wrong = random.oneIn(4) && !old ? Wrong.of(random, dynamic, interpreted) : Wrong.NOTHING;
    long base = dynamic ? 0 : abi.is64() ? 0x400000 : 0x8048000;
    base = wrong == Wrong.NO_ROOM_FOR_THE_VDSO ? LEAST : base;
    Program program = program(dynamic, interpreted ? "/lib/ld.so" : null, base, wrong);
    boolean movable = random.oneIn(2) && !wrong.ofFixedInterpreter;
    Program loader =
        interpreted
            ? program(
                movable, null, movable && random.oneIn(2) ? 0 : 0x3000_0000, wrong.inInterpreter())
            : null;
    String path = "/bin/" + "d".repeat(random.between(1, 20));
    List<String> environment = strings();
    ExecRequest request =
        new ExecRequest(
            path,
            program,
            loader,
            abi,
            arguments(path, environment),
            environment,
            new ExecRequest.Auxiliary(
                random.below(1 << 30),
                random.below(64),
                3376,
                random.below(9),
                random.below(9),
                random.below(SEEDS) * SPREAD));
    long limit = LIMITS[random.below(LIMITS.length)];
    boolean legacy = random.oneIn(4);
    Task task = bench.tasks.spawn("before", bench.config().sysctls(sysctls(legacy)));
    AddressSpace before = Objects.requireNonNull(task.mm());
    checkEqual(0, before.setrlimit(ResourceLimit.STACK, limit, 0), "setrlimit");
    long error = bench.tasks.exec(task, request);
    if (wrong != Wrong.NOTHING) {
      boolean asHigh = wrong == Wrong.TOO_HIGH && isAlone(program, dynamic);
      checkEqual(asHigh ? -Errno.EINVAL : -wrong.errno, error, "exec of a program: " + wrong);
      check(task.state() != Task.State.RUNNING, "no task that goes on", "" + task.state());
      return;
    }
    checkEqual(0, error, "exec");
    AddressSpace mm = Objects.requireNonNull(task.mm());
    NaiveElf model = new NaiveElf(request, limit, legacy, ProgramCases::byteAt);
    if (!old) { // whose heap begins elsewhere
      pages(mm, model);
      places(mm, model);
    }
    layout(mm.layout(), model);
    stack(mm, request, model, limit);
    mm.validate();
    bench.tasks.exit(task);
  }

  private static MmSysctls sysctls(boolean legacy) {
    MmSysctls usual = MmSysctls.DEFAULTS;
    return new MmSysctls(
        usual.overcommitMemory(),
        usual.overcommitRatio(),
        usual.maxMapCount(),
        usual.mmapMinAddr(),
        usual.lsmMmapMinAddr(),
        usual.stackGuardGapPages(),
        legacy);
  }

  private List<String> strings() {
    List<String> all = new ArrayList<>();
    for (int n = random.between(1, 5); n > 0; n--) {
      all.add("s".repeat(random.oneIn(8) ? random.below(9000) : random.below(12)));
    }
    return all;
  }

  // ---------------------------------------------------------------- drawing

  /** Those of a program; with its other strings they may begin at the border of a page. */
  private List<String> arguments(String path, List<String> environment) {
    List<String> all = strings();
    if (random.oneIn(3)) {
      int bytes = path.length() + 1;
      for (List<String> list : List.of(all, environment)) {
        bytes += list.stream().mapToInt(text -> text.length() + 1).sum();
      }
      long first = NaiveElf.top(abi) - NaiveElf.kernelWord(abi) - bytes;
      int more = (int) (first & PAGE - 1) + new int[] {0, 0, 1, PAGE - 1}[random.below(4)];
      all.set(0, all.getFirst() + "p".repeat(more));
    }
    return all;
  }

  /** What is wrong with a program, and how exec ends then, after the old memory has gone. */
  private enum Wrong {
    NOTHING(0, false),
    MORE_IN_THE_FILE(Errno.EINVAL, false),
    AT_ODDS_WITH_ITS_PAGES(Errno.EINVAL, false),
    TOO_HIGH(Errno.ENOMEM, false),
    ENTERED_TOO_HIGH(Errno.EINVAL, false),
    EMPTY_AND_TOO_HIGH(Errno.EINVAL, false),
    NO_ROOM_FOR_THE_VDSO(Errno.ENOMEM, false),
    IN_THE_STACK(Errno.EEXIST, false),
    INTERPRETER_WITH_MORE_IN_THE_FILE(Errno.ENOMEM, false),
    INTERPRETER_AT_ODDS_WITH_ITS_PAGES(Errno.EINVAL, false),
    INTERPRETER_TOO_HIGH(Errno.ENOMEM, true),
    INTERPRETER_ENTERED_TOO_HIGH(Errno.EINVAL, true);

    private final int errno;

    /** Of an interpreter that lies where it says. */
    private final boolean ofFixedInterpreter;

    Wrong(int errno, boolean ofFixedInterpreter) {
      this.errno = errno;
      this.ofFixedInterpreter = ofFixedInterpreter;
    }

    static Wrong of(Seeded random, boolean dynamic, boolean interpreted) {
      List<Wrong> all =
          new ArrayList<>(List.of(MORE_IN_THE_FILE, AT_ODDS_WITH_ITS_PAGES, TOO_HIGH));
      if (!dynamic) {
        all.add(EMPTY_AND_TOO_HIGH);
      }
      if (!dynamic && !interpreted) {
        all.add(ENTERED_TOO_HIGH);
        all.add(NO_ROOM_FOR_THE_VDSO);
        all.add(IN_THE_STACK);
      }
      if (interpreted) {
        all.addAll(
            List.of(
                INTERPRETER_WITH_MORE_IN_THE_FILE,
                INTERPRETER_AT_ODDS_WITH_ITS_PAGES,
                INTERPRETER_TOO_HIGH,
                INTERPRETER_ENTERED_TOO_HIGH));
      }
      return all.get(random.below(all.size()));
    }

    /** The same of what is wrong with the interpreter's own program. */
    Wrong inInterpreter() {
      return switch (this) {
        case INTERPRETER_WITH_MORE_IN_THE_FILE -> MORE_IN_THE_FILE;
        case INTERPRETER_AT_ODDS_WITH_ITS_PAGES -> AT_ODDS_WITH_ITS_PAGES;
        case INTERPRETER_TOO_HIGH -> TOO_HIGH;
        case INTERPRETER_ENTERED_TOO_HIGH -> ENTERED_TOO_HIGH;
        default -> NOTHING;
      };
    }
  }

  private Program program(boolean dynamic, @Nullable String loader, long base, Wrong wrong) {
    List<Segment> segments = new ArrayList<>();
    long at = base + (long) random.below(4) * PAGE;
    boolean alone = wrong == Wrong.NO_ROOM_FOR_THE_VDSO || wrong == Wrong.IN_THE_STACK;
    int n = alone || random.oneIn(5) ? 1 : random.between(1, 5);
    for (int i = 0; i < n; i++) {
      Segment next = segment(at + (long) random.below(3) * PAGE, i == 0);
      if (i == n - 1) {
        next = wrong(next, wrong);
      }
      segments.add(next);
      boolean covered = !dynamic && random.oneIn(6); // what comes next lies in the zeroes of this
      long bytes = covered ? Math.max(1, next.fileBytes()) : next.memoryBytes();
      at = next.vaddr() + bytes + PAGE - 1 & -PAGE;
    }
    Segment home = segments.get(random.below(n));
    long headers = home.offset();
    headers +=
        switch (random.below(4)) {
          case 0 -> 0;
          case 1 -> home.fileBytes();
          default -> random.below(2000);
        };
    long entry = segments.getFirst().vaddr() + random.below(64);
    if (wrong == Wrong.ENTERED_TOO_HIGH) {
      entry = NaiveElf.top(abi) + (random.oneIn(4) ? PAGE : 0);
    } else if (!dynamic && random.oneIn(4)) {
      // Nothing is there, which exec does not look at; of a program with an interpreter it looks at
      // nothing.
      entry = NaiveElf.top(abi) - (loader == null ? 1 : 0);
    }
    if (!dynamic && random.oneIn(3) && wrong == Wrong.NOTHING) {
      Collections.swap(segments, 0, n - 1);
    }
    if (random.oneIn(2)) {
      segments.add(random.below(n + 1), new Segment(PT_NOTE, R, 0, 0x123, 7, 7, 1 << 20));
    }
    ElfImage image =
        new ElfImage(
            abi.is64(),
            dynamic ? ElfImage.ET_DYN : ElfImage.ET_EXEC,
            entry,
            headers,
            segments,
            loader,
            StackRight.NO_EXECUTE);
    return new Program(new OpenFile(FILE, OpenFile.Mode.READ_ONLY), image);
  }

  private Segment segment(long page, boolean first) {
    int inPage = random.oneIn(3) ? random.below(3) : random.below(PAGE);
    long file = first || !random.oneIn(5) ? random.between(1, 3 * PAGE) : 0;
    file = random.oneIn(8) && file > 0 ? 1 : file;
    file = random.oneIn(6) && file > 0 ? PAGE - inPage : file;
    long memory = file + (random.oneIn(2) && file > 0 ? 0 : random.between(1, 3 * PAGE));
    int flags = R | (random.oneIn(2) ? ElfImage.PF_W : 0) | (random.oneIn(2) ? ElfImage.PF_X : 0);
    long align = new long[] {0, 3 * PAGE, PAGE, PAGE, 1 << 16}[random.below(unaligned ? 2 : 5)];
    long offset = (long) random.below(200) * PAGE + inPage;
    return new Segment(ElfImage.PT_LOAD, flags, offset, page + inPage, file, memory, align);
  }

  /**
   * A segment that lies too high alone is mapped elsewhere, and refused by its p_vaddr after it.
   */
  private static boolean isAlone(Program program, boolean dynamic) {
    return dynamic && program.image().segments().stream().filter(Segment::isLoad).count() == 1;
  }

  private Segment wrong(Segment s, Wrong wrong) {
    long file = Math.max(1, s.fileBytes());
    long memory = Math.max(file, s.memoryBytes());
    long top = NaiveElf.top(abi);
    return switch (wrong) {
      case MORE_IN_THE_FILE ->
          new Segment(1, s.flags(), s.offset(), s.vaddr(), memory + 1, memory, s.align());
      case AT_ODDS_WITH_ITS_PAGES ->
          new Segment(1, s.flags(), s.offset() ^ 8, s.vaddr(), file, memory, s.align());
      case TOO_HIGH -> {
        long high = top - PAGE + (s.vaddr() & PAGE - 1);
        yield new Segment(1, s.flags(), s.offset(), high, 2 * PAGE, 2 * PAGE, s.align());
      }
      case IN_THE_STACK ->
          new Segment(1, s.flags(), s.offset() & -PAGE, top - 3 * PAGE, PAGE, PAGE, s.align());
      case EMPTY_AND_TOO_HIGH ->
          new Segment(1, s.flags(), s.offset(), top + (s.vaddr() & PAGE - 1), 0, 0, s.align());
      case NO_ROOM_FOR_THE_VDSO -> { // up to the guard gap of the stack
        long bytes = top - 200 * PAGE - s.vaddr();
        yield new Segment(1, R, s.offset(), s.vaddr(), bytes, bytes, s.align());
      }
      default -> s;
    };
  }

  // ---------------------------------------------------------------- comparing

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  private static void pages(AddressSpace mm, NaiveElf model) {
    Map<Long, String> seen = new HashMap<>();
    mm.forEachMap(
        (VmaInfo vma) -> {
          for (long at = vma.start(); !vma.name().startsWith("[") && at < vma.end(); at += PAGE) {
            seen.put(at, vma.perms());
          }
        });
    model.pages.forEach(
        (at, page) -> {
          String perms = seen.getOrDefault(at, "nothing");
          check(perms.equals(page.perms() + "p"), page.perms() + "p at " + hex(at), perms);
          int before = -1;
          for (int i = 0; i < PAGE; i++) {
            // Around each border of what is in the page, and at its ends.
            int value = (int) page.bytes().applyAsLong(at + i);
            if (i == 0 || i == PAGE - 1 || (value == 0) != (before == 0)) {
              checkEqual(value, mm.read(at + i).value(), "the byte at " + hex(at + i));
            }
            before = value;
          }
        });
    checkEqual(model.pages.size(), seen.size(), "pages of program and interpreter");
  }

  private void layout(MmLayout layout, NaiveElf model) {
    checkEqual(NaiveElf.top(abi), layout.taskSize(), "the end of user space");
    checkEqual(model.mmapBase(), layout.mmapBase(), "mmap_base");
    check(layout.topDown() != model.upwards(), "mappings upwards: " + model.upwards(), "not so");
    boolean compat = abi == Abi.IA32_ON_64;
    check(layout.compat32() == compat, "compat32 " + compat, "" + layout.compat32());
  }

  private static void places(AddressSpace mm, NaiveElf model) {
    MmFields.Places places = mm.fields().places();
    checkEqual(model.startCode, places.startCode(), "start_code");
    checkEqual(model.endCode, places.endCode(), "end_code");
    checkEqual(model.startData, places.startData(), "start_data");
    checkEqual(model.endData, places.endData(), "end_data");
    checkEqual(model.startBrk, places.startBrk(), "start_brk");
    checkEqual(model.startBrk, places.brk(), "brk");
    checkEqual(
        mm.fields().totalVmPages(), mm.fields().sums().hiwaterVmPages(), "the most pages so far");
  }

  private void stack(AddressSpace mm, ExecRequest request, NaiveElf model, long limit) {
    int size = abi.is64() ? 8 : 4;
    MmFields.Places places = mm.fields().places();
    long at = places.startStack();
    checkEqual(0, at & 15, "the lowest bits of the stack pointer");
    checkEqual(request.arguments().size(), TaskCases.word(mm, at, size), "argc");
    long text = places.argStart();
    List<Long> ends = new ArrayList<>();
    for (List<String> list : List.of(request.arguments(), request.environment())) {
      for (String each : list) {
        at += size;
        checkEqual(text, TaskCases.word(mm, at, size), "the address of the next string");
        check(TaskCases.string(mm, text).equals(each), "'" + each + "'", "another string");
        text += each.length() + 1;
      }
      at += size;
      checkEqual(0, TaskCases.word(mm, at, size), "the end of a list");
      ends.add(text);
    }
    checkEqual(ends.getFirst(), places.argEnd(), "arg_end");
    checkEqual(ends.getLast(), places.envEnd(), "env_end");
    checkEqual(places.argEnd(), places.envStart(), "env_start");
    at += size;
    Map<Long, Long> auxv = new HashMap<>();
    for (long type = TaskCases.word(mm, at, size); type != 0; at += 2L * size) {
      check(auxv.put(type, TaskCases.word(mm, at + size, size)) == null, "one of " + type, "two");
      type = TaskCases.word(mm, at + 2L * size, size);
    }
    checkEqual(0, TaskCases.word(mm, at + size, size), "what stands beside AT_NULL");
    model.auxv.forEach(
        (type, value) -> checkEqual(value, auxv.getOrDefault(type, -1L), "AT_ " + type));
    String platform = TaskCases.string(mm, auxv.getOrDefault(15L, text));
    check(platform.equals(abi.platform()), "AT_PLATFORM " + abi.platform(), platform);
    if (abi == Abi.I386_24) {
      return; // which has no more than that
    }
    long below = (places.argStart() & -16) - abi.platform().length() - 1;
    checkEqual(below, auxv.getOrDefault(15L, -1L), "AT_PLATFORM below the border of 16 bytes");
    checkEqual(below - 16, auxv.getOrDefault(25L, -1L), "AT_RANDOM below it");
    checkEqual(text, auxv.getOrDefault(31L, -1L), "AT_EXECFN behind the environment");
    check(TaskCases.string(mm, text).equals(request.path()), request.path(), "another path");
    checkEqual(
        NaiveElf.top(abi) - NaiveElf.kernelWord(abi),
        text + request.path().length() + 1,
        "the end of the last string");
    randomBytes(mm, request.auxiliary().seed(), auxv.getOrDefault(25L, -1L), at + 2L * size);
    Map<String, VmaInfo> kernel = new HashMap<>();
    mm.forEachMap(
        vma -> {
          if (vma.name().startsWith("[")) {
            kernel.put(vma.name(), vma);
          }
        });
    VmaInfo stack = Objects.requireNonNull(kernel.get("[stack]"));
    checkEqual(NaiveElf.top(abi), stack.end(), "the end of the stack");
    long wanted = NaiveElf.top(abi) - (places.argStart() & -PAGE) + EXPAND;
    checkEqual(Math.min(wanted, limit & -PAGE), stack.bytes(), "128 KiB below the strings");
    vdso(mm, kernel, auxv);
    checkEqual(abi == Abi.X86_64 ? 5 : 4, kernel.size(), "mappings of the kernel");
  }

  /** AT_RANDOM: 16 bytes that follow from the seed and from nothing else. */
  private void randomBytes(AddressSpace mm, long seed, long from, long endOfVector) {
    check(
        from >= endOfVector && from < endOfVector + 16,
        "AT_RANDOM right behind the vector, which begins at the stack pointer's border",
        hex(from));
    List<Integer> bytes = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      bytes.add(mm.read(from + i).value());
    }
    List<Integer> before = bench.randomBytes.putIfAbsent(seed, bytes);
    check(before == null || before.equals(bytes), "the random bytes " + before, "" + bytes);
    List<List<Integer>> all = List.copyOf(bench.randomBytes.values());
    for (int i = 0; all.size() == SEEDS && i < 16; i++) {
      int at = i;
      boolean same = all.stream().allMatch(each -> each.get(at).equals(bytes.get(at)));
      check(!same, "byte " + i + " of AT_RANDOM that hangs on the seed", "" + bytes.get(i));
    }
    bench.randomBytes.forEach(
        (other, its) ->
            check(other == seed || !its.equals(bytes), "other bytes of another seed", "" + bytes));
  }

  /** vvar, its clocks and the vdso stand one behind the other. */
  private void vdso(AddressSpace mm, Map<String, VmaInfo> kernel, Map<Long, Long> auxv) {
    VmaInfo data = Objects.requireNonNull(kernel.get("[vvar]"));
    VmaInfo clocks = Objects.requireNonNull(kernel.get("[vvar_vclock]"));
    VmaInfo code = Objects.requireNonNull(kernel.get("[vdso]"));
    checkEqual(data.end(), clocks.start(), "the clocks behind vvar");
    checkEqual(clocks.end(), code.start(), "the vdso behind the clocks");
    checkEqual(4 * PAGE, data.bytes(), "bytes of vvar");
    checkEqual(2 * PAGE, clocks.bytes(), "bytes of the clocks");
    checkEqual(2 * PAGE, code.bytes(), "bytes of the vdso");
    check(data.perms().equals("r--p") && clocks.perms().equals("r--p"), "r--p", "other rights");
    check(code.perms().equals("r-xp"), "r-xp", code.perms());
    checkEqual(code.start(), auxv.getOrDefault(33L, -1L), "AT_SYSINFO_EHDR");
    check(mm.read(code.start()).ok(), "a read of the vdso", "a signal");
    mm.pagemap(
        code.start(),
        code.start() + PAGE,
        (at, entry) -> {
          if (Pagemap.pfn(entry) >= 0) {
            int flags = bench.machine.processes().lruFlags(Pagemap.pfn(entry));
            checkEqual(0, flags, "marks of reclaim of the vdso, which is on no list");
          }
        });
    long call = auxv.getOrDefault(32L, -1L);
    check(
        abi.is64() ? call == -1 : code.start() < call && call < code.end(),
        "AT_SYSINFO within the vdso of 32 bits, and of no other",
        hex(call));
    checkEqual(TouchOutcome.UNKNOWN, mm.read(data.start()).value(), "the time, which nobody knows");
  }
}
