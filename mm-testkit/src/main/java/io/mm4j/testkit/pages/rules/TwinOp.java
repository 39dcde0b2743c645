// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.pages.rules.Twins.Held;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The operations on twins; each is done on both and compared. */
sealed interface TwinOp extends Operation<Twins> {
  /** Rows are compared in between after so many calls. */
  int ROW = 64;

  /** Allocates blocks, one after the other, until one fails. */
  record Allocate(int cpu, int gfp, int order, int node, int count) implements TwinOp {
    @Override
    public void apply(Twins s) {
      int got = 0;
      while (got < count) {
        Held block = s.allocate(cpu, gfp, order, node);
        if (block == null) {
          break;
        }
        contents(s, block);
        got++;
        if (got % ROW == 0) {
          s.compare();
        }
      }
    }

    private void contents(Twins s, Held block) {
      if (!s.model.machine.memory().hasContents()) {
        return;
      }
      for (long p = block.pfn(); p < block.pfn() + (1L << block.order()); p++) {
        for (long at = p << Pages.PAGE_SHIFT; at < (p + 1) << Pages.PAGE_SHIFT; at += 4088) {
          long want = s.model.machine.memory().getLong(at);
          if (s.judged.machine.memory().getLong(at) != want) {
            throw new RuleViolation(
                String.format("0x%x at 0x%x", want, at),
                String.format("0x%x", s.judged.machine.memory().getLong(at)));
          }
          s.judged.machine.memory().putLong(at, -at);
          s.model.machine.memory().putLong(at, -at);
        }
      }
    }

    @Override
    public List<TwinOp> simpler() {
      return count == 1
          ? List.of()
          : List.of(
              new Allocate(cpu, gfp, order, node, 1),
              new Allocate(cpu, gfp, order, node, count / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: alloc_pages %s order=%d node=%d, up to %d times",
          cpu, Gfp.format(gfp), order, node, count);
    }
  }

  /** Frees held blocks: from one of them on, every so many. */
  record Free(int cpu, int number, int step, int count) implements TwinOp {
    @Override
    public void apply(Twins s) {
      int at = number;
      for (int i = 0; i < count && !s.held.isEmpty(); i++) {
        s.free(cpu, at);
        at = at % (s.held.size() + 1) + step - 1;
        if (i % ROW == ROW - 1) {
          s.compare();
        }
      }
    }

    @Override
    public List<TwinOp> simpler() {
      return count == 1
          ? List.of()
          : List.of(new Free(cpu, number, step, 1), new Free(cpu, number, step, count / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: free_pages held#%d and every %d. after it, %d times", cpu, number, step, count);
    }
  }

  /** Frees some pages, then some larger blocks, and so on: what a row of frees counts changes. */
  record Turns(int cpu, int order, int pages, int blocks, int times) implements TwinOp {
    @Override
    public void apply(Twins s) {
      for (int i = 0; i < times; i++) {
        free(s, 0, pages);
        free(s, order, blocks);
        s.compare();
      }
    }

    private void free(Twins s, int of, int count) {
      int left = count;
      for (int i = s.held.size() - 1; i >= 0 && left > 0; i--) {
        if (s.held.get(i).order() == of) {
          s.free(cpu, i);
          left--;
        }
      }
    }

    @Override
    public List<TwinOp> simpler() {
      return times == 1 ? List.of() : List.of(new Turns(cpu, order, pages, blocks, times / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: free_pages of %d pages, then of %d blocks of order %d, %d times",
          cpu, pages, blocks, order, times);
    }
  }

  /** Frees those held blocks of an order whose frame numbers follow a pattern. */
  record Thin(int cpu, int order, int from, int part, int count) implements TwinOp {
    @Override
    public void apply(Twins s) {
      int done = 0;
      for (int i = s.held.size() - 1; i >= 0 && done < count; i--) {
        Held block = s.held.get(i);
        if (block.order() == order && (block.pfn() >> order) % part != from % part) {
          s.free(cpu, i);
          done++;
          if (done % ROW == 0) {
            s.compare();
          }
        }
      }
    }

    @Override
    public List<TwinOp> simpler() {
      return count == 1 ? List.of() : List.of(new Thin(cpu, order, from, part, count / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: free_pages of order %d but every %d., up to %d times", cpu, order, part, count);
    }
  }

  /** {@code alloc_pages_bulk()} into an array of which some places are filled. */
  record Bulk(int cpu, int gfp, int node, @Nullable NodeMask mask, int count, int filled)
      implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.bulk(cpu, gfp, node, mask, count, filled);
    }

    @Override
    public List<TwinOp> simpler() {
      return count < 2 ? List.of() : List.of(new Bulk(cpu, gfp, node, mask, count / 2, 0));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: alloc_pages_bulk %s node=%d%s, %d places",
          cpu, Gfp.format(gfp), node, mask == null ? "" : " of nodes '" + mask + "'", count);
    }
  }

  /** {@code alloc_contig_range()} around a held block, or where nobody holds anything. */
  record Range(int cpu, int number, int before, int pages) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.range(cpu, number, before, pages);
    }

    @Override
    public List<TwinOp> simpler() {
      return pages == 1 ? List.of() : List.of(new Range(cpu, number, before, pages / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: alloc_contig_range of %d pages from %d before held#%d",
          cpu, pages, before, number);
    }
  }

  /** {@code drain_all_pages()}. */
  record Drain(int cpu) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.both(
          "drain_all_pages",
          side -> {
            side.pages.drainAllPages(side.cpu(cpu));
            return side.pages.pcpPages();
          });
    }

    @Override
    public String toString() {
      return "cpu" + cpu + ": drain_all_pages";
    }
  }

  /** Asks a CPU to give its pages back; it does so at its next slow path, which comes at once. */
  record RequestDrain(int cpu, int order) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.both(
          "requestDrain",
          side -> {
            side.cpu(cpu).requestDrain();
            return 0;
          });
      if (order == 2) {
        s.bulk(cpu, Gfp.GFP_KERNEL, -1, null, 4, 0);
      } else if (order == 0 && s.held.stream().anyMatch(b -> b.order() == 0)) {
        int at = 0;
        while (s.held.get(at).order() != 0) {
          at++;
        }
        s.free(cpu, at);
      } else {
        s.allocate(cpu, Gfp.GFP_NOWAIT, Math.max(order, 1), -1);
      }
    }

    @Override
    public String toString() {
      return "requestDrain of cpu" + cpu;
    }
  }

  /** {@code split_page()}; the pages are held singly from then on. */
  record Split(int number) implements TwinOp {
    @Override
    public void apply(Twins s) {
      Held block = s.pick(number);
      if (block == null) {
        return;
      }
      long split =
          s.both(
              "split_page",
              side -> {
                side.pages.splitPage(block.pfn(), block.order());
                return 1;
              });
      if (split == 1) {
        s.take(number);
        for (long pfn = block.pfn(); pfn < block.pfn() + (1L << block.order()); pfn++) {
          s.held.add(new Held(pfn, 0));
        }
      }
    }

    @Override
    public String toString() {
      return "split_page held#" + number;
    }
  }

  /** Takes references and gives them up. */
  record Reference(int cpu, int number, int count) implements TwinOp {
    @Override
    public void apply(Twins s) {
      Held block = s.pick(number);
      if (block == null) {
        return;
      }
      for (int i = 0; i < count; i++) {
        s.model.map.get(block.pfn());
        s.judged.map.get(block.pfn());
      }
      for (int i = 0; i < count; i++) {
        s.both(
            "free_pages of one reference",
            side -> {
              side.pages.freePages(side.cpu(cpu), block.pfn(), block.order());
              return side.map.refcount(block.pfn());
            });
      }
    }

    @Override
    public String toString() {
      return "cpu" + cpu + ": get_page held#" + number + ' ' + count + " times, and as many puts";
    }
  }

  /** Frees or splits what must not be. */
  record Misuse(int cpu, int number, int kind) implements TwinOp {
    private static final int KINDS = 8;

    @Override
    public void apply(Twins s) {
      Held block = s.pick(number);
      long pfn = block == null ? 5 : block.pfn();
      int order = block == null ? 0 : block.order();
      s.both(
          "misuse",
          side -> {
            switch (kind % KINDS) {
              case 0 -> side.pages.freePages(side.cpu(cpu), pfn, (order + 1) % 11);
              case 1 -> side.pages.freePages(side.cpu(cpu), pfn + 1, order == 0 ? 1 : order);
              case 2 -> side.pages.freePages(side.cpu(cpu), side.map.endPfn() + number, order);
              case 3 -> side.pages.splitPage(pfn, (order + 1) % 11);
              case 4 -> side.pages.freePages(side.cpu(cpu), 0, order);
              case 6 -> {
                int both = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;
                return side.pages.allocPages(side.cpu(cpu), Gfp.GFP_KERNEL | both, number % 4);
              }
              case 5 -> {
                int nodes = side.machine.layout().nodes().size();
                return side.pages.allocPages(
                    side.cpu(cpu), Gfp.GFP_KERNEL, number % 2, nodes + number % 3);
              }
              default -> side.pages.allocPages(side.cpu(cpu), Gfp.GFP_KERNEL, 11 + number % 3);
            }
            return 0;
          });
    }

    @Override
    public String toString() {
      return "cpu" + cpu + ": misuse " + kind % KINDS + " of held#" + number;
    }
  }

  /** Gives the pageblock of a frame another type, as what lives there now came long ago. */
  record Retype(int number, int offset, int type) implements TwinOp {
    @Override
    public void apply(Twins s) {
      Held block = s.pick(number);
      if (block != null) {
        long pfn = block.pfn() + offset % (1L << block.order());
        s.both("movePageblock", side -> side.retype(pfn, type));
      }
    }

    @Override
    public String toString() {
      return "the pageblock of held#"
          + number
          + '+'
          + offset
          + " becomes "
          + Migratetype.name(type);
    }
  }

  /**
   * Frees a block of two pageblocks of which one has another type by now; asks for one if nobody
   * holds any.
   */
  record FreeMixed(int cpu, int half, int type) implements TwinOp {
    @Override
    public void apply(Twins s) {
      int at = s.held.size() - 1;
      while (at >= 0 && s.held.get(at).order() <= Pages.PAGEBLOCK_ORDER) {
        at--;
      }
      if (at < 0) {
        s.allocate(cpu, Gfp.GFP_ATOMIC, Pages.MAX_PAGE_ORDER, -1);
        return;
      }
      long pfn = s.held.get(at).pfn() + (long) half * Pages.PAGEBLOCK_NR_PAGES;
      s.both("movePageblock", side -> side.retype(pfn, type));
      s.free(cpu, at);
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: free_pages of an order 10 whose half %d has become %s",
          cpu, half, Migratetype.name(type));
    }
  }

  /** Says what blocks are for, and holds them so: those of processes can be moved. */
  record Own(int number, int count, FrameOwner owner) implements TwinOp {
    @Override
    public void apply(Twins s) {
      for (int i = 0; i < Math.min(count, s.held.size()); i++) {
        Held block = s.held.get((number + i) % s.held.size());
        own(s.model.map, block);
        own(s.judged.map, block);
      }
    }

    private void own(MemMap map, Held block) {
      if (!map.isHeld(block.pfn())) {
        map.hold(block.pfn(), block.order(), owner, map.flags(block.pfn()), 0, 0);
      } else {
        map.setOwners(block.pfn(), block.order(), owner);
      }
    }

    @Override
    public String toString() {
      return "owner " + owner + " of " + count + " from held#" + number;
    }
  }

  /** Lets somebody watch, or nobody. */
  record Watch(boolean on) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.watch(on);
    }
  }

  /** What runs on a CPU is reclaim from now on, or is not. */
  record Memalloc(int cpu, boolean on) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.both("flags", side -> side.cpu(cpu).exchangeFlags(on ? Cpu.PF_MEMALLOC : 0));
    }
  }

  /** Hands held blocks to the reclaimer, which gives them up when it is asked. */
  record Cache(int number, int count) implements TwinOp {
    @Override
    public void apply(Twins s) {
      for (int i = 0; i < count && !s.held.isEmpty(); i++) {
        Held block = s.take(number);
        s.model.reclaimable.add(block);
        s.judged.reclaimable.add(block);
      }
    }
  }

  /**
   * Hands single pages to the reclaimer, the first that are held.
   *
   * @param apart of each block of this order the pages of the first eight frames stay held, so that
   *     it never is free as a whole; 0 if none stay
   */
  record CachePages(int count, int apart) implements TwinOp {
    @Override
    public void apply(Twins s) {
      int left = count;
      for (int at = 0; at < s.held.size() && left > 0; at++) {
        Held page = s.held.get(at);
        boolean stays = apart > 0 && (page.pfn() & ((1L << apart) - 1)) < 8;
        if (page.order() == 0 && !stays) {
          Held block = s.take(at);
          s.model.reclaimable.add(block);
          s.judged.reclaimable.add(block);
          left--;
        }
      }
    }
  }

  /** Lets the background work run. */
  record RunKswapd(int cpu) implements TwinOp {
    @Override
    public void apply(Twins s) {
      s.both("runKswapd", side -> side.pages.runKswapd(side.cpu(cpu)));
    }
  }
}
