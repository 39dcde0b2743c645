// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.NodeOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Requests with more and more rights, each until it fails; the zone of every block is predicted.
 * The orders are those that no CPU keeps, and the pages movable, as all pageblocks are: so a zone
 * is its free pages and its free blocks.
 */
final class ReserveCase {
  private static final int MOVABLE = Gfp.__GFP_MOVABLE | Gfp.__GFP_HIGHMEM;

  /** A zone as far as this case changes it. */
  private static final class Book {
    long free;
    long blocks;
    final Marks.Numbers numbers;

    Book(Zone zone, int order, Marks.Numbers numbers) {
      this.free = zone.endPfn() - zone.startPfn();
      this.blocks = (zone.endPfn() >> order) - ((zone.startPfn() + (1L << order) - 1) >> order);
      this.numbers = numbers;
    }
  }

  /**
   * A kind of request.
   *
   * @param gfp its flags, without those of the zone
   * @param memalloc whether the task has PF_MEMALLOC
   */
  private record Right(int gfp, boolean memalloc) {
    boolean has(int flag) {
      return (gfp & flag) != 0;
    }

    /** Whether no mark holds it, once the first two walks have failed. */
    boolean unlimited() {
      return !has(Gfp.__GFP_NOMEMALLOC) && (memalloc || has(Gfp.__GFP_MEMALLOC));
    }

    /** Whether it gets the same half of the reserve as __GFP_HIGH before it fails. */
    boolean mustNotFail() {
      return has(Gfp.__GFP_NOFAIL) && has(Gfp.__GFP_DIRECT_RECLAIM);
    }

    /** The mark of its second walk. */
    long mark(long min) {
      long mark = min;
      if (has(Gfp.__GFP_HIGH)) {
        mark -= mark / 2;
        boolean waits = has(Gfp.__GFP_DIRECT_RECLAIM);
        mark -= waits || has(Gfp.__GFP_NOMEMALLOC) ? 0 : mark / 4;
      }
      return mark;
    }
  }

  private static final List<Right> RIGHTS =
      List.of(
          new Right(Gfp.GFP_NOWAIT, false),
          new Right(0, false),
          new Right(Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, false),
          new Right(Gfp.GFP_KERNEL, false),
          new Right(Gfp.GFP_KERNEL | Gfp.__GFP_NOMEMALLOC, true),
          new Right(Gfp.GFP_NOWAIT | Gfp.__GFP_NOFAIL, false),
          new Right(Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, false),
          new Right(Gfp.GFP_KERNEL | Gfp.__GFP_HIGH, false),
          new Right(Gfp.GFP_ATOMIC | Gfp.__GFP_NOMEMALLOC, true),
          new Right(Gfp.GFP_ATOMIC, false),
          new Right(Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, false),
          new Right(Gfp.GFP_KERNEL, true));

  private final DrawnSubject subject;
  private final Cpu cpu;
  private final int order;
  private final int place;
  private final List<Zone> zonelist;
  private final Map<Zone, Book> books = new LinkedHashMap<>();

  private ReserveCase(DrawnSubject subject, Seeded random) {
    this.subject = subject;
    this.cpu = subject.machine.cpus().get(random.below(subject.drawn.cpus()));
    this.order = random.between(4, 7);
    this.place = random.oneIn(3) ? Gfp.__GFP_MOVABLE : MOVABLE;
    this.zonelist = ZonelistRules.order(subject.drawn).zones(place, cpu.nodeId());
    Marks marks = new Marks(subject.drawn.plan());
    for (Zone zone : zonelist) {
      Marks.Size size = new Marks.Size(zone.nodeId(), zone.type(), zone.managedPages());
      books.put(zone, new Book(zone, order, marks.of(size)));
    }
  }

  static void run(DrawnSubject subject, Seeded random) {
    ReserveCase c = new ReserveCase(subject, random);
    for (Right right : RIGHTS) {
      if (random.oneIn(5)) {
        continue;
      }
      // Not always to the end, so that the next one starts above its mark.
      int most = random.oneIn(3) ? random.below(8) : Integer.MAX_VALUE;
      for (int i = 0; i < most && c.request(right); i++) {}
    }
  }

  private boolean request(Right right) {
    int gfp = right.gfp | place;
    Zone expected = predict(right);
    int saved = cpu.exchangeFlags(right.memalloc ? Cpu.PF_MEMALLOC : 0);
    long pfn;
    try {
      pfn = subject.pages.allocPages(cpu, gfp, order);
    } catch (MemoryDeadlockException e) {
      // Where Linux panics or waits for ever.
      RuleViolation.check(right.mustNotFail(), "no page for " + Gfp.format(gfp), "" + e);
      pfn = PageAllocator.NO_PAGE;
    } finally {
      cpu.exchangeFlags(saved);
    }
    Zone seen = pfn == PageAllocator.NO_PAGE ? null : ZonelistRules.zoneOf(subject, pfn);
    if (expected != seen) {
      throw new RuleViolation(
          Gfp.format(gfp)
              + (right.memalloc ? " with PF_MEMALLOC" : "")
              + " of order "
              + order
              + " from "
              + expected,
          "" + seen);
    }
    if (expected != null) {
      Book book = Objects.requireNonNull(books.get(expected));
      book.free -= 1L << order;
      book.blocks--;
    }
    return expected != null;
  }

  private @Nullable Zone predict(Right right) {
    Zone zone = null;
    int walks = right.unlimited() || right.mustNotFail() ? 3 : 2;
    for (int walk = 0; zone == null && walk < walks; walk++) {
      for (Zone next : zonelist) {
        Book book = Objects.requireNonNull(books.get(next));
        List<ZoneType> kinds = subject.drawn.plan().kinds();
        int highest = kinds.indexOf(NodeOrder.highest(place, kinds));
        long mark = walk == 0 ? book.numbers.low() : right.mark(book.numbers.min());
        mark += book.numbers.protection().get(highest);
        if (walk == 2 && right.mustNotFail()) {
          mark -= book.numbers.min() / 2;
        }
        boolean free = walk == 2 && right.unlimited();
        boolean enough = free || book.free - (1L << order) + 1 > mark;
        if (zone == null && enough && book.blocks > 0) {
          zone = next;
        }
      }
    }
    return zone;
  }
}
