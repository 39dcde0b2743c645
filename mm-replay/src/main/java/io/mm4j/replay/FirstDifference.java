// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.util.List;

/**
 * The first place where the machine and the kernel part, with enough of the state around it to see
 * why.
 *
 * @param check the check that failed first: {@code results}, {@code maps}, {@code core_ops}...
 * @param line line of the recording, counted from 1; 0 if the difference belongs to no line
 * @param call number of the call or operation as the recording counts; 0 if it belongs to none
 * @param what one line: the operation and both answers
 * @param evidence the state around it, line by line, ready to print
 */
public record FirstDifference(
    String check, long line, long call, String what, List<String> evidence) {

  /** Copies the evidence. */
  public FirstDifference {
    evidence = List.copyOf(evidence);
  }

  /** Where it is, for people: {@code line 120, call 17}. */
  public String where() {
    if (line == 0) {
      return call == 0 ? "the end" : "call " + call;
    }
    return call == 0 ? "line " + line : "line " + line + ", call " + call;
  }
}
