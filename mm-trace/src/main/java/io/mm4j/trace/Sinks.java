// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.slab.KmemCache;
import java.util.List;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/** Several receivers as one, in order. */
@API(status = API.Status.EXPERIMENTAL)
public final class Sinks implements TraceSink {
  private final List<TraceSink> sinks;

  /** All of these. */
  public Sinks(List<TraceSink> sinks) {
    this.sinks = List.copyOf(sinks);
  }

  private void all(Consumer<TraceSink> event) {
    sinks.forEach(event);
  }

  @Override
  public TraceSink machine() {
    return new Sinks(sinks.stream().map(TraceSink::machine).toList());
  }

  @Override
  public void zoneCreated(Zone zone, FrameAllocator frames) {
    all(s -> s.zoneCreated(zone, frames));
  }

  @Override
  public void blockTaken(Zone zone, long pfn, int order, int migratetype) {
    all(s -> s.blockTaken(zone, pfn, order, migratetype));
  }

  @Override
  public void blockFreed(Zone zone, long pfn, int order, int migratetype) {
    all(s -> s.blockFreed(zone, pfn, order, migratetype));
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    all(s -> s.alloc(cpu, pfn, order, gfp, migratetype));
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    all(s -> s.free(cpu, pfn, order));
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    all(s -> s.allocZoneLocked(cpu, zone, pfn, order, migratetype, percpuRefill));
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    all(s -> s.pcpuDrain(cpu, zone, pfn, order, migratetype));
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
    all(
        s ->
            s.allocExtfrag(
                cpu,
                zone,
                pfn,
                allocOrder,
                fallbackOrder,
                allocMigratetype,
                fallbackMigratetype,
                changeOwnership));
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    all(s -> s.wakeupKswapd(cpu, zone, order, gfp));
  }

  @Override
  public void alloc(
      Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
    all(s -> s.alloc(cpu, cache, paddr, bytesReq, bytesAlloc, gfp));
  }

  @Override
  public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
    all(s -> s.free(cpu, cache, paddr));
  }

  @Override
  public void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
    all(s -> s.newSlab(cpu, cache, pfn, order));
  }

  @Override
  public void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
    all(s -> s.discardSlab(cpu, cache, pfn, order));
  }

  @Override
  public void vmapAlloc(Cpu cpu, long address, long bytes, long align, long start, long end) {
    all(s -> s.vmapAlloc(cpu, address, bytes, align, start, end));
  }

  @Override
  public void vmapUndone(long address) {
    all(s -> s.vmapUndone(address));
  }

  @Override
  public void vmapTaken(long address, long bytes) {
    all(s -> s.vmapTaken(address, bytes));
  }

  @Override
  public void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {
    all(s -> s.vmapFree(cpu, address, lazyPages, lazyMax));
  }

  @Override
  public void vmapPurge(long start, long end, int purged) {
    all(s -> s.vmapPurge(start, end, purged));
  }

  @Override
  public void systemCallBegins(String name, long[] arguments) {
    all(s -> s.systemCallBegins(name, arguments));
  }

  @Override
  public void systemCall(String name, long[] arguments, long result) {
    all(s -> s.systemCall(name, arguments, result));
  }

  @Override
  public void pageFault(long uaddr, int errorCode) {
    all(s -> s.pageFault(uaddr, errorCode));
  }

  @Override
  public void vmUnmappedArea(AreaSearch search, long found) {
    all(s -> s.vmUnmappedArea(search, found));
  }

  @Override
  public void rssStat(int pid, int counter, long pages) {
    all(s -> s.rssStat(pid, counter, pages));
  }

  @Override
  public void exitMmap() {
    all(TraceSink::exitMmap);
  }

  @Override
  public void close() {
    all(TraceSink::close);
  }
}
