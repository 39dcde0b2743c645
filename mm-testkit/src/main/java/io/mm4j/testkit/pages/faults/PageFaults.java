// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.naive.NaivePages;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/** Page allocators that are wrong on purpose. */
public final class PageFaults {
  private PageFaults() {}

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, List<String> meantFor, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, meantFor, new NaivePages(name, factory));
  }

  /** One wrong allocation path. */
  @FunctionalInterface
  private interface Alloc {
    long alloc(DelegatingPages pages, Cpu cpu, int gfp, int order, int node);
  }

  private static Function<Floors, PageAllocator> alloc(Alloc how) {
    return floors ->
        new DelegatingPages(floors) {
          @Override
          public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
            return how.alloc(this, cpu, gfp, order, nodeId);
          }
        };
  }

  /** One wrong way to free. */
  @FunctionalInterface
  private interface Free {
    void free(DelegatingPages pages, Cpu cpu, long pfn, int order);
  }

  private static Function<Floors, PageAllocator> free(Free how) {
    return floors ->
        new DelegatingPages(floors) {
          @Override
          public void freePages(Cpu cpu, long pfn, int order) {
            how.free(this, cpu, pfn, order);
          }
        };
  }

  /** All of them. */
  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "forgets-the-reference",
            "A page that is held is freed by the next drain.",
            List.of("PA-01"),
            FreesHeld::new),
        fault(
            "ignores-the-zone",
            "Requests for zone DMA are served from any zone.",
            List.of("PA-02"),
            alloc(
                (p, cpu, gfp, order, node) ->
                    p.inner.allocPages(cpu, gfp & ~Gfp.__GFP_DMA, order, node))),
        fault(
            "ignores-the-node",
            "__GFP_THISNODE is ignored, and the other node preferred.",
            List.of("PA-02"),
            alloc(
                (p, cpu, gfp, order, node) ->
                    p.inner.allocPages(
                        cpu,
                        gfp & ~Gfp.__GFP_THISNODE,
                        order,
                        1 - (node < 0 ? cpu.nodeId() : node)))),
        fault(
            "clears-the-first-page",
            "__GFP_ZERO clears the first page of a block only.",
            List.of("PA-03"),
            alloc(PageFaults::clearsFirst)),
        fault(
            "prepares-the-first-frame",
            "The tails of a block keep the owner FREE.",
            List.of("PA-04"),
            alloc(PageFaults::preparesFirst)),
        fault(
            "loses-a-page-of-a-block",
            "Freeing a block of order 2 forgets its last page.",
            List.of("PA-05"),
            free(PageFaults::losesPage)),
        fault(
            "frees-at-the-first-put",
            "A block goes back although references are left.",
            List.of("PA-06"),
            free(
                (p, cpu, pfn, order) -> {
                  if (pfn >= 0 && pfn < p.map.endPfn() && p.map.refcount(pfn) > 1) {
                    p.map.setRefcount(pfn, 1);
                  }
                  p.inner.freePages(cpu, pfn, order);
                })),
        fault(
            "split-leaves-the-tails",
            "After a split only the first frame has a reference.",
            List.of("PA-07"),
            SplitsFirst::new),
        fault(
            "drain-leaves-the-owner",
            "Drained pages still say that they are on a per-cpu list.",
            List.of("PA-08"),
            LeavesOwner::new),
        fault(
            "drains-nothing", "drainAllPages does nothing.", List.of("PA-09"), DrainsNothing::new),
        fault(
            "keeps-per-cpu-pages",
            "Memory is out although pages are on per-cpu lists.",
            List.of("PA-10"),
            KeepsPages::new),
        fault(
            "asks-no-reclaimer",
            "Reclaimers are never asked.",
            List.of("PA-11"),
            alloc(
                (p, cpu, gfp, order, node) ->
                    p.inner.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, node))),
        fault(
            "always-reclaims",
            "Requests that may not wait reclaim all the same.",
            List.of("PA-12"),
            alloc(
                (p, cpu, gfp, order, node) ->
                    p.inner.allocPages(cpu, gfp | Gfp.__GFP_DIRECT_RECLAIM, order, node))),
        fault(
            "reclaims-in-reclaim",
            "The mark PF_MEMALLOC is taken off before reclaim.",
            List.of("PA-13"),
            alloc(PageFaults::recursive)),
        fault(
            "no-reserve",
            "Every request may use every reserve.",
            List.of("PA-14", "PA-15"),
            alloc(
                (p, cpu, gfp, order, node) ->
                    p.inner.allocPages(cpu, gfp | Gfp.__GFP_MEMALLOC, order, node))),
        fault(
            "failure-takes-a-page",
            "A failed allocation loses a page of the reserve.",
            List.of("PA-16"),
            alloc(
                (p, cpu, gfp, order, node) -> {
                  long pfn = p.inner.allocPages(cpu, gfp, order, node);
                  if (pfn == PageAllocator.NO_PAGE) {
                    p.inner.allocPages(cpu, gfp | Gfp.__GFP_MEMALLOC, 0, node);
                  }
                  return pfn;
                })),
        fault(
            "loses-when-the-floor-fails",
            "A page that was taken before the floor below failed is forgotten.",
            List.of("PA-17"),
            LosesOnFailure::new),
        fault(
            "range-starts-late",
            "The first frame of a range is not given.",
            List.of("PA-18"),
            floors -> new Ranges(floors, false)),
        fault(
            "range-in-part",
            "What was taken of a range is kept when the rest is refused.",
            List.of("PA-19"),
            floors -> new Ranges(floors, true)),
        fault(
            "asks-no-migrator",
            "A range with a held frame is refused without asking its owner.",
            List.of("PA-20"),
            NoMigration::new),
        fault(
            "believes-the-order",
            "The caller's order is written to mem_map before it is checked.",
            List.of("PA-21"),
            free(
                (p, cpu, pfn, order) -> {
                  if (pfn > 0 && pfn < p.map.endPfn() && p.map.refcount(pfn) > 0) {
                    p.map.setOrder(pfn, order);
                  }
                  p.inner.freePages(cpu, pfn, order);
                })),
        fault(
            "forgives-misuse",
            "Freeing what is not in use does nothing.",
            List.of("PA-22", "PA-23"),
            free(
                (p, cpu, pfn, order) -> {
                  try {
                    p.inner.freePages(cpu, pfn, order);
                  } catch (MisuseException e) {
                    return;
                  }
                })),
        fault(
            "ignores-mapcount",
            "A mapped page is freed.",
            List.of("PA-24"),
            free(
                (p, cpu, pfn, order) -> {
                  if (pfn > 0 && pfn < p.map.endPfn()) {
                    p.map.setMapcount(pfn, 0);
                  }
                  p.inner.freePages(cpu, pfn, order);
                })),
        fault(
            "races-for-a-page",
            "The last freed page is kept in a plain field that all threads read and write.",
            List.of("PA-25"),
            Races::new));
  }

  private static long clearsFirst(DelegatingPages p, Cpu cpu, int gfp, int order, int node) {
    long pfn = p.inner.allocPages(cpu, gfp & ~Gfp.__GFP_ZERO, order, node);
    if (pfn != PageAllocator.NO_PAGE && (gfp & Gfp.__GFP_ZERO) != 0) {
      p.floors.memory().clearPages(pfn, 0);
    }
    return pfn;
  }

  private static long preparesFirst(DelegatingPages p, Cpu cpu, int gfp, int order, int node) {
    long pfn = p.inner.allocPages(cpu, gfp, order, node);
    for (long tail = pfn + 1; pfn >= 0 && tail < pfn + (1L << order); tail++) {
      p.map.setOwner(tail, FrameOwner.FREE);
    }
    return pfn;
  }

  private static void losesPage(DelegatingPages p, Cpu cpu, long pfn, int order) {
    boolean last = order == 2 && p.map.refcount(pfn) == 1;
    p.inner.freePages(cpu, pfn, order);
    if (last) {
      for (var zone : p.floors.zones()) {
        if (zone.zone().contains(pfn)) {
          zone.frames().take(pfn + 3, 0);
        }
      }
    }
  }

  private static long recursive(DelegatingPages p, Cpu cpu, int gfp, int order, int node) {
    long pfn = p.inner.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, node);
    while (pfn == PageAllocator.NO_PAGE && (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0) {
      int saved = cpu.exchangeFlags(cpu.flags() & ~Cpu.PF_MEMALLOC);
      long freed = p.floors.pressure().reclaim(ReclaimRequest.of(cpu, gfp, order, 1));
      cpu.exchangeFlags(saved);
      if (freed == 0) {
        break;
      }
      pfn = p.inner.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, node);
    }
    return pfn;
  }

  private static final class FreesHeld extends DelegatingPages {
    private long last = NO_PAGE;

    FreesHeld(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      long pfn = super.allocPages(cpu, gfp, order, nodeId);
      last = order == 0 ? pfn : last;
      return pfn;
    }

    @Override
    public void drainAllPages(Cpu cpu) {
      if (last != NO_PAGE && map.refcount(last) == 1 && map.order(last) == 0) {
        super.freePages(cpu, last, 0);
        last = NO_PAGE;
      }
      super.drainAllPages(cpu);
    }
  }

  private static final class SplitsFirst extends DelegatingPages {
    SplitsFirst(Floors floors) {
      super(floors);
    }

    @Override
    public void splitPage(long pfn, int order) {
      super.splitPage(pfn, order);
      for (long tail = pfn + 1; tail < pfn + (1L << order); tail++) {
        map.setRefcount(tail, 0);
      }
    }
  }

  private static final class LeavesOwner extends DelegatingPages {
    LeavesOwner(Floors floors) {
      super(floors);
    }

    @Override
    public void drainAllPages(Cpu cpu) {
      super.drainAllPages(cpu);
      if (map.owner(1) == FrameOwner.FREE) {
        map.setOwner(1, FrameOwner.PCP);
      }
    }

    @Override
    public void validate() {}
  }

  private static final class DrainsNothing extends DelegatingPages {
    DrainsNothing(Floors floors) {
      super(floors);
    }

    @Override
    public void drainAllPages(Cpu cpu) {}
  }

  /** Keeps pages of its own that CPU 1 freed and gives them to nobody. */
  private static final class KeepsPages extends DelegatingPages {
    private final ArrayDeque<Long> kept = new ArrayDeque<>();

    KeepsPages(Floors floors) {
      super(floors);
    }

    @Override
    public void freePages(Cpu cpu, long pfn, int order) {
      if (cpu.id() == 1 && order == 0 && kept.size() < 4 && map.refcount(pfn) == 1) {
        kept.push(pfn);
      } else {
        super.freePages(cpu, pfn, order);
      }
    }

    @Override
    public void drainAllPages(Cpu cpu) {
      kept.forEach(pfn -> super.freePages(cpu, pfn, 0));
      kept.clear();
      super.drainAllPages(cpu);
    }

    @Override
    public long pcpPages() {
      return super.pcpPages() + kept.size();
    }
  }

  private static final class LosesOnFailure extends DelegatingPages {
    LosesOnFailure(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      var zone = floors.zones().getLast();
      long first = zone.frames().allocate(0, 1);
      long second = zone.frames().allocate(0, 1);
      if (second != FrameAllocator.NONE) {
        zone.frames().free(second, 0, zone.zone().pageblocks().get(second));
        if (first != FrameAllocator.NONE) {
          zone.frames().free(first, 0, zone.zone().pageblocks().get(first));
        }
      }
      return super.allocPages(cpu, gfp, order, nodeId);
    }
  }

  private static final class Ranges extends DelegatingPages {
    private final boolean inPart;

    Ranges(Floors floors, boolean inPart) {
      super(floors);
      this.inPart = inPart;
    }

    @Override
    public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
      if (!inPart) {
        return super.allocContigRange(cpu, startPfn + 1, endPfn, gfp);
      }
      return super.allocContigRange(cpu, startPfn, endPfn, gfp) || keepsPart(cpu, startPfn, gfp);
    }

    private boolean keepsPart(Cpu cpu, long startPfn, int gfp) {
      super.allocContigRange(cpu, startPfn, startPfn + 4, gfp);
      return false;
    }
  }

  private static final class NoMigration extends DelegatingPages {
    NoMigration(Floors floors) {
      super(floors);
    }

    @Override
    public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
      for (long pfn = startPfn; pfn < endPfn; pfn++) {
        if (map.refcount(pfn) > 0) {
          return false;
        }
      }
      return super.allocContigRange(cpu, startPfn, endPfn, gfp);
    }
  }

  private static final class Races extends DelegatingPages {
    private volatile long slot = NO_PAGE;

    Races(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      long cached = slot;
      if (order == 0 && cached != NO_PAGE) {
        // Long enough for another thread to come by, on any machine and under any load.
        LockSupport.parkNanos(20_000);
        slot = NO_PAGE;
        return cached;
      }
      return super.allocPages(cpu, gfp, order, nodeId);
    }

    @Override
    public void freePages(Cpu cpu, long pfn, int order) {
      if (order == 0 && slot == NO_PAGE && map.refcount(pfn) == 1) {
        slot = pfn;
      } else {
        super.freePages(cpu, pfn, order);
      }
    }

    @Override
    public void drainAllPages(Cpu cpu) {
      long cached = slot;
      slot = NO_PAGE;
      if (cached != NO_PAGE) {
        super.freePages(cpu, cached, 0);
      }
      super.drainAllPages(cpu);
    }

    @Override
    public long pcpPages() {
      return super.pcpPages() + (slot == NO_PAGE ? 0 : 1);
    }
  }
}
