// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/** The root of every checked-at-the-edge failure that mm4j reports; its message is for a person. */
@API(status = API.Status.MAINTAINED)
public abstract class MmException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception whose message says what happened, with each value as {@code name=value}.
   */
  protected MmException(String message) {
    super(message);
  }

  /** As above, with the failure that led to this one. */
  protected MmException(String message, Throwable cause) {
    super(message, cause);
  }
}
