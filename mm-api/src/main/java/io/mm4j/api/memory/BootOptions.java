// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.List;

/**
 * The kernel command line as far as memory goes.
 *
 * @param limit {@code mem=}: RAM from this address on is not used; {@link Long#MAX_VALUE} for none
 * @param memmap {@code memmap=nn@ss} (usable), {@code nn$ss} (reserved), {@code nn#ss} (ACPI data):
 *     what the firmware's map is overlaid with, in order
 * @param fakeNodes {@code numa=fake=N}; 0 for none
 * @param kernelcore {@code kernelcore=}: bytes that must not be in zone Movable; 0 for none
 * @param movablecore {@code movablecore=}: bytes that should be in zone Movable; 0 for none
 */
public record BootOptions(
    long limit, List<MemoryMap.Range> memmap, int fakeNodes, long kernelcore, long movablecore) {
  /** No options. */
  public static final BootOptions NONE = new BootOptions(Long.MAX_VALUE, List.of(), 0, 0, 0);

  /** The parameters that are read here. */
  public static final List<Setting> SETTINGS =
      List.of(
          Setting.parameter("mem", OptionSpec.Type.SIZE, "RAM from this address on is not used"),
          Setting.parameter(
              "memmap", OptionSpec.Type.TEXT, "SIZE@ADDRESS usable, $ reserved, # ACPI data"),
          Setting.parameter("numa", OptionSpec.Type.TEXT, "fake=N: so many nodes of equal size"),
          Setting.parameter(
              "kernelcore", OptionSpec.Type.SIZE, "bytes that must not be in zone Movable"),
          Setting.parameter(
              "movablecore", OptionSpec.Type.SIZE, "bytes that should be in zone Movable"));

  private static final int MAX_NODES = 64;

  /** Copies the list. */
  public BootOptions {
    memmap = List.copyOf(memmap);
  }

  /** Reads options separated by spaces: {@code mem=2G numa=fake=4}. */
  public static BootOptions parse(String line) {
    return of(CommandLine.parse(line));
  }

  /** Reads what is about memory in a kernel command line, and passes over the rest. */
  public static BootOptions of(CommandLine line) {
    long limit = Long.MAX_VALUE;
    List<MemoryMap.Range> memmap = new ArrayList<>();
    int fakeNodes = 0;
    long kernelcore = 0;
    long movablecore = 0;
    for (CommandLine.Word word : line.words()) {
      String value = word.value();
      switch (word.name()) {
        case "mem" -> limit = Sizes.parseSize(value, "mem=");
        case "memmap" -> memmap.add(range(value));
        case "numa" -> fakeNodes = fakeNodes(value);
        case "kernelcore" -> kernelcore = Sizes.parseSize(value, "kernelcore=");
        case "movablecore" -> movablecore = Sizes.parseSize(value, "movablecore=");
        default -> {
          // other floors' or nobody's: see io.mm4j.api.boot
        }
      }
    }
    return new BootOptions(limit, memmap, fakeNodes, kernelcore, movablecore);
  }

  private static MemoryMap.Range range(String value) {
    for (String mark : List.of("@", "$", "#")) {
      int at = value.indexOf(mark);
      if (at > 0) {
        long bytes = Sizes.parseSize(value.substring(0, at), "memmap=");
        String address = value.substring(at + 1);
        long start = address.matches("0+|0x0+") ? 0 : Sizes.parseSize(address, "memmap=");
        MemoryMap.Type type =
            switch (mark) {
              case "@" -> MemoryMap.Type.USABLE;
              case "$" -> MemoryMap.Type.RESERVED;
              default -> MemoryMap.Type.ACPI_DATA;
            };
        return new MemoryMap.Range(start, start + bytes, type);
      }
    }
    throw new InputException(
        "'" + value + "' is no range", "memmap=", "SIZE@ADDRESS, SIZE$ADDRESS or SIZE#ADDRESS");
  }

  private static int fakeNodes(String value) {
    String allowed = "fake=N with N from 1 to " + MAX_NODES;
    if (!value.startsWith("fake=")) {
      throw new InputException("'" + value + "' is not understood", "numa=", allowed);
    }
    long nodes = Sizes.parseNumber(value.substring("fake=".length()), "numa=fake=");
    if (nodes < 1 || nodes > MAX_NODES) {
      throw new InputException(nodes + " nodes", "numa=", allowed);
    }
    return (int) nodes;
  }

  /** The map that is left of the firmware's: overlaid by {@code memmap=}, cut at {@code mem=}. */
  public MemoryMap apply(MemoryMap map) {
    MemoryMap result = map;
    for (MemoryMap.Range range : memmap) {
      result = result.overlaid(range);
    }
    return result.limited(limit);
  }
}
