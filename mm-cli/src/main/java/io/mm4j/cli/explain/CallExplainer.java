// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Makes typed calls on a process, one after the other, and explains each. */
public final class CallExplainer {
  private final RunningProcess process;
  private final AddressSpace mm;
  private final List<Long> results = new ArrayList<>();
  private final Arguments arguments;
  private final MapsFile maps;

  /** On one process, which is changed. */
  public CallExplainer(RunningProcess process) {
    this.process = process;
    mm = process.mm();
    arguments = new Arguments(process, results);
    maps = new MapsFile(List.of(process));
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

  /**
   * Makes a call.
   *
   * @param call its name and its arguments as typed
   * @throws io.mm4j.api.InputException if an argument is wrong; nothing is changed then
   */
  public Explanation explain(List<String> call) {
    CallForm form = CallForm.of(call.getFirst());
    List<String> typed = form.complete(call.subList(1, call.size()));
    List<String> names = form.names();
    String where = String.join(" ", call);
    long[] words = new long[names.size()];
    Map<String, String> shown = new LinkedHashMap<>();
    StringJoiner line = new StringJoiner(", ", form.text() + "(", ")");
    for (int i = 0; i < words.length; i++) {
      words[i] = arguments.word(names.get(i), typed.get(i), where);
      String text = arguments.shown(names.get(i), typed.get(i), words[i]);
      shown.put(label(names.get(i)), text);
      line.add(text);
    }
    List<String> before = maps.lines(process);
    MmFields fieldsBefore = mm.fields();
    List<Step> steps = new ArrayList<>();
    mm.explainTo((topic, reason) -> steps.add(new Step(topic, reason)));
    StringBuilder extra = new StringBuilder();
    long result;
    String text;
    String errno = null;
    try {
      if (form.isTouch()) {
        TouchOutcome outcome = touch(form, words);
        result = outcome.ok() ? words[0] : -Errno.EFAULT;
        text = outcome(outcome);
      } else {
        result = make(form, words, extra);
        errno = Errno.isError(result) ? Errno.nameOf((int) -result) : null;
        text = errno == null ? value(form, result) + extra : "-1 " + errno + meaning(errno);
      }
    } finally {
      mm.explainTo(null);
    }
    results.add(result);
    return new Explanation(
        line.toString(), shown, steps, text, errno, changes(before, fieldsBefore));
  }

  private static String label(String name) {
    return switch (name) {
      case "mremap", "mlock2", "mlockall", "msync", "number" -> "flags";
      default -> name;
    };
  }

  private long make(CallForm form, long[] w, StringBuilder extra) {
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
      case READ, WRITE, EXEC, TOUCH ->
          throw new IllegalArgumentException("form=" + form + " is no system call");
    };
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
        form == CallForm.TOUCH
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
      case SEGV_KERNEL -> "SIGSEGV, SI_KERNEL (the address is not canonical)";
      case BUS_ADRERR -> "SIGBUS, BUS_ADRERR" + at;
    };
  }

  private static String value(CallForm form, long result) {
    boolean address = form == CallForm.MMAP || form == CallForm.MREMAP || form == CallForm.BRK;
    return address ? "0x" + Long.toHexString(result) : Long.toString(result);
  }

  /** What libc says of the errors that memory calls give. */
  private static String meaning(String errno) {
    String text =
        switch (errno) {
          case "EPERM" -> "Operation not permitted";
          case "ENOMEM" -> "Cannot allocate memory";
          case "EINVAL" -> "Invalid argument";
          case "EAGAIN" -> "Resource temporarily unavailable";
          case "EACCES" -> "Permission denied";
          case "EFAULT" -> "Bad address";
          case "EBADF" -> "Bad file descriptor";
          case "EEXIST" -> "File exists";
          case "EBUSY" -> "Device or resource busy";
          case "ENODEV" -> "No such device";
          case "EOVERFLOW" -> "Value too large for defined data type";
          case "EOPNOTSUPP" -> "Operation not supported";
          default -> "";
        };
    return text.isEmpty() ? "" : " (" + text + ")";
  }

  private List<Change> changes(List<String> before, MmFields old) {
    List<Change> changes = new ArrayList<>();
    List<String> after = maps.lines(process);
    List<String> removed = new ArrayList<>();
    List<String> added = new ArrayList<>();
    difference(before, after, removed, added);
    if (!removed.isEmpty() || !added.isEmpty()) {
      changes.add(new Change("maps", "maps", removed, added));
    }
    MmFields now = mm.fields();
    List<String> was = new ArrayList<>();
    List<String> is = new ArrayList<>();
    field("map_count", old.mapCount(), now.mapCount(), was, is);
    field("total_vm", old.totalVmPages(), now.totalVmPages(), was, is);
    field("data_vm", old.dataVmPages(), now.dataVmPages(), was, is);
    field("stack_vm", old.stackVmPages(), now.stackVmPages(), was, is);
    field("exec_vm", old.execVmPages(), now.execVmPages(), was, is);
    field("locked_vm", old.lockedVmPages(), now.lockedVmPages(), was, is);
    field("committed", old.committedPages(), now.committedPages(), was, is);
    field("rss", old.rssPages(), now.rssPages(), was, is);
    if (old.brk() != now.brk()) {
      was.add("brk=0x" + Long.toHexString(old.brk()));
      is.add("brk=0x" + Long.toHexString(now.brk()));
    }
    if (!was.isEmpty()) {
      changes.add(
          new Change(
              "mm_struct (pages)",
              "mm_struct",
              List.of(String.join(" ", was)),
              List.of(String.join(" ", is))));
    }
    return changes;
  }

  private static void field(String name, long old, long now, List<String> was, List<String> is) {
    if (old != now) {
      was.add(name + "=" + old);
      is.add(name + "=" + now);
    }
  }

  /** Lines of maps that only one side has; both are in the order of addresses. */
  private static void difference(
      List<String> before, List<String> after, List<String> removed, List<String> added) {
    int b = 0;
    int a = 0;
    while (b < before.size() || a < after.size()) {
      if (b < before.size() && a < after.size() && before.get(b).equals(after.get(a))) {
        b++;
        a++;
        continue;
      }
      int order =
          b == before.size()
              ? 1
              : a == after.size()
                  ? -1
                  : Long.compareUnsigned(
                      MapsFile.start(before.get(b)), MapsFile.start(after.get(a)));
      if (order <= 0) {
        removed.add(before.get(b++));
      }
      if (order >= 0) {
        added.add(after.get(a++));
      }
    }
  }
}
