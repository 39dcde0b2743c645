// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;

/**
 * A kernel command line as words. Models {@code parse_args()} of kernel/params.c (Linux 6.18):
 * blanks separate words, double quotes keep blanks together, and what follows {@code --} is meant
 * for init.
 *
 * @param words the words for the kernel, in order
 */
@API(status = API.Status.EXPERIMENTAL)
public record CommandLine(List<Word> words) {
  /** Nothing is said. */
  public static final CommandLine EMPTY = new CommandLine(List.of());

  /**
   * One word.
   *
   * @param name what stands before the first {@code =}
   * @param value what stands after it, without quotes; empty if there is none
   * @param hasValue whether there is a {@code =}
   */
  public record Word(String name, String value, boolean hasValue) {
    /**
     * Whether this is the parameter of that name; {@code -} and {@code _} are the same in names.
     */
    public boolean is(String parameter) {
      return dashes(name).equals(dashes(parameter));
    }

    static String dashes(String name) {
      return name.replace('-', '_');
    }

    @Override
    public String toString() {
      return hasValue ? name + "=" + value : name;
    }
  }

  /** Copies the list. */
  public CommandLine {
    words = List.copyOf(words);
  }

  /** Reads a line. */
  public static CommandLine parse(String line) {
    List<Word> words = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i <= line.length(); i++) {
      char c = i == line.length() ? ' ' : line.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (Character.isWhitespace(c) && (!quoted || i == line.length())) {
        if (text.toString().equals("--")) {
          break;
        }
        if (!text.isEmpty()) {
          words.add(word(text.toString()));
          text.setLength(0);
        }
      } else {
        text.append(c);
      }
    }
    return new CommandLine(words);
  }

  private static Word word(String text) {
    int eq = text.indexOf('=');
    return eq < 0
        ? new Word(text, "", false)
        : new Word(text.substring(0, eq), text.substring(eq + 1), true);
  }
}
