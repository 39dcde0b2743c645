// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.process.CallArguments;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
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
 * where the kernel prints a hash of it, and {@code ptr=} a physical one; there is no {@code
 * call_site}, and {@code ip=} is 0, since a touch has no code; {@code mm_id=} is the process's
 * number, where the kernel has a hash, and {@code curr=} 1; arguments of calls other than those of
 * sys_mmap and its like are named as {@link Syscall} names them.
 *
 * <p>Threads: any; lines are whole.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class FtraceText implements TraceSink {
  /** {@code VMEMMAP_START} of four-level page tables, and {@code sizeof(struct page)}. */
  private static final long VMEMMAP = 0xffffea0000000000L;

  private static final int STRUCT_PAGE = 64;

  private static final List<String> COUNTERS =
      List.of("MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES");

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

  private void line(@Nullable Cpu cpu, String name, String fields) {
    line(cpu, name + ": " + fields);
  }

  private synchronized void line(@Nullable Cpu cpu, String what) {
    header();
    lastCpu = cpu == null ? lastCpu : cpu.id();
    events++;
    print(
        String.format(
            Locale.ROOT,
            "%16s-%-7d [%03d] ..... %5d.%06d: %s%n",
            "mm4j",
            1,
            lastCpu,
            events / 1_000_000,
            events % 1_000_000,
            what));
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
        ? "page=0000000000000000 pfn=0x0"
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
    return paddr == SlabAllocator.NO_OBJECT
        ? "ptr=0000000000000000"
        : String.format("ptr=0x%x", paddr);
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
  public void vmapPurge(long start, long end, int purged) {
    line(
        null,
        "purge_vmap_area_lazy",
        String.format("start=0x%x end=0x%x num_purged=%d", start, end, purged));
  }

  @Override
  public void systemCallBegins(String name, long[] arguments) {
    List<String> names = CallArguments.of(name);
    if (names == null) {
      names = Syscall.valueOf(name.toUpperCase(Locale.ROOT)).arguments();
    }
    StringBuilder text = new StringBuilder("sys_").append(name).append('(');
    for (int i = 0; i < arguments.length; i++) {
      String argument = i < names.size() ? names.get(i) : "arg" + i;
      // A descriptor is an int: -1 has 32 bits.
      long value = argument.equals("fd") ? arguments[i] & 0xffffffffL : arguments[i];
      text.append(i == 0 ? "" : ", ").append(argument).append(": ").append(word(value));
    }
    line(null, text.append(')').toString());
  }

  /** {@code print_syscall_enter()} puts {@code 0x} before what would read otherwise without. */
  private static String word(long value) {
    return (value >= 0 && value < 10 ? "" : "0x") + Long.toHexString(value);
  }

  @Override
  public void systemCall(String name, long[] arguments, long result) {
    line(null, "sys_" + name + " -> 0x" + Long.toHexString(result));
  }

  @Override
  public void pageFault(long uaddr, int errorCode) {
    line(
        null,
        (errorCode & USER) != 0 ? "page_fault_user" : "page_fault_kernel",
        String.format("address=0x%x ip=0x0 error_code=0x%x", uaddr, errorCode));
  }

  @Override
  public void vmUnmappedArea(AreaSearch search, long found) {
    boolean failed = Errno.isError(found);
    line(
        null,
        "vm_unmapped_area",
        String.format(
            "addr=0x%x err=%d total_vm=0x%x flags=0x%x len=0x%x lo=0x%x hi=0x%x mask=0x%x ofs=0x%x",
            failed ? 0 : found,
            failed ? found : 0,
            search.totalVmPages(),
            search.topDown() ? 1 : 0,
            search.lengthBytes(),
            search.low(),
            search.high(),
            search.alignMask(),
            search.alignOffset()));
  }

  @Override
  public void rssStat(int pid, int counter, long pages) {
    line(
        null,
        "rss_stat",
        String.format(
            "mm_id=%d curr=1 type=%s size=%dB",
            pid, COUNTERS.get(counter), pages << Pages.PAGE_SHIFT));
  }

  @Override
  public void exitMmap() {
    line(null, "exit_mmap", "mt_mod 0000000000000000, DESTROY");
  }
}
