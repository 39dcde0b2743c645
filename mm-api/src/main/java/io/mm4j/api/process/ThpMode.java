// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.InputException;
import java.util.Locale;
import org.apiguardian.api.API;

/** {@code /sys/kernel/mm/transparent_hugepage/enabled}. */
@API(status = API.Status.EXPERIMENTAL)
public enum ThpMode {
  /** Never a huge page. */
  NEVER,
  /** Huge pages where {@code MADV_HUGEPAGE} asked for them. */
  MADVISE,
  /** Huge pages wherever they fit. */
  ALWAYS;

  /** The boot parameter that sets it. */
  public static final String PARAMETER = "transparent_hugepage";

  /**
   * The mode of that name.
   *
   * @throws InputException if there is none
   */
  public static ThpMode of(String text) {
    for (ThpMode mode : values()) {
      if (mode.name().toLowerCase(Locale.ROOT).equals(text)) {
        return mode;
      }
    }
    throw new InputException(
        "'" + text + "' is no setting of huge pages", PARAMETER + "=", "always, madvise, never");
  }
}
