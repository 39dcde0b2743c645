// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.slab.KmemCache;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Looks whether plugins and their callers keep what they promise: that no block of a zone, no page,
 * no object and no kernel address is given out twice or freed twice, that objects come back as what
 * they are, and who holds what is left, with the stack that allocated it (page_owner, kmemleak).
 * Works on the calls of the SPIs, so on any plugin.
 *
 * <p>Findings go to a listener as they happen; {@link #held} says at any time what is held, the
 * stacks that hold most first. Each machine is looked at for itself. Threads: any. Not cheap: a
 * stack for each block, object and area.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Checks implements TraceSink {
  private final Consumer<? super String> listener;
  private final List<OfMachine> machines = new ArrayList<>();
  private long findings;

  /** Checks that tell somebody what they find. */
  public Checks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  @Override
  public synchronized TraceSink machine() {
    OfMachine machine = new OfMachine(this::found);
    machines.add(machine);
    return machine;
  }

  private synchronized void found(String what) {
    findings++;
    listener.accept(what);
  }

  /** How much was found. */
  public synchronized long findings() {
    return findings;
  }

  /** Who holds pages, then objects, then kernel addresses of each machine. */
  public List<String> held() {
    List<OfMachine> all;
    synchronized (this) {
      all = List.copyOf(machines);
    }
    // Without the lock that a machine takes for a finding while it holds its own.
    return all.stream().flatMap(machine -> machine.held().stream()).toList();
  }

  /** What is looked at of one machine. */
  private static final class OfMachine implements TraceSink {
    private final FrameChecks frames;
    private final PageChecks pages;
    private final ObjectChecks objects;
    private final AreaChecks areas;

    OfMachine(Consumer<? super String> listener) {
      frames = new FrameChecks(listener);
      pages = new PageChecks(listener);
      objects = new ObjectChecks(listener);
      areas = new AreaChecks(listener);
    }

    synchronized List<String> held() {
      Holders ofPages = new Holders();
      pages.held(ofPages);
      Holders ofObjects = new Holders();
      objects.held(ofObjects);
      Holders ofAreas = new Holders();
      areas.held(ofAreas);
      List<String> all = new ArrayList<>(ofPages.most());
      all.addAll(ofObjects.most());
      all.addAll(ofAreas.most());
      return all;
    }

    @Override
    public synchronized void zoneCreated(Zone zone, FrameAllocator allocator) {
      frames.zoneCreated(zone, allocator);
    }

    @Override
    public synchronized void blockTaken(Zone zone, long pfn, int order, int migratetype) {
      frames.blockTaken(zone, pfn, order, migratetype);
    }

    @Override
    public synchronized void blockFreed(Zone zone, long pfn, int order, int migratetype) {
      frames.blockFreed(zone, pfn, order, migratetype);
    }

    @Override
    public synchronized void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
      pages.alloc(cpu, pfn, order, gfp, migratetype);
    }

    @Override
    public synchronized void free(Cpu cpu, long pfn, int order) {
      pages.free(cpu, pfn, order);
    }

    @Override
    public synchronized void alloc(
        Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
      objects.alloc(cpu, cache, paddr, bytesReq, bytesAlloc, gfp);
    }

    @Override
    public synchronized void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      objects.free(cpu, cache, paddr);
    }

    @Override
    public synchronized void vmapAlloc(
        Cpu cpu, long address, long bytes, long align, long start, long end) {
      areas.vmapAlloc(cpu, address, bytes, align, start, end);
    }

    @Override
    public synchronized void vmapUndone(long address) {
      areas.vmapUndone(address);
    }

    @Override
    public synchronized void vmapTaken(long address, long bytes) {
      areas.vmapTaken(address, bytes);
    }

    @Override
    public synchronized void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {
      areas.vmapFree(cpu, address, lazyPages, lazyMax);
    }
  }
}
