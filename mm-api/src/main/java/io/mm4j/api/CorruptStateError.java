// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.util.function.Supplier;
import org.apiguardian.api.API;

/**
 * A structure contradicts itself: a counter that differs from the walk, a block on two lists. It is
 * a bug of the implementation that threw it or of one that wrote into its memory, and nobody inside
 * mm4j catches it.
 */
@API(status = API.Status.MAINTAINED)
public final class CorruptStateError extends Error {
  private static final long serialVersionUID = 1L;

  /** Creates the error; the message carries every value as {@code name=value}. */
  public CorruptStateError(String message) {
    super(message);
  }

  /** Throws if {@code good} is false. For the slow walks of {@code validate()}; messages cost. */
  public static void check(boolean good, String message) {
    if (!good) {
      throw new CorruptStateError(message);
    }
  }

  /** The same for checks of each page or object: the message is made only of what is wrong. */
  public static void check(boolean good, Supplier<String> message) {
    if (!good) {
      throw new CorruptStateError(message.get());
    }
  }
}
