// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * Input from outside - an argument, an option, a file, a recording - that cannot be used. Its
 * message has three parts: what is wrong, where, and what is allowed there.
 */
@API(status = API.Status.MAINTAINED)
public final class InputException extends MmException {
  private static final long serialVersionUID = 1L;

  private final String what;
  private final String where;
  private final String allowed;

  /**
   * Creates the error.
   *
   * @param what what is wrong, with the offending value
   * @param where the option, or the file with line and column
   * @param allowed what would be accepted there
   */
  public InputException(String what, String where, String allowed) {
    super(where + ": " + what + " (allowed: " + allowed + ")");
    this.what = what;
    this.where = where;
    this.allowed = allowed;
  }

  /** What is wrong. */
  public String what() {
    return what;
  }

  /** Where: an option or a place in a file. */
  public String where() {
    return where;
  }

  /** What is allowed there. */
  public String allowed() {
    return allowed;
  }
}
