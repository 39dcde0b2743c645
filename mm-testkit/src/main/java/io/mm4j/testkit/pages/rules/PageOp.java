// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The operations on a page allocator. */
sealed interface PageOp extends Operation<PageSubject> {
  /** Kinds of request. */
  List<Integer> FLAGS =
      List.of(
          Gfp.GFP_KERNEL,
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_ATOMIC,
          Gfp.GFP_DMA | Gfp.GFP_NOWAIT,
          Gfp.GFP_KERNEL | Gfp.__GFP_ZERO,
          Gfp.__GFP_ZERO,
          Gfp.GFP_ATOMIC | Gfp.__GFP_ZERO,
          Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE);

  /** Allocates a block and looks at it. */
  record Allocate(int cpu, int gfp, int order, int node) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      Held block = s.allocate(cpu, gfp, order, node);
      if (block == null) {
        return;
      }
      var zone = s.zoneOf(block.pfn());
      RuleViolation.check(
          zone.type().compareTo(Gfp.highestZone(gfp)) <= 0,
          "a zone up to " + Gfp.highestZone(gfp) + " for " + Gfp.format(gfp),
          "" + zone);
      int asked = node < 0 ? s.cpu(cpu).nodeId() : node;
      RuleViolation.check(
          (gfp & Gfp.__GFP_THISNODE) == 0 || zone.nodeId() == asked,
          "node " + asked + " for " + Gfp.format(gfp),
          "" + zone);
      if (s.machine.memory().hasContents()) {
        contents(s, block);
      }
    }

    /** Zeroed as asked; then dirtied, for the next one. */
    private void contents(PageSubject s, Held block) {
      long start = block.pfn() << Pages.PAGE_SHIFT;
      long end = start + (Pages.PAGE_SIZE << block.order());
      for (long at = start; at < end; at += 512) {
        if ((gfp & Gfp.__GFP_ZERO) != 0 && s.machine.memory().getLong(at) != 0) {
          throw new RuleViolation(
              "zeroes for __GFP_ZERO", String.format("other bytes at 0x%x", at));
        }
        s.machine.memory().putLong(at, -1L);
      }
    }

    @Override
    public List<PageOp> simpler() {
      return order == 0 ? List.of() : List.of(new Allocate(cpu, gfp, 0, node));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: alloc_pages %s order=%d node=%d", cpu % 2, Gfp.format(gfp), order, node);
    }
  }

  /** Frees a held block. */
  record Free(int cpu, int number) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      Held block = s.pick(number);
      if (block != null) {
        s.free(cpu, block);
        for (long pfn = block.pfn(); pfn < block.pfn() + (1L << block.order()); pfn++) {
          FrameOwner owner = s.map.owner(pfn);
          RuleViolation.check(
              (owner == FrameOwner.FREE || owner == FrameOwner.PCP) && s.map.refcount(pfn) == 0,
              "freed frame " + pfn + " owned by FREE or PCP with refcount 0",
              owner + " with " + s.map.refcount(pfn));
        }
      }
    }

    @Override
    public List<PageOp> simpler() {
      return number == 0 ? List.of() : List.of(new Free(cpu, 0), new Free(cpu, number / 2));
    }

    @Override
    public String toString() {
      return "cpu" + cpu % 2 + ": free_pages held#" + number;
    }
  }

  /** Splits a held block; its frames are held singly from then on. */
  record Split(int number) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      Held block = s.pick(number);
      if (block == null) {
        return;
      }
      s.pages.splitPage(block.pfn(), block.order());
      s.leave(block);
      for (long pfn = block.pfn(); pfn < block.pfn() + (1L << block.order()); pfn++) {
        RuleViolation.checkEqual(1, s.map.refcount(pfn), "refcount after split of frame " + pfn);
        RuleViolation.checkEqual(0, s.map.order(pfn), "order after split of frame " + pfn);
        s.enter(pfn, 0);
      }
    }

    @Override
    public String toString() {
      return "split_page held#" + number;
    }
  }

  /** Takes a reference and gives it up: the block stays held. */
  record Reference(int cpu, int number) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      Held block = s.pick(number);
      if (block != null) {
        s.map.get(block.pfn());
        s.pages.freePages(s.cpu(cpu), block.pfn(), block.order());
        RuleViolation.checkEqual(1, s.map.refcount(block.pfn()), "refcount after one was given up");
      }
    }

    @Override
    public String toString() {
      return "cpu" + cpu % 2 + ": get_page, put_page held#" + number;
    }
  }

  /** Fills an array with single pages. */
  record Bulk(int cpu, int wanted) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      long[] pfns = new long[wanted];
      Arrays.fill(pfns, PageAllocator.NO_PAGE);
      int got = s.pages.allocPagesBulk(s.cpu(cpu), Gfp.GFP_KERNEL, -1, pfns, wanted);
      int filled = 0;
      for (long pfn : pfns) {
        if (pfn != PageAllocator.NO_PAGE) {
          s.enter(pfn, 0);
          filled++;
        }
      }
      RuleViolation.checkEqual(filled, got, "pages of alloc_pages_bulk");
    }

    @Override
    public String toString() {
      return "cpu" + cpu % 2 + ": alloc_pages_bulk " + wanted;
    }
  }

  /** Gives per-cpu pages back. */
  record Drain(int cpu) implements PageOp {
    @Override
    public void apply(PageSubject s) {
      s.pages.drainAllPages(s.cpu(cpu));
      RuleViolation.checkEqual(0, s.pages.pcpPages(), "pcpPages() after drain_all_pages");
    }

    @Override
    public String toString() {
      return "cpu" + cpu % 2 + ": drain_all_pages";
    }
  }

  /** A list of everyday operations. */
  static List<Operation<PageSubject>> everyday(Seeded random, int count, int maxOrder) {
    List<Operation<PageSubject>> list = new ArrayList<>();
    while (list.size() < count) {
      int cpu = random.below(2);
      int number = random.below(1000);
      list.add(
          switch (random.weighted(10, 7, 1, 1, 1, 1)) {
            case 0 ->
                new Allocate(
                    cpu,
                    FLAGS.get(random.below(FLAGS.size())),
                    random.order(maxOrder),
                    random.between(-1, 1));
            case 1 -> new Free(cpu, number);
            case 2 -> new Split(number);
            case 3 -> new Reference(cpu, number);
            case 4 -> new Bulk(cpu, random.between(1, 40));
            default -> new Drain(cpu);
          });
    }
    return list;
  }
}
