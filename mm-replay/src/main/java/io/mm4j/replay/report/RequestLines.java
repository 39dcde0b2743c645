// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The requests that failed, as reports name them; the first one counts. */
final class RequestLines {
  private static final Pattern CGROUP =
      Pattern.compile(
          ".*(?:\\bmemory: usage (\\d+kB), limit (\\d+kB)|constraint=CONSTRAINT_MEMCG|Memory cgroup"
              + " out of memory).*");
  private static final Pattern SPEC_REQUEST = Pattern.compile("request (\\d+) ([0-9a-f]+)(?: .*)?");

  private final Consumer<String> notes;
  private int order = -1;
  private String mode = "";
  private int count;
  private boolean named;
  private boolean over;
  private String cgroup = "";

  /**
   * No request yet.
   *
   * @param notes hears what is taken for granted
   */
  RequestLines(Consumer<String> notes) {
    this.notes = notes;
  }

  /** Whether a line begins a report. */
  static boolean begins(String line) {
    return FailedRequest.in(line) != null;
  }

  /**
   * Whether a line is of a later report than the first one with zones; its request is counted.
   *
   * @param zones whether a zone was found so far
   */
  boolean isOfLater(String line, boolean zones) {
    boolean begins = begins(line);
    named |= begins;
    over |= begins && zones;
    if (over) {
      count += begins ? 1 : 0;
    }
    return over;
  }

  /** Reads a line; false if it names no request. */
  boolean read(String line, int number) {
    FailedRequest failed = FailedRequest.in(line);
    if (failed != null) {
      if (failed.order() < 0 && count == 0) {
        notes.accept("line " + number + " does not say the order of the request: taken as 0");
      }
      request(Math.max(0, failed.order()), failed.mode());
      return true;
    }
    Matcher matcher = CGROUP.matcher(line);
    if (matcher.matches()) {
      String usage = matcher.group(1);
      cgroup =
          usage == null
              ? cgroup.isEmpty() ? " (memory.max)" : cgroup
              : " (usage " + usage + ", limit " + matcher.group(2) + ")";
    }
    return false;
  }

  /** Reads a line of a hand-written summary: {@code request}. */
  boolean summary(String line) {
    Matcher matcher = SPEC_REQUEST.matcher(line);
    if (matcher.matches()) {
      request(Integer.parseInt(matcher.group(1)), "0x" + matcher.group(2));
    }
    return matcher.matches();
  }

  private void request(int failedOrder, String modeText) {
    if (count++ == 0) {
      order = failedOrder;
      mode = modeText;
    }
  }

  /** The order of the first request, -1 if there is none. */
  int order() {
    return order;
  }

  /** Its flags as printed. */
  String mode() {
    return mode;
  }

  /** How many there are. */
  int count() {
    return count;
  }

  /** Whether a report of a kernel names one. */
  boolean named() {
    return named;
  }

  /** Whether there is a report behind the first one with zones. */
  boolean moreReports() {
    return over;
  }

  /** What a memory cgroup at its limit had, in words; empty if the report is of none. */
  String cgroup() {
    return cgroup;
  }
}
