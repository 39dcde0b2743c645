// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import org.jspecify.annotations.Nullable;

/**
 * Tells what a page allocator does: its own inner steps if it has an event sink, else the requests
 * and frees that pass through its SPI.
 */
final class PageHooks {
  private PageHooks() {}

  static PageAllocator wrap(PageAllocator pages, MemMap memMap, TraceSink sink) {
    if (pages.watch(sink)) {
      // Somebody else may watch as well: `mm explain` does.
      return Forward.wrap(
          PageAllocator.class,
          pages,
          new Forward.Hooks()
              .on(
                  "watch",
                  call ->
                      pages.watch(
                          call.arguments()[0] instanceof PageEvents other
                              ? new Both(sink, other)
                              : sink)));
    }
    Requests requests = new Requests(sink, memMap);
    PageAllocator wrapped =
        Forward.wrap(
            PageAllocator.class,
            pages,
            new Forward.Hooks()
                .on("allocPages", requests::alloc)
                .on("freePages", requests::free)
                .on("on", requests::on));
    requests.wrapped = wrapped;
    return wrapped;
  }

  /** Lets requests fail as the knobs say; an allocator for one CPU asks the SPI then. */
  static PageAllocator failing(PageAllocator pages, FaultKnobs knobs, TraceSink sink) {
    PageAllocator[] wrapped = new PageAllocator[1];
    wrapped[0] =
        Forward.wrap(
            PageAllocator.class,
            pages,
            new Forward.Hooks()
                .on(
                    "allocPages",
                    call -> {
                      int gfp = call.intAt(1);
                      int order = call.intAt(2);
                      if (!knobs.failsPages(gfp, order)) {
                        return call.proceed();
                      }
                      sink.alloc(
                          (Cpu) call.arguments()[0],
                          PageAllocator.NO_PAGE,
                          order,
                          gfp,
                          Gfp.migratetype(gfp));
                      return PageAllocator.NO_PAGE;
                    })
                .on("on", call -> new Calls(wrapped[0], (Cpu) call.arguments()[0])));
    return wrapped[0];
  }

  /** Requests at the SPI of an allocator that shows no inner steps. */
  private static final class Requests {
    private final TraceSink sink;
    private final MemMap memMap;
    private @Nullable PageAllocator wrapped;

    Requests(TraceSink sink, MemMap memMap) {
      this.memMap = memMap;
      this.sink = sink;
    }

    @Nullable Object alloc(Forward.Call call) throws Throwable {
      Object pfn = call.proceed();
      if (pfn instanceof Long first) {
        int gfp = call.intAt(1);
        sink.alloc((Cpu) call.arguments()[0], first, call.intAt(2), gfp, Gfp.migratetype(gfp));
      }
      return pfn;
    }

    @Nullable Object free(Forward.Call call) throws Throwable {
      if (call.arguments().length == 0) {
        return call.proceed(); // how many there are
      }
      long pfn = call.longAt(1);
      if (pfn < memMap.startPfn() || pfn >= memMap.endPfn() || memMap.refcount(pfn) <= 1) {
        sink.free((Cpu) call.arguments()[0], pfn, call.intAt(2));
      }
      return call.proceed();
    }

    Object on(Forward.Call call) {
      PageAllocator pages = wrapped;
      if (pages == null) {
        throw new IllegalStateException("not wrapped yet");
      }
      return new Calls(pages, (Cpu) call.arguments()[0]);
    }
  }

  /** An allocator for one CPU without lists of its own: all goes through the SPI. */
  private static final class Calls extends CpuPages {
    private final PageAllocator pages;

    Calls(PageAllocator pages, Cpu cpu) {
      super(cpu, FrameStates.NONE);
      this.pages = pages;
    }

    @Override
    protected void prepare(long pfn, int order) {}

    @Override
    protected boolean release(long pfn, int order) {
      return false;
    }

    @Override
    protected void finish(long pfn, int gfp, int order) {}

    @Override
    protected long allocSlow(int gfp, int order, int nodeId) {
      return pages.allocPages(cpu(), gfp, order, nodeId);
    }

    @Override
    protected void freeSlow(long pfn, int order) {
      pages.freePages(cpu(), pfn, order);
    }
  }

  /** Two receivers; the second may want words. */
  private record Both(PageEvents first, PageEvents second) implements PageEvents {
    @Override
    public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
      first.alloc(cpu, pfn, order, gfp, migratetype);
      second.alloc(cpu, pfn, order, gfp, migratetype);
    }

    @Override
    public void free(Cpu cpu, long pfn, int order) {
      first.free(cpu, pfn, order);
      second.free(cpu, pfn, order);
    }

    @Override
    public void allocZoneLocked(
        Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
      first.allocZoneLocked(cpu, zone, pfn, order, migratetype, percpuRefill);
      second.allocZoneLocked(cpu, zone, pfn, order, migratetype, percpuRefill);
    }

    @Override
    public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
      first.pcpuDrain(cpu, zone, pfn, order, migratetype);
      second.pcpuDrain(cpu, zone, pfn, order, migratetype);
    }

    @Override
    public void allocExtfrag(
        Cpu cpu,
        Zone zone,
        long pfn,
        int allocOrder,
        int fallbackOrder,
        int allocMigratetype,
        int fallbackMigratetype,
        boolean changeOwnership) {
      for (PageEvents events : new PageEvents[] {first, second}) {
        events.allocExtfrag(
            cpu,
            zone,
            pfn,
            allocOrder,
            fallbackOrder,
            allocMigratetype,
            fallbackMigratetype,
            changeOwnership);
      }
    }

    @Override
    public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
      first.wakeupKswapd(cpu, zone, order, gfp);
      second.wakeupKswapd(cpu, zone, order, gfp);
    }

    @Override
    public boolean explains() {
      return second.explains();
    }

    @Override
    public void step(Cpu cpu, String text) {
      second.step(cpu, text);
    }
  }
}
