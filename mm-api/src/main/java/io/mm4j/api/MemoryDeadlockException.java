// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * A request that must not fail cannot be served, and nobody has anything to give up: where Linux
 * would panic with "System is deadlocked on memory".
 */
@API(status = API.Status.MAINTAINED)
public final class MemoryDeadlockException extends MmException {
  private static final long serialVersionUID = 1L;

  /** Creates the error. */
  public MemoryDeadlockException(String message) {
    super(message);
  }
}
