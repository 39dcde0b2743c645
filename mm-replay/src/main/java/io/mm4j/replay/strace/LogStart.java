// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.ProgramName;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a log begins with: the maps that were given, or those that the log tells itself ({@link
 * InferredMaps}), of the first program that is followed.
 */
final class LogStart {
  private final LogScan.@Nullable Exec begin;
  private final Programs programs;
  private final @Nullable String givenProgram;
  private final boolean whole;
  private final long mainPid;
  private final @Nullable String doubt;
  private final @Nullable String another;
  private final VmaHeader header;
  private final VmaEvent.State state;
  private final Space space;
  private final List<String> notes = new ArrayList<>();

  /**
   * Reads the initial maps.
   *
   * @param scan the first reading of the log
   * @param maps opens the initial maps; null if there are none, then the log has to tell
   * @param log opens the log
   */
  LogStart(LogScan scan, @Nullable Supplier<LineSource> maps, Supplier<LineSource> log) {
    whole = maps != null;
    String program = null;
    InitialMaps given = null;
    if (maps != null) {
      try (LineSource reading = maps.get()) {
        given = new InitialMaps(reading);
      }
      program = given.program();
    }
    givenProgram = program;
    begin = scan.begin(program);
    programs = new Programs(scan, begin, log);
    InferredMaps inferred = programs.first();
    InitialMaps initial;
    if (given == null) {
      notes.add(inferred.note());
      initial = inferred.read();
    } else {
      initial = given;
    }
    notes.addAll(initial.notes());
    mainPid = begin == null ? scan.firstPid() : begin.pid();
    doubt = given == null ? null : given.doubt(begin, inferred.heap());
    another = given == null ? null : given.another(begin, inferred.heap());
    boolean breakGiven = initial.startBrkGiven();
    initial.startBrk(inferred.heap());
    scan.limits().forEach(initial::limit);
    VmaHeader read = initial.finished();
    VmaHeader named = scan.namesVmas() ? read.withOption("anon-vma-name", "true") : read;
    int nodes = scan.nodes();
    header = nodes > 0 ? named.withOption("numa-nodes", Integer.toString(nodes)) : named;
    state = new VmaEvent.State(0, 0, "start", initial.lines(), 0, Map.of());
    long inputLine = given == null ? inferred.inputLine() : 0;
    space = new Space(header.layout().topDown(), initial.writable(), inputLine, breakGiven);
  }

  /** The exec of the program, or null if it runs already where the log begins. */
  LogScan.@Nullable Exec begin() {
    return begin;
  }

  /** The programs of the log. */
  Programs programs() {
    return programs;
  }

  /** The program that the maps belong to. */
  ProgramName program() {
    return begin != null
        ? begin.name()
        : new ProgramName(givenProgram == null ? "-" : givenProgram, List.of());
  }

  /** Whether maps were given, so that all of the start is known. */
  boolean isWhole() {
    return whole;
  }

  /** Who runs the program. */
  long mainPid() {
    return mainPid;
  }

  /** What speaks against log and maps being of one program, or null. */
  @Nullable String doubt() {
    return doubt;
  }

  /** The program whose maps these surely are, if it is not the log's; else null. */
  @Nullable String another() {
    return another;
  }

  VmaHeader header() {
    return header;
  }

  /** The maps. */
  VmaEvent.State state() {
    return state;
  }

  /** What is known of the address space. */
  Space space() {
    return space;
  }

  /** What was taken for granted. */
  List<String> notes() {
    return List.copyOf(notes);
  }
}
