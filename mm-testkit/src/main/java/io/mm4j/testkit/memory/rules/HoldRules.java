// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.HoldStep.Kind;
import io.mm4j.testkit.memory.rules.MachineShape.Size;
import java.util.List;

/** The rules about frames that somebody holds: references, mappings, and what becomes of them. */
public final class HoldRules {
  private static final int[] SMALL = {0, 0, 0, 1, 3, 9};
  private static final int[] PAGES = {0};
  private static final int[] BLOCKS = {1, 2, 3, 9, 10};
  private static final int[] HUGE = {11, 13, 15, 16, 18};
  private static final int FEW = 14;
  private static final int MANY = 80;

  private HoldRules() {}

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(
        rule(
            "PM-45",
            "hold-and-drop",
            "hold says of a bare block in one step what it is, and refuses any other; drop gives up"
                + " one reference and, with the last one, makes the block bare again - no flags, a"
                + " row of zeroes, on no list, to be released in the short way - or refuses it"
                + " while a frame of it is mapped.",
            "Every page of a process begins and ends with them.",
            "mm/rmap.c folio_add_new_anon_rmap; mm/page_alloc.c free_pages_prepare,"
                + " free_page_is_bad",
            "something of the last holder is left for the next one",
            MANY,
            SMALL,
            Kind.HOLD,
            Kind.HOLD,
            Kind.HOLD,
            Kind.DROP,
            Kind.DROP,
            Kind.DROP,
            Kind.HAND_OUT,
            Kind.ROW,
            Kind.FLAGS,
            Kind.LIST,
            Kind.MAP,
            Kind.TAILS,
            Kind.GET,
            Kind.PLAIN),
        rule(
            "PM-46",
            "try-get",
            "tryGet gives a reference to a held frame that has one, and to no other: not to a bare"
                + " one, not to one without references, not above the largest count.",
            "Who finds a frame in a table or by its number may come when it has just gone.",
            "include/linux/mm.h get_page_unless_zero; mm/filemap.c filemap_get_entry",
            "a frame that lies on a per-cpu list gets a reference",
            MANY,
            SMALL,
            Kind.TRY_GET,
            Kind.TRY_GET,
            Kind.TRY_GET,
            Kind.HOLD,
            Kind.HOLD,
            Kind.DROP,
            Kind.DROP,
            Kind.GET,
            Kind.PUT,
            Kind.ROW,
            Kind.FREEZE,
            Kind.UNFREEZE,
            Kind.MANY,
            Kind.HAND_OUT),
        rule(
            "PM-47",
            "freeze",
            "freeze takes all references away if there are exactly so many, and nobody gets or"
                + " gives up one until unfreeze says how many there are.",
            "Splitting and migrating a page begin with it.",
            "include/linux/page_ref.h page_ref_freeze, page_ref_unfreeze",
            "a reference that came in between is lost",
            MANY,
            SMALL,
            Kind.FREEZE,
            Kind.FREEZE,
            Kind.FREEZE,
            Kind.UNFREEZE,
            Kind.UNFREEZE,
            Kind.TRY_GET,
            Kind.GET,
            Kind.PUT,
            Kind.DROP,
            Kind.HOLD,
            Kind.HOLD),
        rule(
            "PM-48",
            "two-mapcounts",
            "Mappings of a frame and of its block as a whole are counted apart, each answers how"
                + " many there are now, and a count that would be negative or too large is"
                + " refused.",
            "A huge page may be mapped both ways at once.",
            "include/linux/mm_types.h _mapcount, _entire_mapcount; mm/rmap.c __folio_add_rmap",
            "the two counts share a word, and one borrows from the other",
            MANY,
            new int[] {0, 0, 9},
            Kind.MAP,
            Kind.MAP,
            Kind.MAP,
            Kind.MAP_ALL,
            Kind.MAP_ALL,
            Kind.MAP_ALL,
            Kind.HOLD,
            Kind.DROP,
            Kind.ROW,
            Kind.MOVE),
        rule(
            "PM-49",
            "blocks-up-to-1-gib",
            "Blocks of all orders up to 18 are prepared, held, split, dropped and released frame by"
                + " frame, over the borders of sections.",
            "hugetlbfs has pages of 1 GiB.",
            "mm/hugetlb.c alloc_gigantic_folio; include/linux/mm.h MAX_FOLIO_ORDER",
            "an order has too few bits, or a loop ends with its section",
            FEW,
            HUGE,
            Kind.HOLD,
            Kind.HOLD,
            Kind.DROP,
            Kind.MAP,
            Kind.MAP_ALL,
            Kind.SPLIT,
            Kind.FLAGS,
            Kind.HAND_OUT),
        rule(
            "PM-53",
            "split-folio",
            "splitFolio makes a frozen, unmapped block into blocks of a smaller order: each with"
                + " the owner, flags and mapping of the whole, the index of its place, one"
                + " reference and those of the page cache or swap cache; else it refuses and"
                + " changes nothing.",
            "A huge page is split when a part of it goes.",
            "mm/huge_memory.c __split_folio_to_order, __folio_split",
            "every frame gets the count of the first, or the tails keep nothing",
            MANY,
            BLOCKS,
            Kind.SPLIT,
            Kind.SPLIT,
            Kind.SPLIT,
            Kind.HOLD,
            Kind.HOLD,
            Kind.HOLD,
            Kind.HAND_OUT,
            Kind.HAND_OUT,
            Kind.ROW,
            Kind.FLAGS,
            Kind.MAP,
            Kind.MAP_ALL,
            Kind.TAILS,
            Kind.DROP),
        StatesRule.rule(),
        BorderRules.everyFrameCounts(),
        BorderRules.countsWithinBounds(),
        new TwoMachinesRule(),
        new ReferenceRaceRule(),
        new CountsByStepRule(),
        new FarListRule(),
        new MemoryRule(
            new RuleInfo(
                "PM-34",
                "dropped-by-any-width",
                "With contents=tables ints and bytes of a frame without bytes are 0 like longs, a"
                    + " copy of it is one frame of zeroes, and what is outside RAM is refused.",
                "A page-table entry of 4 bytes is read by another call than one of 8.",
                "mm4j's contract of PhysicalMemory",
                "one width reads what lies there, or a copy clears more than a frame"),
            Contents.TABLES,
            DroppedCheck::run,
            MemoryOp.Kind.PUT_LONG,
            MemoryOp.Kind.PUT_INT,
            MemoryOp.Kind.PUT_BYTE,
            MemoryOp.Kind.OWNER),
        new MemoryRule(
            new RuleInfo(
                "PM-51",
                "contents-tables",
                "With contents=tables the frames of processes and files read as zeroes and writes"
                    + " to them are dropped, as long as they are theirs; all others have bytes.",
                "Page tables need bytes where what they map needs none.",
                "mm4j's contract of PhysicalMemory",
                "a path does not ask whose the frame is, or asks once for a block"),
            Contents.TABLES,
            s -> {},
            MemoryOp.Kind.PUT_LONG,
            MemoryOp.Kind.PUT_INT,
            MemoryOp.Kind.PUT_BYTE,
            MemoryOp.Kind.CLEAR,
            MemoryOp.Kind.COPY,
            MemoryOp.Kind.COPY,
            MemoryOp.Kind.DISCARD,
            MemoryOp.Kind.OWNER,
            MemoryOp.Kind.OWNER,
            MemoryOp.Kind.OWNER,
            MemoryOp.Kind.PREPARE));
  }

  private static Rule<PhysicalMemoryProvider> rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      int operations,
      int[] orders,
      Kind... kinds) {
    RuleInfo info = new RuleInfo(id, name, statement, why, behind, failure);
    Size[] sizes =
        orders[0] > 10
            ? new Size[] {Size.SECTIONS}
            : new Size[] {Size.SMALL, Size.SECTIONS, Size.FAR};
    return new HoldRule(info, operations, orders, sizes, kinds);
  }

  /** Some calls about blocks of some orders, each compared with the model. */
  private static final class HoldRule extends Rule<PhysicalMemoryProvider> {
    private final int operations;
    private final int[] orders;
    private final Size[] sizes;
    private final Kind[] kinds;

    HoldRule(RuleInfo info, int operations, int[] orders, Size[] sizes, Kind[] kinds) {
      super(Spi.PHYSICAL_MEMORY, info);
      this.operations = operations;
      this.orders = orders;
      this.sizes = sizes;
      this.kinds = kinds;
    }

    @Override
    public Trial<MachineSubject> trial(
        PhysicalMemoryProvider provider, Options options, long seed) {
      Seeded random = new Seeded(seed);
      MachineShape shape = MachineShape.any(random, sizes[random.below(sizes.length)]);
      int[] some = random.oneIn(3) && orders[0] == 0 ? PAGES : orders;
      List<Operation<MachineSubject>> list = HoldStep.list(random, operations, some, kinds);
      List<MemoryLayout> layouts = List.of(shape.layout());
      return new Trial<>() {
        @Override
        public List<Operation<MachineSubject>> operations() {
          return list;
        }

        @Override
        public MachineSubject open() {
          return new MachineSubject(provider, options, false, layouts);
        }

        @Override
        public String setup() {
          return shape.text();
        }

        @Override
        public int validateEvery() {
          return 16;
        }

        @Override
        public void atEnd(MachineSubject s) {
          s.benches().forEach(Bench::comparePoints);
          s.benches().forEach(Bench::nobodyBehindTheEnd);
        }
      };
    }
  }
}
