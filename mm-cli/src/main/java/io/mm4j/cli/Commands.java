// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import java.io.PrintStream;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Matcher;

/** The sub-commands that there are. */
final class Commands {
  /**
   * A sub-command.
   *
   * @param name as typed
   * @param line what it does, for the list
   * @param factory creates it; until then its class is not loaded
   */
  record Entry(String name, String line, Supplier<MmCommand> factory) {}

  private static final List<Entry> ALL =
      List.of(
          new Entry(
              "run", "the main job: a recording of a real kernel, played here", RunCommand::new),
          new Entry("replay", "recordings of a real kernel, judged one by one", ReplayCommand::new),
          new Entry(
              "explain", "one operation, step by step, with the reasons", ExplainCommand::new),
          new Entry(
              "translate",
              "each step from a logical address to a physical one",
              TranslateCommand::new),
          new Entry("exec", "a real program's image: areas, maps, mm_struct", ExecCommand::new),
          new Entry(
              "layout", "the kernel's addresses, as the boot log prints them", LayoutCommand::new),
          new Entry("cat", "a /proc or /sys file of the machine or a process", CatCommand::new),
          new Entry("proc", "the whole tree of such files, for procps", ProcCommand::new),
          new Entry("check", "the test kit on plugins, rule by rule", CheckCommand::new),
          new Entry("shell", "the machine at a prompt, in kernel names", ShellCommand::new),
          new Entry("trace", "any other command with its events", TraceCommand::new),
          new Entry("bench", "the benchmarks beside their peers", BenchCommand::new),
          new Entry("plugins", "every plugin found, and where", PluginsCommand::new),
          new Entry("new-plugin", "a plugin project to start from", NewPluginCommand::new));

  private Commands() {}

  static List<Entry> all() {
    return ALL;
  }

  static boolean exists(String name) {
    return ALL.stream().anyMatch(e -> e.name().equals(name));
  }

  static Entry find(String name) {
    List<String> names = ALL.stream().map(Entry::name).toList();
    return ALL.stream()
        .filter(e -> e.name().equals(name))
        .findFirst()
        .orElseThrow(() -> unknown(name, names));
  }

  private static InputException unknown(String name, List<String> names) {
    String all = String.join(", ", names) + "; --help, --version";
    return Operations.isOperation(name)
        ? new InputException(
            "'" + name + "' is an operation and no command",
            "mm " + name,
            "`mm explain " + name + " ...`; commands are " + all)
        : new InputException(
            "there is no command '" + name + "'" + Nearest.hint(name, names), "mm " + name, all);
  }

  /** How the command was typed, for hints: {@code ./mm} in a clone. */
  static String typed() {
    return System.getProperty("mm.command", "mm");
  }

  /** A text whose examples, lines of their own or in backquotes, begin as the command was typed. */
  static String asTyped(String text) {
    String mm = typed();
    return mm.equals("mm")
        ? text
        : text.replaceAll("(?m)^(  |)mm (?=[a-z])", "$1" + Matcher.quoteReplacement(mm) + " ")
            .replace("`mm ", "`" + mm + " ");
  }

  static String version() {
    var descriptor = Main.class.getModule().getDescriptor();
    return descriptor == null ? "(unpacked)" : descriptor.rawVersion().orElse("(unpacked)");
  }

  static void printHelp(Io io) {
    PrintStream out = io.out();
    out.println("Usage: mm COMMAND [OPTION...] [ARGUMENT...]");
    out.println();
    out.println("A Linux memory manager that you can take apart, judged by a real kernel.");
    out.println();
    for (Entry entry : ALL) {
      out.printf(
          "  %s  %s%n", io.terminal().bold(String.format("%-10s", entry.name())), entry.line());
    }
    out.println();
    out.println("Try:");
    String mm = typed();
    out.printf("  %-25s  a recording of a real kernel, replayed and compared%n", mm + " run");
    out.printf("  %-25s  its options, with an example%n", mm + " COMMAND --help");
    out.println();
    out.println("Exit codes: 0 good; 1 a difference or violation was found; 2 wrong usage or bad");
    out.println("input; 3 an internal error; 141 the reader of the output has gone, as SIGPIPE.");
  }
}
