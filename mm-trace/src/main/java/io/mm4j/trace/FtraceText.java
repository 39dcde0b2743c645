// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Events as the kernel's {@code /sys/kernel/tracing/trace} prints them: a line each, with the
 * fields of include/trace/events (kmem.h, vmalloc.h, mmap.h, vmscan.h), arch/x86's exceptions.h,
 * and the syscall events (Linux 6.18).
 *
 * <p>Differences: the clock is a count of events, a microsecond each, so that one seed gives the
 * same bytes; the task is always {@code mm4j-1}; {@code page=} is the address in vmemmap of x86-64,
 * where the kernel prints a hash of it; there is no {@code call_site}.
 *
 * <p>Threads: any; lines are whole.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class FtraceText implements TraceSink {
  /** {@code VMEMMAP_START} of four-level page tables, and {@code sizeof(struct page)}. */
  private static final long VMEMMAP = 0xffffea0000000000L;

  private static final int STRUCT_PAGE = 64;

  private final Appendable out;
  private boolean begun;
  private long events;
  private int lastCpu;

  /**
   * Prints to somebody.
   *
   * @param out who keeps the text; is not closed
   */
  public FtraceText(Appendable out) {
    this.out = out;
  }

  /** Prints the header, unless it stands there; it comes by itself before the first event. */
  public synchronized void header() {
    if (!begun) {
      begun = true;
      print("# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n");
      print("#              | |         |   |||||     |         |\n");
    }
  }

  private synchronized void line(@Nullable Cpu cpu, String name, String fields) {
    header();
    lastCpu = cpu == null ? lastCpu : cpu.id();
    events++;
    print(
        String.format(
            Locale.ROOT,
            "%16s-%-7d [%03d] ..... %5d.%06d: %s: %s%n",
            "mm4j",
            1,
            lastCpu,
            events / 1_000_000,
            events % 1_000_000,
            name,
            fields));
  }

  private void print(String text) {
    try {
      out.append(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String page(long pfn) {
    return pfn == PageAllocator.NO_PAGE
        ? "page=(null) pfn=0x0"
        : String.format("page=%016x pfn=0x%x", VMEMMAP + pfn * STRUCT_PAGE, pfn);
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    line(
        cpu,
        "mm_page_alloc",
        page(pfn)
            + " order="
            + order
            + " migratetype="
            + migratetype
            + " gfp_flags="
            + Gfp.format(gfp));
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    line(cpu, "mm_page_free", page(pfn) + " order=" + order);
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    line(
        cpu,
        "mm_page_alloc_zone_locked",
        page(pfn)
            + " order="
            + order
            + " migratetype="
            + migratetype
            + " percpu_refill="
            + (percpuRefill ? 1 : 0));
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    line(cpu, "mm_page_pcpu_drain", page(pfn) + " order=" + order + " migratetype=" + migratetype);
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
    int pageblock = zone.pageblocks().order();
    line(
        cpu,
        "mm_page_alloc_extfrag",
        page(pfn)
            + String.format(
                " alloc_order=%d fallback_order=%d pageblock_order=%d alloc_migratetype=%d"
                    + " fallback_migratetype=%d fragmenting=%d change_ownership=%d",
                allocOrder,
                fallbackOrder,
                pageblock,
                allocMigratetype,
                fallbackMigratetype,
                fallbackOrder < pageblock ? 1 : 0,
                changeOwnership ? 1 : 0));
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    line(
        cpu,
        "mm_vmscan_wakeup_kswapd",
        String.format("nid=%d order=%d gfp_flags=%s", zone.nodeId(), order, Gfp.format(gfp)));
  }

  @Override
  public void alloc(
      Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
    String object = object(paddr);
    String sizes =
        String.format(
            " bytes_req=%d bytes_alloc=%d gfp_flags=%s node=-1 accounted=%s",
            bytesReq,
            bytesAlloc,
            Gfp.format(gfp),
            (gfp & Gfp.__GFP_ACCOUNT) != 0 ? "true" : "false");
    if (isKmalloc(cache)) {
      line(cpu, "kmalloc", object + sizes);
    } else {
      line(cpu, "kmem_cache_alloc", object + " name=" + cache + sizes);
    }
  }

  @Override
  public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
    if (isKmalloc(cache)) {
      line(cpu, "kfree", object(paddr));
    } else {
      line(cpu, "kmem_cache_free", object(paddr) + " name=" + cache);
    }
  }

  /** Large blocks and the caches of {@code kmalloc()}; the kernel goes by who was called. */
  static boolean isKmalloc(@Nullable KmemCache cache) {
    return cache == null
        || cache.name().startsWith("kmalloc-")
        || cache.name().startsWith("dma-kmalloc-");
  }

  private static String object(long paddr) {
    return paddr == SlabAllocator.NO_OBJECT ? "ptr=(null)" : String.format("ptr=0x%x", paddr);
  }

  @Override
  public void vmapAlloc(Cpu cpu, long address, long bytes, long align, long start, long end) {
    line(
        cpu,
        "alloc_vmap_area",
        String.format(
            "va_start: %s size=%d align=%d vstart=0x%x vend=0x%x failed=%d",
            Long.toUnsignedString(address), bytes, align, start, end, address == 0 ? 1 : 0));
  }

  @Override
  public void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {
    line(
        cpu,
        "free_vmap_area_noflush",
        String.format("va_start=0x%x nr_lazy=%d nr_lazy_max=%d", address, lazyPages, lazyMax));
  }

  @Override
  public void vmapPurge(int purged) {
    line(null, "purge_vmap_area_lazy", "num_purged=" + purged);
  }

  @Override
  public void systemCall(String name, long[] arguments, long result) {
    StringBuilder text = new StringBuilder("(");
    for (int i = 0; i < arguments.length; i++) {
      text.append(i == 0 ? "" : ", ").append(Long.toHexString(arguments[i]));
    }
    line(null, "sys_" + name, text.append(") -> 0x").append(Long.toHexString(result)).toString());
  }

  @Override
  public void pageFault(boolean user, long uaddr, int errorCode) {
    line(
        null,
        user ? "page_fault_user" : "page_fault_kernel",
        String.format("address=0x%x ip=0x0 error_code=0x%x", uaddr, errorCode));
  }

  @Override
  public void exitMmap() {
    line(null, "exit_mmap", "mt_mod 0000000000000000, DESTROY");
  }
}
