// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What had to be taken for granted or left out while a log was read, in words. */
final class StraceNotes {
  private static final int MOST = 20;

  private final List<String> extra = new ArrayList<>();
  private final Map<String, Long> notModelled = new TreeMap<>();
  private long inferredLater;
  private long refused;
  private long firstRefused;
  private String lastRefused = "";

  /** Adds one before all others. */
  void first(String text) {
    extra.addFirst(text);
  }

  /** Adds one that is always said. */
  void always(String text) {
    extra.add(text);
  }

  /** Adds one of a line, if there are not too many already. */
  void ofLine(String text) {
    if (extra.size() < MOST) {
      extra.add(text);
    }
  }

  /** A program began later than the log, and its place was inferred. */
  void inferredLater() {
    inferredLater++;
  }

  /** A call was left out that mm4j does not model; the first of its kind is told. */
  void notModelled(String what, long number) {
    notModelled.putIfAbsent(what, number);
  }

  /** A call was left out that memory management did not see. */
  void refused(String text, long number) {
    firstRefused = refused++ == 0 ? number : firstRefused;
    lastRefused = refused == 1 ? text : lastRefused;
  }

  /**
   * All of them.
   *
   * @param ofScan those of the first reading
   * @param ofArguments those of arguments
   * @param firstCut the line in which maps were read first that are shown in part, 0 for none
   * @param unnamed whether a program begins whose execve the log does not show
   * @param pageOffsets whether offsets of mmap2 are in pages
   */
  List<String> all(
      List<String> ofScan,
      List<String> ofArguments,
      long firstCut,
      boolean unnamed,
      boolean pageOffsets) {
    List<String> notes = new ArrayList<>(ofScan);
    notes.addAll(extra);
    notes.addAll(ofArguments);
    if (inferredLater > 0) {
      notes.add(
          inferredLater
              + (inferredLater == 1 ? " program begins" : " programs begin")
              + " later (execve): where each lies was inferred from what the log shows of it, and"
              + " the place of its first mapping is not judged");
    }
    if (firstCut > 0) {
      notes.add(
          "maps were read in line "
              + firstCut
              + " and are shown in part: with strace -s 65536 they are compared");
    }
    if (unnamed) {
      notes.add(
          "the log shows no execve: a program is taken to begin where the break is one that no call"
              + " has made (strace -e trace=memory,execve,openat,close shows more)");
    }
    if (pageOffsets) {
      notes.add("offsets of mmap2 are in pages, as old versions of strace print them");
    }
    notModelled.forEach((what, line) -> notes.add("not modelled, line " + line + ": " + what));
    if (refused > 0) {
      notes.add(
          refused
              + (refused == 1 ? " call was" : " calls were")
              + " refused before memory management saw them (seccomp, a sandbox or strace -e"
              + " inject), and not made; the first in line "
              + firstRefused
              + ": "
              + lastRefused);
    }
    return notes;
  }
}
