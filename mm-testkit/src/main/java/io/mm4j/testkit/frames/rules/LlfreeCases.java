// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.frames.rules.CaseRule.allBack;
import static io.mm4j.testkit.frames.rules.CaseRule.back;
import static io.mm4j.testkit.frames.rules.CaseRule.need;
import static io.mm4j.testkit.frames.rules.CaseRule.none;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.ArrayList;
import java.util.List;

/**
 * Test cases of LLFree (USENIX ATC 2023; its tests {@code integration.rs} and {@code lower.rs}) by
 * name, written anew for zones and migratetypes. The parallel ones and {@code drain} are rules of
 * page allocators; {@code zeroed_steals_from_huge} has no counterpart, as no frame allocator here
 * knows contents.
 */
public final class LlfreeCases {
  private static final int HUGE = 9;

  private LlfreeCases() {}

  private static RuleInfo info(String id, String name, String statement, String failure) {
    return new RuleInfo(
        id,
        name,
        statement,
        "It is one of the cases that a rival allocator found worth a test.",
        "LLFree test " + name.replace('-', '_'),
        failure);
  }

  public static List<Rule<FrameAllocatorProvider>> all() {
    List<Rule<FrameAllocatorProvider>> all = new ArrayList<>(small());
    all.addAll(huge());
    all.addAll(classes());
    return all;
  }

  private static List<Rule<FrameAllocatorProvider>> small() {
    return List.of(
        CaseRule.unbooted(
            info(
                "FA-L01",
                "init-reserved",
                "A new allocator has nothing free; memory appears only by being freed.",
                "the zone is thought free at creation"),
            Needs.NOTHING,
            max -> 1 << max,
            (s, random) -> {
              checkEqual(0, s.frames.freePages(), "freePages() of a new allocator");
              none(s, 0);
              none(s, s.maxOrder());
              s.boot();
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-L02",
                "simple",
                "A page and a block, given and taken back, leave what there was.",
                "a single pair already loses a block"),
            Needs.NOTHING,
            max -> 4 << max,
            (s, random) -> {
              String before = s.can.mergesAlways() ? s.snapshot() : "";
              Held page = need(s, 0);
              Held block = need(s, Math.min(5, s.maxOrder()));
              check(page.pfn() != block.pfn(), "two different blocks", "" + page);
              back(s, page);
              back(s, block);
              check(!s.can.mergesAlways() || before.equals(s.snapshot()), "as before", "other");
            }),
        CaseRule.of(
            info(
                "FA-L03",
                "less-mem",
                "A zone that is no multiple of the largest block gives its last frame, too.",
                "the tail of the zone is cut off or runs over the end"),
            Needs.NOTHING,
            max -> (1 << max) + 131,
            (s, random) -> {
              for (int i = 0; i < s.where.frames(); i++) {
                need(s, 0);
              }
              none(s, 0);
              allBack(s);
              checkEqual(s.where.frames(), s.frames.freePages(), "freePages()");
            }),
        CaseRule.of(
            info(
                "FA-L04",
                "realloc-last",
                "The block that was freed last can be had again when all else is held.",
                "freeing into a full zone does not reach the lists"),
            Needs.NOTHING,
            max -> 1 << Math.max(7, max),
            (s, random) -> {
              while (s.allocate(0, 1)) {}
              checkEqual(0, s.frames.freePages(), "freePages() when allocation fails");
              for (Held block : List.of(s.held.getLast(), s.held.getFirst(), s.held.get(77))) {
                back(s, block);
                checkEqual(block.pfn(), need(s, 0).pfn(), "the only free frame");
              }
            }),
        CaseRule.seeded(
            info(
                "FA-L05",
                "rand-realloc",
                "In a full zone random blocks can be freed and had again for ever.",
                "a counter or a search hint drifts"),
            Needs.NOTHING,
            max -> 1 << Math.max(7, max),
            (s, random) -> {
              int order = Math.min(2, s.maxOrder());
              while (s.allocate(order, 1)) {}
              for (int i = 0; i < 500; i++) {
                back(s, s.held.get(random.below(s.held.size())));
                need(s, order);
              }
              none(s, order);
            }),
        CaseRule.of(
            info(
                "FA-L06",
                "alloc-at",
                "A given frame can be taken from a free zone, and not a second time.",
                "take does not mark what it took"),
            Needs.TAKES,
            max -> Math.max(1024, 2 << max),
            (s, random) -> {
              long pfn = s.zone.startPfn() + 521;
              int order = Math.min(3, s.maxOrder());
              long block = pfn & -(1L << order);
              check(s.take(pfn, 0), "frame taken", "refused");
              check(!s.take(pfn, 0), "refused", "taken twice");
              check(!s.take(block, order), "refused, for a frame of it is held", "taken");
              back(s, s.held.getLast());
              check(s.take(block, order), "block taken", "refused");
            }));
  }

  private static List<Rule<FrameAllocatorProvider>> huge() {
    return List.of(
        CaseRule.of(
            info(
                "FA-L07",
                "alloc-tree-all",
                "All of a free zone can be had in huge pages (order 9).",
                "huge blocks are split although whole ones are free"),
            Needs.NOTHING,
            max -> 4 << HUGE,
            (s, random) -> {
              int order = Math.min(HUGE, s.maxOrder());
              for (int i = 0; i < s.where.frames() >> order; i++) {
                need(s, order);
              }
              none(s, 0);
              allBack(s);
            }),
        CaseRule.of(
            info(
                "FA-L08",
                "partial-put-huge",
                "A huge page may be freed page by page, and is a huge page again at the end.",
                "the single pages are not joined over the whole huge page"),
            Needs.MERGES,
            max -> 1 << max,
            (s, random) -> {
              Held whole = need(s, Math.min(HUGE, s.maxOrder()));
              s.drop(whole);
              long end = whole.pfn() + (1L << whole.order());
              for (long pfn = whole.pfn(); pfn < end; pfn += 2) {
                s.free(pfn, 0, 1);
              }
              for (long pfn = end - 1; pfn > whole.pfn(); pfn -= 2) {
                s.free(pfn, 0, 1);
              }
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-L09",
                "different-orders",
                "Blocks of all orders can be held together and freed in any order.",
                "metadata of one order overwrites that of another"),
            Needs.MERGES,
            max -> 4 << max,
            (s, random) -> {
              String before = s.snapshot();
              for (int order = s.maxOrder(); order >= 0; order--) {
                need(s, order);
                need(s, order);
              }
              for (int i = 0; !s.held.isEmpty(); i += 7) {
                back(s, s.held.get(i % s.held.size()));
              }
              check(before.equals(s.snapshot()), "the free blocks of the beginning", "others");
            }),
        CaseRule.of(
            info(
                "FA-L10",
                "alloc-large-orders",
                "Blocks of the largest order can be had as often as they fit, and again.",
                "the largest order is treated as one that could still be joined"),
            Needs.NOTHING,
            max -> 5 << max,
            (s, random) -> {
              for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 5; i++) {
                  need(s, s.maxOrder());
                }
                none(s, s.maxOrder());
                allBack(s);
              }
            }),
        CaseRule.of(
            info(
                "FA-L11",
                "fragmentation-retry",
                "A zone that was cut to pages and freed in the worst order gives all its large"
                    + " blocks back.",
                "joining works only when blocks are freed in order"),
            Needs.MERGES,
            max -> 2 << max,
            (s, random) -> {
              while (s.allocate(0, 1)) {}
              int size = s.held.size();
              List<Held> pages = List.copyOf(s.held);
              for (int stride = 0; stride < 16; stride++) {
                for (int i = stride; i < size; i += 16) {
                  back(s, pages.get(i));
                }
              }
              need(s, s.maxOrder());
              need(s, s.maxOrder());
              none(s, 0);
            }));
  }

  private static final int UNMOVABLE = Migratetype.UNMOVABLE;
  private static final int MOVABLE = Migratetype.MOVABLE;

  private static List<Rule<FrameAllocatorProvider>> classes() {
    return List.of(
        CaseRule.of(
            info(
                "FA-L12",
                "minimal",
                "The smallest zone, one frame, gives that frame and takes it back.",
                "tables are sized by whole blocks, or a single frame has a buddy"),
            Needs.NOTHING,
            max -> 1,
            (s, random) -> {
              for (int round = 0; round < 3; round++) {
                Held page = need(s, 0);
                none(s, 0);
                checkEqual(0, s.frames.freePages(), "freePages()");
                back(s, page);
              }
              none(s, 1);
            }),
        CaseRule.seeded(
            info(
                "FA-L13",
                "recover",
                "An allocator that is given anew what another one had free, has the same blocks.",
                "free blocks depend on how memory came back and not only on what is free"),
            Needs.MERGES,
            max -> (3 << max) + 77,
            (s, random) -> {
              for (int i = 0; i < 400; i++) {
                s.allocate(random.order(6), MOVABLE);
                if (random.oneIn(3) && !s.held.isEmpty()) {
                  back(s, s.held.get(random.below(s.held.size())));
                }
              }
              FrameSubject again = s.recover();
              again.validate();
              check(s.snapshot().equals(again.snapshot()), "the blocks it had", "others");
            }),
        CaseRule.of(
            info(
                "FA-L14",
                "movable-classes",
                "Two types that allocate in turn stay in pageblocks of their own; when one of them"
                    + " frees all, its half of the zone is whole.",
                "types share pageblocks although each has free blocks"),
            Needs.MERGES_TYPES,
            max -> 4 << Math.max(max, HUGE),
            (s, random) -> {
              int half = 2 << Math.max(s.maxOrder(), HUGE);
              long start = s.zone.startPfn();
              for (long pfn = start; pfn < start + half; pfn += Pages.PAGEBLOCK_NR_PAGES) {
                s.movePageblock(pfn, UNMOVABLE);
              }
              List<Held> movable = new ArrayList<>();
              for (int i = 0; i < half / 2; i++) {
                for (int type : new int[] {UNMOVABLE, MOVABLE}) {
                  check(s.allocate(0, type), "a page of type " + type, "none");
                  Held page = s.held.getLast();
                  checkEqual(type, s.typeAt(page.pfn()), "type of its pageblock");
                  if (type == MOVABLE) {
                    movable.add(page);
                  }
                }
              }
              for (Held page : movable) {
                back(s, page);
              }
              need(s, s.maxOrder());
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-L15",
                "demote-local",
                "A pageblock that is partly held can change its type: its free frames serve the new"
                    + " one, and what was held comes back to it.",
                "the frames that were held when the type changed keep the old one"),
            Needs.MERGES_TYPES,
            max -> 2 << Math.max(max, HUGE),
            (s, random) -> {
              while (s.allocate(0, MOVABLE)) {}
              checkEqual(s.where.frames(), s.held.size(), "pages that can be had");
              long pfn = s.zone.startPfn();
              List<Held> inBlock = new ArrayList<>();
              for (Held page : List.copyOf(s.held)) {
                if (page.pfn() < pfn + Pages.PAGEBLOCK_NR_PAGES) {
                  inBlock.add(page);
                }
              }
              for (Held page : inBlock.subList(0, 100)) {
                back(s, page);
              }
              s.movePageblock(pfn, UNMOVABLE);
              none(s, 0);
              check(s.allocate(0, UNMOVABLE), "a page of the new type", "none");
              for (Held page : List.copyOf(s.held)) {
                if (page.pfn() < pfn + Pages.PAGEBLOCK_NR_PAGES) {
                  s.drop(page);
                  s.free(page.pfn(), 0, s.typeAt(page.pfn()));
                }
              }
              none(s, 0);
              int whole = Math.min(HUGE, s.maxOrder());
              check(s.allocate(whole, UNMOVABLE), "the pageblock as a whole", "none");
            }));
  }
}
