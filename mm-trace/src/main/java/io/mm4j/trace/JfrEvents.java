// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.slab.KmemCache;
import java.io.IOException;
import java.nio.file.Path;
import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.StackTrace;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Events of the Flight Recorder, with the kernel's names and the stack of the caller: {@code jfr
 * print --events mm4j.mm_page_alloc FILE}, or JMC.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class JfrEvents implements TraceSink {
  /** {@code kmem:mm_page_alloc}. */
  @Name("mm4j.mm_page_alloc")
  @Label("mm_page_alloc")
  @Category({"mm4j", "kmem"})
  @Enabled
  static final class PageAlloc extends Event {
    int cpu;
    long pfn;
    int order;
    int migratetype;
    String gfpFlags = "";
  }

  /** {@code kmem:mm_page_free}. */
  @Name("mm4j.mm_page_free")
  @Label("mm_page_free")
  @Category({"mm4j", "kmem"})
  @Enabled
  static final class PageFree extends Event {
    int cpu;
    long pfn;
    int order;
  }

  /** Blocks that leave the free lists, {@code kmem:mm_page_alloc_zone_locked}. */
  @Name("mm4j.mm_page_alloc_zone_locked")
  @Label("mm_page_alloc_zone_locked")
  @Category({"mm4j", "kmem"})
  @Enabled
  @StackTrace(false)
  static final class ZoneLocked extends Event {
    int cpu;
    String zone = "";
    long pfn;
    int order;
    int migratetype;
    boolean percpuRefill;
  }

  /** Pages that go back from per-cpu lists, {@code kmem:mm_page_pcpu_drain}. */
  @Name("mm4j.mm_page_pcpu_drain")
  @Label("mm_page_pcpu_drain")
  @Category({"mm4j", "kmem"})
  @Enabled
  @StackTrace(false)
  static final class PcpuDrain extends Event {
    int cpu;
    String zone = "";
    long pfn;
    int order;
    int migratetype;
  }

  /** {@code kmem:rss_stat}; the counter as {@link MmEvents} numbers it. */
  @Name("mm4j.rss_stat")
  @Label("rss_stat")
  @Category({"mm4j", "kmem"})
  @Enabled
  @StackTrace(false)
  static final class RssStat extends Event {
    int pid;
    int counter;
    long pages;
  }

  /** {@code kmem:mm_page_alloc_extfrag}. */
  @Name("mm4j.mm_page_alloc_extfrag")
  @Label("mm_page_alloc_extfrag")
  @Category({"mm4j", "kmem"})
  @Enabled
  static final class Extfrag extends Event {
    int cpu;
    String zone = "";
    long pfn;
    int allocOrder;
    int fallbackOrder;
    int allocMigratetype;
    int fallbackMigratetype;
    boolean changeOwnership;
  }

  /** {@code kmem:kmalloc} and {@code kmem:kmem_cache_alloc}; the cache says which. */
  @Name("mm4j.kmem_alloc")
  @Label("kmalloc, kmem_cache_alloc")
  @Category({"mm4j", "kmem"})
  @Enabled
  static final class ObjectAlloc extends Event {
    int cpu;
    String cache = "";
    long ptr;
    long bytesReq;
    long bytesAlloc;
    String gfpFlags = "";
  }

  /** {@code kmem:kfree} and {@code kmem:kmem_cache_free}. */
  @Name("mm4j.kmem_free")
  @Label("kfree, kmem_cache_free")
  @Category({"mm4j", "kmem"})
  @Enabled
  static final class ObjectFree extends Event {
    int cpu;
    String cache = "";
    long ptr;
  }

  /** {@code vmalloc:alloc_vmap_area}. */
  @Name("mm4j.alloc_vmap_area")
  @Label("alloc_vmap_area")
  @Category({"mm4j", "vmalloc"})
  @Enabled
  static final class VmapAlloc extends Event {
    int cpu;
    long vaStart;
    long size;
    long align;
    boolean failed;
  }

  /** {@code vmalloc:free_vmap_area_noflush}. */
  @Name("mm4j.free_vmap_area_noflush")
  @Label("free_vmap_area_noflush")
  @Category({"mm4j", "vmalloc"})
  @Enabled
  static final class VmapFree extends Event {
    int cpu;
    long vaStart;
    long nrLazy;
    long nrLazyMax;
  }

  /** {@code vmalloc:purge_vmap_area_lazy}. */
  @Name("mm4j.purge_vmap_area_lazy")
  @Label("purge_vmap_area_lazy")
  @Category({"mm4j", "vmalloc"})
  @Enabled
  static final class VmapPurge extends Event {
    long start;
    long end;
    int numPurged;
  }

  /** {@code mmap:vm_unmapped_area}. */
  @Name("mm4j.vm_unmapped_area")
  @Label("vm_unmapped_area")
  @Category({"mm4j", "mmap"})
  @Enabled
  static final class UnmappedArea extends Event {
    long result;
    long totalVm;
    boolean topDown;
    long length;
    long low;
    long high;
    long alignMask;
    long alignOffset;
  }

  /** {@code mmap:exit_mmap}. */
  @Name("mm4j.exit_mmap")
  @Label("exit_mmap")
  @Category({"mm4j", "mmap"})
  @Enabled
  static final class ExitMmap extends Event {}

  /** {@code vmscan:mm_vmscan_wakeup_kswapd}. */
  @Name("mm4j.mm_vmscan_wakeup_kswapd")
  @Label("mm_vmscan_wakeup_kswapd")
  @Category({"mm4j", "vmscan"})
  @Enabled
  static final class WakeupKswapd extends Event {
    int cpu;
    String zone = "";
    int order;
    String gfpFlags = "";
  }

  /** {@code exceptions:page_fault_user} and {@code page_fault_kernel}. */
  @Name("mm4j.page_fault")
  @Label("page_fault_user, page_fault_kernel")
  @Category({"mm4j", "exceptions"})
  @Enabled
  static final class PageFault extends Event {
    boolean user;
    long address;
    int errorCode;
  }

  /** A system call. */
  @Name("mm4j.syscall")
  @Label("system call")
  @Category({"mm4j", "syscalls"})
  @Enabled
  static final class SystemCall extends Event {
    String name = "";
    String arguments = "";
    long result;
  }

  private final Path file;
  private final Recording recording = new Recording();

  /** Begins a recording that is written to a file when it is closed. */
  public JfrEvents(Path file) {
    this.file = file;
    recording.setName("mm4j");
    recording.start();
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    PageAlloc event = new PageAlloc();
    event.cpu = cpu.id();
    event.pfn = pfn;
    event.order = order;
    event.migratetype = migratetype;
    event.gfpFlags = Gfp.format(gfp);
    event.commit();
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    PageFree event = new PageFree();
    event.cpu = cpu.id();
    event.pfn = pfn;
    event.order = order;
    event.commit();
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    ZoneLocked event = new ZoneLocked();
    event.cpu = cpu.id();
    event.zone = zone.toString();
    event.pfn = pfn;
    event.order = order;
    event.migratetype = migratetype;
    event.percpuRefill = percpuRefill;
    event.commit();
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    PcpuDrain event = new PcpuDrain();
    event.cpu = cpu.id();
    event.zone = zone.toString();
    event.pfn = pfn;
    event.order = order;
    event.migratetype = migratetype;
    event.commit();
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
    Extfrag event = new Extfrag();
    event.cpu = cpu.id();
    event.zone = zone.toString();
    event.pfn = pfn;
    event.allocOrder = allocOrder;
    event.fallbackOrder = fallbackOrder;
    event.allocMigratetype = allocMigratetype;
    event.fallbackMigratetype = fallbackMigratetype;
    event.changeOwnership = changeOwnership;
    event.commit();
  }

  @Override
  public void alloc(
      Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
    ObjectAlloc event = new ObjectAlloc();
    event.cpu = cpu.id();
    event.cache = cache == null ? "" : cache.name();
    event.ptr = paddr;
    event.bytesReq = bytesReq;
    event.bytesAlloc = bytesAlloc;
    event.gfpFlags = Gfp.format(gfp);
    event.commit();
  }

  @Override
  public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
    ObjectFree event = new ObjectFree();
    event.cpu = cpu.id();
    event.cache = cache == null ? "" : cache.name();
    event.ptr = paddr;
    event.commit();
  }

  @Override
  public void vmapAlloc(Cpu cpu, long address, long bytes, long align, long start, long end) {
    VmapAlloc event = new VmapAlloc();
    event.cpu = cpu.id();
    event.vaStart = address;
    event.size = bytes;
    event.align = align;
    event.failed = address == 0;
    event.commit();
  }

  @Override
  public void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {
    VmapFree event = new VmapFree();
    event.cpu = cpu.id();
    event.vaStart = address;
    event.nrLazy = lazyPages;
    event.nrLazyMax = lazyMax;
    event.commit();
  }

  @Override
  public void vmapPurge(long start, long end, int purged) {
    VmapPurge event = new VmapPurge();
    event.start = start;
    event.end = end;
    event.numPurged = purged;
    event.commit();
  }

  @Override
  public void vmUnmappedArea(AreaSearch search, long found) {
    UnmappedArea event = new UnmappedArea();
    event.result = found;
    event.totalVm = search.totalVmPages();
    event.topDown = search.topDown();
    event.length = search.lengthBytes();
    event.low = search.low();
    event.high = search.high();
    event.alignMask = search.alignMask();
    event.alignOffset = search.alignOffset();
    event.commit();
  }

  @Override
  public void rssStat(int pid, int counter, long pages) {
    RssStat event = new RssStat();
    event.pid = pid;
    event.counter = counter;
    event.pages = pages;
    event.commit();
  }

  @Override
  public void exitMmap() {
    new ExitMmap().commit();
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    WakeupKswapd event = new WakeupKswapd();
    event.cpu = cpu.id();
    event.zone = zone.toString();
    event.order = order;
    event.gfpFlags = Gfp.format(gfp);
    event.commit();
  }

  @Override
  public void systemCall(String name, long[] arguments, long result) {
    SystemCall event = new SystemCall();
    event.name = name;
    StringBuilder text = new StringBuilder();
    for (long argument : arguments) {
      text.append(text.isEmpty() ? "0x" : " 0x").append(Long.toHexString(argument));
    }
    event.arguments = text.toString();
    event.result = result;
    event.commit();
  }

  @Override
  public void pageFault(long uaddr, int errorCode) {
    PageFault event = new PageFault();
    event.user = (errorCode & USER) != 0;
    event.address = uaddr;
    event.errorCode = errorCode;
    event.commit();
  }

  @Override
  public void close() {
    try (recording) {
      recording.stop();
      recording.dump(file);
    } catch (IOException e) {
      throw new InputException(
          "the events cannot be written: " + WhyNot.of(e),
          file.toString(),
          "a file that can be written");
    }
  }
}
