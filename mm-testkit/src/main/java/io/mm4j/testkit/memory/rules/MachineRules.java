// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.memory.rules.FrameStep.Kind;
import io.mm4j.testkit.memory.rules.MachineShape.Size;
import java.util.List;

/** The rules about frames of machines with many sections, from any map. */
public final class MachineRules {
  private static final Size[] ANY = {Size.SMALL, Size.SECTIONS, Size.SECTIONS, Size.FAR};
  private static final Size[] NEAR = {Size.SMALL, Size.SECTIONS};
  private static final Size[] FAR = {Size.TERA, Size.FAR, Size.FAR};

  private MachineRules() {}

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(
        rule(
            "PM-13",
            "frames-of-any-machine",
            "On a machine from any map every frame begins as the map says - whole frames of a range"
                + " reserved, all others nobody's, with zeroes -, present is what is usable as a"
                + " whole, and the nodes are those of the layout.",
            "Ranges begin and end within pages and sections on real machines.",
            "mm/mm_init.c memmap_init_range; include/linux/pfn.h PFN_UP, PFN_DOWN",
            "a border is rounded the wrong way, or a section is of one kind as a whole",
            1,
            ANY),
        rule(
            "PM-14",
            "any-call-any-frame",
            "Every call changes the frames that it names, as documented, and no other frame - next"
                + " to it, or at the same place in another section.",
            "A frame that shares its entry with another is handed out twice.",
            "include/linux/mm_types.h struct page; mm/sparse.c",
            "a frame number is cut to the bits within its section, or a block reaches too far",
            1,
            ANY,
            Kind.OWNER,
            Kind.OWNERS,
            Kind.FLAGS,
            Kind.REFCOUNT,
            Kind.GET,
            Kind.PUT_UNLESS_LAST,
            Kind.MAPCOUNT,
            Kind.ORDER,
            Kind.PRIVATE,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.LRU,
            Kind.PREPARE,
            Kind.PREPARE,
            Kind.RELEASE,
            Kind.RELEASE_PLAIN,
            Kind.MOVE,
            Kind.SAME_UNTIL),
        rule(
            "PM-15",
            "owners-at-boot",
            "initOwners says whose the frames of any range are, whatever was said before, and"
                + " nothing of others.",
            "Boot hands over ranges of many sections in one call.",
            "mm/mm_init.c memmap_init_range, init_unavailable_range",
            "a section that is covered as a whole keeps what was written before, or the last"
                + " section is not recognised as whole",
            1,
            NEAR,
            Kind.INIT_OWNERS,
            Kind.INIT_OWNERS,
            Kind.OWNER,
            Kind.OWNERS),
        rule(
            "PM-16",
            "same-until",
            "All frames from one to its sameUntil read the same in every field.",
            "Walks over large machines leave out what it covers.",
            "mm4j's contract of MemMap",
            "a section that was written to is still passed over as a whole",
            1,
            ANY,
            Kind.SAME_UNTIL,
            Kind.SAME_UNTIL,
            Kind.OWNER,
            Kind.PREPARE,
            Kind.FLAGS,
            Kind.INDEX),
        rule(
            "PM-17",
            "references",
            "get adds a reference; putUnlessLast gives one up if others are left, and else changes"
                + " nothing.",
            "The last reference is the page allocator's to give up.",
            "include/linux/mm.h get_page, put_page_testzero",
            "the count reaches 0 without the frame being freed",
            1,
            NEAR,
            Kind.GET,
            Kind.PUT_UNLESS_LAST,
            Kind.PUT_UNLESS_LAST,
            Kind.REFCOUNT,
            Kind.FLAGS,
            Kind.PREPARE),
        rule(
            "PM-18",
            "release-plain",
            "releasePlain releases a frame of order 0 with one reference and nothing else known of"
                + " it, and refuses any other without a change.",
            "A page that is still mapped would be handed out again.",
            "mm/page_alloc.c free_page_is_bad",
            "only the count is looked at",
            1,
            NEAR,
            Kind.RELEASE_PLAIN,
            Kind.RELEASE_PLAIN,
            Kind.RELEASE_PLAIN,
            Kind.PREPARE,
            Kind.PREPARE,
            Kind.ORDER,
            Kind.ORDER,
            Kind.REFCOUNT,
            Kind.MAPCOUNT,
            Kind.PRIVATE,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.LRU,
            Kind.RELEASE),
        rule(
            "PM-19",
            "links-to-any-frame",
            "A link leads to any frame of the machine, the first and the last included, or to"
                + " none.",
            "Lists of frames are as long as memory is.",
            "include/linux/mm_types.h struct list_head lru",
            "a link has fewer bits than a frame number",
            1,
            ANY,
            Kind.LRU,
            Kind.LRU,
            Kind.LRU,
            Kind.RELEASE,
            Kind.PREPARE),
        rule(
            "PM-20",
            "move-between-any-frames",
            "move carries owner, flags and every count and word over, between any two frames, and"
                + " leaves links where they are.",
            "Migration goes from one end of memory to the other.",
            "mm/migrate.c folio_migrate_mapping, folio_migrate_flags",
            "the places of two sections are mixed up",
            1,
            ANY,
            Kind.MOVE,
            Kind.MOVE,
            Kind.OWNER,
            Kind.FLAGS,
            Kind.REFCOUNT,
            Kind.MAPCOUNT,
            Kind.PRIVATE,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.LRU),
        rule(
            "PM-21",
            "blocks-of-every-order",
            "setOwners, prepare and release write all frames of a block of any order, 0 to 10, and"
                + " release empties every field of each.",
            "The largest blocks are written least often and seen least.",
            "mm/page_alloc.c prep_new_page, free_pages_prepare",
            "the last frame of a block, or the tails' fields, are forgotten",
            1,
            NEAR,
            Kind.OWNERS,
            Kind.PREPARE,
            Kind.RELEASE,
            Kind.RELEASE,
            Kind.MAPCOUNT,
            Kind.PRIVATE,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.LRU,
            Kind.FLAGS,
            Kind.REFCOUNT),
        rule(
            "PM-22",
            "two-machines-at-once",
            "Two machines that are open at once have nothing in common.",
            "A comparison of two plugins boots two machines.",
            "mm4j's contract of PhysicalMemory",
            "a static field holds what belongs to one machine",
            2,
            NEAR,
            Kind.OWNER,
            Kind.FLAGS,
            Kind.PREPARE,
            Kind.RELEASE,
            Kind.INDEX,
            Kind.LRU,
            Kind.MAPCOUNT,
            Kind.INIT_OWNERS),
        rule(
            "PM-23",
            "large-machines-or-a-refusal",
            "A machine of more than 1 TiB works like any other, or is refused with what is"
                + " allowed.",
            "An array index that overflows says nothing about memory.",
            "arch/x86 MAX_PHYSMEM_BITS = 46; mm4j's rule for bad input",
            "a size is cut to 32 bits",
            1,
            FAR,
            Kind.PREPARE,
            Kind.RELEASE,
            Kind.LRU,
            Kind.OWNER,
            Kind.SAME_UNTIL));
  }

  private static Rule<PhysicalMemoryProvider> rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      int machines,
      Size[] sizes,
      Kind... kinds) {
    return new MachineRule(
        new RuleInfo(id, name, statement, why, behind, failure), machines, sizes, kinds);
  }
}
