// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import io.mm4j.api.InputException;
import io.mm4j.replay.text.LineSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The events of a recording, {@code events.txt.gz}, from START to STOP: one at a time, split into
 * words.
 *
 * <pre>
 *   dt cpu a who addr size align range     an area was taken
 *   dt cpu f who addr size lazy max        it was freed
 *   dt cpu p start end purged              freed areas became free
 *   dt cpu s objects                       pools were emptied
 * </pre>
 */
final class VmapEvents implements AutoCloseable {
  private static final String HEADER = "#vmalloc 1";
  private static final int FIRST_ARGUMENT = 3;

  /** A range of addresses that requests name. */
  record Range(long start, long last) {}

  private final LineSource source;
  private final List<Range> ranges = new ArrayList<>();
  private String[] words = {};
  private boolean started;

  VmapEvents(Path file) {
    source = LineSource.open(file);
    if (!source.next() || !source.text().equals(HEADER)) {
      source.close();
      throw new InputException("no recording of vmalloc areas", file.toString(), HEADER);
    }
  }

  /** Goes to the next event after START; false at STOP. */
  boolean next() {
    while (source.next()) {
      String text = source.text();
      if (text.startsWith("=R ")) {
        String[] parts = text.split(" ", -1);
        if (parts.length != 4 || number(parts[1], 10, where()) != ranges.size()) {
          throw bad("=R ID START LAST, numbered from 0");
        }
        ranges.add(new Range(number(parts[2], 16, where()), number(parts[3], 16, where())));
      } else if (!text.startsWith("#")) {
        words = text.split(" ", -1);
        if (words.length < FIRST_ARGUMENT || words[2].length() != 1) {
          throw bad("DT CPU OP ...");
        }
        if (op() == 'm' && words.length == FIRST_ARGUMENT + 1) {
          if (words[FIRST_ARGUMENT].equals("STOP")) {
            return false;
          }
          started |= words[FIRST_ARGUMENT].equals("START");
        }
        if (started && op() != 'm') {
          return true;
        }
      }
    }
    throw bad("a line 'm STOP' at the end");
  }

  char op() {
    return words[2].charAt(0);
  }

  /** The CPU that wrote the event. */
  long cpu() {
    return number(words[1], 10, where());
  }

  /** An argument as a word, from 0. */
  String word(int i) {
    if (words.length <= FIRST_ARGUMENT + i) {
      throw bad("an argument " + (i + 1) + " of " + words[2]);
    }
    return words[FIRST_ARGUMENT + i];
  }

  long hex(int i) {
    return number(word(i), 16, where());
  }

  long decimal(int i) {
    return number(word(i), 10, where());
  }

  Range range(int i) {
    long id = decimal(i);
    if (id < 0 || id >= ranges.size()) {
      throw bad("a range that a line =R has defined");
    }
    return ranges.get((int) id);
  }

  long line() {
    return source.number();
  }

  String text() {
    return source.text();
  }

  String where() {
    return source.name() + ", line " + source.number();
  }

  private InputException bad(String allowed) {
    return new InputException("the line is not understood: " + text(), where(), allowed);
  }

  static long number(String text, int radix, String where) {
    try {
      return radix == 16 ? Long.parseUnsignedLong(text, 16) : Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new InputException(
          "'" + text + "' is no number",
          where,
          radix == 16 ? "hexadecimal digits without 0x" : "decimal digits");
    }
  }

  @Override
  public void close() {
    source.close();
  }
}
