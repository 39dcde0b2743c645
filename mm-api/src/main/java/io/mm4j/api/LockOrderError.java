// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * A floor waited for a lock out of order: a deadlock that has not happened yet. Like a corrupt
 * state it is a bug, which nobody inside catches. Thrown only where {@link LockOrder} checks.
 */
@API(status = API.Status.MAINTAINED)
public final class LockOrderError extends Error {
  private static final long serialVersionUID = 1L;

  /** Creates the error. */
  public LockOrderError(String message) {
    super(message);
  }
}
