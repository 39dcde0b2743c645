// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migrator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import io.mm4j.testkit.pages.rules.Toys.ToyMigrator;
import java.util.List;

/** Rules about blocks that are moved out of a range. */
public final class MoveRules {
  private static final long START = 1536;
  private static final long END = 2560;

  private MoveRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-81",
                "blocks-move-whole",
                "A block of any order whose owner can move it goes out of a range as a whole, with"
                    + " what is known of each frame, also if only part of it is in the range; the"
                    + " rest of its place is free then.",
                "Most memory of a machine with huge pages lies in such blocks.",
                "mm/page_alloc.c __alloc_contig_migrate_range; mm/migrate.c folio_migrate_mapping",
                "only single pages are moved, or the part outside the range is lost"),
            Needs.ISOLATION,
            MoveRules::whole),
        PageRule.of(
            new RuleInfo(
                "PA-82",
                "reference-while-moving",
                "While an owner is asked to move a block the caller holds a reference of it: the"
                    + " frames stay what they are, even if the owner lets go; what was read before"
                    + " the reference was there is looked at again; afterwards the reference is"
                    + " given back, wherever it went. A bare block is not moved.",
                "The frame is freed and somebody else's by the time that it is moved.",
                "mm/compaction.c isolate_migratepages_block (folio_get_nontail_page)",
                "no reference, one that is never given back, or an owner that is out of date"),
            Needs.NOTHING,
            MoveRules::reference));
  }

  /** Holds one block that lies in the range, and nothing else. */
  static Held inRange(PageSubject s, int order, int flags) {
    while (true) {
      Held block = GivenRules.need(s, Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_THISNODE | flags, order);
      if (block.pfn() >= START && block.pfn() + (1L << order) <= END) {
        for (Held other : List.copyOf(s.held)) {
          if (!other.equals(block)) {
            s.free(0, other);
          }
        }
        return block;
      }
    }
  }

  private static void whole(PageSubject s, Seeded random) {
    ToyMigrator toy = new ToyMigrator(s.machine.memory());
    s.machine.pressure().register(FrameOwner.ANON, toy);
    int order = random.below(7);
    int size = 1 << order;
    boolean compound = order > 0 && random.oneIn(2);
    Held block = inRange(s, order, compound ? Gfp.__GFP_COMP : 0);
    int references = random.between(1, 3);
    int flags = s.map.flags(block.pfn());
    s.map.hold(block.pfn(), order, FrameOwner.ANON, flags, 0, 4711);
    for (int i = 1; i < references; i++) {
      s.map.get(block.pfn());
    }
    for (int i = 1; i < size; i++) {
      s.map.setIndex(block.pfn() + i, 4711 + i);
    }
    // A part of it, at least a frame.
    long start = block.pfn() + (random.oneIn(2) ? random.below(size) : -random.below(20));
    long end = Math.max(start, block.pfn()) + 1 + random.below(size + 20);
    check(
        s.pages.allocContigRange(s.cpu(0), start, end, Gfp.GFP_KERNEL),
        "the range " + start + "-" + end + ", for its only held block can move",
        "refused");
    long now = toy.now(block.pfn());
    check(now + size <= start || now >= end, "a block outside the range", "block " + now);
    checkEqual(references, s.map.refcount(now), "refcount of the moved block");
    checkEqual(order, s.map.order(now), "order of the moved block");
    checkEqual(flags, s.map.flags(now), "flags, compound or not");
    for (int i = 0; i < size; i++) {
      checkEqual(4711 + i, s.map.index(now + i), "index of moved frame " + i);
      anon(s, now + i);
    }
    s.leave(block);
    s.enter(now, order);
    for (long pfn = start; pfn < end; pfn++) {
      s.enter(pfn, 0);
    }
    s.conserved();
    for (int i = 1; i < references; i++) {
      s.pages.freePages(s.cpu(0), now, order);
    }
    s.freeAll();
  }

  /** What the owner does when it is asked. */
  private enum Answer {
    MOVES,
    REFUSES,
    LETS_GO
  }

  private static void reference(PageSubject s, Seeded random) {
    int order = random.below(5);
    Held block = inRange(s, order, 0);
    int references = random.between(1, 3);
    boolean bare = random.oneIn(5);
    if (bare) {
      s.map.setOwners(block.pfn(), order, FrameOwner.ANON);
    } else {
      s.map.hold(block.pfn(), order, FrameOwner.ANON, 0, 0, 0);
    }
    for (int i = 1; i < references; i++) {
      s.map.get(block.pfn());
    }
    Answer answer = Answer.values()[random.below(3)];
    boolean changes = random.oneIn(3);
    int[] asked = {0};
    long[] now = {block.pfn()};
    Migrator owner =
        (cpu, source, destination, asOrder) -> {
          asked[0]++;
          anon(s, source);
          checkEqual(order, s.map.order(source), "order of what is to move");
          checkEqual(references + 1, s.map.refcount(source), "references meanwhile");
          if (answer == Answer.LETS_GO) {
            letGo(s, cpu, block, references);
            checkEqual(1, s.map.refcount(source), "references when the owner has let go");
            anon(s, source);
          }
          if (answer != Answer.MOVES) {
            return false;
          }
          s.map.move(destination, source, asOrder);
          now[0] = destination;
          return true;
        };
    s.machine.pressure().register(FrameOwner.ANON, owner);
    if (changes) {
      // Between the first look and the reference the block becomes another floor's.
      s.aroundReference(
          block.pfn(), () -> s.map.setOwners(block.pfn(), order, FrameOwner.FILE), () -> {});
    }
    boolean given =
        s.pages.allocContigRange(s.cpu(0), block.pfn(), block.pfn() + 1, Gfp.GFP_KERNEL);
    if (bare || changes) {
      checkEqual(0, asked[0], "questions about a block that its owner does not hold");
    }
    boolean stays = bare || changes || answer == Answer.REFUSES;
    check(given != stays, stays ? "the range refused" : "the range given", "" + given);
    boolean held = stays || answer == Answer.MOVES;
    if (held) {
      checkEqual(references, s.map.refcount(now[0]), "references afterwards");
    }
    if (given) {
      s.leave(block);
      s.enter(block.pfn(), 0);
    }
    if (given && held) {
      s.enter(now[0], order);
    }
    s.conserved();
    for (int i = 1; held && i < references; i++) {
      s.pages.freePages(s.cpu(0), now[0], order);
    }
    s.freeAll();
  }

  private static void anon(PageSubject s, long pfn) {
    FrameOwner owner = s.map.owner(pfn);
    check(owner == FrameOwner.ANON, "owner ANON of frame " + pfn, "" + owner);
  }

  private static void letGo(PageSubject s, Cpu cpu, Held block, int references) {
    for (int i = 0; i < references; i++) {
      s.pages.freePages(cpu, block.pfn(), block.order());
    }
  }
}
