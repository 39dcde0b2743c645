// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.CallFlags;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Makes typed calls on processes, one after the other, and explains each. */
public final class CallExplainer {
  /** Descriptors of files that only pasted lines name begin here. */
  private static final int FIRST_FD = 500;

  private final Map<Integer, RunningProcess> processes = new TreeMap<>();
  private final List<Long> results;
  private final Pasted pasted = new Pasted();
  private final MountedFiles mounted = new MountedFiles();
  private final Map<String, Integer> pastedFiles = new HashMap<>();
  private RunningProcess process;
  private AddressSpace mm;
  private Arguments arguments;
  private MapsFile maps;
  private boolean differs;

  /**
   * On processes, which are changed.
   *
   * @param living all that there are
   * @param first the one to begin with
   * @param results what the operations before gave, in order; grows
   */
  public CallExplainer(List<RunningProcess> living, RunningProcess first, List<Long> results) {
    this.results = results;
    living.forEach(one -> processes.put(one.pid(), one));
    process = first;
    mm = first.mm();
    arguments = new Arguments(first, results);
    maps = new MapsFile(List.of(first));
  }

  /** The living processes in the order of their pids. */
  public List<RunningProcess> living() {
    return List.copyOf(processes.values());
  }

  /** The process that makes the calls. */
  public RunningProcess current() {
    return process;
  }

  /** Adds a process, which does not become the one that makes the calls. */
  public void add(RunningProcess other) {
    processes.put(other.pid(), other);
  }

  /** Another process makes the calls from now on. */
  void become(RunningProcess next) {
    process = next;
    mm = next.mm();
    arguments = new Arguments(next, results);
    maps = new MapsFile(List.of(next));
  }

  /** How the calls are typed, a line each. */
  public static List<String> forms() {
    return Arrays.stream(CallForm.values()).map(CallForm::usage).toList();
  }

  /** Whether there is a call of that name. */
  public static boolean knows(String operation) {
    return CallForm.exists(operation);
  }

  /** Throws if it is no call, or has too few or too many arguments. */
  public static void check(List<String> call) {
    CallForm.of(call.getFirst()).complete(call.subList(1, call.size()));
  }

  /** Whether a pasted line said that a call failed that did not here, or the other way round. */
  public boolean differs() {
    return differs;
  }

  /**
   * Makes a call.
   *
   * @param call its name and its arguments as typed
   * @throws io.mm4j.api.InputException if an argument is wrong; nothing is changed then
   */
  public Explanation explain(CallScript.Typed call) {
    CallForm form = CallForm.of(call.name());
    List<String> typed =
        new ArrayList<>(form.complete(call.words().subList(1, call.words().size())));
    List<String> kinds = form.kinds();
    List<String> names = form.names();
    String where = String.join(" ", call.words());
    List<Step> steps = new ArrayList<>();
    long[] words = new long[kinds.size()];
    Map<String, String> shown = new LinkedHashMap<>();
    StringJoiner line = new StringJoiner(", ", form.text() + "(", ")");
    for (int i = 0; i < words.length; i++) {
      typed.set(i, meant(kinds.get(i), typed, i, call, steps));
      words[i] = arguments.word(kinds.get(i), typed.get(i), where);
      String text = arguments.shown(kinds.get(i), typed.get(i), words[i]);
      shown.put(names.get(i), text);
      line.add(text);
    }
    List<String> before = maps.lines(process);
    MmFields fieldsBefore = mm.fields();
    long brkBefore = fieldsBefore.brk();
    TouchWalk walk = form.isTouch() ? new TouchWalk(process, words[0], steps) : null;
    mm.explainTo(
        (topic, reason) -> {
          if (walk != null) {
            walk.flush();
          }
          steps.add(new Step(topic, reason));
        });
    StringBuilder extra = new StringBuilder();
    long result;
    String text;
    String errno = null;
    AddressSpace explained = mm;
    try {
      if (walk != null) {
        TouchOutcome outcome = walk.around(() -> touch(form, words));
        result = outcome.ok() ? words[0] : -Errno.EFAULT;
        text = outcome(outcome);
      } else {
        result = make(form, words, extra, where);
        if (form == CallForm.MOUNT || form == CallForm.CREAT) {
          steps.add(new Step("file", MountedFiles.told(result)));
        }
        errno = Errno.isError(result) ? Errno.nameOf((int) -result) : null;
        text =
            errno == null
                ? value(form, result) + extra
                : "-1 " + errno + StateChange.meaning(errno);
      }
    } finally {
      explained.explainTo(null);
    }
    results.add(result);
    String said = call.result();
    if (said != null) {
      text += compare(said, form, words, result, errno, brkBefore);
    }
    boolean other = form == CallForm.PROCESS || form == CallForm.EXIT;
    return new Explanation(
        line.toString(),
        shown,
        steps,
        text,
        errno,
        other ? List.of() : StateChange.since(maps, process, before, fieldsBefore));
  }

  /** What a typed argument means: an address of pasted lines, or a descriptor in them. */
  private String meant(
      String name, List<String> typed, int at, CallScript.Typed call, List<Step> steps) {
    String text = typed.get(at);
    if (name.equals("addr") || name.equals("new_addr")) {
      String here = pasted.here(text);
      if (!here.equals(text)) {
        steps.add(new Step("pasted", text + " of the pasted lines is " + here + " here"));
      }
      return here;
    }
    boolean anonymous = typed.size() > 3 && typed.get(3).contains("MAP_ANON");
    if (!name.equals("fd") || !call.pasted() || anonymous) {
      return name.equals("fd") ? text.replaceFirst("<.*", "") : text;
    }
    int angle = text.indexOf('<');
    boolean known = process.descriptors().containsKey(text);
    if (angle < 0 && (call.result() == null || known || !text.matches("[0-9]{1,9}"))) {
      return text;
    }
    String file =
        angle < 0 ? "(descriptor " + text + ")" : text.substring(angle + 1).replace(">", "");
    Integer fd = pastedFiles.get(file);
    if (fd == null) {
      fd = FIRST_FD + pastedFiles.size();
      pastedFiles.put(file, fd);
      MappedFile mapped = new MappedFile(file, MappedFile.Kind.EXT4, Long.MAX_VALUE >> 1);
      mm.installFd(fd, new OpenFile(mapped, OpenFile.Mode.READ_WRITE));
      steps.add(new Step("pasted", file + " is taken as a regular file, open for both"));
    }
    return Integer.toString(fd);
  }

  /** What the pasted line gave beside what came out here. */
  private String compare(
      String said, CallForm form, long[] words, long result, @Nullable String errno, long brk) {
    String theirError = Pasted.errno(said);
    Long theirs = Pasted.number(said);
    if (theirError == null && theirs == null) {
      return "";
    }
    if (theirs == null || errno != null) {
      boolean same = theirError != null && theirError.equals(errno);
      differs |= !same;
      return same ? ", as in the pasted line" : "; the pasted line says " + said;
    }
    boolean address = form == CallForm.MMAP || form == CallForm.MREMAP;
    if (address && theirs != result) {
      pasted.placed(theirs, words[form == CallForm.MMAP ? 1 : 2], result);
    } else if (address) {
      pasted.placed(theirs, words[form == CallForm.MMAP ? 1 : 2], theirs);
    } else if (form == CallForm.BRK && words[0] == 0) {
      pasted.heap(theirs, brk);
    }
    if (theirs == result) {
      return ", as in the pasted line";
    }
    return form == CallForm.MMAP || form == CallForm.MREMAP || form == CallForm.BRK
        ? "; 0x"
            + Long.toHexString(theirs)
            + " in the pasted line, which later lines may use for this place"
        : "; the pasted line says " + said;
  }

  private long make(CallForm form, long[] w, StringBuilder extra, String where) {
    return switch (form) {
      case MMAP -> mm.mmap(w[0], w[1], w[2], w[3], w[4], w[5]);
      case MUNMAP -> mm.munmap(w[0], w[1]);
      case MPROTECT -> mm.mprotect(w[0], w[1], w[2]);
      case MREMAP -> mm.mremap(w[0], w[1], w[2], w[3], w[4]);
      case BRK -> mm.brk(w[0]);
      case MADVISE -> mm.madvise(w[0], w[1], w[2]);
      case MLOCK -> mm.mlock(w[0], w[1]);
      case MLOCK2 -> mm.mlock2(w[0], w[1], w[2]);
      case MUNLOCK -> mm.munlock(w[0], w[1]);
      case MLOCKALL -> mm.mlockall(w[0]);
      case MUNLOCKALL -> mm.munlockall();
      case MSYNC -> mm.msync(w[0], w[1], w[2]);
      case MINCORE -> mincore(w, extra);
      case MSEAL -> mm.mseal(w[0], w[1], w[2]);
      case SETRLIMIT -> mm.setrlimit(Arguments.RESOURCES.get((int) w[0]), w[1], 0);
      case PAGEMAP_SCAN -> scan(w, extra);
      case CLEAR_REFS -> mm.clearRefs((int) w[0]);
      case FORK -> fork(extra);
      case PROCESS -> {
        become(process(w[0], where));
        yield w[0];
      }
      case EXIT -> exit(where);
      case RDPKRU -> keyRights(where);
      case WRPKRU -> {
        long _ = keyRights(where);
        mm.keyRights((int) w[0]);
        yield 0;
      }
      case MOUNT -> mounted.mount(process, (int) w[0], w[1], w[2], where);
      case CREAT -> mounted.create(process, w[0], where);
      case UNLINK -> mounted.unlink(process, w[0], where);
      case MEMFD_CREATE -> mm.memfdCreate("mm", w[0]);
      case PROCESS_VM_READV, PROCESS_VM_WRITEV -> {
        long[] named = w.clone();
        RunningProcess other = processes.get((int) w[0]);
        named[0] = other == null ? -1 : other.mm().pid();
        yield mm.syscall(Objects.requireNonNull(form.syscall()), named);
      }
      case READ, WRITE, EXEC, TOUCH, FAULT ->
          throw new IllegalArgumentException("form=" + form + " is no system call");
      default -> {
        Syscall call = Objects.requireNonNull(form.syscall());
        yield mm.syscall(call, call.isUffdIoctl() ? UffdWords.words(call, w) : w);
      }
    };
  }

  private long keyRights(String where) {
    try {
      return mm.keyRights() & 0xffff_ffffL;
    } catch (UnsupportedOperationException e) {
      throw new InputException(
          "the CPU has no protection keys: this would be SIGILL",
          where,
          "--plugin process=linux:pkeys=true");
    }
  }

  private long fork(StringBuilder extra) {
    AddressSpace child = mm.fork();
    if (child == null) {
      return -Errno.ENOMEM;
    }
    int pid = processes.keySet().stream().mapToInt(Integer::intValue).max().orElse(0) + 1;
    processes.put(
        pid,
        new RunningProcess(
            pid,
            process.command(),
            child,
            process.machine(),
            process.compat32(),
            process.swapKb(),
            process.descriptors(),
            process.paths()));
    extra.append(": a copy of process ").append(process.pid());
    extra.append("; `process ").append(pid).append("` goes on in it");
    return pid;
  }

  private RunningProcess process(long pid, String where) {
    RunningProcess found = processes.get((int) Math.min(pid, Integer.MAX_VALUE));
    if (found == null) {
      throw new InputException(
          "no process " + pid + " lives", where, "one of " + processes.keySet());
    }
    return found;
  }

  /** The process ends, and another goes on. */
  private long exit(String where) {
    if (processes.size() == 1) {
      throw new InputException(
          "the last process cannot end here", where, "exit of one of several processes");
    }
    int pid = process.pid();
    mm.exit();
    processes.remove(pid);
    become(processes.values().iterator().next());
    return 0;
  }

  private long mincore(long[] w, StringBuilder extra) {
    Residency residency = new Residency();
    long result = mm.mincore(w[0], w[1], w[2], residency);
    if (result == 0) {
      extra.append(", ").append(residency.resident).append(" of ").append(residency.pages);
      extra.append(" pages resident");
    }
    return result;
  }

  /** The regions as the ioctl writes them, categories by name. */
  private long scan(long[] w, StringBuilder extra) {
    PagemapScan all = PagemapScan.of(w[0], w[0] + w[1], w[2]);
    PagemapScan.Found found = mm.pagemapScan(all.withFlags(w[3]));
    for (PagemapScan.Region region : found.regions()) {
      extra.append(
          String.format(
              Locale.ROOT,
              "%n  %x-%x %s",
              region.start(),
              region.end(),
              CallFlags.PAGE_IS.format(region.categories())));
    }
    return found.result();
  }

  /** Counts what mincore says. */
  private static final class Residency implements AddressSpace.ByteSink {
    private long pages;
    private long resident;

    @Override
    public void accept(int value) {
      accept(value, 1);
    }

    @Override
    public void accept(int value, long count) {
      pages += count;
      resident += (value & 1) * count;
    }
  }

  private TouchOutcome touch(CallForm form, long[] w) {
    CallForm access =
        form == CallForm.TOUCH || form == CallForm.FAULT
            ? List.of(CallForm.READ, CallForm.WRITE, CallForm.EXEC).get((int) w[1])
            : form;
    return switch (access) {
      case READ -> mm.read(w[0]);
      case EXEC -> mm.execute(w[0]);
      default -> mm.write(w[0], form == CallForm.WRITE ? (int) w[1] : 'A');
    };
  }

  private static String outcome(TouchOutcome outcome) {
    String at = " at 0x" + Long.toHexString(outcome.uaddr());
    return switch (outcome.kind()) {
      case OK ->
          outcome.value() == TouchOutcome.UNKNOWN
              ? "ok"
              : "ok, the byte is 0x" + Integer.toHexString(outcome.value());
      case SEGV_MAPERR -> "SIGSEGV, SEGV_MAPERR" + at;
      case SEGV_ACCERR -> "SIGSEGV, SEGV_ACCERR" + at;
      case SEGV_PKUERR -> "SIGSEGV, SEGV_PKUERR" + at + ", key " + outcome.value();
      case SEGV_KERNEL -> "SIGSEGV, SI_KERNEL (the address is not canonical)";
      case BUS_ADRERR -> "SIGBUS, BUS_ADRERR" + at;
      case UFFD_WAIT -> "waits for userfaultfd" + at;
    };
  }

  private static String value(CallForm form, long result) {
    boolean address =
        form == CallForm.MMAP
            || form == CallForm.MREMAP
            || form == CallForm.BRK
            || form == CallForm.RDPKRU
            || form == CallForm.SHMAT;
    return address ? "0x" + Long.toHexString(result) : Long.toString(result);
  }
}
