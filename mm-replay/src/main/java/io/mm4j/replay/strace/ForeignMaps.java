// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The same mappings as other tools print them: gdb's {@code info proc mappings}, {@code pmap},
 * Android's tombstones, and debuggers that put {@code 0x} in front.
 */
final class ForeignMaps {
  private static final String PERMS = "([r-][w-][x-])([ps])";
  private static final Pattern HEX =
      Pattern.compile(
          "(?:^|.*[\\s>|])0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16}) +" + PERMS + "( [0-9a-f]+.*)");
  private static final Pattern GDB =
      Pattern.compile(
          "(?:^|.*[\\s>|])0x([0-9a-f]{1,16})\\s+0x([0-9a-f]{1,16})\\s+0x[0-9a-f]+\\s+0x([0-9a-f]+)\\s+"
              + PERMS
              + "(?:\\s+(.*))?");
  private static final Pattern PMAP =
      Pattern.compile(
          "([0-9a-f]{8,16})\\s+(\\d{1,15})K?(?:\\s+\\d+\\s+\\d+)?\\s+([r-][w-][x-])([s-])[R-]?\\s+(.*)");
  private static final Pattern TOMBSTONE =
      Pattern.compile(
          "(?:--->)?\\s*([0-9a-f]{1,8}'?[0-9a-f]{8}|[0-9a-f]{8})"
              + "-([0-9a-f]{1,8}'?[0-9a-f]{8}|[0-9a-f]{8})\\s+([r-][w-][x-])\\s+([0-9a-f]+)\\s+"
              + "[0-9a-f]+(?:\\s+(.*))?");

  /** Of gdb before 12, which prints no permissions. */
  private static final Pattern WITHOUT_PERMS =
      Pattern.compile(
          "\\s*0x[0-9a-f]+\\s+0x[0-9a-f]+\\s+0x[0-9a-f]+\\s+0x[0-9a-f]+(?:\\s+[/\\[].*)?");

  private ForeignMaps() {}

  /** The line as maps has it, or null if it is none of these. */
  static @Nullable String line(String text) {
    Matcher matcher = HEX.matcher(text);
    if (matcher.matches()) {
      return matcher.group(1)
          + "-"
          + matcher.group(2)
          + " "
          + matcher.group(3)
          + matcher.group(4)
          + matcher.group(5);
    }
    matcher = GDB.matcher(text);
    if (matcher.matches()) {
      return joined(
          matcher.group(1),
          matcher.group(2),
          matcher.group(4) + matcher.group(5),
          matcher.group(3),
          matcher.group(6));
    }
    matcher = TOMBSTONE.matcher(text.strip());
    if (matcher.matches()) {
      long last = Long.parseUnsignedLong(matcher.group(2).replace("'", ""), 16);
      if ((last & 4095) != 4095) {
        return null;
      }
      return joined(
          matcher.group(1).replace("'", ""),
          Long.toHexString(last + 1),
          matcher.group(3) + "p",
          matcher.group(4),
          matcher.group(5));
    }
    matcher = PMAP.matcher(text.strip());
    if (matcher.matches()) {
      long start = Long.parseUnsignedLong(matcher.group(1), 16);
      return joined(
          matcher.group(1),
          Long.toHexString(start + Long.parseLong(matcher.group(2)) * 1024),
          matcher.group(3) + (matcher.group(4).equals("s") ? "s" : "p"),
          "0",
          matcher.group(5));
    }
    return null;
  }

  private static String joined(
      String start, String end, String perms, String offset, @Nullable String named) {
    String name = named == null ? "" : named.strip().replaceFirst(" \\((?:BuildId|load).*", "");
    if (name.startsWith("[ ")) {
      name = "[" + name.substring(1, name.length() - 1).strip().toLowerCase(Locale.ROOT) + "]";
    }
    if (start.equals("ffffffffff600000")) {
      name = "[vsyscall]"; // which pmap calls anonymous
    } else if (name.equals("[anon]")) {
      name = "";
    } else if (!name.isEmpty() && !name.startsWith("[") && !name.startsWith("/")) {
      name = "/" + name;
    }
    return start + "-" + end + " " + perms + " " + offset + " " + name;
  }

  /** What the tool leaves out, in words, or null. */
  static @Nullable String leftOut(String text) {
    return PMAP.matcher(text.strip()).matches()
        ? "pmap shows no offsets of files: they are taken as 0"
        : null;
  }

  /** Why a line that shows a mapping cannot be used, or null. */
  static @Nullable String unusable(String text) {
    return WITHOUT_PERMS.matcher(text).matches() ? "gdb before 12 shows no permissions" : null;
  }
}
