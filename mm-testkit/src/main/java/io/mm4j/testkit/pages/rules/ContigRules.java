// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.List;

/** Rules about contiguous ranges of a machine in use. */
public final class ContigRules {
  private static final int MOVABLE = Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE;

  private ContigRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        rule(
            "PA-65",
            "range-of-a-machine-in-use",
            "A range of which every page is free or can move is given whole, its pageblocks keep"
                + " their types, and what moved lies outside.",
            "mm/page_alloc.c alloc_contig_range; mm/page_isolation.c",
            "types are not given back, or a page is moved into the range",
            Needs.NOTHING,
            ContigRules::inUse),
        rule(
            "PA-66",
            "range-with-a-larger-block",
            "A block of more than one page in the range is not moved as if it were a page: if its"
                + " owner cannot move all of it, the range is refused and nothing changes hands.",
            "mm/page_alloc.c __alloc_contig_migrate_range",
            "the head of a block is moved, and its tails stay",
            Needs.NOTHING,
            ContigRules::larger),
        rule(
            "PA-67",
            "range-asks-with-the-callers-effort",
            "Where a page goes is asked for with as much effort as the caller allows, as a movable"
                + " page that may fail, of high memory if it lies there; what reclaim frees in the"
                + " range meanwhile is taken, too.",
            "mm/page_alloc.c __alloc_contig_verify_gfp_mask; mm/migrate.c alloc_migration_target",
            "the destination is requested with other flags",
            Needs.NOTHING,
            ContigRules::flags),
        rule(
            "PA-68",
            "no-such-range",
            "An empty range, one that is turned round, one that reaches over the end of its zone,"
                + " and one for a caller who must not fail or asks for emergency memory is"
                + " refused.",
            "mm/page_alloc.c alloc_contig_range, __alloc_contig_verify_gfp_mask",
            "the ends or the flags are not checked",
            Needs.STATISTICS,
            ContigRules::edges),
        rule(
            "PA-69",
            "two-ranges-at-once",
            "While a range is being taken, another one that touches the same pageblock, whole or"
                + " cut by the end of the zone, is refused; afterwards it is given.",
            "mm/page_isolation.c set_migratetype_isolate (-EBUSY)",
            "both give the types back, the second one ISOLATE",
            Needs.STATISTICS,
            (s, random) -> {
              two(s, random, 5, random.below(2) == 0);
              // A zone that ends within its last pageblock.
              try (DrawnSubject other = s.on(Drawn.oneZone(random, 500), new WideFrames())) {
                long last = other.drawn.layout().endPfn() - 500;
                two(other, random, last, true);
              }
            }),
        rule(
            "PA-70",
            "range-needs-exact-takes",
            "Over free blocks that cannot be taken frame by frame no range is given.",
            "mm/page_isolation.c",
            "what the floor below can do is not asked",
            Needs.STATISTICS,
            (s, random) -> {
              try (DrawnSubject other = s.on(s.drawn.again(), new WideFrames(false))) {
                RangeCase c = new RangeCase(other, random);
                c.refused(1024, 1024 + random.between(1, 700));
              }
            }),
        rule(
            "PA-71",
            "range-isolates-largest-blocks",
            "Pages that move out of a range go to no block of the largest order that the range"
                + " touches.",
            "mm/page_isolation.c isolate_single_pageblock",
            "only the range's own pageblocks are isolated",
            Needs.STATISTICS,
            ContigRules::apart),
        rule(
            "PA-95",
            "isolated-goes-straight-back",
            "What is freed in a pageblock that is isolated goes to the zone at once, and waits on"
                + " no per-cpu list.",
            "mm/page_alloc.c free_unref_page, is_migrate_isolate",
            "it rests on the lists of Movable, where the next request finds it",
            Needs.STATISTICS,
            ContigRules::meanwhileFreed),
        rule(
            "PA-77",
            "refused-range-comes-back",
            "Where a page of a range can only move into it, the range is refused, and all that was"
                + " free of it is free again.",
            "mm/page_alloc.c alloc_contig_range; mm/compaction.c isolate_freepages_range",
            "what was taken before the first frame that is not free stays taken",
            Needs.STATISTICS,
            ContigRules::intoItself),
        rule(
            "PA-72",
            "split-while-shared",
            "A block that others hold is not split: MisuseException, and nothing changes.",
            "mm/page_alloc.c split_page",
            "the refcount is not looked at",
            Needs.NOTHING,
            MisuseCases::splitShared),
        rule(
            "PA-73",
            "no-such-order",
            "A request for an order below 0 or above 10 has no page, asks nobody and throws"
                + " nothing.",
            "mm/page_alloc.c __alloc_frozen_pages (WARN_ON_ONCE_GFP)",
            "the order is not checked before reclaim",
            Needs.NOTHING,
            MisuseCases::orders));
  }

  private static Rule<PageAllocatorProvider> rule(
      String id,
      String name,
      String statement,
      String behind,
      String failure,
      Needs needs,
      DrawnRule.Body body) {
    String why = "Huge pages and devices get somebody else's memory, or none.";
    return new DrawnRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        needs,
        true,
        PressureRules::one,
        body);
  }

  private static Zone largest(DrawnSubject s) {
    return s.drawn.layout().zones().stream()
        .max((a, b) -> Long.compare(a.spannedPages(), b.spannedPages()))
        .orElseThrow();
  }

  private static void inUse(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    boolean typed = s.pages.zones().getFirst().capabilities().migratetypes();
    if (typed) {
      c.mix();
    }
    c.use(120);
    for (int i = 0; i < 3; i++) {
      Zone zone = s.drawn.layout().zones().get(random.below(s.drawn.layout().zones().size()));
      long start = zone.startPfn() + random.below(zone.spannedPages() - 1);
      long end = start + 1 + random.below(Math.min(900, zone.endPfn() - start));
      c.take(start, end, MOVABLE);
      s.pages.freeContigRange(c.cpu, start, end);
    }
  }

  private static void larger(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    int order = random.between(1, 5);
    long block = s.pages.allocPages(c.cpu, Gfp.GFP_HIGHUSER_MOVABLE, order);
    c.map.hold(block, order, FrameOwner.ANON, 0, 0, 0);
    Zone zone = ZonelistRules.zoneOf(s, block);
    long from = Math.max(zone.startPfn(), block - random.below(20));
    c.refused(from, Math.min(zone.endPfn(), block + 1 + random.below(40)));
    check(c.map.drop(block, order), "the last reference of the block is dropped", "others left");
    s.pages.freePages(c.cpu, block, order);
  }

  private static void flags(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    RangeCase c = new RangeCase(s, random);
    Zone zone = largest(s);
    long start = zone.startPfn() + 600 + random.below(200);
    long end = start + 2 + random.below(40);
    List<Long> outside =
        shortage.held.stream()
            .filter(p -> (p >> 10) < (start >> 10) || (p >> 10) > (end >> 10))
            .toList();
    Giver giver = new Giver(s.pages, Integer.MAX_VALUE, true);
    for (long pfn = start; pfn < end; pfn++) {
      boolean last = pfn == end - 1;
      if (last) {
        // Comes back to the allocator while the range is being taken.
        giver.hold(pfn);
      } else {
        c.holdMovable(pfn);
      }
    }
    s.machine.pressure().register(giver);
    int place = random.oneIn(2) ? Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE : Gfp.__GFP_THISNODE;
    int gfp = (random.oneIn(2) ? Gfp.GFP_NOFS : Gfp.GFP_NOIO | Gfp.__GFP_NOWARN) | place;
    boolean high = zone.type() == ZoneType.HIGHMEM || zone.type() == ZoneType.MOVABLE;
    outside.stream()
        .filter(p -> high || ZonelistRules.zoneOf(s, p).type().compareTo(ZoneType.NORMAL) <= 0)
        .limit(2000)
        .forEach(giver::hold);
    int asked =
        (gfp & ~place)
            | Gfp.__GFP_MOVABLE
            | Gfp.__GFP_RETRY_MAYFAIL
            | (high ? Gfp.__GFP_HIGHMEM : 0);
    check(s.pages.allocContigRange(c.cpu, start, end, gfp), "the range, after reclaim", "refused");
    check(!giver.asked().isEmpty(), "reclaim for a destination", "none");
    for (var request : giver.asked()) {
      checkEqual(asked, request.gfp(), "flags of the request");
    }
  }

  private static void edges(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    Zone zone = s.drawn.layout().zones().get(random.below(s.drawn.layout().zones().size()));
    long at = zone.startPfn() + random.below(zone.spannedPages());
    c.refused(at, at);
    c.refused(at, at - 1);
    c.refused(at, zone.endPfn() + 1);
    c.refused(zone.endPfn() - 1, zone.endPfn() + random.between(1, 2000));
    long last = s.drawn.layout().endPfn();
    c.refused(last, last + 4);
    for (int flag :
        new int[] {Gfp.__GFP_NOFAIL, Gfp.__GFP_NORETRY, Gfp.__GFP_HIGH, Gfp.__GFP_MEMALLOC}) {
      check(
          !s.pages.allocContigRange(c.cpu, at, at + 1, Gfp.GFP_KERNEL | flag),
          "a range asked for with " + Gfp.format(flag) + " refused",
          "given");
    }
    c.take(zone.endPfn() - 1, zone.endPfn(), MOVABLE);
    c.take(zone.startPfn(), zone.startPfn() + 1, MOVABLE);
  }

  private static void two(DrawnSubject s, Seeded random, long edge, boolean cut) {
    RangeCase c = new RangeCase(s, random);
    c.use(1);
    // The first pageblock of the machine has no frame 0.
    long block =
        cut ? edge & -512 : ((largest(s).startPfn() + 1023) & -1024) + 512L * random.below(2);
    long page = cut ? edge : block + random.below(100);
    c.take(page, page + 1, MOVABLE);
    c.holdMovable(page);
    boolean[] inner = {true, true};
    long other = block + 200 + random.below(290);
    c.meanwhile =
        () -> {
          inner[0] =
              s.pages.allocContigRange(c.cpu, other, other + 3, Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE);
          inner[1] =
              s.pages.allocContigRange(c.cpu, other, other + 3, Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE);
        };
    List<Integer> types = c.types(page, page + 1);
    check(s.pages.allocContigRange(c.cpu, page, page + 1, MOVABLE), "the range", "refused");
    check(!inner[0] && !inner[1], "another range of that pageblock refused meanwhile", "given");
    check(
        types.equals(c.types(page, page + 1)),
        "pageblocks of " + types,
        "" + c.types(page, page + 1));
    c.take(other, other + 3, MOVABLE);
  }

  private static void meanwhileFreed(DrawnSubject s, Seeded random) {
    if (!s.pages.zones().getFirst().capabilities().migratetypes()) {
      return;
    }
    RangeCase c = new RangeCase(s, random);
    long block = ((largest(s).startPfn() + 1023) & -1024) + 512L * random.below(2);
    int order = random.below(4);
    long page = block + random.below(100);
    long other = block + 256 + (random.below(240) & -(1L << order));
    c.take(page, page + 1, MOVABLE);
    c.holdMovable(page);
    c.take(other, other + (1L << order), MOVABLE);
    Cpu by = s.machine.cpus().get(random.below(s.drawn.cpus()));
    boolean[] done = {false};
    c.meanwhile =
        () -> {
          for (long pfn = other; pfn < other + (1L << order); pfn++) {
            s.pages.freePages(by, pfn, 0);
            FrameOwner owner = c.map.owner(pfn);
            check(owner == FrameOwner.FREE, "frame " + pfn + " free at once", "owner " + owner);
          }
          done[0] = true;
        };
    check(s.pages.allocContigRange(c.cpu, page, page + 1, MOVABLE), "the range", "refused");
    check(done[0], "a page of the range moved", "none");
    s.pages.freePages(c.cpu, page, 0);
  }

  /** What is free first lies in the range, in a pageblock that cannot be isolated. */
  private static void intoItself(DrawnSubject s, Seeded random) {
    try (DrawnSubject other = s.on(Drawn.oneZone(random, 500), new WideFrames())) {
      Shortage shortage = new Shortage(other, random);
      RangeCase c = new RangeCase(other, random);
      long start = other.drawn.layout().endPfn() - 500 + 16L * random.between(1, 20);
      long page = start + 16;
      for (int i = 1; i <= 8; i++) {
        // For what a refill takes beyond the page that is asked for.
        other.pages.freePages(shortage.cpu, other.drawn.layout().endPfn() - 500 - 20L * i, 0);
      }
      for (long pfn = start; pfn <= page + 1; pfn++) {
        if (pfn != page) {
          other.pages.freePages(shortage.cpu, pfn, 0);
        }
      }
      other.pages.drainAllPages(c.cpu);
      c.holdMovable(page);
      int saved = c.cpu.exchangeFlags(Cpu.PF_MEMALLOC);
      c.refused(start, page + 2);
      c.cpu.exchangeFlags(saved);
      check(c.destinations.size() > 0, "a page moved within the range", "none");
    }
  }

  private static void apart(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    Zone zone = largest(s);
    long first = zone.endPfn() - 1024;
    long start = first + random.below(300);
    for (long pfn = start; pfn < start + 4; pfn++) {
      c.take(pfn, pfn + 1, MOVABLE);
      c.holdMovable(pfn);
    }
    // The pageblock beside it has the smallest free block of all.
    c.take(first + 512, first + 1024, MOVABLE);
    s.pages.freePages(c.cpu, first + 512 + random.below(512), 0);
    c.take(start, start + 4, Gfp.GFP_HIGHUSER_MOVABLE);
    for (long pfn : c.destinations) {
      check(pfn < first || pfn >= first + 1024, "a destination far away", "frame " + pfn);
    }
  }
}
