// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import io.mm4j.api.InputException;
import java.util.Locale;
import org.apiguardian.api.API;

/** Reads and writes sizes and numbers the way the command line spells them. */
@API(status = API.Status.MAINTAINED)
public final class Sizes {
  private static final String UNITS = "KMGTPE";

  /** What has digits only and yet no value has too many of them. */
  private static final String TOO_MANY_DIGITS = "[0-9]+|0X[0-9A-F]+";

  private Sizes() {}

  /**
   * Reads a size in bytes: decimal or {@code 0x} digits with an optional unit K, M, G, T, P or E
   * (powers of 1024).
   *
   * @param text what was written
   * @param where the option or place, for the message
   * @return bytes, at least 1
   * @throws InputException if it is not a size, is 0, or does not fit
   */
  public static long parseSize(String text, String where) {
    String allowed = OptionSpec.Type.SIZE.allowed();
    String s = text.strip().toUpperCase(Locale.ROOT);
    if (s.endsWith("B") && s.length() > 1 && !s.startsWith("0X")) {
      s = s.substring(0, s.length() - 1);
    }
    int shift = 0;
    if (!s.isEmpty()) {
      int unit = s.startsWith("0X") ? -1 : UNITS.indexOf(s.charAt(s.length() - 1));
      if (unit >= 0) {
        shift = 10 * (unit + 1);
        s = s.substring(0, s.length() - 1);
      }
    }
    long digits = digits(s);
    if (digits < 0 && !s.matches(TOO_MANY_DIGITS)) {
      throw new InputException("'" + text + "' is not a size", where, allowed);
    }
    if (digits == 0) {
      throw new InputException("'" + text + "' is nothing", where, allowed);
    }
    if (digits < 0 || digits > Long.MAX_VALUE >> shift) {
      throw new InputException("'" + text + "' is too large", where, "sizes below 8E");
    }
    return digits << shift;
  }

  /**
   * Reads a number, decimal or {@code 0x}.
   *
   * @throws InputException if it is none, negative or above {@link Long#MAX_VALUE}
   */
  public static long parseNumber(String text, String where) {
    String s = text.strip().toUpperCase(Locale.ROOT);
    long value = digits(s);
    if (value < 0) {
      boolean tooLarge = s.matches(TOO_MANY_DIGITS);
      throw new InputException(
          "'" + text + (tooLarge ? "' is too large" : "' is not a number"),
          where,
          tooLarge ? "0 to " + Long.MAX_VALUE : OptionSpec.Type.NUMBER.allowed());
    }
    return value;
  }

  /**
   * Reads a number as a file under {@code /proc/sys} does ({@code proc_get_long}, kernel/sysctl.c
   * of Linux 6.18): decimal, {@code 0x} or, behind a 0, octal digits; blanks around it and what
   * stands behind a blank do not count.
   *
   * @return all 64 bits, unsigned
   * @throws InputException if it is none, has a sign or does not fit 64 bits
   */
  public static long parseSysctl(String text, String where) {
    String s = text.replaceFirst("^[ \\t\\n]+", "").replaceFirst("[ \\t\\n][\\s\\S]*", "");
    int radix = s.matches("0[xX].*") ? 16 : s.startsWith("0") ? 8 : 10;
    String digits = radix == 16 ? s.substring(2) : s;
    try {
      if (digits.startsWith("+")) {
        throw new NumberFormatException(digits);
      }
      return Long.parseUnsignedLong(digits, radix);
    } catch (NumberFormatException e) {
      throw new InputException(
          "'" + text + "' is not a number",
          where,
          "decimal, 0x and hexadecimal, 0 and octal digits");
    }
  }

  /** Writes bytes with the largest unit that divides them: {@code 4G}, {@code 4097}. */
  public static String format(long bytes) {
    int unit = -1;
    while (bytes != 0 && bytes % 1024 == 0 && unit < UNITS.length() - 1) {
      bytes /= 1024;
      unit++;
    }
    return unit < 0 ? Long.toString(bytes) : bytes + UNITS.substring(unit, unit + 1);
  }

  private static long digits(String s) {
    try {
      if (s.startsWith("0X")) {
        return s.length() > 2 && s.charAt(2) != '-' && s.charAt(2) != '+'
            ? Long.parseLong(s.substring(2), 16)
            : -1;
      }
      return s.isEmpty() || s.charAt(0) == '-' || s.charAt(0) == '+' ? -1 : Long.parseLong(s);
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
