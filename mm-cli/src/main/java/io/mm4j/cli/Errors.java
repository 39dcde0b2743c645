// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.plugin.Nearest;
import io.mm4j.testkit.ShellWord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What went wrong, in words: what, where, and what is allowed there. */
final class Errors {
  private Errors() {}

  static void print(Io io, String who, String what, String where, String allowed) {
    io.out().flush();
    io.err().println(who + ": " + Commands.asTyped(what));
    io.err().println("  where:   " + where);
    io.err().println("  allowed: " + Commands.asTyped(allowed));
  }

  /** A command line that does not parse. */
  static void usage(Io io, ParameterException e, List<String> args) {
    CommandSpec spec = e.getCommandLine().getCommandSpec();
    String who = e.getCommandLine().getCommandName();
    List<String> options = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      options.add(option.longestName());
    }
    String where = String.join(" ", args);
    if (e instanceof UnmatchedArgumentException unmatched) {
      String first = unmatched.getUnmatched().getFirst();
      if (first.startsWith("-")) {
        String name = first.replaceFirst("=.*", "");
        print(
            io,
            who,
            "unknown option '" + name + "'" + Nearest.hint(name, options),
            where,
            String.join(" ", options));
      } else {
        print(io, who, "'" + first + "' is one argument too many", where, synopsis(e));
      }
    } else if (e instanceof MissingParameterException missing && !missing.getMissing().isEmpty()) {
      ArgSpec arg = missing.getMissing().getFirst();
      String what =
          arg instanceof OptionSpec option
              ? "option '" + option.longestName() + "' needs a value"
              : "an argument is missing: " + arg.paramLabel();
      print(io, who, what, where.isEmpty() ? who : where, synopsis(e));
    } else {
      print(
          io, who, String.valueOf(e.getMessage()).replaceFirst("^Error: ", ""), where, synopsis(e));
    }
  }

  private static String synopsis(ParameterException e) {
    String name = e.getCommandLine().getCommandName();
    return "see "
        + name.replaceFirst("^mm\\b", Matcher.quoteReplacement(Commands.typed()))
        + " --help";
  }

  /**
   * A bug: of a plugin that somebody else wrote, which is a failed check of it, or of ours.
   *
   * @return the exit code
   */
  static int bug(Io io, Throwable e, String... args) {
    StackTraceElement thrower = thrower(e);
    boolean foreign = thrower != null && isForeign(thrower.getClassName());
    io.err().println("mm: " + (foreign ? "a plugin has thrown: " : "internal error: ") + e);
    if (e instanceof OutOfMemoryError) {
      io.err().println("  the JVM ran out of memory; MM_JAVA_OPTS=-Xmx8g gives it more");
      return Main.INTERNAL;
    }
    if (thrower != null) {
      io.err().println("  in " + thrower);
    }
    io.err()
        .println(
            foreign
                ? "  This is a bug of that plugin, not of your input. Its stack is shown by"
                : "  This is a bug of mm4j or of a plugin, not of your input. Please report");
    String mm = Commands.typed();
    String typed = Arrays.stream(args).map(ShellWord::of).collect(Collectors.joining(" "));
    io.err().println("    " + mm + " " + typed + " --stacktrace");
    if (!foreign) {
      io.err()
          .println("  with its output and `" + mm + " --version` to the project's issue tracker.");
    }
    return foreign ? Main.DIFFERENT : Main.INTERNAL;
  }

  /** Where it was thrown; in the JDK only if nobody called that. */
  private static @Nullable StackTraceElement thrower(Throwable e) {
    StackTraceElement[] stack = e.getStackTrace();
    for (StackTraceElement each : stack) {
      if (!isOfJdk(each.getClassName())) {
        return each;
      }
    }
    return stack.length == 0 ? null : stack[0];
  }

  /** Whether a class is neither mm4j's nor the JDK's, so that a plugin brought it. */
  private static boolean isForeign(String type) {
    return !type.startsWith("io.mm4j.") && !type.startsWith("picocli.") && !isOfJdk(type);
  }

  private static boolean isOfJdk(String type) {
    return type.startsWith("java.") || type.startsWith("jdk.") || type.startsWith("sun.");
  }
}
