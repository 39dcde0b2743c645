// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

/** The run lengths in which {@code VmaInfo.pages()} says what is present. */
final class Letters {
  private Letters() {}

  /** The run lengths of letters that stand one after the other. */
  static String runs(CharSequence letters) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < letters.length(); ) {
      int from = i;
      while (i < letters.length() && letters.charAt(i) == letters.charAt(from)) {
        i++;
      }
      out.append(out.isEmpty() ? "" : ",").append(letters.charAt(from)).append(i - from);
    }
    return out.toString();
  }

  /** How many pages have one of these letters. */
  static long count(String runs, String letters) {
    long sum = 0;
    for (String run : runs.split(",", -1)) {
      if (run.length() > 1 && letters.indexOf(run.charAt(0)) >= 0) {
        sum += Long.parseLong(run.substring(1));
      }
    }
    return sum;
  }

  /** The letter of the page at this place. */
  static char at(String runs, long place) {
    long left = place;
    for (String run : runs.split(",", -1)) {
      long n = run.length() > 1 ? Long.parseLong(run.substring(1)) : Long.MAX_VALUE;
      if (left < n) {
        return run.isEmpty() ? '?' : run.charAt(0);
      }
      left -= n;
    }
    return '?';
  }
}
