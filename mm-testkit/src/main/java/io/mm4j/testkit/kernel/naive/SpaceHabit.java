// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

/** What a {@link NaiveKernelSpace} may do wrong. */
public enum SpaceHabit {
  /** The last page of an area is not mapped. */
  ONE_PAGE_SHORT,
  /** The second page of an area has the frame of the first. */
  MAPS_THE_FIRST_TWICE,
  /** Frames of areas are nobody's in particular. */
  HOLDS_NOTHING,
  /** A number of bytes is rounded down. */
  ROUNDS_DOWN,
  /** What was freed stays mapped. */
  STAYS_MAPPED,
  /** vzalloc takes memory as it comes. */
  VZALLOC_AS_IT_COMES,
  /** vmalloc_user takes memory as it comes. */
  USER_AS_IT_COMES,
  /** A touched page is as it comes. */
  TOUCHED_AS_IT_COMES,
  /** vmalloc_32 takes frames from anywhere. */
  ANY_ZONE,
  /** vmalloc_huge maps pages. */
  SMALL_LEAFS,
  /** vmalloc_huge has no second try. */
  HUGE_OR_NOTHING,
  /** vmalloc_huge maps one huge page by pages. */
  ONE_IS_SMALL,
  /** The guard page is mapped. */
  MAPS_THE_GUARD,
  /** vunmap frees the frames. */
  VUNMAP_FREES,
  /** vmap maps the frames from the last to the first. */
  VMAP_BACKWARDS,
  /** vm_map_ram has a guard page. */
  RAM_WITH_GUARD,
  /** vm_unmap_ram does not look at the number of pages. */
  ANY_COUNT,
  /** vfree_atomic frees at once. */
  FREES_AT_ONCE,
  /** Every free takes any kind of area. */
  FREES_ANY_KIND,
  /** A request for more than there is of RAM takes addresses. */
  TAKES_ANY_SIZE,
  /** Frames that were there before memory ran out stay. */
  KEEPS_FRAMES_OF_FAILURES,
  /** Addresses of what failed stay. */
  KEEPS_ADDRESSES_OF_FAILURES,
  /** What vmap could not map is not given back. */
  VMAP_DOES_NOT_UNWIND,
  /** What ioremap could not map is not given back. */
  IOREMAP_DOES_NOT_UNWIND,
  /** A page that could not be mapped at its first touch is lost. */
  TOUCH_DOES_NOT_UNWIND,
  /** The last frame of an area of more than 8 pages is lost. */
  LOSES_A_FRAME,
  /** ioremap looks at the first byte only. */
  FIRST_BYTE_ONLY,
  /** ioremap looks at the last byte only. */
  LAST_BYTE_ONLY,
  /** ioremap always maps uncached. */
  ONE_TYPE,
  /** ioremap forgets where in a page its range begins. */
  FORGETS_THE_OFFSET,
  /** ioremap maps only the pages that its length fills. */
  IGNORES_THE_LAST_PAGE,
  /** Device ranges are aligned to a page. */
  ALIGNED_TO_A_PAGE,
  /** Coherent memory comes from anywhere. */
  IGNORES_THE_MASK,
  /** Coherent memory is as it comes. */
  COHERENT_AS_IT_COMES,
  /** Coherent memory that a device does not reach is lost. */
  LOSES_WHAT_IS_TOO_HIGH,
  /** The last slot of the pkmap area is not used. */
  ONE_SLOT_LESS,
  /** A second kmap of a frame takes another slot. */
  ALWAYS_A_NEW_SLOT,
  /** kunmap empties a slot at once. */
  KUNMAP_EMPTIES,
  /** The flush of the pkmap area is forgotten. */
  PKMAP_STAYS_IN_TLB,
  /** The slots of one CPU are those of all. */
  LOCAL_FOR_ALL,
  /** Any local mapping may be taken down. */
  LOCAL_IN_ANY_ORDER,
  /** Frames of the direct map take slots, too. */
  ALL_IS_HIGH,
  /** A fixed address is one page off. */
  FIXMAP_OFF,
  /** What is cleared in the fixmap stays mapped. */
  FIXMAP_STAYS,
  /** A touch fills the whole area. */
  TOUCHES_ALL,
  /** A touch of the guard page is mended. */
  TOUCHES_THE_GUARD,
  /** A fault never looks at the kernel's tables. */
  NEVER_SYNCS,
  /** A fault anywhere in the vmalloc area is mended. */
  MENDS_EVERYTHING,
  /** A purge forgets the flush. */
  NEVER_FLUSHES,
  /** A purge is made when somebody asks for it. */
  NEVER_PURGES,
  /** Where there is no room nothing is purged. */
  GIVES_UP,
  /** /proc/vmallocinfo tells how many pages vmap has. */
  COUNTS_VMAP,
  /** /proc/vmallocinfo is in the order of addresses. */
  INFO_BY_ADDRESS,
  /** /proc/vmallocinfo does not tell what waits for a purge. */
  INFO_WITHOUT_UNPURGED,
  /** The size in /proc/vmallocinfo is without the guard page. */
  INFO_WITHOUT_GUARD,
  /** /proc/vmallocinfo knows one node. */
  INFO_OF_ONE_NODE,
  /** Of more than 40 areas none is found. */
  FINDS_NONE_OF_MANY,
  /** kmap takes a slot for which there is no page table. */
  SLOT_LEADS_NOWHERE,
  /** Of two first touches of a page the second one's frame stays. */
  SECOND_TOUCH_STAYS,
  /** What is touched stays when the machine is closed. */
  LEAVES_TOUCHED,
  /** kvmalloc never asks the slab allocator. */
  KVMALLOC_WITHOUT_SLAB,
  /** kvmalloc gives up when the slab allocator has nothing. */
  KVMALLOC_ONLY_SLAB
}
