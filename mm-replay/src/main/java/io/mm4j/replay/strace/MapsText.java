// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.KnownText;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.text.WebText;
import io.mm4j.replay.vma.MapsLine;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The lines of a text that show mappings, among others that do not. */
final class MapsText {
  private static final int MAX_VMAS = 1 << 16;

  /** So much of a text without a mapping is looked at for what it is. */
  private static final int MOST_KEPT = 1 << 13;

  /** What lies in the upper half is the kernel's. */
  private static final long MOST_USER = 1L << 47;

  /** Where a line of maps begins, behind marks of quotation and what a log puts in front. */
  private static final Pattern BEGINS =
      Pattern.compile("(?:^|[\\s>|])(?=[0-9a-f]{1,16}-[0-9a-f]{1,16}(?: |$))");

  /** Names of mappings with huge pages of a pool. */
  private static final Pattern HUGETLB =
      Pattern.compile("/anon_hugepage\\b|/(?:\\S*/)?hugepages\\b");

  /** Lines of smaps about the mapping above them. */
  private static final Pattern SMAPS = Pattern.compile("[A-Z][A-Za-z_]{1,30}:\\s.*");

  private final String name;
  private final MapsSettings settings;
  private final ForeignMaps foreign = new ForeignMaps();
  private int passedOver;
  private String firstPassedOver = "";
  private int withoutInode;
  private String unusable = "";
  private String heapTaken = "";

  /** The beginning of the text, until there is a mapping. */
  private final StringBuilder start = new StringBuilder();

  private boolean vectors;
  private int hugetlb;

  /**
   * A reader for one text.
   *
   * @param settings gets what its lines with {@code #} set
   */
  MapsText(String name, MapsSettings settings) {
    this.name = name;
    this.settings = settings;
  }

  /**
   * Reads the text to its end.
   *
   * @return at least one line, in the order of addresses
   */
  List<MapsLine> read(LineSource source) {
    List<MapsLine> lines = new ArrayList<>();
    Cursor at = new Cursor(source);
    long previousEnd = 0;
    while (source.next()) {
      at.startLine();
      if (at.take("#")) {
        settings.line(at);
        continue;
      }
      String text = at.wholeLine();
      if (lines.isEmpty() && start.length() < MOST_KEPT) {
        start.append(text).append('\n');
      }
      if (text.isBlank() || SMAPS.matcher(text.strip()).matches()) {
        continue;
      }
      if (lines.size() >= MAX_VMAS) {
        throw at.error("too many lines", "at most " + MAX_VMAS);
      }
      MapsLine line = found(at, text, lines.isEmpty());
      if (line == null) {
        passedOver(at, text.strip());
        continue;
      }
      if (line.name().equals("[vectors]")) {
        vectors = true;
        continue;
      }
      if (Long.compareUnsigned(line.start(), previousEnd) < 0) {
        boolean below = Long.compareUnsigned(line.end(), lines.getLast().start()) <= 0;
        throw at.error(
            below
                ? "this line lies below the one before: another dump begins, or they were sorted"
                : "this line overlaps the one before",
            "lines of one process in the order of addresses");
      }
      hugetlb += HUGETLB.matcher(line.name()).lookingAt() ? 1 : 0;
      previousEnd = line.end();
      lines.add(line);
    }
    if (lines.isEmpty()) {
      InputException known = KnownText.known(start.toString(), source.name());
      if (known != null && unusable.isEmpty()) {
        throw known;
      }
      throw new InputException(
          "there is no line of maps" + (unusable.isEmpty() ? "" : ": " + unusable),
          source.name(),
          "the text of /proc/PID/maps");
    }
    nameHeap(lines);
    return lines;
  }

  private void nameHeap(List<MapsLine> lines) {
    int at = foreign.heap(lines);
    if (at >= 0) {
      MapsLine heap = lines.get(at);
      lines.set(
          at,
          new MapsLine(
              heap.start(), heap.end(), heap.perms(), heap.offsetBytes(), heap.backed(), "[heap]"));
      heapTaken =
          String.format(
              Locale.ROOT,
              "%x-%x is taken for the heap, which %s does not name",
              heap.start(),
              heap.end(),
              foreign.heapless());
    }
  }

  /** What had to be taken for granted, in words. */
  List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (passedOver > 0) {
      notes.add(
          passedOver
              + (passedOver == 1
                  ? " line is no line of maps and was"
                  : " lines are no lines of maps and were")
              + " passed over, the first is "
              + firstPassedOver);
    }
    if (withoutInode > 0) {
      notes.add(
          "maps without device and inode: what has a path is taken for a file that is mapped");
    }
    if (!heapTaken.isEmpty()) {
      notes.add(heapTaken);
    }
    if (vectors) {
      notes.add("[vectors] lies above user space and is left out");
    }
    if (hugetlb > 0) {
      notes.add(
          "maps do not show how large pages of hugetlb are ("
              + hugetlb
              + (hugetlb == 1 ? " mapping" : " mappings")
              + "): they are taken for those of a file, and Linux refuses calls that would cut"
              + " one");
    }
    String leftOut = foreign.leftOut();
    if (leftOut != null) {
      notes.add(leftOut);
    }
    return notes;
  }

  private void passedOver(Cursor at, String text) {
    if (passedOver++ == 0) {
      firstPassedOver =
          "line "
              + at.line()
              + ": '"
              + (text.length() > 50 ? text.substring(0, 50) + "..." : text)
              + "'";
    }
  }

  /** The mapping that a line shows, or null. */
  private @Nullable MapsLine found(Cursor at, String text, boolean first) {
    String plain = WebText.plain(text);
    String ofAnother = foreign.line(plain);
    if (ofAnother == null && !plain.equals(text) && BEGINS.matcher(plain).find()) {
      ofAnother = plain.strip().replaceFirst("^[>\\s]+", "");
    }
    if (ofAnother != null) {
      byte[] bytes = ofAnother.getBytes(StandardCharsets.UTF_8);
      LineSource source =
          new LineSource(name + ", line " + at.line(), new ByteArrayInputStream(bytes));
      Cursor own = new Cursor(source);
      boolean _ = source.next();
      own.startLine();
      return line(own);
    }
    Matcher begins = BEGINS.matcher(text);
    boolean found = begins.find();
    String before = found ? text.substring(0, begins.end()) : "";
    if (!found || before.indexOf('\ufffd') >= 0) {
      String why = ForeignMaps.unusable(text);
      unusable = why == null ? unusable : why;
      return null;
    }
    at.reset(before.getBytes(StandardCharsets.UTF_8).length);
    try {
      MapsLine line = line(at);
      if (first && line.name().equals("[rollup]")) {
        throw at.error("sums of all mappings", "a line for each mapping");
      }
      return line;
    } catch (InputException e) {
      InputException known = first ? KnownText.known(start.toString(), name) : null;
      throw known == null ? e : known;
    }
  }

  private MapsLine line(Cursor at) {
    int mark = at.mark();
    long start = at.hexDigits();
    at.expect("-");
    long end = at.hexDigits();
    if (((start | end) & 4095) != 0 || Long.compareUnsigned(start, end) >= 0) {
      at.reset(mark);
      throw at.unexpected("START-END, multiples of 0x1000, START below END");
    }
    if (start >= 0 && Long.compareUnsigned(end, MOST_USER) > 0) {
      at.reset(mark);
      throw at.unexpected(
          "START-END within x86-64's user space, below 0x800000000000 (48 bits, as arm64 may have,"
              + " are not modelled)");
    }
    at.expect(" ");
    mark = at.mark();
    String perms = at.word();
    if (!perms.matches("[r-][w-][x-][ps]")) {
      at.reset(mark);
      throw at.unexpected("permissions such as rw-p");
    }
    at.expect(" ");
    long offset = at.hexDigits();
    boolean backed;
    mark = at.mark();
    String rest = at.rest().strip();
    if (rest.matches("(?:[/\\[(].*)?")) {
      withoutInode++;
      backed = rest.startsWith("/");
      at.reset(mark);
    } else {
      at.reset(mark);
      at.expect(" ");
      at.word();
      at.expect(" ");
      backed = at.decimal() != 0;
    }
    String name = at.rest().strip().replace("\\012", "\n"); // seq_file_path escapes this
    if (name.isEmpty()) {
      name = "-";
    }
    return new MapsLine(start, end, perms, offset, backed, name);
  }
}
