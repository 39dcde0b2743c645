// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.faults;

import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.kernel.naive.NaiveSpaces;
import io.mm4j.testkit.kernel.naive.SpaceHabit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Kernel mappings with one wrong habit each. */
public final class KernelSpaceFaults {
  private KernelSpaceFaults() {}

  private static Fault<PageTablesProvider> fault(
      SpaceHabit habit, String what, String... meantFor) {
    String name = habit.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return new Fault<>(name, what, List.of(meantFor), new NaiveSpaces(name, habit));
  }

  /** All of them. */
  public static List<Fault<PageTablesProvider>> all() {
    List<Fault<PageTablesProvider>> all = new ArrayList<>(areas());
    all.addAll(failures());
    all.addAll(faults());
    all.addAll(devices());
    all.addAll(high());
    return all;
  }

  private static List<Fault<PageTablesProvider>> areas() {
    return List.of(
        fault(
            SpaceHabit.ONE_PAGE_SHORT,
            "The last page of an area is not mapped.",
            "KS-01",
            "KS-T02"),
        fault(
            SpaceHabit.MAPS_THE_FIRST_TWICE,
            "The second page of an area has the frame of the first.",
            "KS-01",
            "KS-07",
            "KS-T03"),
        fault(SpaceHabit.HOLDS_NOTHING, "Frames of areas are nobody's in particular.", "KS-01"),
        fault(SpaceHabit.ROUNDS_DOWN, "Bytes are rounded down to pages.", "KS-01", "KS-T05"),
        fault(SpaceHabit.STAYS_MAPPED, "What was freed stays mapped.", "KS-01", "KS-06", "KS-T03"),
        fault(SpaceHabit.VZALLOC_AS_IT_COMES, "vzalloc does not clear its pages.", "KS-02"),
        fault(SpaceHabit.USER_AS_IT_COMES, "vmalloc_user does not clear its pages.", "KS-02"),
        fault(SpaceHabit.TOUCHED_AS_IT_COMES, "A touched page is not cleared.", "KS-02"),
        fault(SpaceHabit.ANY_ZONE, "vmalloc_32 takes frames from anywhere.", "KS-03", "KS-04"),
        fault(SpaceHabit.SMALL_LEAFS, "vmalloc_huge maps pages.", "KS-05"),
        fault(SpaceHabit.HUGE_OR_NOTHING, "vmalloc_huge has no second try.", "KS-05"),
        fault(SpaceHabit.ONE_IS_SMALL, "vmalloc_huge maps one huge page by pages.", "KS-05"),
        fault(SpaceHabit.MAPS_THE_GUARD, "The guard page is mapped.", "KS-06", "KS-T05"),
        fault(SpaceHabit.VUNMAP_FREES, "vunmap frees the caller's frames.", "KS-07"),
        fault(SpaceHabit.VMAP_BACKWARDS, "vmap maps from the last frame to the first.", "KS-07"),
        fault(SpaceHabit.RAM_WITH_GUARD, "vm_map_ram has a guard page.", "KS-08"),
        fault(SpaceHabit.ANY_COUNT, "vm_unmap_ram looks at no number of pages.", "KS-08"),
        fault(SpaceHabit.FREES_AT_ONCE, "vfree_atomic frees at once.", "KS-09", "KS-T04"),
        fault(SpaceHabit.FREES_ANY_KIND, "Every free takes any kind of area.", "KS-10"),
        fault(SpaceHabit.TAKES_ANY_SIZE, "What RAM cannot hold takes addresses.", "KS-10"),
        fault(SpaceHabit.KVMALLOC_WITHOUT_SLAB, "kvmalloc takes areas only.", "KS-11"),
        fault(SpaceHabit.KVMALLOC_ONLY_SLAB, "kvmalloc takes no area.", "KS-11"));
  }

  private static List<Fault<PageTablesProvider>> failures() {
    return List.of(
        fault(
            SpaceHabit.KEEPS_FRAMES_OF_FAILURES,
            "Frames that were there before memory ran out stay.",
            "KS-12",
            "KS-13"),
        fault(SpaceHabit.KEEPS_ADDRESSES_OF_FAILURES, "Addresses of what failed stay.", "KS-12"),
        fault(SpaceHabit.VMAP_DOES_NOT_UNWIND, "What vmap could not map stays.", "KS-12"),
        fault(SpaceHabit.IOREMAP_DOES_NOT_UNWIND, "What ioremap could not map stays.", "KS-12"),
        fault(SpaceHabit.TOUCH_DOES_NOT_UNWIND, "A page that has no table is lost.", "KS-12"),
        fault(
            SpaceHabit.LOSES_A_FRAME,
            "The last frame of an area of more than 8 pages is lost.",
            "KS-13",
            "KS-T01"));
  }

  private static List<Fault<PageTablesProvider>> faults() {
    return List.of(
        fault(SpaceHabit.TOUCHES_ALL, "A touch fills the whole area.", "KS-14"),
        fault(SpaceHabit.TOUCHES_THE_GUARD, "A touch of the guard page is mended.", "KS-14"),
        fault(SpaceHabit.NEVER_SYNCS, "A fault never looks at the kernel's tables.", "KS-15"),
        fault(
            SpaceHabit.MENDS_EVERYTHING,
            "A fault anywhere in the vmalloc area is mended.",
            "KS-15",
            "KS-16"),
        fault(SpaceHabit.NEVER_FLUSHES, "TLBs keep what was freed.", "KS-17"),
        fault(SpaceHabit.NEVER_PURGES, "Nobody purges what is due.", "KS-18"),
        fault(SpaceHabit.GIVES_UP, "Where there is no room nothing is purged.", "KS-30"),
        fault(SpaceHabit.COUNTS_VMAP, "The pages of vmap are counted.", "KS-19"),
        fault(SpaceHabit.INFO_BY_ADDRESS, "Lines come by address alone.", "KS-19"),
        fault(SpaceHabit.INFO_WITHOUT_UNPURGED, "What waits for a purge is not told.", "KS-19"),
        fault(SpaceHabit.INFO_WITHOUT_GUARD, "Sizes are without the guard page.", "KS-19"),
        fault(SpaceHabit.INFO_OF_ONE_NODE, "Every page is counted of node 0.", "KS-31"),
        fault(SpaceHabit.LEAVES_TOUCHED, "Touched pages stay at the end.", "KS-32"),
        fault(SpaceHabit.FINDS_NONE_OF_MANY, "Of more than 40 areas none is found.", "KS-33"),
        fault(SpaceHabit.SECOND_TOUCH_STAYS, "The second touch has its own frame.", "KS-35"));
  }

  private static List<Fault<PageTablesProvider>> devices() {
    return List.of(
        fault(SpaceHabit.ONE_TYPE, "ioremap knows one memory type.", "KS-20"),
        fault(SpaceHabit.FORGETS_THE_OFFSET, "ioremap forgets the offset in the page.", "KS-20"),
        fault(
            SpaceHabit.IGNORES_THE_LAST_PAGE, "ioremap maps what the length alone fills.", "KS-20"),
        fault(SpaceHabit.FIRST_BYTE_ONLY, "Only the first byte must not be RAM.", "KS-21"),
        fault(SpaceHabit.LAST_BYTE_ONLY, "Only the last byte must not be RAM.", "KS-21"),
        fault(SpaceHabit.ALIGNED_TO_A_PAGE, "Device ranges are aligned to a page.", "KS-22"),
        fault(SpaceHabit.IGNORES_THE_MASK, "Any block will do.", "KS-23", "KS-24"),
        fault(SpaceHabit.COHERENT_AS_IT_COMES, "Coherent memory is not cleared.", "KS-23"),
        fault(
            SpaceHabit.LOSES_WHAT_IS_TOO_HIGH,
            "A block that is too high is not given back.",
            "KS-23"));
  }

  private static List<Fault<PageTablesProvider>> high() {
    return List.of(
        fault(SpaceHabit.ONE_SLOT_LESS, "The last slot of the pkmap area is not used.", "KS-25"),
        fault(SpaceHabit.SLOT_LEADS_NOWHERE, "A slot without a table is taken.", "KS-34"),
        fault(SpaceHabit.ALWAYS_A_NEW_SLOT, "A frame has as many slots as kmaps.", "KS-26"),
        fault(SpaceHabit.KUNMAP_EMPTIES, "kunmap empties a slot at once.", "KS-26"),
        fault(SpaceHabit.PKMAP_STAYS_IN_TLB, "The pkmap area is not flushed.", "KS-26"),
        fault(SpaceHabit.LOCAL_FOR_ALL, "The local slots of CPU 0 are everybody's.", "KS-27"),
        fault(SpaceHabit.LOCAL_IN_ANY_ORDER, "Local mappings go in any order.", "KS-27"),
        fault(SpaceHabit.ALL_IS_HIGH, "Frames of the direct map take slots.", "KS-28", "KS-25"),
        fault(SpaceHabit.FIXMAP_OFF, "A fixed address is one page off.", "KS-29"),
        fault(SpaceHabit.FIXMAP_STAYS, "A cleared fixed address stays mapped.", "KS-29"));
  }
}
