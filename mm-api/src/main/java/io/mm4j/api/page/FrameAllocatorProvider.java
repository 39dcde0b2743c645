// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.Map;

/** Creates {@link FrameAllocator}s, one for each zone: the SPI {@code frame-allocator}. */
public interface FrameAllocatorProvider extends PluginProvider {
  /**
   * What a plugin can do; a test or a policy that needs more is skipped, with the reason.
   *
   * @param migratetypes keeps blocks apart by migratetype
   * @param takesExactly {@link FrameAllocator#take} works
   * @param mergesAlways after every call no two buddies of one order are both free, up to {@code
   *     maxOrder} - except two pageblocks or more that must stay apart, because one of them is of
   *     the types HIGHATOMIC or ISOLATE and the other of another type
   * @param smallestFirst {@link FrameAllocator#allocate} takes a block of the smallest order that
   *     suffices
   * @param ownReservations reserves frames for CPUs by itself, so the page allocator leaves its
   *     per-cpu lists off
   * @param maxOrder the largest order it serves
   * @param maxZonePages the largest zone, in frames
   */
  record Capabilities(
      boolean migratetypes,
      boolean takesExactly,
      boolean mergesAlways,
      boolean smallestFirst,
      boolean ownReservations,
      int maxOrder,
      long maxZonePages) {
    /** Without a promise about which block is taken. */
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
    return map;
  }
}
