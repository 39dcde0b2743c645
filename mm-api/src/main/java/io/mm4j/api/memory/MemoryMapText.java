// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Reads a memory map from text: the boot log of a kernel ({@code dmesg}), or the same lines without
 * the rest.
 *
 * <pre>
 * [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
 *  BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
 * 0x100000-0x1fffffff usable
 * </pre>
 *
 * <p>The first and the third form give the last byte, the second, of old kernels, one past it. Of a
 * boot log only the lines with {@code BIOS-e820} count; other text is skipped if there is any such
 * line, and an error otherwise. {@code #} begins a comment.
 */
@API(status = API.Status.MAINTAINED)
public final class MemoryMapText {
  private static final String ALLOWED =
      "lines such as 'BIOS-e820: [mem 0x0-0x9fbff] usable' or '0x100000-0x1fffffff usable'";
  private static final Pattern NEW =
      Pattern.compile(".*BIOS-e820: \\[mem 0x([0-9a-fA-F]+)-0x([0-9a-fA-F]+)\\] (.+)");
  private static final Pattern OLD =
      Pattern.compile(".*BIOS-e820: ([0-9a-fA-F]+) - ([0-9a-fA-F]+) \\((.+)\\)");
  private static final Pattern PLAIN =
      Pattern.compile(
          "(?:0x)?([0-9a-fA-F]+)\\s*-\\s*(?:0x)?([0-9a-fA-F]+)\\s*:?\\s+\\(?([^()]+)\\)?");

  private MemoryMapText() {}

  /**
   * Reads the map.
   *
   * @param text the lines
   * @param where the file, for messages
   */
  public static MemoryMap parse(String text, String where) {
    boolean bootLog = text.contains("BIOS-e820");
    List<MemoryMap.Range> ranges = new ArrayList<>();
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String stripped = strip(line);
      if (stripped.isEmpty() || (bootLog && !stripped.contains("BIOS-e820"))) {
        continue;
      }
      ranges.add(range(stripped, where + ":" + number));
    }
    if (ranges.isEmpty()) {
      throw new InputException("no memory range", where, ALLOWED);
    }
    try {
      return new MemoryMap(ranges);
    } catch (InputException e) {
      throw new InputException(e.what(), where, e.allowed());
    }
  }

  private static String strip(String line) {
    int comment = line.indexOf('#');
    return (comment < 0 ? line : line.substring(0, comment)).strip();
  }

  private static MemoryMap.Range range(String line, String where) {
    Matcher matcher = NEW.matcher(line);
    boolean inclusive = true;
    if (!matcher.matches()) {
      matcher = OLD.matcher(line);
      inclusive = false;
      if (!matcher.matches()) {
        matcher = PLAIN.matcher(line);
        inclusive = true;
        if (!matcher.matches()) {
          throw new InputException("'" + line + "' is no memory range", where, ALLOWED);
        }
      }
    }
    long start = hex(matcher.group(1), where);
    long end = hex(matcher.group(2), where) + (inclusive ? 1 : 0);
    MemoryMap.Type type = type(matcher.group(3));
    if (type == null) {
      throw new InputException(
          "'" + matcher.group(3) + "' is no type of memory",
          where,
          "usable, reserved, ACPI data, ACPI NVS, unusable");
    }
    if (end <= start) {
      throw new InputException("'" + line + "' ends before it begins", where, "start-end");
    }
    return new MemoryMap.Range(start, end, type);
  }

  private static long hex(String digits, String where) {
    try {
      return Long.parseLong(digits, 16);
    } catch (NumberFormatException e) {
      throw new InputException("'" + digits + "' is no address", where, "0 to 0x7ffffffffffffffe");
    }
  }

  private static MemoryMap.@Nullable Type type(String text) {
    String t = text.strip().toLowerCase(Locale.ROOT);
    if (t.equals("usable") || t.equals("system ram")) {
      return MemoryMap.Type.USABLE;
    }
    if (t.startsWith("reserved") || t.startsWith("device reserved") || t.startsWith("soft ")) {
      return MemoryMap.Type.RESERVED;
    }
    return switch (t) {
      case "acpi data" -> MemoryMap.Type.ACPI_DATA;
      case "acpi nvs" -> MemoryMap.Type.ACPI_NVS;
      case "unusable" -> MemoryMap.Type.UNUSABLE;
      default ->
          t.startsWith("type ") || t.startsWith("persistent") ? MemoryMap.Type.RESERVED : null;
    };
  }

  /** Writes a map as a kernel's boot log does, without time stamps. */
  public static String format(MemoryMap map) {
    StringBuilder out = new StringBuilder();
    for (MemoryMap.Range range : map.ranges()) {
      String name =
          switch (range.type()) {
            case USABLE -> "usable";
            case RESERVED -> "reserved";
            case ACPI_DATA -> "ACPI data";
            case ACPI_NVS -> "ACPI NVS";
            case UNUSABLE -> "unusable";
          };
      out.append(
          String.format(
              "BIOS-e820: [mem 0x%016x-0x%016x] %s%n", range.start(), range.end() - 1, name));
    }
    return out.toString();
  }
}
