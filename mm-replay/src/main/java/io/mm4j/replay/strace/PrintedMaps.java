// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.MapsLine;
import io.mm4j.replay.vma.VmaEvent;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * {@code /proc/PID/maps} as programs of a log read them, where strace shows what they got ({@code
 * -s}). A file belongs to the address space of the moment of its open, and each read shows some
 * lines as they are then; a line of which a read gave only a part is not used.
 */
final class PrintedMaps {
  private static final Pattern PATH =
      Pattern.compile("/proc/(?:(\\d{1,9})|self|thread-self)(?:/task/\\d{1,9})?/maps");
  private static final int MOST_FILES = 1 << 12;

  /** An open file, and how far it was read. */
  private static final class Reading {
    final Space space;
    final int process;
    long position;

    /** Where the addresses begin that the next line is about. */
    long from;

    /** Whether the next bytes are the rest of a line. */
    boolean inLine;

    /** Whether what was read so far is known. */
    boolean known = true;

    Reading(Space space, int process) {
      this.space = space;
      this.process = process;
    }

    void rewind() {
      position = 0;
      from = 0;
      inLine = false;
      known = true;
    }
  }

  private final IdentityHashMap<Descriptors.Open, Reading> readings = new IdentityHashMap<>();
  private long firstCut;

  /** Whose maps a path shows: a pid, 0 for those of who opens it; null if it is no such file. */
  static @Nullable Long owner(String path) {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      return null;
    }
    return matcher.group(1) == null ? 0L : Long.valueOf(matcher.group(1));
  }

  /** Somebody opened the maps of a process that has this address space. */
  void opened(Descriptors.Open file, int process, Space space) {
    if (readings.size() < MOST_FILES) {
      readings.put(file, new Reading(space, process));
    }
  }

  /** Whether these are maps. */
  boolean isOne(Descriptors.@Nullable Open file) {
    return readings.containsKey(file);
  }

  /**
   * A call on open maps.
   *
   * @param spaces the address spaces that processes have now
   * @return the lines that it shows, or null if it shows none that can be used
   */
  VmaEvent.@Nullable Printed call(
      StraceLine line,
      Descriptors.@Nullable Open file,
      Map<Integer, Space> spaces,
      String where,
      long number) {
    Reading reading = readings.get(file);
    Long got = line.number();
    if (reading == null
        || got == null
        || got < 0
        || !reading.space.equals(spaces.get(reading.process))) {
      return null;
    }
    switch (line.name()) {
      case "read" -> {}
      case "pread64" -> {
        Long offset = line.args().size() < 4 ? null : Symbols.number(line.args().get(3));
        moved(reading, offset == null ? -1 : offset);
      }
      case "lseek", "_llseek" -> {
        moved(reading, got);
        return null;
      }
      case "readv", "preadv", "sendfile", "splice" -> {
        reading.known = false;
        return null;
      }
      default -> {
        return null;
      }
    }
    if (!reading.known || line.args().size() < 3) {
      return null;
    }
    if (got == 0) {
      long from = reading.from;
      reading.from = -1;
      return from == -1 ? null : new VmaEvent.Printed(number, reading.process, from, -1, List.of());
    }
    byte[] bytes = QuotedText.bytes(line.args().get(1));
    if (bytes == null || bytes.length != got) {
      reading.known = false;
      firstCut = firstCut == 0 ? number : firstCut;
      return null;
    }
    reading.position += got;
    return lines(reading, new String(bytes, StandardCharsets.UTF_8), where, number);
  }

  private static void moved(Reading reading, long position) {
    if (position == 0) {
      reading.rewind();
    } else {
      reading.known &= position == reading.position;
    }
  }

  private static VmaEvent.@Nullable Printed lines(
      Reading reading, String text, String where, long number) {
    boolean rest = reading.inLine;
    int start = rest ? text.indexOf('\n') + 1 : 0;
    int end = text.lastIndexOf('\n') + 1;
    reading.inLine = end < text.length();
    if (end <= start) {
      return null;
    }
    byte[] whole = text.substring(start, end).getBytes(StandardCharsets.UTF_8);
    List<MapsLine> lines;
    try (LineSource source = new LineSource(where, new ByteArrayInputStream(whole))) {
      lines = new ArrayList<>(new MapsText(where, new MapsSettings()).read(source));
    }
    long from = rest ? lines.getFirst().start() : reading.from;
    long to = lines.getLast().end();
    reading.from = to;
    return new VmaEvent.Printed(number, reading.process, from, to, lines);
  }

  /** The first line that shows maps only in part, 0 for none. */
  long firstCut() {
    return firstCut;
  }
}
