// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A kernel's release, as far as it says how something is to be read.
 *
 * @param major such as 4
 * @param minor such as 9
 */
public record KernelVersion(int major, int minor) implements Comparable<KernelVersion> {
  private static final Pattern BANNER = Pattern.compile("Linux version (\\d{1,3})\\.(\\d{1,4})");
  private static final Pattern TAINT =
      Pattern.compile(
          "(?:Not tainted|Tainted: .{0,80}?) {1,4}(?:\\(?)(\\d{1,3})\\.(\\d{1,4})(?:[.-]\\S*)?");

  /**
   * The release that a line of a kernel's log names: the banner, or the line {@code CPU: .. PID: ..
   * Not tainted 5.4.0-42-generic #46}; null if it names none.
   */
  public static @Nullable KernelVersion in(String line) {
    for (Pattern pattern : new Pattern[] {BANNER, TAINT}) {
      Matcher matcher = pattern.matcher(line);
      if (matcher.find()) {
        return new KernelVersion(
            Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
      }
    }
    return null;
  }

  /** Whether this is that release or a later one. */
  public boolean atLeast(int wantedMajor, int wantedMinor) {
    return compareTo(new KernelVersion(wantedMajor, wantedMinor)) >= 0;
  }

  @Override
  public int compareTo(KernelVersion other) {
    return major != other.major
        ? Integer.compare(major, other.major)
        : Integer.compare(minor, other.minor);
  }

  @Override
  public String toString() {
    return major + "." + minor;
  }
}
