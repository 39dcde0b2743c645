// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.cli.text.Output;
import io.mm4j.cli.text.Terminal;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;

/**
 * The {@code mm} command: finds the sub-command, hands it its arguments, and turns what it throws
 * into words and an exit code. Only the named sub-command's class is loaded.
 */
public final class Main {
  /** All is good. */
  static final int GOOD = 0;

  /** A difference, a violation or a failed check was found. */
  static final int DIFFERENT = 1;

  /** Wrong usage or bad input. */
  static final int WRONG_INPUT = 2;

  /** A bug of mm4j. */
  static final int INTERNAL = 3;

  /** The reader of a pipe has gone: as the shell shows a command that SIGPIPE ended. */
  static final int CLOSED_PIPE = 141;

  private Main() {}

  /** Runs and exits with the code. */
  public static void main(String[] args) {
    Map<String, String> environment = System.getenv();
    Charset charset = Terminal.charset(environment);
    PrintStream out = stream(new Output(), charset);
    PrintStream err = stream(new FileOutputStream(FileDescriptor.err), charset);
    int code;
    try {
      code = run(new Io(out, err, Terminal.detect(environment)), args);
      out.flush();
    } catch (Output.LostException e) {
      code = lost(err, e);
    }
    err.flush();
    System.exit(code);
  }

  private static PrintStream stream(OutputStream to, Charset charset) {
    return new PrintStream(new BufferedOutputStream(to, 1 << 14), false, charset);
  }

  /** Whoever reads a pipe may go; a disk that is full is worth a word. */
  private static int lost(PrintStream err, Output.LostException e) {
    if (e.isClosedPipe()) {
      return CLOSED_PIPE;
    }
    err.println("mm: the output cannot be written: " + e.getMessage());
    err.println("  where:   standard output");
    err.println("  allowed: a terminal, a pipe, or a file on a disk with room");
    return WRONG_INPUT;
  }

  /** As a terminal-less caller would run it; returns the exit code. */
  static int run(PrintStream out, PrintStream err, String... args) {
    int code = run(new Io(out, err, Terminal.none()), args);
    out.flush();
    err.flush();
    return code;
  }

  static int run(Io io, String... args) {
    String name = args.length == 0 ? "--help" : args[0];
    boolean stacktrace = Arrays.asList(args).contains("--stacktrace");
    try {
      return dispatch(io, name, args);
    } catch (InputException e) {
      Errors.print(
          io, Commands.exists(name) ? "mm " + name : "mm", e.what(), e.where(), e.allowed());
      trace(io, e, stacktrace);
      return WRONG_INPUT;
    } catch (Output.LostException e) {
      throw e;
    } catch (CorruptStateError e) {
      io.err().println("mm " + name + ": a structure contradicts itself: " + e.getMessage());
      trace(io, e, stacktrace);
      return DIFFERENT;
    } catch (RuntimeException | Error e) {
      int code = Errors.bug(io, e, args);
      trace(io, e, stacktrace);
      return code;
    }
  }

  private static int dispatch(Io io, String name, String... args) {
    if (List.of("--version", "-V").contains(name)) {
      io.out().println("mm4j " + Commands.version());
      return GOOD;
    }
    if (List.of("--help", "-h", "help").contains(name)) {
      if (name.equals("help") && args.length > 1) {
        return runCommand(io, Commands.find(args[1]), "--help");
      }
      Commands.printHelp(io);
      return GOOD;
    }
    Commands.Entry entry = Commands.find(name);
    return Unchanged.run(
        io,
        name,
        (to, words) -> runCommand(to, entry, words),
        Arrays.copyOfRange(args, 1, args.length));
  }

  private static int runCommand(Io io, Commands.Entry entry, String... args) {
    MmCommand command = entry.factory().get();
    CommandLine line = new CommandLine(command);
    line.setCommandName("mm " + entry.name());
    line.setExpandAtFiles(false);
    line.setStopAtPositional(command.takesCommand());
    line.getCommandSpec().usageMessage().abbreviateSynopsis(true);
    try {
      line.parseArgs(command.arguments(args));
    } catch (ParameterException e) {
      Errors.usage(io, e, List.of(args));
      return WRONG_INPUT;
    }
    if (line.isUsageHelpRequested()) {
      String usage = line.getUsageMessage(io.terminal().colour() ? Ansi.ON : Ansi.OFF);
      io.out().print(Commands.asTyped(usage));
      return GOOD;
    }
    return command.run(io);
  }

  private static void trace(Io io, Throwable e, boolean on) {
    if (on) {
      e.printStackTrace(io.err());
    }
  }
}
