// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The requests that failed, as reports name them; the first one counts. */
final class RequestLines {
  private static final Pattern FAILURE =
      Pattern.compile(
          ".*page allocation failure[:.] *order:(\\d{1,2}), *mode:(0x[0-9a-f]+(?:\\([^)]*\\))?).*");
  private static final Pattern OOM =
      Pattern.compile(
          ".*oom-killer: *gfp_mask=(0x[0-9a-f]+(?:\\([^)]*\\))?),?(?: *nodemask=[^,]*,)?"
              + "(?: *order=(-?\\d{1,2}))?.*");

  /** As 2.4 said it. */
  private static final Pattern OLD_FAILURE =
      Pattern.compile(".*__alloc_pages: (\\d{1,2})-order allocation failed \\(gfp=(0x[0-9a-f]+).*");

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
    return FAILURE.matcher(line).matches()
        || OOM.matcher(line).matches()
        || OLD_FAILURE.matcher(line).matches();
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
    Matcher matcher = FAILURE.matcher(line);
    if (matcher.matches()) {
      request(matcher.group(1), matcher.group(2));
      return true;
    }
    matcher = OLD_FAILURE.matcher(line);
    if (matcher.matches()) {
      request(matcher.group(1), matcher.group(2));
      return true;
    }
    matcher = OOM.matcher(line);
    if (matcher.matches()) {
      String asked = matcher.group(2);
      if (asked == null && count == 0) {
        notes.accept("line " + number + " does not say the order of the request: taken as 0");
      }
      request(asked == null ? "0" : asked.replace("-1", "0"), matcher.group(1));
      return true;
    }
    matcher = CGROUP.matcher(line);
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
      request(matcher.group(1), "0x" + matcher.group(2));
    }
    return matcher.matches();
  }

  private void request(String orderText, String modeText) {
    if (count++ == 0) {
      order = Integer.parseInt(orderText);
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
