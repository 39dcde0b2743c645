// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.MmLayout;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What follows the start state of a recording, in order. */
public sealed interface VmaEvent {
  /** The line it starts on. */
  long line();

  /**
   * A call or touch with its complete effect on maps.
   *
   * @param line where it stands
   * @param number counted from 1
   * @param process who made it
   * @param name which call
   * @param args arguments in the order of {@link CallName#keys}; {@code fd} of an open Dn is given
   *     by {@code open}, a limit {@code inf} as -1
   * @param open name of the open behind {@code fd}, or null for a plain number; of {@link
   *     CallName#SET_VMA_NAME} the VMA's name
   * @param answer what the kernel gave
   * @param value byte read, or -1
   * @param detail vector of mincore as run lengths, what PAGEMAP_SCAN found, or empty
   * @param removed maps lines that went away
   * @param added maps lines that appeared
   * @param text the line as it stands
   */
  record Call(
      long line,
      long number,
      int process,
      CallName name,
      List<Long> args,
      @Nullable String open,
      Answer answer,
      int value,
      String detail,
      List<MapsLine> removed,
      List<MapsLine> added,
      String text)
      implements VmaEvent {
    /** An argument by position. */
    public long arg(int index) {
      return args.get(index);
    }
  }

  /** Full maps; {@code when} is periodic, final, forked or filled. */
  record Maps(long line, int process, String when, List<MapsLine> lines) implements VmaEvent {}

  /** Full state; {@code when} is start, final, exit or asked. Status in kB. */
  record State(
      long line,
      int process,
      String when,
      List<StateLine> lines,
      long statusLine,
      Map<String, Long> status)
      implements VmaEvent {}

  /** From here on calls have, or have not, their lines of difference. */
  record Deltas(long line, boolean on) implements VmaEvent {}

  /** A child that no call line shows; its number is new. */
  record Forked(long line, int process, int child) implements VmaEvent {}

  /** A process ended. */
  record Gone(long line, int process) implements VmaEvent {}

  /**
   * A process runs another program.
   *
   * @param process its number; new, unless {@code from} is the same
   * @param from the process that it was before, whose limits it has; -1 if that is not known
   * @param program what it runs
   * @param layout where the program lies and mappings are placed
   * @param lines what of its address space is known to have been there
   */
  record Began(
      long line, int process, int from, ProgramName program, MmLayout layout, List<StateLine> lines)
      implements VmaEvent {}

  /**
   * What somebody read of a process's maps.
   *
   * @param from the address at which it begins
   * @param to the address up to which it shows everything; -1 for all that follows
   */
  record Printed(long line, int process, long from, long to, List<MapsLine> lines)
      implements VmaEvent {}

  /** A file is known from here on. */
  record FileSeen(long line, VmaHeader.FileLine file) implements VmaEvent {}

  /** An open file description is known from here on. */
  record OpenSeen(long line, VmaHeader.OpenLine open) implements VmaEvent {}
}
