// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import java.util.List;

/** Rules about blocks that somebody holds, as {@code MemMap.hold} says it. */
public final class HeldRules {
  private static final FrameOwner[] OWNERS = {
    FrameOwner.ANON, FrameOwner.FILE, FrameOwner.SWAP_CACHE, FrameOwner.PAGE_TABLE
  };

  private HeldRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-90",
                "split-a-held-block",
                "splitFolio makes a frozen block into blocks of any smaller order that are dropped"
                    + " and freed one by one, in any order; a block that is bare, or not frozen, is"
                    + " refused.",
                "A huge page of which half was unmapped gives that half back.",
                "mm/huge_memory.c split_huge_page_to_list_to_order",
                "the pieces keep the order, or the count, of the whole"),
            Needs.NOTHING,
            HeldRules::split),
        PageRule.of(
            new RuleInfo(
                "PA-91",
                "dropped-is-as-given",
                "A block that was held and dropped is freed as one that never was, and what is"
                    + " handed out is bare: not held, no flags, nothing in its row.",
                "Every page of a process goes this way.",
                "mm/page_alloc.c free_pages_prepare, prep_new_page",
                "what the last holder wrote is handed out with the page"),
            Needs.NOTHING,
            HeldRules::dropped),
        PageRule.of(
            new RuleInfo(
                "PA-92",
                "held-is-freed-as-well",
                "The last reference to a held block may be given up by freePages too: nothing is"
                    + " left in its row; a reference that somebody found keeps it.",
                "Not every holder has anything to drop.",
                "mm/page_alloc.c __free_pages",
                "only frames that were dropped are cleared"),
            Needs.NOTHING,
            HeldRules::freed),
        PageRule.of(
            new RuleInfo(
                "PA-45",
                "found-while-given-up",
                "Where somebody finds a held block just as its last reference is given up, by"
                    + " freePages or by a range whose owner has let go, that reference is given up"
                    + " all the same, and the block stays with the finder until he frees it.",
                "A reference that nobody has keeps the memory for ever.",
                "mm/page_alloc.c __free_pages (put_page_testzero); mm/filemap.c"
                    + " filemap_get_entry (folio_try_get)",
                "who cannot freeze a block leaves it as it is, with its own reference"),
            Needs.NOTHING,
            HeldRules::found));
  }

  private static void hold(PageSubject s, Held block, FrameOwner owner) {
    s.map.hold(
        block.pfn(), block.order(), owner, PageFlags.PG_UPTODATE | PageFlags.PG_HEAD, 0x77, 11);
  }

  private static void split(PageSubject s, Seeded random) {
    for (FrameOwner owner : OWNERS) {
      int order = 1 + random.below(9);
      int toOrder = random.below(order);
      Held block = GivenRules.need(s, Gfp.GFP_KERNEL, order);
      refused("splitFolio of a bare block", () -> s.pages.splitFolio(block.pfn(), order, toOrder));
      hold(s, block, owner);
      refused("splitFolio while others may come", () -> split(s, block, toOrder));
      check(s.map.freeze(block.pfn(), 1), "the only reference is frozen", "others");
      split(s, block, toOrder);
      s.leave(block);
      boolean cached = owner == FrameOwner.FILE || owner == FrameOwner.SWAP_CACHE;
      for (long pfn = block.pfn(); pfn < block.pfn() + (1L << order); pfn += 1L << toOrder) {
        String of = " of frame " + pfn + " in order " + toOrder;
        checkEqual(toOrder, s.map.order(pfn), "order" + of);
        checkEqual(11 + pfn - block.pfn(), s.map.index(pfn), "index" + of);
        checkEqual(cached ? 1 + (1 << toOrder) : 1, s.map.refcount(pfn), "refcount" + of);
        s.enter(pfn, toOrder);
      }
      while (!s.held.isEmpty()) {
        Held piece = s.held.get(random.below(s.held.size()));
        while (!s.map.drop(piece.pfn(), toOrder)) {
          check(s.map.refcount(piece.pfn()) > 0, "a reference is left", "none");
        }
        s.free(random.below(2), piece);
      }
      s.conserved();
    }
  }

  private static void split(PageSubject s, Held block, int toOrder) {
    s.pages.splitFolio(block.pfn(), block.order(), toOrder);
  }

  private static void refused(String what, Runnable call) {
    try {
      call.run();
    } catch (MisuseException e) {
      return;
    }
    throw new RuleViolation(what + " is refused", "it is not");
  }

  private static void dropped(PageSubject s, Seeded random) {
    for (int i = 0; i < 200; i++) {
      int order = random.order(4);
      Held block = GivenRules.need(s, PageOp.FLAGS.get(0), order);
      bare(s, block);
      if (random.oneIn(4)) {
        continue; // freed later, never held
      }
      hold(s, block, OWNERS[random.below(OWNERS.length)]);
      s.map.setPrivateData(block.pfn(), random.next());
      s.map.addMapcount(block.pfn(), 2);
      refused("drop of a mapped page", () -> s.map.drop(block.pfn(), block.order()));
      s.map.addMapcount(block.pfn(), -2);
      check(s.map.drop(block.pfn(), order), "the last reference is dropped", "others are left");
      bare(s, block);
      s.free(random.below(2), block);
      if (i % 50 == 49) {
        s.freeAll();
      }
    }
    s.conserved();
  }

  private static void bare(PageSubject s, Held block) {
    for (long pfn = block.pfn(); pfn < block.pfn() + (1L << block.order()); pfn++) {
      boolean good =
          !s.map.isHeld(pfn)
              && s.map.owner(pfn) == FrameOwner.KERNEL
              && s.map.flags(pfn) == 0
              && empty(s, pfn);
      if (!good) {
        throw new RuleViolation("frame " + pfn + " is bare", describe(s, pfn));
      }
    }
  }

  private static boolean empty(PageSubject s, long pfn) {
    return s.map.mapping(pfn) == 0
        && s.map.index(pfn) == 0
        && s.map.privateData(pfn) == 0
        && s.map.mapcount(pfn) == 0
        && s.map.entireMapcount(pfn) == 0;
  }

  private static String describe(PageSubject s, long pfn) {
    return String.format(
        "owner=%s flags=0x%x held=%s mapping=0x%x index=%d private=%d",
        s.map.owner(pfn),
        s.map.flags(pfn),
        s.map.isHeld(pfn),
        s.map.mapping(pfn),
        s.map.index(pfn),
        s.map.privateData(pfn));
  }

  private static void freed(PageSubject s, Seeded random) {
    for (int i = 0; i < 60; i++) {
      int order = random.order(4);
      Held block = GivenRules.need(s, Gfp.GFP_KERNEL, order);
      FrameOwner owner = OWNERS[random.below(OWNERS.length)];
      if (random.oneIn(2)) {
        hold(s, block, owner);
      } else {
        s.map.hold(block.pfn(), order, owner, 0, 0x77, 11);
      }
      boolean found = random.oneIn(2);
      if (found) {
        check(s.map.tryGet(block.pfn()), "a held block gives a reference", "none");
        s.pages.freePages(s.cpu(0), block.pfn(), order);
        checkEqual(1, s.map.refcount(block.pfn()), "refcount with one reference left");
        checkEqual(0x77, s.map.mapping(block.pfn()), "mapping with one reference left");
      }
      s.free(random.below(2), block);
      check(!s.map.isHeld(block.pfn()), "a freed block is not held", describe(s, block.pfn()));
      check(empty(s, block.pfn()), "a freed block has an empty row", describe(s, block.pfn()));
      check(!s.map.tryGet(block.pfn()), "a freed block gives no reference", "one");
    }
    s.conserved();
  }

  private static void found(PageSubject s, Seeded random) {
    int order = random.below(5);
    boolean byRange = random.oneIn(2);
    Held block =
        byRange ? MoveRules.inRange(s, order, 0) : GivenRules.need(s, Gfp.GFP_KERNEL, order);
    long pfn = block.pfn();
    s.map.hold(pfn, order, FrameOwner.ANON, 0, 0x77, 11);
    boolean[] found = {false};
    s.beforeFreeze(pfn, () -> found[0] = s.map.tryGet(pfn));
    if (byRange) {
      s.machine
          .pressure()
          .register(
              FrameOwner.ANON,
              (cpu, source, destination, asOrder) -> {
                s.pages.freePages(cpu, source, asOrder);
                return false;
              });
      boolean given = s.pages.allocContigRange(s.cpu(0), pfn, pfn + 1, Gfp.GFP_KERNEL);
      check(given != found[0], found[0] ? "the range refused" : "the range given", "" + given);
      if (given) {
        s.leave(block);
        s.enter(pfn, 0);
      }
    } else if (random.oneIn(2)) {
      s.pages.on(s.cpu(0)).free(pfn, order);
    } else {
      s.pages.freePages(s.cpu(0), pfn, order);
    }
    if (found[0]) {
      checkEqual(1, s.map.refcount(pfn), "references of " + describe(s, pfn));
      checkEqual(0x77, s.map.mapping(pfn), "mapping of " + describe(s, pfn));
    } else if (!byRange) {
      s.leave(block);
    }
    s.conserved();
    s.freeAll();
  }
}
