// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a log as it was found: what is no call is passed over and counted, and a call that
 * the traced program's own output cut in two is put together again.
 */
final class StraceLines implements AutoCloseable {
  private static final int MOST_PIECES = 8;
  private static final int SHOWN = 48;

  /** So many characters of lines that are passed over are kept. */
  private static final int MOST_KEPT = 1 << 13;

  private final LineSource source;
  private final Cursor at;
  private final List<StraceLine> ahead = new ArrayList<>();
  private final List<Long> aheadNumbers = new ArrayList<>();
  private long number;
  private long passedOver;
  private long firstPassedOver;
  private String firstText = "";
  private final StringBuilder passed = new StringBuilder();
  private long gaps;
  private long firstGap;
  private long cuts;
  private long firstCut;

  /** Whether ltrace wrote the log. */
  private boolean ltrace;

  StraceLines(LineSource source) {
    this.source = source;
    this.at = new Cursor(source);
  }

  /** The next line that is a call, a part of one, a signal or an end; null at the end. */
  @Nullable StraceLine next() {
    while (true) {
      StraceLine line = read();
      if (line == null) {
        return null;
      }
      switch (line.form()) {
        case NOTE -> {}
        case GAP -> {
          firstGap = gaps++ == 0 ? number : firstGap;
        }
        case OTHER -> passOver(line.body());
        case CUT -> {
          StraceLine whole = join(line);
          if (whole != null) {
            return whole;
          }
        }
        default -> {
          return line;
        }
      }
    }
  }

  private @Nullable StraceLine read() {
    if (!ahead.isEmpty()) {
      number = aheadNumbers.removeFirst();
      return ahead.removeFirst();
    }
    if (!source.next()) {
      return null;
    }
    number = source.number();
    at.startLine();
    String text = at.wholeLine();
    boolean system = OtherTracers.isLtrace(text);
    ltrace |= system;
    StraceLine line = StraceLine.parse(text, where());
    return ltrace && !system && line.isOfCall() ? line.asNote() : line;
  }

  /** Lines that follow a cut one may complete it; those that do not are read again. */
  private @Nullable StraceLine join(StraceLine cut) {
    long began = number;
    String whereCut = where();
    StringBuilder text = new StringBuilder(cut.body());
    List<StraceLine> read = new ArrayList<>();
    List<Long> numbers = new ArrayList<>();
    boolean atEnd = false;
    while (read.size() < MOST_PIECES) {
      StraceLine line = read();
      if (line == null) {
        atEnd = true;
        break;
      }
      read.add(line);
      numbers.add(number);
      if (line.standsAlone()) {
        break;
      }
      text.append(line.body());
      StraceLine whole = whole(cut.pid(), text.toString(), whereCut);
      if (whole != null) {
        number = began;
        return whole;
      }
    }
    ahead.addAll(0, read);
    aheadNumbers.addAll(0, numbers);
    number = began;
    if (!(atEnd && read.isEmpty()) && Calls.isMemoryCall(cut.name())) {
      throw StraceLine.cut(cut, whereCut);
    }
    firstCut = cuts++ == 0 ? began : firstCut;
    return null;
  }

  private static @Nullable StraceLine whole(long pid, String text, String where) {
    try {
      if (text.endsWith(StraceLine.UNFINISHED_MARK)) {
        return StraceLine.parse(text, where).by(pid);
      }
      StraceLine line = StraceLine.parseCall(pid, text, where, 0);
      return line.form() == StraceLine.Form.CALL ? line : null;
    } catch (io.mm4j.api.InputException e) {
      return null;
    }
  }

  private void passOver(String text) {
    if (passed.length() < MOST_KEPT) {
      passed.append(text).append('\n');
    }
    if (passedOver++ == 0) {
      firstPassedOver = number;
      String printable = text.replaceAll("[^ -~]", "?");
      firstText = printable.length() > SHOWN ? printable.substring(0, SHOWN) + "..." : printable;
    }
  }

  /** The lines that were passed over first. */
  String passed() {
    return passed.toString();
  }

  /** What was passed over, in words. */
  List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (ltrace) {
      notes.add(
          "lines of ltrace: its calls of libraries are passed over, and an offset of mmap that it"
              + " does not show is taken as 0");
    }
    if (passedOver > 0) {
      notes.add(
          count(passedOver, "line is no call and was", "lines are no calls and were")
              + " passed over, the first is line "
              + firstPassedOver
              + ": '"
              + firstText
              + "'");
    }
    if (gaps > 0) {
      notes.add(
          "lines were left out of the log at line "
              + firstGap
              + (gaps > 1 ? " and " + count(gaps - 1, "other place", "other places") : "")
              + ": what they did is missing here");
    }
    if (cuts > 0) {
      notes.add(
          count(cuts, "call is cut and was", "calls are cut and were")
              + " not made, the first in line "
              + firstCut);
    }
    return notes;
  }

  private static String count(long count, String one, String many) {
    return count + " " + (count == 1 ? one : many);
  }

  /** Number of the line that {@link #next} gave. */
  long number() {
    return number;
  }

  String where() {
    return source.name() + ", line " + number;
  }

  String name() {
    return source.name();
  }

  @Override
  public void close() {
    source.close();
  }
}
