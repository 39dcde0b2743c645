// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.paste;

import io.mm4j.replay.strace.PastedLine;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call that somebody copied from a log, with what may stand in front of it there.
 *
 * @param name the call's usual name
 * @param args its arguments as text
 * @param result what it gave, as strace prints it; null if nothing is said
 */
public record PastedCall(String name, List<String> args, @Nullable String result) {
  /** Copies the list. */
  public PastedCall {
    args = List.copyOf(args);
  }

  /** The call in a line, or null if there is none, or only a part of one. */
  public static @Nullable PastedCall parse(String line) {
    PastedLine found = PastedLine.parse(line);
    return found == null ? null : new PastedCall(found.name(), found.args(), found.result());
  }
}
