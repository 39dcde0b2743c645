// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.kernel.LowMemory;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apiguardian.api.API;

/**
 * The kernel command line as far as memory goes.
 *
 * @param limit the lowest {@code mem=}: RAM from this address on is not used; {@link
 *     Long#MAX_VALUE} for none. It is among the changes of {@code memmap}, too, in its place: RAM
 *     that a later {@code memmap=nn@ss} adds above it is used
 * @param exactMap {@code memmap=exactmap}: the firmware's map is forgotten; {@code memmap} is all
 * @param memmap {@code memmap=nn@ss} (usable), {@code nn$ss} (reserved), {@code nn#ss} (ACPI data),
 *     {@code nn!ss} (persistent memory, not used), {@code nn%ss-old+new} (one type becomes another)
 *     and {@code nn} (as {@code mem=}): what changes the map, in order
 * @param numaOff {@code numa=off} or {@code numa=noacpi}: one node with all memory
 * @param fakeNodes {@code numa=fake=N}; 0 for none
 * @param kernelcore {@code kernelcore=}: what must not be in zone Movable
 * @param movablecore {@code movablecore=}: what should be in zone Movable
 * @param vmalloc {@code vmalloc=} in bytes, {@link LowMemory#NOT_GIVEN} if not given; 32 bits only
 * @param highmem {@code highmem=} in bytes, the same
 */
@API(status = API.Status.EXPERIMENTAL)
public record BootOptions(
    long limit,
    boolean exactMap,
    List<MemoryMapChange> memmap,
    boolean numaOff,
    int fakeNodes,
    CoreAmount kernelcore,
    CoreAmount movablecore,
    long vmalloc,
    long highmem) {
  /** No options. */
  public static final BootOptions NONE =
      new BootOptions(
          Long.MAX_VALUE,
          false,
          List.of(),
          false,
          0,
          CoreAmount.NONE,
          CoreAmount.NONE,
          LowMemory.NOT_GIVEN,
          LowMemory.NOT_GIVEN);

  /** The parameters that are read here. */
  public static final List<Setting> SETTINGS =
      List.of(
          Setting.parameter("mem", OptionSpec.Type.TEXT, "RAM from this address on is not used"),
          Setting.parameter(
              "memmap",
              OptionSpec.Type.TEXT,
              "exactmap; SIZE@ADDRESS usable, $ reserved, # ACPI, ! persistent, %ADDRESS-OLD+NEW"),
          Setting.parameter("numa", OptionSpec.Type.TEXT, "off: one node; fake=N: N of equal size"),
          Setting.parameter(
              "kernelcore", OptionSpec.Type.TEXT, "SIZE or N% that must not be in zone Movable"),
          Setting.parameter(
              "movablecore", OptionSpec.Type.TEXT, "SIZE or N% that should be in zone Movable"),
          Setting.parameter(
              "vmalloc",
              OptionSpec.Type.TEXT,
              "of 32 bits: SIZE of the vmalloc area; moves lowmem"),
          Setting.parameter(
              "highmem", OptionSpec.Type.TEXT, "of 32 bits: SIZE of memory that is not lowmem"));

  private static final int MAX_NODES = 64;

  /** Copies the list. */
  public BootOptions {
    memmap = List.copyOf(memmap);
  }

  /** Reads options separated by spaces: {@code mem=2G numa=fake=4}. */
  public static BootOptions parse(String line) {
    return of(CommandLine.parse(line));
  }

  /**
   * Reads what is about memory in a kernel command line, and passes over the rest.
   *
   * @throws InputException for a value that is not understood, and for {@code kernelcore=mirror}:
   *     no memory map says which memory is mirrored
   */
  public static BootOptions of(CommandLine line) {
    long limit = Long.MAX_VALUE;
    boolean exactMap = false;
    List<MemoryMapChange> memmap = new ArrayList<>();
    boolean numaOff = false;
    int fakeNodes = 0;
    CoreAmount kernelcore = CoreAmount.NONE;
    CoreAmount movablecore = CoreAmount.NONE;
    long vmalloc = LowMemory.NOT_GIVEN;
    long highmem = LowMemory.NOT_GIVEN;
    for (CommandLine.Word word : line.words()) {
      String value = word.value();
      switch (word.name()) {
        case "mem" -> {
          // mem=nopentium is about page sizes of an old processor.
          long size = value.equals("nopentium") ? limit : Sizes.parseSize(value, "mem=");
          if (!value.equals("nopentium")) {
            memmap.add(MemoryMapChange.limit(size));
          }
          limit = Math.min(limit, size);
        }
        case "memmap" -> {
          for (String part : value.split(",", -1)) {
            if (part.equals("exactmap")) {
              exactMap = true;
              memmap.clear();
              limit = Long.MAX_VALUE;
            } else {
              memmap.add(MemoryMapChange.parse(part));
            }
          }
        }
        case "numa" -> {
          if (value.equals("off") || value.equals("noacpi")) {
            numaOff = true;
          } else {
            fakeNodes = fakeNodes(value);
          }
        }
        case "kernelcore" -> kernelcore = kernelcore(value);
        case "movablecore" -> movablecore = CoreAmount.parse(value, "movablecore=");
        case "vmalloc" -> vmalloc = Sizes.parseSize(value, "vmalloc=");
        case "highmem" -> highmem = Sizes.parseSize(value, "highmem=");
        default -> {
          // other floors' or nobody's: see io.mm4j.api.boot
        }
      }
    }
    return new BootOptions(
        limit, exactMap, memmap, numaOff, fakeNodes, kernelcore, movablecore, vmalloc, highmem);
  }

  private static CoreAmount kernelcore(String value) {
    if (value.equals("mirror")) {
      throw new InputException(
          "a memory map does not say which memory is mirrored; without any, Linux ignores mirror",
          "kernelcore=",
          "SIZE or N%");
    }
    return CoreAmount.parse(value, "kernelcore=");
  }

  private static int fakeNodes(String value) {
    String allowed = "off, noacpi, or fake=N with N from 1 to " + MAX_NODES;
    if (!value.startsWith("fake=")) {
      throw new InputException("'" + value + "' is not understood", "numa=", allowed);
    }
    long nodes = Sizes.parseNumber(value.substring("fake=".length()), "numa=fake=");
    if (nodes < 1 || nodes > MAX_NODES) {
      throw new InputException(nodes + " nodes", "numa=", allowed);
    }
    return (int) nodes;
  }

  /** The map that {@code memmap=} and {@code mem=}, in their order, leave of the firmware's. */
  public MemoryMap apply(MemoryMap map) {
    return apply(map, BootEvents.NONE);
  }

  /**
   * The same.
   *
   * @param events is shown the map after each change
   */
  MemoryMap apply(MemoryMap map, BootEvents events) {
    MemoryMap result = map;
    if (exactMap) {
      result = new MemoryMap(List.of());
      events.mapChanged("memmap=exactmap: the firmware's map is forgotten", result);
    }
    for (MemoryMapChange change : memmap) {
      result = change.apply(result);
      events.mapChanged(
          change.isLimit()
              ? String.format(Locale.ROOT, "mem=: RAM from 0x%x on is not used", change.start())
              : "memmap=: " + change,
          result);
    }
    return result;
  }
}
