// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rules about the allocator of one CPU, {@link PageAllocator#on}, which callers keep. */
public final class KeptRules {
  private static final String KERNEL = "mm/page_alloc.c rmqueue_pcplist, free_frozen_page_commit";

  /** Movable memory of the zones that GFP_KERNEL has. */
  private static final int MOVABLE = Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE;

  private KeptRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-85",
                "kept-as-called",
                "Blocks that on(cpu) hands out are in the state of those that allocPages hands out,"
                    + " and each way frees what the other one gave.",
                "Whoever keeps the allocator of a CPU frees to whoever does not.",
                KERNEL,
                "a fast path forgets a frame of a block, or what it counts"),
            Needs.NOTHING,
            (s, random) -> {
              for (int i = 0; i < 300; i++) {
                Cpu cpu = s.cpu(random.below(2));
                int order = random.oneIn(20) ? 9 : random.order(4);
                if (random.oneIn(2) || s.held.isEmpty()) {
                  allocate(s, cpu, Gfp.GFP_KERNEL, order, -1, random.oneIn(2));
                } else {
                  free(s, cpu, s.held.get(random.below(s.held.size())), random.oneIn(2));
                }
                s.conserved();
              }
              s.freeAll();
            }),
        PageRule.of(
            new RuleInfo(
                "PA-86",
                "kept-honours-the-request",
                "on(cpu) looks at zone, node and __GFP_THISNODE as allocPages does.",
                "A page of the wrong node is slow, one of the wrong zone out of a device's reach.",
                "mm/page_alloc.c prepare_alloc_pages",
                "a list is chosen by some of the flags, or the node is not looked at"),
            Needs.NOTHING,
            (s, random) -> {
              for (int i = 0; i < 64; i++) {
                Cpu cpu = s.cpu(i);
                int node = random.between(-1, 1);
                boolean dma = node != 1 && cpu.nodeId() == 0 && random.oneIn(3);
                int gfp = dma ? Gfp.GFP_DMA : Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE;
                Held block = allocate(s, cpu, gfp, i % 4, node, true);
                if (block != null) {
                  var zone = s.zoneOf(block.pfn());
                  check(
                      zone.type().compareTo(Gfp.highestZone(gfp)) <= 0,
                      "a zone up to " + Gfp.highestZone(gfp),
                      "" + zone);
                  int asked = node < 0 ? cpu.nodeId() : node;
                  check(dma || zone.nodeId() == asked, "node " + asked, "" + zone);
                  if (random.oneIn(2)) {
                    free(s, cpu, block, true);
                  }
                }
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-87",
                "kept-refuses-misuse",
                "on(cpu) refuses a wrong order, a block that is free already, a tail and a foreign"
                    + " frame as freePages does, and nothing changes.",
                "What is checked on the slow path only is not checked.",
                "mm/page_alloc.c free_page_is_bad",
                "the fast path compares less than the whole state of a frame"),
            Needs.NOTHING,
            (s, random) -> {
              for (int order = 0; order < 6; order++) {
                free(s, s.cpu(0), need(s, order), true); // the next one has been here before
                Held block = need(s, order);
                refuse(s, block.pfn(), order + 1);
                refuse(s, block.pfn(), order == 0 ? 3 : order - 1);
                refuse(s, order == 0 ? 0 : block.pfn() + 1, 0);
                refuse(s, PageSubject.FRAMES + order, order);
                refuse(s, -1L << order, order);
                refuse(s, block.pfn() + (1L << (order == 0 ? 47 : 40 + order)), order);
                s.map.setMapcount(block.pfn(), 1);
                refuse(s, block.pfn(), order);
                s.map.setMapcount(block.pfn(), 0);
                free(s, s.cpu(0), block, true);
                refuse(s, block.pfn(), order);
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-88",
                "kept-counts-references",
                "free of on(cpu) gives one reference up; the block goes back with the last.",
                "A page that somebody else still reads must stay.",
                "mm/page_alloc.c ___free_pages",
                "the fast path takes any frame in use for one with a single holder"),
            Needs.NOTHING,
            (s, random) -> {
              for (int order = 0; order <= 4; order++) {
                Held block = need(s, order);
                s.map.get(block.pfn());
                s.map.get(block.pfn());
                s.pages.on(s.cpu(0)).free(block.pfn(), order);
                s.pages.on(s.cpu(1)).free(block.pfn(), order);
                checkEqual(1, s.map.refcount(block.pfn()), "refcount with one reference left");
                s.conserved();
                free(s, s.cpu(0), block, true);
                checkEqual(0, s.map.refcount(block.pfn()), "refcount of a free block");
                s.conserved();
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-89",
                "kept-is-of-its-cpu",
                "on(cpu) works on the lists of that CPU and no other: what one CPU freed last is"
                    + " not what another one is given, and a drain by another one reaches it.",
                "Two threads on one list, and a page has two holders.",
                "mm/page_alloc.c drain_pages; include/linux/mmzone.h per_cpu_pageset",
                "all CPUs are given the lists of one, or drains do not know of kept ones"),
            Needs.PER_CPU,
            (s, random) -> {
              for (int number = 0; number < 2; number++) {
                Cpu cpu = s.cpu(number);
                check(s.pages.on(cpu).cpu() == cpu, "" + cpu, "" + s.pages.on(cpu).cpu());
              }
              Held block = needMovable(s);
              free(s, s.cpu(0), block, true);
              Held other = allocate(s, s.cpu(1), MOVABLE, 0, 0, true);
              check(
                  other == null || other.pfn() != block.pfn(),
                  "another page than cpu0 has just freed",
                  "frame " + block.pfn());
              Held again = needMovable(s);
              checkEqual(block.pfn(), again.pfn(), "the page that the CPU freed last");
              free(s, s.cpu(0), again, true);
              s.pages.drainAllPages(s.cpu(1));
              checkEqual(0, s.pages.pcpPages(), "pages on per-cpu lists after a drain");
            }));
  }

  private static Held need(PageSubject s, int order) {
    return need(s, Gfp.GFP_KERNEL, order);
  }

  /** A page whose type is that of its pageblock, so that it is freed to where it came from. */
  private static Held needMovable(PageSubject s) {
    return need(s, MOVABLE, 0);
  }

  private static Held need(PageSubject s, int gfp, int order) {
    Held block = allocate(s, s.cpu(0), gfp, order, -1, true);
    if (block == null) {
      throw new RuleViolation("a block of order " + order, "none");
    }
    return block;
  }

  private static Held enter(PageSubject s, long pfn, int order) {
    Held block = s.enter(pfn, order);
    GivenRules.heldState(s);
    return block;
  }

  /** Allocates one way or the other; null if there was none. */
  private static @Nullable Held allocate(
      PageSubject s, Cpu cpu, int gfp, int order, int node, boolean kept) {
    CpuPages own = s.pages.on(cpu);
    long pfn =
        !kept
            ? s.pages.allocPages(cpu, gfp, order, node)
            : node < 0 ? own.alloc(gfp, order) : own.alloc(gfp, order, node);
    return pfn == PageAllocator.NO_PAGE ? null : enter(s, pfn, order);
  }

  private static void free(PageSubject s, Cpu cpu, Held block, boolean kept) {
    s.leave(block);
    if (kept) {
      s.pages.on(cpu).free(block.pfn(), block.order());
    } else {
      s.pages.freePages(cpu, block.pfn(), block.order());
    }
  }

  private static void refuse(PageSubject s, long pfn, int order) {
    String before = s.snapshot();
    try {
      s.pages.on(s.cpu(0)).free(pfn, order);
    } catch (MisuseException e) {
      check(before.equals(s.snapshot()), "nothing changed by a refused call", "a change");
      return;
    }
    throw new RuleViolation(
        "a MisuseException for pfn=" + pfn + " order=" + order, "the call was accepted");
  }
}
