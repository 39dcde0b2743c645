// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call that somebody copied from a log, with what may stand in front of it there.
 *
 * @param name the call's usual name
 * @param args its arguments as text
 * @param result what it gave, as strace prints it; null if nothing is said
 */
public record PastedLine(String name, List<String> args, @Nullable String result) {
  /** Copies the list. */
  public PastedLine {
    args = List.copyOf(args);
  }

  /** The call in a line, or null if there is none, or only a part of one. */
  public static @Nullable PastedLine parse(String line) {
    StraceLine parsed;
    try {
      parsed = StraceLine.parse(line, "the pasted line");
      if (parsed.form() == StraceLine.Form.CUT && parsed.body().strip().endsWith(")")) {
        StraceLine whole = StraceLine.parseCall(0, parsed.body().strip() + " = ?", "", 0);
        return whole.form() == StraceLine.Form.CALL
            ? new PastedLine(Calls.usualName(whole.name()), whole.args(), null)
            : null;
      }
    } catch (InputException e) {
      return null;
    }
    if (parsed.form() != StraceLine.Form.CALL) {
      return null;
    }
    String result = StraceLine.firstWord(parsed.result()).equals("?") ? null : parsed.result();
    return new PastedLine(Calls.usualName(parsed.name()), parsed.args(), result);
  }
}
