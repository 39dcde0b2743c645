// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import org.apiguardian.api.API;

/** Words of the commands that reports print, to be typed as they stand. */
@API(status = API.Status.MAINTAINED)
public final class ShellWord {
  private ShellWord() {}

  /** The text as one word for a POSIX shell, in quotes if it needs them. */
  public static String of(String text) {
    return text.matches("[\\w/.,:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
