// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The words of a line of a memory map: addresses, and the types of memory. */
final class MapWords {
  /** An address. */
  static final String HEX = "(?:0x)?([0-9a-fA-F]{1,16})";

  private MapWords() {}

  /** The address of digits that {@link #HEX} has found. */
  static long hex(String digits, String where) {
    try {
      long value = Long.parseLong(digits, 16);
      if (value < Long.MAX_VALUE) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new InputException("'" + digits + "' is no address", where, "0 to 0x7ffffffffffffffe");
  }

  /** The type that a kernel means by a name, or null for other text. */
  static MemoryMap.@Nullable Type type(String text) {
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

  /** The name of a type in a boot log. */
  static String name(MemoryMap.Type type) {
    return switch (type) {
      case USABLE -> "usable";
      case RESERVED -> "reserved";
      case ACPI_DATA -> "ACPI data";
      case ACPI_NVS -> "ACPI NVS";
      case UNUSABLE -> "unusable";
    };
  }
}
