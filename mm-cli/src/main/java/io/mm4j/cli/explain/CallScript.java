// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Splits what was typed into calls. One call is given as words, several as one word each, or in one
 * word with {@code ;} between them. Calls may also stand as in C or as strace prints them: {@code
 * mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff5000}.
 */
public final class CallScript {
  private static final int MOST_CALLS = 10_000;

  private CallScript() {}

  /** The calls, each as its words; none is empty. */
  public static List<List<String>> split(List<String> typed) {
    List<String> words = typed.stream().map(String::strip).toList();
    boolean quoted = words.stream().anyMatch(w -> w.matches("(?s).*[\\s(].*"));
    List<List<String>> calls = new ArrayList<>();
    for (String call : quoted ? words : List.of(String.join(" ", words))) {
      for (String one : call.split("[;\n]", -1)) {
        List<String> parts = words(one);
        if (!parts.isEmpty()) {
          calls.add(parts);
        }
      }
    }
    if (calls.size() > MOST_CALLS) {
      throw new InputException(
          calls.size() + " calls", "mm explain", "at most " + MOST_CALLS + " calls at once");
    }
    return calls;
  }

  private static List<String> words(String call) {
    String text = call.replaceFirst("\\)\\s*=\\s.*$", ")").replaceAll("<[^>]*>", "");
    text = text.replaceAll("/\\*.*?\\*/", "").replaceAll("\\s*\\|\\s*", "|");
    return Arrays.stream(text.split("[\\s,()]+", -1)).filter(w -> !w.isEmpty()).toList();
  }
}
