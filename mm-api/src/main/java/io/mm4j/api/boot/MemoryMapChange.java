// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.plugin.Sizes;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * One part of {@code memmap=}: what becomes of a range of the memory map. Models {@code
 * parse_memmap_one()} of arch/x86/kernel/e820.c (Linux 6.18).
 *
 * @param start first byte
 * @param end one past the last byte
 * @param oldType which parts change; null for whatever is there, also nothing
 * @param newType what they become; null if they are no memory any more
 */
@API(status = API.Status.EXPERIMENTAL)
public record MemoryMapChange(
    long start, long end, MemoryMap.@Nullable Type oldType, MemoryMap.@Nullable Type newType) {
  private static final Pattern RETYPE = Pattern.compile("([^-+]+)(?:-([^-+]+))?(?:\\+([^-+]+))?");
  private static final String ALLOWED =
      "exactmap, SIZE, SIZE@ADDRESS, SIZE$ADDRESS, SIZE#ADDRESS, SIZE!ADDRESS or"
          + " SIZE%ADDRESS-OLD+NEW (types by number: 1 usable, 2 reserved, 3 ACPI data, 4 ACPI NVS,"
          + " 5 unusable, 7 and 12 persistent), joined by commas";

  /** Reads a part; a backslash before {@code $}, as boot loaders want it, is passed over. */
  static MemoryMapChange parse(String part) {
    String text = part.replace("\\", "");
    int at = 0;
    while (at < text.length() && "@$#!%".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    if (at == 0) {
      throw new InputException("'" + part + "' is no range", "memmap=", ALLOWED);
    }
    long bytes = size(text.substring(0, at), part);
    if (at == text.length()) {
      return limit(bytes);
    }
    String rest = text.substring(at + 1);
    if (text.charAt(at) == '%') {
      return retype(bytes, rest, part);
    }
    MemoryMap.Type type =
        switch (text.charAt(at)) {
          case '@' -> MemoryMap.Type.USABLE;
          case '#' -> MemoryMap.Type.ACPI_DATA;
          default -> MemoryMap.Type.RESERVED;
        };
    return range(address(rest, part), bytes, null, type, part);
  }

  /** No RAM from an address on: {@code parse_memopt()} does the same. */
  static MemoryMapChange limit(long bytes) {
    return new MemoryMapChange(bytes, Long.MAX_VALUE, MemoryMap.Type.USABLE, null);
  }

  /** Whether it is the end of RAM. */
  boolean isLimit() {
    return end == Long.MAX_VALUE;
  }

  private static MemoryMapChange retype(long bytes, String rest, String part) {
    Matcher matcher = RETYPE.matcher(rest);
    if (!matcher.matches()) {
      throw new InputException("'" + part + "' is no range", "memmap=", ALLOWED);
    }
    MemoryMap.Type old = matcher.group(2) == null ? null : type(matcher.group(2), part);
    MemoryMap.Type now = matcher.group(3) == null ? null : type(matcher.group(3), part);
    return range(address(matcher.group(1), part), bytes, old, now, part);
  }

  private static MemoryMapChange range(
      long start,
      long bytes,
      MemoryMap.@Nullable Type old,
      MemoryMap.@Nullable Type now,
      String part) {
    if (bytes <= 0 || start < 0 || start > Long.MAX_VALUE - bytes) {
      throw new InputException("'" + part + "' is empty or too large", "memmap=", ALLOWED);
    }
    return new MemoryMapChange(start, start + bytes, old, now);
  }

  private static long size(String text, String part) {
    try {
      return Sizes.parseSize(text, "memmap=");
    } catch (InputException e) {
      throw new InputException("'" + part + "' is no range: " + e.what(), "memmap=", ALLOWED);
    }
  }

  private static long address(String text, String part) {
    return text.matches("0+|0[xX]0+") ? 0 : size(text, part);
  }

  /** A type by its number in the firmware's map. */
  private static MemoryMap.Type type(String text, String part) {
    long number = size(text, part);
    return switch ((int) Math.min(number, 1000)) {
      case 1 -> MemoryMap.Type.USABLE;
      case 3 -> MemoryMap.Type.ACPI_DATA;
      case 4 -> MemoryMap.Type.ACPI_NVS;
      case 5 -> MemoryMap.Type.UNUSABLE;
      default -> MemoryMap.Type.RESERVED;
    };
  }

  /** The map after it. */
  MemoryMap apply(MemoryMap map) {
    MemoryMap.Type now = newType;
    return oldType == null && now != null
        ? map.overlaid(new MemoryMap.Range(start, end, now))
        : map.retyped(start, end, oldType, now);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "0x%x-0x%x is %s, %s",
        start,
        end - 1,
        newType == null ? "no memory" : newType,
        oldType == null ? "whatever it was" : "where it was " + oldType);
  }
}
