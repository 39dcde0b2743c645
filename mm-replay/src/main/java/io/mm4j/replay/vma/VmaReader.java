// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.InputException;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a recording of the vma format, version 1, strictly: header and start state first, then one
 * event after the other. Every line is accounted for; what does not fit is an {@link
 * InputException} with file, line and column. Holds one event at a time. One thread.
 */
final class VmaReader implements VmaSource {
  /** More VMAs than any kernel setting of the recordings allows. */
  static final int MAX_VMAS = 1 << 18;

  private static final int MAX_PROCESSES = 1 << 16;
  private static final List<String> STATUS =
      List.of(
          "VmPeak",
          "VmSize",
          "VmLck",
          "VmPin",
          "VmRSS",
          "RssAnon",
          "RssFile",
          "RssShmem",
          "VmData",
          "VmStk",
          "VmExe",
          "VmLib",
          "VmPTE");

  private final LineSource source;
  private final Cursor at;
  private final LinesReader lines;
  private final CallReader calls;
  private final HeaderReader headerReader = new HeaderReader();
  private final VmaHeader header;
  private final VmaEvent.State start;
  private final Set<Integer> alive = new HashSet<>();
  private final Set<Integer> everAlive = new HashSet<>();
  private boolean more;
  private boolean ended;
  private long callCount;

  /** Reads header and start state. Closes the source if that fails. */
  VmaReader(LineSource source) {
    this.source = source;
    at = new Cursor(source);
    lines = new LinesReader(at);
    calls = new CallReader(at, headerReader);
    try {
      if (!advance()) {
        throw new InputException(
            "the file is empty", source.name(), "a recording: its first line is 'VMACORPUS 1'");
      }
      at.expect("VMACORPUS 1");
      at.expectEnd();
      advanceOrFail("the header");
      while (!at.looksAt("state ")) {
        headerReader.line(at);
        advanceOrFail("the header");
      }
      header = headerReader.finish(at);
      alive.add(0);
      everAlive.add(0);
      start = state();
      if (start.process() != 0 || !start.when().equals("start")) {
        throw at.error(
            "the first state block is not 'state p0 ... start'", "the start state of p0");
      }
      at.expect("calls");
      at.expectEnd();
      more = advance();
    } catch (RuntimeException e) {
      source.close();
      throw e;
    }
  }

  @Override
  public VmaHeader header() {
    return header;
  }

  @Override
  public VmaEvent.State start() {
    return start;
  }

  /** The next event, or null after the {@code eof} line, which must be the last. */
  @Override
  public @Nullable VmaEvent next() {
    if (ended) {
      return null;
    }
    if (!more) {
      throw cutOff("the calls");
    }
    int first = at.peek();
    if (first >= '0' && first <= '9') {
      return call();
    }
    if (at.looksAt("maps ")) {
      return maps();
    }
    if (at.looksAt("state ")) {
      return state();
    }
    if (at.looksAt("file ")) {
      VmaEvent event = new VmaEvent.FileSeen(at.line(), headerReader.fileLine(at));
      more = advance();
      return event;
    }
    if (at.looksAt("open ")) {
      VmaEvent event = new VmaEvent.OpenSeen(at.line(), headerReader.openLine(at));
      more = advance();
      return event;
    }
    if (at.take("deltas ")) {
      boolean on = at.take("on");
      if (!on) {
        at.expect("off");
      }
      at.expectEnd();
      VmaEvent event = new VmaEvent.Deltas(at.line(), on);
      more = advance();
      return event;
    }
    if (at.take("eof calls=")) {
      eof();
      return null;
    }
    throw at.unexpected("a call, or a line maps, state, file, open, deltas, eof");
  }

  private void eof() {
    int mark = at.mark();
    if (at.decimal() != callCount) {
      at.reset(mark);
      throw at.unexpected(callCount + ", the number of calls before it");
    }
    if (!at.atEnd()) {
      for (String key : List.of("memcalls", "faults", "threads", "lost")) {
        at.expect(" " + key + "=");
        at.decimal();
      }
    }
    at.expectEnd();
    if (advance()) {
      throw at.unexpected("nothing after the eof line");
    }
    ended = true;
  }

  private VmaEvent call() {
    long line = at.line();
    CallReader.Line read = calls.line(callCount + 1, this::checkAlive);
    callCount++;
    if (read.name() == CallName.EXIT) {
      alive.remove(read.process());
    }
    if (read.answer() instanceof Answer.Child child && child.process() != Answer.Child.UNFOLLOWED) {
      if (everAlive.size() >= MAX_PROCESSES || !everAlive.add(child.process())) {
        throw at.error("p" + child.process() + " cannot be a new process", "a number not used yet");
      }
      alive.add(child.process());
    }
    more = advance();
    List<MapsLine> removed = deltas("- ");
    List<MapsLine> added = deltas("+ ");
    return new VmaEvent.Call(
        line,
        callCount,
        read.process(),
        read.name(),
        read.args(),
        read.open(),
        read.answer(),
        read.value(),
        read.detail(),
        removed,
        added,
        read.text());
  }

  private List<MapsLine> deltas(String sign) {
    if (!more || !at.looksAt(sign)) {
      return List.of();
    }
    List<MapsLine> list = new ArrayList<>();
    while (more && at.take(sign)) {
      if (list.size() >= MAX_VMAS) {
        throw at.error("too many lines of difference", "at most " + MAX_VMAS);
      }
      list.add(lines.maps());
      at.expectEnd();
      more = advance();
    }
    return Collections.unmodifiableList(list);
  }

  private void checkAlive(int process) {
    if (!alive.contains(process)) {
      throw at.error(
          "there is no process p" + process, "p0, or a process that fork gave and that lives");
    }
  }

  private VmaEvent maps() {
    long line = at.line();
    BlockHead head = blockHead("maps ", Set.of("periodic", "final", "forked", "filled"));
    List<MapsLine> list = new ArrayList<>();
    long previousEnd = 0;
    for (int i = 0; i < head.count(); i++) {
      advanceOrFail("a maps block");
      MapsLine maps = lines.maps();
      at.expectEnd();
      lines.checkOrder(maps, previousEnd);
      previousEnd = maps.end();
      list.add(maps);
    }
    blockEnd();
    more = advance();
    return new VmaEvent.Maps(line, head.process(), head.when(), Collections.unmodifiableList(list));
  }

  private VmaEvent.State state() {
    long line = at.line();
    BlockHead head = blockHead("state ", Set.of("start", "final", "exit", "asked"));
    List<StateLine> list = new ArrayList<>();
    long previousEnd = 0;
    for (int i = 0; i < head.count(); i++) {
      advanceOrFail("a state block");
      StateLine state = lines.state();
      at.expectEnd();
      lines.checkOrder(state.maps(), previousEnd);
      previousEnd = state.maps().end();
      list.add(state);
    }
    blockEnd();
    advanceOrFail("a state block");
    long statusLine = at.line();
    at.expect("status p");
    if (at.decimal(0, MAX_PROCESSES) != head.process()) {
      throw at.error("the status line is of another process", "status p" + head.process());
    }
    Map<String, Long> status = new LinkedHashMap<>();
    for (String key : STATUS) {
      at.expect(" " + key + "=");
      status.put(key, at.decimal());
    }
    at.expectEnd();
    more = advance();
    return new VmaEvent.State(
        line,
        head.process(),
        head.when(),
        Collections.unmodifiableList(list),
        statusLine,
        Collections.unmodifiableMap(status));
  }

  private record BlockHead(int process, int count, String when) {}

  private BlockHead blockHead(String word, Set<String> allowed) {
    at.expect(word + "p");
    int process = at.decimal(0, MAX_PROCESSES);
    checkAlive(process);
    at.expect(" n=");
    int count = at.decimal(0, MAX_VMAS);
    at.expect(" ");
    int mark = at.mark();
    String when = at.word();
    if (!allowed.contains(when)) {
      at.reset(mark);
      throw at.unexpected("one of " + String.join(", ", allowed.stream().sorted().toList()));
    }
    at.expectEnd();
    return new BlockHead(process, count, when);
  }

  private void blockEnd() {
    advanceOrFail("a block of maps lines");
    at.expect("end");
    at.expectEnd();
  }

  private boolean advance() {
    if (!source.next()) {
      return false;
    }
    at.startLine();
    if (!source.terminated()) {
      throw new InputException(
          "the last line is cut off (it has no line feed)",
          source.name() + ", line " + source.number(),
          "a complete recording, whose last line is 'eof calls=N'");
    }
    return true;
  }

  private void advanceOrFail(String where) {
    if (!advance()) {
      throw cutOff(where);
    }
  }

  private InputException cutOff(String where) {
    return new InputException(
        "the recording ends within " + where,
        source.name() + ", line " + source.number(),
        "a complete recording, whose last line is 'eof calls=N'");
  }

  @Override
  public void close() {
    source.close();
  }
}
