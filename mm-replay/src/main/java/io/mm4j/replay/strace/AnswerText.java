// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import org.jspecify.annotations.Nullable;

/** The result of a line as a recorded answer. */
final class AnswerText {
  private AnswerText() {}

  /**
   * The answer of a call.
   *
   * @param where the line, for messages
   * @return null if the log does not tell it
   */
  static @Nullable Answer of(StraceLine line, CallName name, String where) {
    String word = StraceLine.firstWord(line.result());
    if (word.equals("?")) {
      return null;
    }
    if (word.equals("-1") && line.result().matches("-1 E[A-Z0-9]+\\b.*")) {
      return new Answer.Failure(line.result().substring(3).replaceFirst("[^A-Z0-9].*", ""));
    }
    if (word.matches("E[A-Z]+")) {
      return new Answer.Failure(word); // perf trace: = -1 ENOMEM without the number
    }
    Long value = Symbols.number(word);
    if (value == null) {
      throw StraceLine.wrong("the result '" + word + "' is no number", where, 0);
    }
    return new Answer.Value(value, name.gives() == CallName.Gives.ADDRESS);
  }
}
