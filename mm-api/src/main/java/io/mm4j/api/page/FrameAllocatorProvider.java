// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.apiguardian.api.API;

/** Creates {@link FrameAllocator}s, one for each zone: the SPI {@code frame-allocator}. */
@API(status = API.Status.MAINTAINED)
public interface FrameAllocatorProvider extends PluginProvider {
  /**
   * What a plugin can do; a test or a policy that needs more is skipped, with the reason.
   *
   * @param migratetypes keeps blocks apart by migratetype
   * @param takesExactly {@link FrameAllocator#take} works
   * @param mergesAlways after every call no two buddies of one order are both free, up to {@code
   *     maxOrder} - except two pageblocks or more that must stay apart, because the types of their
   *     pageblocks ({@code zone.pageblocks()}, whatever list they are on) differ and one of these
   *     is HIGHATOMIC or ISOLATE. Below the order of a pageblock types never keep blocks apart
   * @param smallestFirst {@link FrameAllocator#allocate} takes a block of the smallest order that
   *     suffices
   * @param ownReservations reserves frames for CPUs by itself, so the page allocator leaves its
   *     per-cpu lists off
   * @param maxOrder the largest order it serves, 0 to 10
   * @param maxZonePages the largest zone, in frames
   * @param choice which of several blocks it takes
   */
  record Capabilities(
      boolean migratetypes,
      boolean takesExactly,
      boolean mergesAlways,
      boolean smallestFirst,
      boolean ownReservations,
      int maxOrder,
      long maxZonePages,
      Choice choice) {
    /** Without a promise about which of several blocks is taken. */
    public Capabilities(
        boolean migratetypes,
        boolean takesExactly,
        boolean mergesAlways,
        boolean smallestFirst,
        boolean ownReservations,
        int maxOrder,
        long maxZonePages) {
      this(
          migratetypes,
          takesExactly,
          mergesAlways,
          smallestFirst,
          ownReservations,
          maxOrder,
          maxZonePages,
          Choice.ANY);
    }

    /** Without a promise about which block is taken, not even about its order. */
    public Capabilities(
        boolean migratetypes,
        boolean takesExactly,
        boolean mergesAlways,
        boolean ownReservations,
        int maxOrder,
        long maxZonePages) {
      this(
          migratetypes, takesExactly, mergesAlways, false, ownReservations, maxOrder, maxZonePages);
    }
  }

  /** Which block a plugin takes where several would do: what it promises, and is judged by. */
  enum Choice {
    /** No promise but that of {@code smallestFirst}. */
    ANY,

    /**
     * Lists in the kernel's order (mm/page_alloc.c, Linux 6.18). {@link FrameAllocator#allocate}
     * takes the head of the shortest order that suffices and gives the lower end of that block.
     * What is split off goes to the head of its list, larger halves first: {@code expand()}, {@code
     * break_down_buddy_pages()}. A freed block goes to the head, too; to the tail with {@link
     * FrameAllocator#freeToTail}, or if its buddy is held but the buddy of both together is free as
     * a whole: {@code buddy_merge_likely()}, below the second largest order only. {@link
     * FrameAllocator#movePageblock} puts blocks to the tail, the lowest first.
     */
    KERNEL_LISTS,

    /**
     * {@link FrameAllocator#allocate} takes the lowest aligned place of the order whose frames are
     * all free, within a larger free block or not; {@link FrameAllocator#head} is the lowest free
     * block of exactly its order.
     */
    FIRST_FIT,

    /**
     * The zone is cut into trees of 16384 frames and these into children of 512, both counted from
     * the multiple of a tree at or below the zone's start; each migratetype asks the tree that it
     * has reserved first.
     *
     * <p>Which tree: if the reserved one has no such block, or none is reserved, all trees are
     * asked in ascending order from the reserved one (or the lowest) on, round the end: at first
     * those that are partly used and reserved by nobody - a sixteenth of a tree or more is free,
     * and less than fifteen sixteenths -, then those that are freer, then those that are fuller,
     * then those that a migratetype has reserved. The tree that serves is reserved in place of the
     * old one; whoever had it has none. A migratetype that frees four times running in one tree
     * that nobody has reserved reserves it.
     *
     * <p>Where in a tree: for order 9 and 10 the lowest place; below, the lowest place of the
     * lowest child that is not free as a whole, and only then the beginning of the lowest child
     * that is. {@link FrameAllocator#head} is the lowest free block of exactly its order. After
     * LLFree (USENIX ATC 2023).
     */
    RESERVED_TREES
  }

  /** The plugin's capabilities with its default options. */
  Capabilities capabilities();

  /** The plugin's capabilities with these options. */
  default Capabilities capabilities(Options options) {
    return capabilities();
  }

  /**
   * Creates the allocator of a zone, with nothing free.
   *
   * @param zone the frames; their pageblock types are {@code zone.pageblocks()}
   * @throws io.mm4j.api.InputException for the value of an option that is not allowed: what was
   *     given, and what is allowed
   */
  FrameAllocator create(Zone zone, Options options);

  @Override
  default Map<String, String> describeCapabilities() {
    Capabilities c = capabilities();
    Map<String, String> map = new LinkedHashMap<>();
    map.put("migratetypes", Boolean.toString(c.migratetypes()));
    map.put("takes-exactly", Boolean.toString(c.takesExactly()));
    map.put("merges-always", Boolean.toString(c.mergesAlways()));
    map.put("smallest-first", Boolean.toString(c.smallestFirst()));
    map.put("own-reservations", Boolean.toString(c.ownReservations()));
    map.put("max-order", Integer.toString(c.maxOrder()));
    map.put("choice", c.choice().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    return map;
  }
}
