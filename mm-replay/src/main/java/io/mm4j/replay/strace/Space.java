// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

/** What is known of the address space of a process while its log is read. */
final class Space {
  private final boolean topDown;
  private final long inputLine;
  private final long writable;
  private boolean breakTaken;

  /**
   * That of a program that begins.
   *
   * @param topDown whether mappings are placed downwards
   * @param writable an address in it that can be written, 0 if none is known
   * @param inputLine the line whose result told where the area for mappings begins, 0 for none
   * @param breakTaken whether it is known where the heap begins, so that answers about it can be
   *     judged from the first one on
   */
  Space(boolean topDown, long writable, long inputLine, boolean breakTaken) {
    this.topDown = topDown;
    this.writable = writable;
    this.inputLine = inputLine;
    this.breakTaken = breakTaken;
  }

  /** A child's copy. */
  Space fork() {
    return new Space(topDown, writable, inputLine, breakTaken);
  }

  boolean topDown() {
    return topDown;
  }

  /** An address that the program can write; 0 if none is known. */
  long writable() {
    return writable;
  }

  /** Whether that line's result was taken from the log, and says nothing. */
  boolean isInput(long line) {
    return line == inputLine;
  }

  /** Whether this answer told where the heap begins: the first question for the break. */
  boolean takesBreak(StraceLine line) {
    boolean takes = !breakTaken && LogScan.asksForBreak(line) && line.succeeded();
    breakTaken |= takes;
    return takes;
  }
}
