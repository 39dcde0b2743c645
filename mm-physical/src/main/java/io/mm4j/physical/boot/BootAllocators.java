// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Sizes;

/** Which boot allocator a machine has, and what it knows at first. */
public final class BootAllocators {
  private static final long MAX_BOOTMEM_PFN = 1L << 28;

  private BootAllocators() {}

  /** The option {@code boot}. */
  public static OptionSpec option(String defaultValue) {
    return new OptionSpec(
        "boot",
        OptionSpec.Type.TEXT,
        defaultValue,
        "the allocator of early boot: memblock, bootmem");
  }

  /** Creates the allocator with the usable memory of the layout's zones. */
  public static BootAllocator create(String name, MemoryLayout layout, Memblock.Clearer clearer) {
    return switch (name) {
      case "memblock" -> memblock(layout, clearer);
      case "bootmem" -> bootmem(layout, clearer);
      default ->
          throw new InputException("boot=" + name, "--plugin physical-memory", "memblock, bootmem");
    };
  }

  /** Where memory ends that has a kernel address. */
  private static long lowmemEnd(MemoryLayout layout) {
    return layout.zones().stream()
        .filter(z -> z.type() == ZoneType.HIGHMEM)
        .mapToLong(Zone::startPfn)
        .min()
        .orElse(layout.endPfn());
  }

  private static Memblock memblock(MemoryLayout layout, Memblock.Clearer clearer) {
    Memblock memblock = new Memblock(clearer);
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        memblock.add(range.start(), range.bytes());
      }
    }
    for (Node node : layout.nodes()) {
      for (Zone zone : node.zones()) {
        memblock.setNode(
            zone.startPfn() << Pages.PAGE_SHIFT,
            zone.spannedPages() << Pages.PAGE_SHIFT,
            node.id());
      }
    }
    memblock.trimMemory(Pages.PAGE_SIZE);
    memblock.remove(0, Pages.PAGE_SIZE); // trim_bios_range()
    memblock.setCurrentLimit(lowmemEnd(layout) << Pages.PAGE_SHIFT);
    return memblock;
  }

  private static Bootmem bootmem(MemoryLayout layout, Memblock.Clearer clearer) {
    if (layout.endPfn() > MAX_BOOTMEM_PFN) {
      throw new InputException(
          "memory up to " + Sizes.format(layout.endPfn() << Pages.PAGE_SHIFT),
          "boot=bootmem",
          "memory up to " + Sizes.format(MAX_BOOTMEM_PFN << Pages.PAGE_SHIFT));
    }
    Bootmem bootmem = new Bootmem(layout.endPfn(), lowmemEnd(layout), clearer);
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        bootmem.free(range.start(), range.bytes());
      }
    }
    return bootmem;
  }
}
