// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.memory.rules.BootRule.On;
import io.mm4j.testkit.memory.rules.BootStep.Kind;
import java.util.List;

/** The rules of early boot: memblock and bootmem beside naive ones, call by call. */
public final class BootRules {
  private static final String MEMBLOCK = "memblock";
  private static final String BOOTMEM = "bootmem";
  private static final Kind[] COMMON = {
    Kind.ALLOC,
    Kind.ALLOC,
    Kind.ALLOC,
    Kind.RESERVE,
    Kind.NOTHING,
    Kind.FREE_BLOCK,
    Kind.FREE_BLOCK,
    Kind.FREE_RANGE,
    Kind.REFILL,
    Kind.WINDOW
  };

  private BootRules() {}

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(
        new BootRule(
            new RuleInfo(
                "PM-B01",
                "memblock-places",
                "boot=memblock gives the highest free place of a size, alignment and limits, on the"
                    + " wanted node first, drops the lower limit when nothing is found, and never"
                    + " gives frame 0.",
                "Where boot memory lies decides which zones are whole.",
                "mm/memblock.c memblock_find_in_range_node, memblock_alloc_range_nid",
                "a gap of exactly the size is passed over, or a limit is taken from the wrong"
                    + " side"),
            MEMBLOCK,
            On.SMALL,
            COMMON),
        new BootRule(
            new RuleInfo(
                "PM-B02",
                "memblock-of-large-machines",
                "The same on machines of many sections and several nodes.",
                "Node by node allocations keep a node's tables at home.",
                "mm/memblock.c memblock_alloc_try_nid",
                "the node of a range is forgotten, or another node is tried first"),
            MEMBLOCK,
            On.SECTIONS,
            COMMON),
        new BootRule(
            new RuleInfo(
                "PM-B03",
                "memblock-ranges",
                "Adding, removing, reserving and freeing keep memory and reservations as sorted"
                    + " ranges; what touches and agrees in node and flags is one, and what is there"
                    + " keeps both. An allocation is exact about its node if asked, from the bottom"
                    + " up if set, below the current limit, and cleared unless raw.",
                "/sys/kernel/debug/memblock shows them; hot-plug and kexec stand on them.",
                "mm/memblock.c memblock_add_range, memblock_isolate_range, memblock_merge_regions;"
                    + " tools/testing/memblock",
                "a range is split or joined at the wrong end"),
            MEMBLOCK,
            On.SMALL,
            Kind.RAW,
            Kind.EXACT,
            Kind.ALLOC,
            Kind.ALLOC,
            Kind.REFILL,
            Kind.REFILL,
            Kind.RESERVE,
            Kind.RESERVE,
            Kind.NOTHING,
            Kind.FREE_BLOCK,
            Kind.FREE_RANGE,
            Kind.DIRECTION,
            Kind.LIMIT,
            Kind.ADD,
            Kind.REMOVE,
            Kind.TO_THE_END),
        new BootRule(
            new RuleInfo(
                "PM-B04",
                "memblock-clears",
                "A block of boot=memblock is zeroes to its last byte, and no other byte changes; a"
                    + " raw one stays as it was.",
                "Page tables are allocated here.",
                "mm/memblock.c memblock_alloc_try_nid, memblock_alloc_try_nid_raw",
                "whole pages are cleared, or none"),
            MEMBLOCK,
            On.SMALL_WITH_BYTES,
            Kind.ALLOC,
            Kind.ALLOC,
            Kind.RAW,
            Kind.EXACT,
            Kind.FREE_BLOCK),
        new BootRule(
            new RuleInfo(
                "PM-B05",
                "memblock-below-highmem",
                "boot=memblock gives nothing in zone HighMem, whatever limit is asked for, and"
                    + " hands all of HighMem over.",
                "Memory without a kernel address cannot hold the kernel's tables.",
                "arch/x86/mm/init_32.c memblock_set_current_limit; mm/memblock.c memblock_free_all",
                "a given limit is taken in place of the current one"),
            MEMBLOCK,
            On.HIGHMEM,
            COMMON),
        new BootRule(
            new RuleInfo(
                "PM-B06",
                "bootmem-places",
                "boot=bootmem gives the first free pages from the goal on, then from the beginning;"
                    + " what is smaller than a page goes on where the last block ended; frame 0 is"
                    + " never given.",
                "Linux 2.4 boots so, and its memory looks so.",
                "mm/bootmem.c of Linux 2.4 __alloc_bootmem_core",
                "a page in use is passed over by one, or a goal is rounded down"),
            BOOTMEM,
            On.SMALL,
            COMMON),
        new BootRule(
            new RuleInfo(
                "PM-B07",
                "bootmem-pages",
                "boot=bootmem reserves every page that a range touches, frees every page that lies"
                    + " in one as a whole, and hands over what is free, ascending.",
                "A partly used page that is given away loses the other part.",
                "mm/bootmem.c of Linux 2.4 reserve_bootmem_core, free_bootmem_core,"
                    + " free_all_bootmem_core",
                "a border is rounded the wrong way"),
            BOOTMEM,
            On.SECTIONS,
            Kind.ALLOC,
            Kind.RESERVE,
            Kind.RESERVE,
            Kind.NOTHING,
            Kind.FREE_BLOCK,
            Kind.FREE_RANGE,
            Kind.FREE_RANGE),
        new BootRule(
            new RuleInfo(
                "PM-B08",
                "bootmem-clears",
                "A block of boot=bootmem is zeroes to its last byte, and no other byte changes.",
                "Two small blocks share a page; the second must not clear the first.",
                "mm/bootmem.c of Linux 2.4 __alloc_bootmem_core",
                "whole pages are cleared, or none"),
            BOOTMEM,
            On.SMALL_WITH_BYTES,
            Kind.ALLOC,
            Kind.ALLOC,
            Kind.ALLOC,
            Kind.FREE_BLOCK),
        new BootRule(
            new RuleInfo(
                "PM-B09",
                "bootmem-below-highmem",
                "boot=bootmem gives nothing in zone HighMem and hands all of it over.",
                "Memory without a kernel address cannot hold the kernel's tables.",
                "arch/i386/kernel/setup.c of Linux 2.4 setup_arch; mm/bootmem.c",
                "the end of memory is taken for the end of lowmem"),
            BOOTMEM,
            On.HIGHMEM,
            COMMON),
        new BootChoiceRule(),
        new BootWatchRule(),
        new BootRule(
            new RuleInfo(
                "PM-B11",
                "memblock-of-many-ranges",
                "The same with hundreds of ranges of memory and of reservations, which come in any"
                    + " order: memblock has room for 128 of each at first and makes more.",
                "Firmware of large machines reserves hundreds of places.",
                "mm/memblock.c memblock_double_array, INIT_MEMBLOCK_REGIONS",
                "what is known of a range is lost when there is no room for one more"),
            MEMBLOCK,
            On.MANY_RANGES,
            Kind.ALLOC,
            Kind.REFILL,
            Kind.RESERVE,
            Kind.FREE_BLOCK,
            Kind.FREE_RANGE,
            Kind.ADD,
            Kind.REMOVE));
  }
}
