// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.shell;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.cli.explain.CallExplainer;
import io.mm4j.cli.explain.CallScript;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.explain.OperationWords;
import io.mm4j.cli.explain.PageExplainer;
import io.mm4j.cli.explain.SlabExplainer;
import io.mm4j.cli.explain.SpaceExplainer;
import io.mm4j.cli.proc.KernelSettings;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.cli.proc.ProcFiles;
import io.mm4j.cli.proc.Scene;
import io.mm4j.cli.proc.SysctlFiles;
import io.mm4j.replay.RunningProcess;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A booted machine with one process, on which lines are typed: operations of the kernel on pages,
 * objects, its own mappings and address spaces, all on the same frames, and what looks at them.
 * Results are numbered, {@code $1} and so on, over operations of all kinds.
 */
public final class ShellSession {
  /** What is no operation of the kernel, with how it is typed and what it does. */
  private static final Map<String, String[]> COMMANDS = new LinkedHashMap<>();

  private static final long MOST_REPEATS = 1_000_000;
  private static final int FIRST_FD = 3;
  private static final long NS_PER_SECOND = 1_000_000_000;

  /** When the machine of a session boots: at the beginning of 2026, in UTC. */
  private static final long BOOT_SECONDS = 1_767_225_600;

  private static final long MOST_SECONDS = 1_000_000;

  static {
    command("explain", "explain OPERATION...", "makes it, and says why it came out so");
    command("repeat", "repeat N OPERATION...", "makes it so often; the last result counts");
    command("cat", "cat FILE...", "a file of /proc or /sys, as it is now");
    command("ls", "ls", "the files that there are");
    command("ps", "ps", "the processes, and which one makes the calls");
    command("spawn", "spawn", "one more process; `process PID` goes on in it");
    command("sysctl", "sysctl NAME=VALUE", "writes a file under /proc/sys");
    command("sleep", "sleep SECONDS", "so much time goes by");
    command("drain_all_pages", "drain_all_pages", "per-cpu pages go back to their zones");
    command("validate", "validate", "every floor checks itself, and the frames of all add up");
    command("plugins", "plugins", "the plugins that this machine was booted with");
    command("help", "help [NAME]", "this list, or how NAME is typed");
    command("quit", "quit", "ends, as Ctrl-D does");
  }

  private final Machine machine;
  private final KernelSettings settings;
  private final AddressSpaceConfig spaces;
  private final PrintStream out;
  private final int columns;
  private final List<Long> results = new ArrayList<>();
  private final PageExplainer pages;
  private final SlabExplainer slabs;
  private final CallExplainer calls;

  /** Made when it is first needed: a machine may have no kernel mappings. */
  private @Nullable SpaceExplainer mappings;

  /**
   * A session.
   *
   * @param machine booted, with slab allocator and processes; the caller closes it
   * @param settings what else the kernel was told
   * @param spaces what every process is made from
   * @param out where answers go
   * @param columns how wide lines may be
   */
  public ShellSession(
      Machine machine,
      KernelSettings settings,
      AddressSpaceConfig spaces,
      PrintStream out,
      int columns) {
    this.machine = machine;
    this.settings = settings;
    this.spaces = spaces;
    this.out = out;
    this.columns = columns;
    pages = new PageExplainer(machine, null, results);
    slabs = new SlabExplainer(machine, results);
    machine.processes().clock(() -> BOOT_SECONDS + machine.clock().nowNs() / NS_PER_SECOND);
    RunningProcess first = process(1);
    calls = new CallExplainer(List.of(first), first, results);
  }

  private static void command(String name, String form, String what) {
    COMMANDS.put(name, new String[] {form, what});
  }

  /** Every name that a line may begin with. */
  public static Set<String> names() {
    Set<String> names = new TreeSet<>(OperationWords.names());
    names.addAll(COMMANDS.keySet());
    return names;
  }

  /** How something is typed, or null if there is none of this name. */
  static @Nullable String form(String name) {
    String[] command = COMMANDS.get(name);
    return command == null ? OperationWords.form(name) : command[0];
  }

  private RunningProcess process(int pid) {
    AddressSpace space = machine.processes().spawn(spaces);
    Map<String, Integer> open = new LinkedHashMap<>();
    MappedFile file = new MappedFile("/data/file", MappedFile.Kind.EXT4, 4 << 20);
    MappedFile shm = new MappedFile("/dev/shm/file", MappedFile.Kind.TMPFS, 4 << 20);
    MappedFile zero = new MappedFile("/dev/zero", MappedFile.Kind.DEV_ZERO, 0);
    for (OpenFile each :
        List.of(
            new OpenFile(file, OpenFile.Mode.READ_WRITE),
            new OpenFile(file, OpenFile.Mode.READ_ONLY),
            new OpenFile(shm, OpenFile.Mode.READ_WRITE),
            new OpenFile(zero, OpenFile.Mode.READ_WRITE),
            new OpenFile(file, OpenFile.Mode.PATH))) {
      int fd = FIRST_FD + open.size();
      space.installFd(fd, each);
      open.put(Integer.toString(fd), fd);
    }
    boolean compat32 = spaces.layout().compat32();
    return new RunningProcess(
        pid, "program", space, machine, compat32, spaces.totalSwapKb(), open, name -> name);
  }

  /**
   * Does what a line says; several operations may stand in it with {@code ;} between them.
   *
   * @return whether the session goes on
   * @throws InputException if it cannot be done; operations before it in the line were
   * @throws io.mm4j.api.CorruptStateError if {@code validate} finds a contradiction
   */
  public boolean line(String text) {
    for (CallScript.Typed call : CallScript.lines(text)) {
      if (!one(call)) {
        return false;
      }
    }
    return true;
  }

  private boolean one(CallScript.Typed call) {
    List<String> rest = call.words().subList(1, call.words().size());
    switch (call.name()) {
      case "quit" -> {
        return false;
      }
      case "explain" -> {
        int number = results.size() + 1;
        Explanation told = operation(inner(call, 1));
        out.print("$" + number + "  " + told.toText(columns));
      }
      case "repeat" -> repeat(call);
      case "cat" -> cat(rest);
      case "ls" -> ls();
      case "ps" -> ps();
      case "spawn" -> {
        int pid = calls.living().getLast().pid() + 1;
        calls.add(process(pid));
        out.println("process " + pid + "; `process " + pid + "` goes on in it");
      }
      case "sysctl" -> sysctl(rest);
      case "sleep" -> sleep(rest);
      case "drain_all_pages" -> machine.pages().drainAllPages(machine.cpus().get(0));
      case "validate" -> {
        FloorsCheck.all(machine);
        out.println("every floor agrees with itself and the others");
      }
      case "plugins" ->
          machine.plugins().forEach((spi, spec) -> out.println(spi.id() + "=" + spec));
      case "help" -> help(rest);
      default -> {
        Explanation told = operation(call);
        out.println("$" + results.size() + " = " + told.result());
      }
    }
    return true;
  }

  /** What stands behind the name of a command and this many words. */
  private static CallScript.Typed inner(CallScript.Typed call, int words) {
    if (call.words().size() <= words) {
      throw new InputException(
          "no operation is named",
          String.join(" ", call.words()),
          String.valueOf(form(call.name())));
    }
    return new CallScript.Typed(
        call.words().subList(words, call.words().size()), call.result(), call.pasted());
  }

  private Explanation operation(CallScript.Typed call) {
    String name = call.name();
    if (PageExplainer.knows(name)) {
      int _ = PageExplainer.check(call.words(), null);
      return pages.explain(call.words());
    }
    if (SlabExplainer.knows(name)) {
      return slabs.explain(call.words());
    }
    if (SpaceExplainer.knows(name)) {
      SpaceExplainer.check(call.words());
      SpaceExplainer known = mappings;
      if (known == null) {
        known = new SpaceExplainer(machine, results);
        mappings = known;
      }
      return known.explain(call.words());
    }
    if (CallExplainer.knows(name)) {
      CallExplainer.check(call.words());
      return calls.explain(call);
    }
    throw new InputException(
        "there is no '" + name + "'" + Nearest.hint(name, names()),
        String.join(" ", call.words()),
        String.join(", ", names()));
  }

  private void repeat(CallScript.Typed call) {
    CallScript.Typed again = inner(call, 2);
    String where = String.join(" ", call.words());
    long times = Sizes.parseNumber(call.words().get(1), where);
    if (times < 1 || times > MOST_REPEATS) {
      throw new InputException(times + " times", where, "1 to " + MOST_REPEATS);
    }
    int first = results.size() + 1;
    Explanation last = operation(again);
    for (long n = 1; n < times; n++) {
      last = operation(again);
    }
    String from = times == 1 ? "" : "$" + first + " to ";
    out.println(from + "$" + results.size() + " = " + last.result());
  }

  private void cat(List<String> files) {
    if (files.isEmpty()) {
      throw new InputException("no file is named", "cat", ProcFiles.allowed());
    }
    files.forEach(ProcFiles::check);
    Scene scene = scene();
    files.forEach(file -> out.print(ProcFiles.read(file, scene)));
  }

  private Scene scene() {
    return new Scene(MachineView.of(machine, settings), calls.living());
  }

  private void ls() {
    files().forEach(out::println);
  }

  /** The paths of the files that there are now. */
  List<String> files() {
    Scene scene = scene();
    List<String> paths = new ArrayList<>(ProcFiles.paths(scene.requireMachine()));
    paths.addAll(ProcFiles.processPaths(scene));
    return paths;
  }

  private void ps() {
    for (RunningProcess process : calls.living()) {
      out.printf(
          "%s %d %s, %d VMAs%n",
          process.pid() == calls.current().pid() ? "*" : " ",
          process.pid(),
          process.command(),
          process.mm().fields().mapCount());
    }
  }

  private void sysctl(List<String> words) {
    String text = String.join(" ", words);
    int eq = text.indexOf('=');
    if (eq <= 0) {
      throw new InputException(
          "'" + text + "' sets nothing", "sysctl", "vm.NAME=VALUE, kernel.NAME=VALUE");
    }
    String name = text.substring(0, eq).strip();
    List<String> names = SysctlFiles.names();
    String known = names.contains(name) ? name : null;
    for (String folder : List.of("vm.", "kernel.")) {
      known = known == null && names.contains(folder + name) ? folder + name : known;
    }
    String file = known == null ? null : known.substring(known.indexOf('.') + 1);
    long error =
        file == null
            ? -Errno.ENOENT
            : machine.processes().writeSysctl(file, text.substring(eq + 1).strip());
    if (error != 0) {
      boolean unknown = error == -Errno.ENOENT;
      throw new InputException(
          unknown
              ? "no process here reads the sysctl '" + name + "'" + Nearest.hint(name, names)
              : "Linux does not take this value: " + Errno.nameOf((int) -error),
          "sysctl " + text,
          unknown
              ? String.join(", ", names)
              : "a number in the range of that sysctl: decimal, 0x hexadecimal, 0 octal");
    }
  }

  private void sleep(List<String> words) {
    String text = String.join(" ", words);
    long seconds = text.matches("[0-9]{1,7}") ? Long.parseLong(text) : -1;
    if (seconds < 0 || seconds > MOST_SECONDS) {
      throw new InputException(
          "'" + text + "' is no time to sleep", "sleep", "0 to " + MOST_SECONDS + " seconds");
    }
    machine.clock().advance(seconds * NS_PER_SECOND);
  }

  private void help(List<String> words) {
    if (words.isEmpty()) {
      COMMANDS.values().forEach(each -> out.printf("  %-22s %s%n", each[0], each[1]));
      out.println("Operations, as the kernel has them; $N is what the Nth gave:");
      OperationWords.names().forEach(name -> out.println("  " + OperationWords.form(name)));
      return;
    }
    for (String word : words) {
      String form = form(word);
      if (form == null) {
        throw new InputException(
            "there is no '" + word + "'" + Nearest.hint(word, names()),
            "help",
            String.join(", ", names()));
      }
      String[] command = COMMANDS.get(word);
      out.println(command == null ? form : form + "   " + command[1]);
    }
  }

  @Override
  public String toString() {
    return machine.toString();
  }

  /** What the operations gave, by their numbers from 1. */
  public List<Long> results() {
    return List.copyOf(results);
  }

  /** The machine. */
  public Machine machine() {
    return machine;
  }

  /** The process that makes the calls. */
  RunningProcess current() {
    return calls.current();
  }

  /** The living processes. */
  public List<RunningProcess> living() {
    return calls.living();
  }
}
