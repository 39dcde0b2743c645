// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * A caller broke the contract of a floor: a double free, a wrong order, a pointer that this
 * allocator never gave out. Nothing was changed. The message names the block with every value as
 * {@code name=value}.
 */
@API(status = API.Status.MAINTAINED)
public final class MisuseException extends MmException {
  private static final long serialVersionUID = 1L;

  /** Creates the error. */
  public MisuseException(String message) {
    super(message);
  }
}
