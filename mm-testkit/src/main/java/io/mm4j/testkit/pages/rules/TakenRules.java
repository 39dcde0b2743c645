// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import io.mm4j.testkit.pages.rules.Toys.ToyMigrator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Rules about what a range holds when it is given, and about what comes between meanwhile. */
public final class TakenRules {
  private static final int[] NEVER = {
    Gfp.__GFP_NOFAIL,
    Gfp.__GFP_NORETRY,
    Gfp.__GFP_HIGH,
    Gfp.__GFP_MEMALLOC,
    Gfp.__GFP_NOMEMALLOC,
    Gfp.__GFP_COMP,
    Gfp.__GFP_ACCOUNT
  };

  /** Flags of a place, which mean nothing to a range. */
  private static final int[] PLACES = {
    0,
    Gfp.__GFP_DMA,
    Gfp.__GFP_DMA32,
    Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE,
    Gfp.__GFP_RECLAIMABLE,
    Gfp.__GFP_WRITE,
    Gfp.__GFP_THISNODE
  };

  private TakenRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new DrawnRule(
            new RuleInfo(
                "PA-42",
                "range-zeroed-if-asked",
                "With __GFP_ZERO every page of a range is zero, whatever was there. Without it a"
                    + " range, or a page, is handed out as it was left. No page beside it is"
                    + " touched.",
                "Old contents would leak to a new owner, or somebody else's are lost.",
                "mm/page_alloc.c alloc_contig_range_noprof (split_free_frozen_pages,"
                    + " post_alloc_hook)",
                "ranges are prepared in a way of their own, and not cleared, or by the order of"
                    + " what they were made of"),
            DrawnRule.Needs.NOTHING,
            true,
            PressureRules::one,
            TakenRules::zeroed),
        PageRule.of(
            new RuleInfo(
                "PA-43",
                "split-while-a-range-is-taken",
                "Where a block is split before the allocator has its reference, and its first piece"
                    + " let go after, the range is given only if the other pieces have moved, too;"
                    + " else it is refused, and they are still their holder's.",
                "Two owners would write to one frame.",
                "mm/page_alloc.c alloc_contig_range_noprof (test_pages_isolated)",
                "what was a block once is believed to be free as a whole"),
            PageRule.Needs.NOTHING,
            TakenRules::split),
        new DrawnRule(
            new RuleInfo(
                "PA-44",
                "error-leaves-no-lock",
                "If the floor below finds itself corrupt the call ends with its error, and no"
                    + " lock stays taken: of a zone, or any other.",
                "Everybody else would wait for ever, and nobody could say what was wrong.",
                "mm4j's KernelLock; the kernel goes on after bad_page()",
                "a lock is given up at the end of a method, and not in any case"),
            DrawnRule.Needs.NOTHING,
            true,
            PressureRules::one,
            TakenRules::error),
        new DrawnRule(
            new RuleInfo(
                "PA-99",
                "range-refused",
                "A range is refused to who must not fail, gives up early, wants emergency memory"
                    + " or one block; so is one at the end of memory whose last page cannot move,"
                    + " and one that overlaps a range which is just being taken. Nothing changes"
                    + " hands then.",
                "Who asks so gets what he cannot free, or the kernel waits for ever.",
                "mm/page_alloc.c __alloc_contig_verify_gfp_mask",
                "flags are not looked at, or what is given back reaches one frame too far"),
            DrawnRule.Needs.NOTHING,
            true,
            PressureRules::one,
            TakenRules::refused));
  }

  /** A word of a page that was written before. */
  private static long place(long pfn, int word) {
    return (pfn << Pages.PAGE_SHIFT) + 8L * word;
  }

  private static void zeroed(DrawnSubject s, Seeded random) {
    try (DrawnSubject other = s.withContents()) {
      RangeCase c = new RangeCase(other, random);
      PhysicalMemory memory = other.machine.memory();
      var zones = other.drawn.layout().zones();
      Zone zone = zones.get(random.below(zones.size()));
      long start = zone.startPfn() + 1 + random.below(zone.spannedPages() - 40);
      long end = start + random.between(1, 30);
      // The neighbours are somebody's, and so is a page within that can move.
      c.take(start - 1, start, Gfp.GFP_KERNEL);
      c.take(end, end + 1, Gfp.GFP_KERNEL);
      long moved = start + random.below((int) (end - start));
      c.take(moved, moved + 1, Gfp.GFP_KERNEL);
      c.holdMovable(moved);
      int[] words = {0, 511, random.below(512)};
      for (long pfn = start - 1; pfn <= end; pfn++) {
        for (int word : words) {
          memory.putLong(place(pfn, word), ~pfn);
        }
      }
      boolean zero = !random.oneIn(3);
      int place = PLACES[random.below(PLACES.length)];
      c.take(start, end, Gfp.GFP_KERNEL | place | (zero ? Gfp.__GFP_ZERO : 0));
      for (int word : words) {
        for (long pfn = start; pfn < end; pfn++) {
          if (zero || pfn != moved) {
            checkEqual(zero ? 0 : ~pfn, memory.getLong(place(pfn, word)), text(word, pfn));
          }
        }
        for (long pfn : new long[] {start - 1, end}) {
          checkEqual(~pfn, memory.getLong(place(pfn, word)), text(word, pfn) + " beside");
        }
      }
      asTheyWereLeft(other, random);
    }
  }

  private static String text(int word, long pfn) {
    return "word " + word + " of frame " + pfn;
  }

  /** Pages that nobody wants cleared, freed and asked for again. */
  private static void asTheyWereLeft(DrawnSubject s, Seeded random) {
    Cpu cpu = s.machine.cpus().get(0);
    PhysicalMemory memory = s.machine.memory();
    Set<Long> written = new HashSet<>();
    for (int i = 0; i < 30; i++) {
      int gfp = ZonelistRules.flags(s.drawn, random) & ~Gfp.__GFP_ZERO;
      long pfn = s.pages.allocPages(cpu, gfp, 0);
      if (pfn == PageAllocator.NO_PAGE) {
        continue;
      }
      int word = (int) pfn & 511;
      if (!written.add(pfn)) {
        checkEqual(~pfn, memory.getLong(place(pfn, word)), text(word, pfn) + " for " + gfp);
      }
      memory.putLong(place(pfn, word), ~pfn);
      s.pages.freePages(cpu, pfn, 0);
    }
  }

  private static void split(PageSubject s, Seeded random) {
    ToyMigrator toy = new ToyMigrator(s.machine.memory());
    s.machine.pressure().register(FrameOwner.ANON, toy);
    int order = random.between(1, 6);
    int toOrder = random.below(order);
    Held block = MoveRules.inRange(s, order, 0);
    s.map.hold(block.pfn(), order, FrameOwner.ANON, 0, 0, 4711);
    long piece = block.pfn() + (1L << toOrder) * random.between(1, (1 << (order - toOrder)) - 1);
    long wanted = piece + random.below(1 << toOrder);
    boolean[] done = {false};
    s.aroundReference(
        block.pfn(),
        () -> {
          done[0] = true;
          check(s.map.freeze(block.pfn(), 1), "the only reference is frozen", "others");
          s.pages.splitFolio(block.pfn(), order, toOrder);
        },
        () -> s.pages.freePages(s.cpu(1), block.pfn(), toOrder));
    boolean given = s.pages.allocContigRange(s.cpu(0), wanted, wanted + 1, Gfp.GFP_KERNEL);
    check(done[0], "a reference of the block taken before it is moved", "none");
    s.leave(block);
    for (long p = block.pfn() + (1L << toOrder); p < block.pfn() + (1L << order); ) {
      long now = toy.now(p);
      String what = "piece " + p + " of order " + toOrder;
      check(s.map.owner(now) == FrameOwner.ANON, "owner ANON of " + what, "" + s.map.owner(now));
      checkEqual(1, s.map.refcount(now), "references of " + what);
      s.enter(now, toOrder);
      p += 1L << toOrder;
    }
    if (given) {
      checkEqual(1, s.map.refcount(wanted), "references of the frame of the range");
      s.enter(wanted, 0);
    }
    s.conserved();
    s.freeAll();
  }

  private static void error(DrawnSubject s, Seeded random) {
    ThrowingFrames frames = new ThrowingFrames();
    try (DrawnSubject other = s.on(s.drawn.again(), frames)) {
      RangeCase c = new RangeCase(other, random);
      c.use(20);
      int locks = LockOrder.held();
      int kind = random.below(4);
      long from = 1024L + random.below(600);
      int order = random.below(4);
      long block = other.pages.allocPages(c.cpu, Gfp.GFP_HIGHUSER, order);
      frames.throwAt(random.between(1, kind == 2 ? 60 : 3));
      try {
        for (int i = 0; i < 200 && !frames.hasThrown(); i++) {
          switch (kind) {
            case 0 -> check(ask(other, c.cpu, random) >= 0, "a block, or an error", "none");
            case 1 -> other.pages.freePages(c.cpu, block, order);
            case 2 -> {
              boolean _ =
                  other.pages.allocContigRange(
                      c.cpu, from + i, from + i + random.between(1, 40), Gfp.GFP_KERNEL);
            }
            default -> {
              long page = ask(other, c.cpu, random);
              other.pages.freePages(c.cpu, page, 0);
              other.pages.drainAllPages(c.cpu);
            }
          }
          if (kind == 1) {
            block = other.pages.allocPages(c.cpu, Gfp.GFP_HIGHUSER, order);
          }
        }
        check(!frames.hasThrown(), "the error of the floor below", "no exception");
      } catch (CorruptStateError e) {
        for (Zone zone : other.drawn.layout().zones()) {
          check(!zone.lock().isLocked(), "lock of " + zone + " free after " + e, "taken");
        }
        checkEqual(locks, LockOrder.held(), "other locks that are held after " + e);
      }
    }
  }

  private static long ask(DrawnSubject s, Cpu cpu, Seeded random) {
    int gfp = random.oneIn(2) ? Gfp.GFP_HIGHUSER_MOVABLE : Gfp.GFP_KERNEL;
    long pfn = s.pages.allocPages(cpu, gfp, 0);
    check(pfn != PageAllocator.NO_PAGE, "a page", "none");
    return pfn;
  }

  private static void refused(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    c.use(20);
    long end = s.drawn.layout().endPfn();
    long from = 1024L + random.below(600);
    long free = c.free();
    for (int flag : NEVER) {
      check(
          !s.pages.allocContigRange(
              c.cpu, from, from + random.between(1, 20), Gfp.GFP_KERNEL | flag),
          "a range asked for with " + Gfp.format(flag) + " refused",
          "given");
      checkEqual(free, c.free(), "free pages after a refused range");
    }
    c.take(end - 1, end, Gfp.GFP_KERNEL);
    c.refused(end - random.between(1, 20), end);
    overlap(c, from, random);
  }

  private static void overlap(RangeCase c, long from, Seeded random) {
    c.take(from, from + 1, Gfp.GFP_KERNEL);
    c.holdMovable(from);
    boolean[] second = {false};
    long at = from + random.below(8);
    c.meanwhile =
        () ->
            second[0] =
                c.s.pages.allocContigRange(
                    c.cpu, at, at + random.between(1, 8), Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE);
    c.take(from, from + 8, Gfp.GFP_KERNEL);
    check(!second[0], "a range that overlaps refused meanwhile", "given");
  }
}
