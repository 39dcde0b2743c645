// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveBootmem;
import io.mm4j.testkit.memory.naive.NaiveMemblock;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import io.mm4j.testkit.memory.naive.NaiveRanges.Clearer;
import java.util.List;

/** Boot allocators that are wrong on purpose. */
public final class BootFaults {
  private BootFaults() {}

  /** Makes the wrong one in place of one of the two. */
  @FunctionalInterface
  private interface Wrong {
    BootAllocator create(MemoryLayout layout, Clearer clearer);
  }

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, List<String> rules, String boot, Wrong wrong) {
    NaiveMemories.Boots boots =
        (asked, layout, clearer) ->
            asked.equals(boot)
                ? wrong.create(layout, clearer)
                : NaiveMemories.boot(asked, layout, clearer);
    return new Fault<>(name, what, rules, new NaiveMemories(name, NaiveMemory::new, boots));
  }

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault(
            "memblock-passes-exact-gaps",
            "memblock passes a place over that is exactly as long as the block.",
            List.of("PM-B01"),
            "memblock",
            NoExactGaps::new),
        fault(
            "memblock-forgets-nodes",
            "memblock allocates on any node.",
            List.of("PM-B02"),
            "memblock",
            NoNodes::new),
        fault(
            "memblock-removes-reservations",
            "memblock frees what is reserved in memory that is removed.",
            List.of("PM-B03"),
            "memblock",
            RemovesBoth::new),
        fault(
            "memblock-clears-pages",
            "memblock clears to the end of the last page.",
            List.of("PM-B04"),
            "memblock",
            (layout, clearer) -> new NaiveMemblock(layout, pages(clearer))),
        fault(
            "memblock-uses-highmem",
            "memblock has no limit at the end of lowmem.",
            List.of("PM-B05"),
            "memblock",
            (layout, clearer) -> new NaiveMemblock(withoutHighmem(layout), clearer)),
        fault(
            "bootmem-rounds-goals-down",
            "bootmem begins at the page that holds the goal.",
            List.of("PM-B06"),
            "bootmem",
            RoundsDown::new),
        fault(
            "bootmem-hands-one-less-over",
            "bootmem keeps the last page of every free range.",
            List.of("PM-B07"),
            "bootmem",
            KeepsLast::new),
        fault(
            "bootmem-clears-pages",
            "bootmem clears to the end of the last page.",
            List.of("PM-B08"),
            "bootmem",
            (layout, clearer) -> new NaiveBootmem(layout, pages(clearer))),
        fault(
            "bootmem-uses-highmem",
            "bootmem has no limit at the end of lowmem.",
            List.of("PM-B09"),
            "bootmem",
            (layout, clearer) -> new NaiveBootmem(withoutHighmem(layout), clearer)),
        fault(
            "memblock-has-128-ranges",
            "memblock forgets what is reserved where it has 128 ranges already.",
            List.of("PM-B11"),
            "memblock",
            NoMoreRanges::new),
        fault(
            "watched-memblock-turns",
            "memblock that is watched searches from below.",
            List.of("PM-38"),
            "memblock",
            TurnsWhenWatched::new),
        fault(
            "memblock-says-it-tells",
            "watch() of memblock is true, and nothing is told.",
            List.of("PM-38"),
            "memblock",
            TellsNothing::new),
        new Fault<>(
            "any-boot-is-memblock",
            "An unknown name of a boot allocator is taken for memblock.",
            List.of("PM-B10"),
            new NaiveMemories(
                "any-boot-is-memblock",
                NaiveMemory::new,
                (asked, layout, clearer) ->
                    NaiveMemories.boot(
                        asked.equals("bootmem") ? asked : "memblock", layout, clearer))));
  }

  private static Clearer pages(Clearer clearer) {
    return (start, bytes) ->
        clearer.clear(start, Pages.alignUp(start + bytes, Pages.PAGE_SIZE) - start);
  }

  /** The same zones, none of them HighMem. */
  private static MemoryLayout withoutHighmem(MemoryLayout layout) {
    List<Node> nodes =
        layout.nodes().stream()
            .map(
                n ->
                    new Node(
                        n.id(), n.zones().stream().map(BootFaults::low).toList(), n.distances()))
            .toList();
    return new MemoryLayout(layout.map(), nodes);
  }

  private static Zone low(Zone zone) {
    ZoneType type = zone.type() == ZoneType.HIGHMEM ? ZoneType.MOVABLE : zone.type();
    long present = zone.presentPages();
    return new Zone(type, zone.nodeId(), zone.startPfn(), zone.endPfn(), present, present, 1);
  }

  private static final class NoExactGaps extends NaiveMemblock {
    NoExactGaps(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    protected long place(long start, long end, long bytes, long align) {
      return end - start == bytes ? NONE : super.place(start, end, bytes, align);
    }
  }

  private static final class NoNodes extends NaiveMemblock {
    NoNodes(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public long alloc(long bytes, long align, long min, long max, int nodeId) {
      return super.alloc(bytes, align, min, max, ANY_NODE);
    }
  }

  private static final class RemovesBoth extends NaiveMemblock {
    RemovesBoth(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public void remove(long start, long bytes) {
      super.remove(start, bytes);
      free(start, bytes);
    }
  }

  private static final class NoMoreRanges extends NaiveMemblock {
    private static final int MOST = 128;

    NoMoreRanges(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public void reserve(long start, long bytes) {
      int[] ranges = {0};
      forEachReserved((from, to, node, flags) -> ranges[0]++);
      if (ranges[0] < MOST) {
        super.reserve(start, bytes);
      }
    }
  }

  private static final class TurnsWhenWatched extends NaiveMemblock {
    TurnsWhenWatched(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public boolean watch(BootEvents events) {
      setBottomUp(true);
      return false;
    }
  }

  private static final class TellsNothing extends NaiveMemblock {
    TellsNothing(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public boolean watch(BootEvents events) {
      return true;
    }
  }

  private static final class RoundsDown extends NaiveBootmem {
    RoundsDown(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public long alloc(long bytes, long align, long min, long max, int nodeId) {
      return super.alloc(bytes, align, min & -Math.max(align, 1), max, nodeId);
    }
  }

  private static final class KeepsLast extends NaiveBootmem {
    KeepsLast(MemoryLayout layout, Clearer clearer) {
      super(layout, clearer);
    }

    @Override
    public void handOver(RangeVisitor visitor) {
      super.handOver((start, end) -> visitor.range(start, end - 1));
    }
  }
}
