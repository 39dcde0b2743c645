// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import picocli.CommandLine.Option;

/** A sub-command: its fields are filled from the command line, then it runs once. */
abstract class MmCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      order = 900,
      description = "Prints this and exits.")
  private boolean help;

  @Option(
      names = "--stacktrace",
      order = 901,
      description = "With an error, prints where in mm4j it came from.")
  private boolean stacktrace;

  /** Whether help was asked for. */
  final boolean helpAsked() {
    return help;
  }

  /** Whether errors come with a stack trace. */
  final boolean stacktrace() {
    return stacktrace;
  }

  /** Whether what follows the first word that is no option belongs to another command. */
  boolean takesCommand() {
    return false;
  }

  /** The typed arguments as they are to be parsed. */
  String[] arguments(String... args) {
    return args;
  }

  /**
   * Does the work.
   *
   * @return the exit code
   * @throws io.mm4j.api.InputException for wrong input: exit code 2
   */
  abstract int run(Io io);
}
