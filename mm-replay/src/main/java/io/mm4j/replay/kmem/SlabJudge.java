// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Judges the slab allocator of a machine by what a kernel has recorded.
 *
 * <ul>
 *   <li>{@code kmalloc_class}: every recorded kmalloc is made, and freed when its object was; what
 *       {@code ksize()} says of the object is to be what the kernel gave.
 *   <li>{@code cache_geometry}: every cache of {@code slab_sysfs.tsv} is created, or found if it is
 *       kmalloc's, one object of it is allocated, and its numbers are compared; so are objects and
 *       pages of a slab in each slabinfo, and the sizes of each cache that the stream names.
 * </ul>
 *
 * <p>An object of more than 8 KiB is traced twice; the stream itself ends the first life.
 */
final class SlabJudge {
  private static final String NO_FLOOR =
      "needs the slab floor: io.mm4j:mm-slab, or another jar with a provider of slab";

  /** What of the recorded flags a request of kmalloc keeps: not where user pages come from. */
  private static final int KEPT =
      0x7f_ffff & ~(Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE | Gfp.__GFP_NOFAIL);

  private final KmemSource source;
  private final Machine machine;
  private final SlabAllocator slabs;
  private final Map<String, KmemCache> byName = new HashMap<>();

  /** What one object came to, by name: objects and pages of its slab. */
  private final Map<String, RecordedCache> sheet = new HashMap<>();

  private long geometryTotal;
  private long geometryEqual;
  private @Nullable FirstDifference first;

  /** What came out. */
  record Result(
      CheckResult kmalloc, CheckResult geometry, @Nullable FirstDifference firstDifference) {}

  private SlabJudge(KmemSource source, Machine machine) {
    this.source = source;
    this.machine = machine;
    this.slabs = machine.slabs();
    slabs.caches().forEach(cache -> byName.put(cache.name(), cache));
  }

  /**
   * Boots a machine with the recording's zones, all of its memory free, and judges.
   *
   * @param config of which layout, contents and free memory are set here
   */
  static Result judge(KmemSource source, RecordedZones zones, MachineConfig config) {
    try (Machine machine =
        config.layout(zones.layout()).contents(true).releaseMemory(true).boot()) {
      PluginSpec plugin = machine.plugins().get(Spi.SLAB);
      if (plugin == null) {
        return skipped(NO_FLOOR);
      }
      if (!machine.slabCapabilities().orElseThrow().linuxGeometry()) {
        return skipped("not judged: slab=" + plugin.name() + " has sizes of its own");
      }
      SlabJudge judge = new SlabJudge(source, machine);
      judge.sheet();
      judge.slabinfo("snap/slabinfo.before");
      judge.slabinfo("snap/slabinfo.after");
      CheckResult kmalloc = judge.stream();
      machine.slabs().validate();
      CheckResult geometry =
          judge.geometryTotal == 0
              ? CheckResult.skipped(
                  KmemChecks.CACHE_GEOMETRY, "the recording says nothing of caches")
              : CheckResult.judged(
                  KmemChecks.CACHE_GEOMETRY, judge.geometryTotal, judge.geometryEqual);
      return new Result(kmalloc, geometry, judge.first);
    }
  }

  private static Result skipped(String reason) {
    return new Result(
        CheckResult.skipped(KmemChecks.KMALLOC_CLASS, reason),
        CheckResult.skipped(KmemChecks.CACHE_GEOMETRY, reason),
        null);
  }

  private void compared(boolean equal, String check, long line, String what, String evidence) {
    if (!equal && first == null) {
      first = new FirstDifference(check, line, 0, what, List.of(evidence));
    }
  }

  private void geometry(boolean equal, long line, String what, String evidence) {
    geometryTotal++;
    geometryEqual += equal ? 1 : 0;
    compared(equal, KmemChecks.CACHE_GEOMETRY, line, what, evidence);
  }

  /** Every cache of the recorded machine. */
  private void sheet() {
    Cpu cpu = machine.cpus().get(0);
    long line = 1;
    for (RecordedCache recorded : RecordedCache.read(source)) {
      line++;
      KmemCache known = byName.get(recorded.name());
      KmemCache cache = known == null ? slabs.kmemCacheCreate(recorded.args()) : known;
      long object = slabs.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
      CacheStats stats = cache.stats();
      // What a slab really is, once there is one: a machine may be too small.
      boolean any = object != SlabAllocator.NO_OBJECT;
      int order = any ? Long.numberOfTrailingZeros(stats.pages()) : cache.order();
      int objects = any ? (int) stats.objects() : cache.objectsPerSlab();
      String ours =
          RecordedCache.numbers(
              cache.objectBytes(),
              cache.size(),
              order,
              objects,
              cache.minPartial(),
              cache.cpuPartial());
      slabs.kmemCacheFree(cpu, cache, object);
      boolean same =
          ours.equals(recorded.numbers())
              && cache.order() == order
              && cache.objectsPerSlab() == objects;
      geometry(
          same,
          line,
          "cache " + recorded.name() + ": slab_sysfs.tsv and ours differ",
          "recorded " + recorded.numbers() + "; ours " + ours);
      if (known == null) {
        slabs.kmemCacheDestroy(cpu, cache);
      } else {
        long _ = slabs.kmemCacheShrink(cpu, cache);
      }
      sheet.putIfAbsent(
          recorded.name(),
          new RecordedCache(
              recorded.name(),
              cache.objectBytes(),
              cache.size(),
              cache.objectsPerSlab(),
              cache.order(),
              cache.align(),
              cache.cpuPartial(),
              cache.minPartial(),
              recorded.args()));
    }
  }

  /** Object size, objects and pages of a slab, of every line of a slabinfo. */
  private void slabinfo(String file) {
    List<String> lines = source.lines(file);
    if (lines == null) {
      return;
    }
    for (int i = 0; i < lines.size(); i++) {
      String[] words = lines.get(i).strip().split("\\s+");
      boolean row = words.length > 6 && words[6].equals(":") && words[3].matches("[0-9]{1,7}");
      if (row && !words[0].startsWith("#")) {
        slabinfo(i + 1, file, words);
      }
    }
  }

  private void slabinfo(long line, String file, String... words) {
    int size = Integer.parseInt(words[3]);
    if (size < 1) {
      return;
    }
    RecordedCache known = sheet.get(words[0]);
    int objects;
    int order;
    int ourSize = size;
    if (known != null) {
      objects = known.objects();
      order = known.order();
      ourSize = known.slabSize();
    } else {
      KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of(words[0], size).withAlign(8));
      objects = cache.objectsPerSlab();
      order = cache.order();
      slabs.kmemCacheDestroy(machine.cpus().get(0), cache);
    }
    String recorded = size + " " + words[4] + " " + words[5];
    String ours = ourSize + " " + objects + " " + (1 << order);
    geometry(
        recorded.equals(ours),
        line,
        "cache " + words[0] + ": " + file + " and ours differ",
        "objsize objperslab pagesperslab: recorded " + recorded + "; ours " + ours);
  }

  /** The stream of allocations. */
  private CheckResult stream() {
    SlabTrace opened = SlabTrace.open(source);
    if (opened == null) {
      return CheckResult.skipped(
          KmemChecks.KMALLOC_CLASS, "the recording has no " + SlabTrace.FILE);
    }
    long total = 0;
    long equal = 0;
    long[] live = new long[1 << 12];
    try (SlabTrace event = opened) {
      while (event.next()) {
        Cpu cpu = machine.cpus().get(event.cpu() % machine.cpus().count());
        int object = event.op() == 'C' ? 0 : event.object();
        if (object >= live.length) {
          live = Arrays.copyOf(live, Math.max(object + 1, live.length * 2));
        }
        switch (event.op()) {
          case 'C' -> definition(event);
          case 'k' -> {
            long paddr = slabs.kmalloc(cpu, event.bytesReq(), event.gfp() & KEPT);
            boolean same = slabs.ksize(paddr) == event.bytesAlloc();
            total++;
            equal += same ? 1 : 0;
            compared(
                same,
                KmemChecks.KMALLOC_CLASS,
                event.line(),
                "kmalloc of " + event.bytesReq() + " bytes",
                "the kernel gave " + event.bytesAlloc() + ", ours has " + slabs.ksize(paddr));
            if (object == 0) {
              slabs.kfree(cpu, paddr); // the kernel's request failed
            } else {
              slabs.kfree(cpu, live[object]);
              live[object] = paddr;
            }
          }
          case 'K', '~' -> {
            if (object != 0) {
              slabs.kfree(cpu, live[object]);
              live[object] = SlabAllocator.NO_OBJECT;
            }
          }
          default -> {}
        }
      }
    }
    machine.slabs().validate();
    for (long paddr : live) {
      slabs.kfree(machine.cpus().get(0), paddr);
    }
    return CheckResult.judged(KmemChecks.KMALLOC_CLASS, total, equal);
  }

  /** A cache of the stream: the sizes that its objects had. */
  private void definition(SlabTrace event) {
    RecordedCache known = sheet.get(event.name());
    if (event.bytesAlloc() == 0 || known == null) {
      return; // only frees were seen so far, or nothing is known of its flags
    }
    String recorded = event.bytesReq() + " " + event.bytesAlloc();
    String ours = known.objectSize() + " " + known.slabSize();
    geometry(
        recorded.equals(ours),
        event.line(),
        "cache " + event.name() + " of the stream and ours differ",
        "object_size slab_size: recorded " + recorded + "; ours " + ours);
  }
}
