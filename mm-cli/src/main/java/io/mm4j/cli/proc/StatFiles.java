// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.api.process.ProcessFloor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The files that follow from the page allocator's statistics: mm/vmstat.c and fs/proc of Linux
 * 6.18. Every name that the kernel prints is there; memory of processes and the page cache are
 * counted where processes live on this machine; what no floor does - swap, LRU lists - is 0.
 */
final class StatFiles {
  private static final long HZ_NS = 10_000_000;
  private static final long HUGE_PAGES = 512;

  /** With CONFIG_HIGHMEM, whether there is such memory or not. */
  private static final Set<String> HIGHMEM_ONLY =
      Set.of("HighTotal", "HighFree", "LowTotal", "LowFree");

  private StatFiles() {}

  /** {@code /proc/zoneinfo}: {@code zoneinfo_show()}. */
  static String zoneinfo(MachineView view) {
    List<String> names = Names.vmstat();
    int node = names.indexOf("nr_inactive_anon");
    int events = names.indexOf("nr_dirty_threshold");
    StringBuilder out = new StringBuilder();
    int shown = -1;
    for (ZoneStats zone : view.stats().zones()) {
      line(out, "Node %d, zone %8s", zone.nodeId(), zone.type().procName());
      if (zone.spanned() > 0 && zone.nodeId() != shown) {
        shown = zone.nodeId();
        out.append("\n  per-node stats");
        names.subList(node, events).forEach(n -> line(out, "\n      %-12s %d", n, 0));
      }
      pages(out, zone);
      if (zone.spanned() > 0) {
        Map<String, Long> values = zoneValues(zone);
        for (String name : names.subList(0, node)) {
          line(out, "\n      %-12s %d", name, values.getOrDefault(name, 0L));
        }
        pagesets(out, zone);
      }
      out.append('\n');
    }
    return out.toString();
  }

  private static void pages(StringBuilder out, ZoneStats zone) {
    line(out, "\n  pages free     %d", zone.free());
    line(out, "\n        boost    %d", zone.boost());
    line(out, "\n        min      %d", zone.min());
    line(out, "\n        low      %d", zone.low());
    line(out, "\n        high     %d", zone.high());
    line(out, "\n        promo    %d", zone.promo());
    line(out, "\n        spanned  %d", zone.spanned());
    line(out, "\n        present  %d", zone.present());
    line(out, "\n        managed  %d", zone.managed());
    line(out, "\n        cma      %d", 0);
    List<String> protection = new ArrayList<>();
    zone.protection().forEach(p -> protection.add(Long.toString(p)));
    line(out, "\n        protection: (%s)", String.join(", ", protection));
  }

  private static Map<String, Long> zoneValues(ZoneStats zone) {
    Map<String, Long> values = new HashMap<>();
    values.put("nr_free_pages", zone.free());
    values.put("nr_free_pages_blocks", zone.freeBlockPages());
    values.put("numa_hit", zone.numaHit());
    values.put("numa_miss", zone.numaMiss());
    values.put("numa_foreign", zone.numaForeign());
    values.put("numa_local", zone.numaLocal());
    values.put("numa_other", zone.numaOther());
    return values;
  }

  private static void pagesets(StringBuilder out, ZoneStats zone) {
    out.append("\n  pagesets");
    for (ZoneStats.PcpStats pcp : zone.cpus()) {
      line(out, "\n    cpu: %d", pcp.cpu());
      line(out, "\n              count:    %d", pcp.count());
      line(out, "\n              high:     %d", pcp.high());
      line(out, "\n              batch:    %d", pcp.batch());
      line(out, "\n              high_min: %d", pcp.highMin());
      line(out, "\n              high_max: %d", pcp.highMax());
      line(out, "\n  vm stats threshold: %d", zone.statThreshold());
    }
    line(out, "\n  node_unreclaimable:  %d", 0);
    line(out, "\n  start_pfn:           %d", zone.startPfn());
  }

  /** {@code /proc/vmstat}. */
  static String vmstat(MachineView view) {
    PageStats stats = view.stats();
    Map<String, Long> values = new HashMap<>(stats.vmEvents());
    for (ZoneStats zone : stats.zones()) {
      zoneValues(zone).forEach((name, value) -> values.merge(name, value, Long::sum));
    }
    view.frames().ifPresent(frames -> vmstat(values, frames.counts()));
    StringBuilder out = new StringBuilder();
    for (String name : Names.vmstat()) {
      out.append(name).append(' ').append(values.getOrDefault(name, 0L)).append('\n');
    }
    return out.toString();
  }

  private static void vmstat(Map<String, Long> values, FramesView.Counts frames) {
    values.put("nr_anon_pages", frames.anon());
    values.put("nr_mapped", frames.mapped());
    values.put("nr_file_pages", frames.file());
    values.put("nr_dirty", frames.dirty());
    values.put("nr_shmem", frames.shmem());
    values.put("nr_page_table_pages", frames.tables());
    values.put("nr_anon_transparent_hugepages", frames.anonHuge() / HUGE_PAGES);
  }

  private static void meminfo(Map<String, Long> values, FramesView view) {
    FramesView.Counts frames = view.counts();
    int kilo = Pages.PAGE_SHIFT - 10;
    values.put("Cached", frames.file() << kilo);
    values.put("Dirty", frames.dirty() << kilo);
    values.put("AnonPages", frames.anon() << kilo);
    values.put("Mapped", frames.mapped() << kilo);
    values.put("Shmem", frames.shmem() << kilo);
    values.put("PageTables", frames.tables() << kilo);
    values.put("AnonHugePages", frames.anonHuge() << kilo);
    ProcessFloor floor = view.floor();
    if (floor != null) {
      ProcessFloor.HugePages pool = floor.hugePages();
      values.put("Committed_AS", floor.committedPages() << kilo);
      values.put("HugePages_Total", pool.total());
      values.put("HugePages_Free", pool.free());
      values.put("HugePages_Rsvd", pool.reserved());
      values.put("HugePages_Surp", pool.surplus());
      values.put("Hugepagesize", pool.pageBytes() >> 10);
      values.put("Hugetlb", poolPages(floor) << kilo);
    }
  }

  /** {@code hugetlb_total_pages()}. */
  private static long poolPages(MachineView view) {
    ProcessFloor floor = view.frames().map(FramesView::floor).orElse(null);
    return floor == null ? 0 : poolPages(floor);
  }

  private static long poolPages(ProcessFloor floor) {
    return floor.hugePools().stream()
        .mapToLong(pool -> pool.total() * (pool.pageBytes() >>> Pages.PAGE_SHIFT))
        .sum();
  }

  /** {@code /proc/meminfo}: {@code meminfo_proc_show()}. */
  static String meminfo(MachineView view) {
    long total = 0;
    long free = 0;
    long reserve = 0;
    long high = 0;
    long highFree = 0;
    long lowmemEnd = 0;
    for (ZoneStats zone : view.stats().zones()) {
      total += zone.managed();
      free += zone.free();
      if (zone.type() == ZoneType.HIGHMEM) {
        high += zone.managed();
        highFree += zone.free();
      } else {
        lowmemEnd = Math.max(lowmemEnd, zone.startPfn() + zone.spanned());
      }
      long protection = zone.protection().stream().mapToLong(Long::longValue).max().orElse(0);
      reserve += Math.min(zone.managed(), protection + zone.high());
    }
    int kilo = Pages.PAGE_SHIFT - 10;
    Map<String, Long> values = new HashMap<>();
    values.put("MemTotal", total << kilo);
    values.put("MemFree", free << kilo);
    values.put("MemAvailable", Math.max(0, free - reserve) << kilo);
    values.put("HighTotal", high << kilo);
    values.put("HighFree", highFree << kilo);
    values.put("LowTotal", (total - high) << kilo);
    values.put("LowFree", (free - highFree) << kilo);
    values.put("CommitLimit", view.settings().commitLimit(total - poolPages(view)) << kilo);
    values.put("VmallocTotal", view.settings().vmallocTotalKb(lowmemEnd));
    values.put("VmallocUsed", view.space().map(KernelSpace::vmallocPages).orElse(0L) << kilo);
    values.put("Hugepagesize", 2048L);
    view.frames().ifPresent(frames -> meminfo(values, frames));
    StringBuilder out = new StringBuilder();
    for (String name : Names.meminfo()) {
      if (HIGHMEM_ONLY.contains(name) && !view.settings().hasHighmem()) {
        continue;
      }
      if (name.startsWith("HugePages_")) {
        line(out, "%-19s%5d\n", name + ":", values.getOrDefault(name, 0L));
      } else {
        line(out, "%-16s%8d kB\n", name + ":", values.getOrDefault(name, 0L));
      }
    }
    return out.toString();
  }

  /** {@code /proc/vmallocinfo}: boot maps nothing there, and without bytes in RAM nobody can. */
  static String vmallocinfo(MachineView view) {
    return view.space().map(KernelSpace::vmallocinfo).orElse("");
  }

  /** {@code /proc/stat}: the CPUs have idled since boot. */
  static String stat(MachineView view) {
    long ticks = view.nowNs() / HZ_NS;
    StringBuilder out = new StringBuilder();
    line(out, "cpu  0 0 0 %d 0 0 0 0 0 0\n", ticks * view.cpus());
    for (int cpu = 0; cpu < view.cpus(); cpu++) {
      line(out, "cpu%d 0 0 0 %d 0 0 0 0 0 0\n", cpu, ticks);
    }
    out.append("intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n");
    out.append("softirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return out.toString();
  }

  /** {@code /proc/cpuinfo}, as far as tools need it to tell CPUs apart: one core each. */
  static String cpuinfo(MachineView view) {
    StringBuilder out = new StringBuilder();
    for (int cpu = 0; cpu < view.cpus(); cpu++) {
      line(out, "processor\t: %d\n", cpu);
      line(out, "physical id\t: %d\n", 0);
      line(out, "siblings\t: %d\n", view.cpus());
      line(out, "core id\t\t: %d\n", cpu);
      line(out, "cpu cores\t: %d\n\n", view.cpus());
    }
    return out.toString();
  }

  /** {@code /proc/uptime}. */
  static String uptime(MachineView view) {
    long hundredths = view.nowNs() / HZ_NS;
    long idle = hundredths * view.cpus();
    return String.format(
        Locale.ROOT,
        "%d.%02d %d.%02d\n",
        hundredths / 100,
        hundredths % 100,
        idle / 100,
        idle % 100);
  }

  /** {@code /proc/loadavg}. */
  static String loadavg() {
    return "0.00 0.00 0.00 1/1 1\n";
  }

  @SuppressWarnings("AnnotateFormatMethod") // a shorthand for this file
  private static void line(StringBuilder out, String form, Object... values) {
    out.append(String.format(Locale.ROOT, form, values));
  }
}
