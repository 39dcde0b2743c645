// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Plays the slab stream of a recording on a machine with the recorded zones, all of its memory
 * free, and counts what the allocator takes for it. Nothing is judged: where objects lie, and which
 * slabs there were before, is not recorded.
 */
public final class SlabReplay {
  /** The caches whose growth slabinfo shows best: their frees are all recorded. */
  private static final List<String> SHOWN =
      List.of("names_cache", "filp", "vm_area_struct", "anon_vma");

  private static final int KEPT =
      0x7f_ffff & ~(Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE | Gfp.__GFP_NOFAIL);

  private final KmemSource source;
  private final Machine machine;
  private final SlabAllocator slabs;
  private final Map<String, RecordedCache> recorded = new HashMap<>();
  private final Map<String, KmemCache> byName = new HashMap<>();
  private @Nullable KmemCache[] byId = new @Nullable KmemCache[1 << 10];
  private long[] live = new long[1 << 12];
  private int[] bytes = new int[1 << 12];
  private byte[] cpus = new byte[1 << 12];
  private final Pages pages = new Pages();

  /** Counts frames; large blocks by what the allocator says of them. */
  private static final class Pages implements SlabEvents {
    long taken;
    long back;

    @Override
    public void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      taken += 1L << order;
    }

    @Override
    public void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      back += 1L << order;
    }
  }

  private SlabReplay(KmemSource source, Machine machine) {
    this.source = source;
    this.machine = machine;
    this.slabs = machine.slabs();
    RecordedCache.read(source).forEach(cache -> recorded.putIfAbsent(cache.name(), cache));
    slabs.caches().forEach(cache -> byName.put(cache.name(), cache));
  }

  /**
   * Plays it.
   *
   * @param config the machine's plugins; the rest is set here
   * @throws InputException if the recording has no slab stream, or is not well formed
   */
  public static SlabRun run(KmemSource source, MachineConfig config) {
    RecordedZones zones = RecordedZones.read(source);
    config.layout(zones.layout()).cpus(RecordedCpus.of(source));
    try (Machine machine = config.contents(true).releaseMemory(true).boot()) {
      PluginSpec plugin = Objects.requireNonNull(machine.plugins().get(Spi.SLAB));
      return new SlabReplay(source, machine).run(plugin.name());
    }
  }

  private SlabRun run(String plugin) {
    SlabTrace opened = SlabTrace.open(source);
    if (opened == null) {
      throw new InputException(
          "the recording has no slab stream",
          source.where(SlabTrace.FILE),
          "a recording with " + SlabTrace.FILE);
    }
    long allocations = 0;
    long failures = 0;
    long remote = 0;
    long asked = 0;
    long peak = 0;
    long peakBytes = 0;
    long largeTaken = 0;
    long largeBack = 0;
    if (!slabs.watch(pages)) {
      throw new InputException(
          "it does not show when it takes pages", "slab=" + plugin, "a plugin with watch()");
    }
    try (SlabTrace event = opened) {
      while (event.next()) {
        int object = event.op() == 'C' ? 0 : event.object();
        int number = event.cpu() % machine.cpus().count();
        Cpu cpu = machine.cpus().get(number);
        room(object);
        switch (event.op()) {
          case 'C' -> define(event);
          case 'k', 's' -> {
            boolean kmalloc = event.op() == 'k';
            KmemCache cache = kmalloc ? null : byId[event.cacheId()];
            int gfp = event.gfp() & KEPT;
            long large = slabs.largePages();
            long wanted = cache == null ? event.bytesReq() : cache.objectBytes();
            long paddr;
            if (kmalloc) {
              paddr = slabs.kmalloc(cpu, event.bytesReq(), gfp);
            } else if (cache != null) {
              paddr = slabs.kmemCacheAlloc(cpu, cache, gfp & ~Gfp.__GFP_ZERO);
            } else {
              continue; // of a cache whose sizes are not known yet
            }
            allocations++;
            largeTaken += Math.max(0, slabs.largePages() - large);
            if (paddr == SlabAllocator.NO_OBJECT) {
              failures++;
            } else if (object == 0) {
              slabs.kfree(cpu, paddr); // the kernel's request failed
            } else {
              if (live[object] != 0) {
                slabs.kfree(cpu, live[object]);
                asked -= bytes[object];
              }
              live[object] = paddr;
              bytes[object] = (int) wanted;
              cpus[object] = (byte) number;
              asked += wanted;
            }
          }
          case 'K', 'S', '~' -> {
            if (object != 0 && live[object] != 0) {
              long large = slabs.largePages();
              slabs.kfree(cpu, live[object]);
              largeBack += Math.max(0, large - slabs.largePages());
              remote += cpus[object] == (byte) number ? 0 : 1;
              live[object] = SlabAllocator.NO_OBJECT;
              asked -= bytes[object];
            }
          }
          default -> {}
        }
        long held = pages.taken - pages.back + slabs.largePages();
        if (held > peak) {
          peak = held;
          peakBytes = asked;
        }
      }
    }
    long end = pages.taken - pages.back + slabs.largePages();
    SlabRun run =
        new SlabRun(
            plugin,
            allocations,
            failures,
            remote,
            pages.taken + largeTaken,
            pages.back + largeBack,
            peak,
            end,
            peakBytes,
            asked,
            growth());
    boolean _ = slabs.watch(null);
    slabs.validate();
    for (long paddr : live) {
      slabs.kfree(machine.cpus().get(0), paddr);
    }
    return run;
  }

  private void room(int object) {
    if (object >= live.length) {
      int length = Math.max(object + 1, live.length * 2);
      live = Arrays.copyOf(live, length);
      bytes = Arrays.copyOf(bytes, length);
      cpus = Arrays.copyOf(cpus, length);
    }
  }

  /** A cache of the stream, created as it was recorded, or with its size alone. */
  private void define(SlabTrace event) {
    int id = event.cacheId();
    if (id >= byId.length) {
      byId = Arrays.copyOf(byId, Math.max(id + 1, byId.length * 2));
    }
    RecordedCache known = recorded.get(event.name());
    if (byId[id] != null || (known == null && event.bytesReq() == 0)) {
      return;
    }
    KmemCache cache = byName.get(event.name());
    if (cache == null) {
      KmemCacheArgs args =
          known != null
              ? known.args()
              : KmemCacheArgs.of(event.name().replaceAll("\\s", "_"), (int) event.bytesReq());
      cache = slabs.kmemCacheCreate(args);
      byName.put(event.name(), cache);
    }
    byId[id] = cache;
  }

  private Map<String, SlabRun.Growth> growth() {
    Map<String, Long> before = pagesOf("snap/slabinfo.before");
    Map<String, Long> after = pagesOf("snap/slabinfo.after");
    Map<String, SlabRun.Growth> growth = new LinkedHashMap<>();
    for (String name : SHOWN) {
      Long then = before.get(name);
      Long now = after.get(name);
      KmemCache cache = byName.get(name);
      if (then != null && now != null) {
        long ours = cache == null ? 0 : cache.stats().pages();
        growth.put(name, new SlabRun.Growth(now - then, ours));
      }
    }
    return growth;
  }

  /** {@code num_slabs * pagesperslab} of each line of a slabinfo. */
  private Map<String, Long> pagesOf(String file) {
    Map<String, Long> pages = new HashMap<>();
    List<String> lines = source.lines(file);
    for (String line : lines == null ? List.<String>of() : lines) {
      String[] words = line.strip().split("\\s+", -1);
      if (words.length > 14 && words[5].matches("[0-9]{1,7}") && words[14].matches("[0-9]{1,9}")) {
        pages.put(words[0], Long.parseLong(words[5]) * Long.parseLong(words[14]));
      }
    }
    return pages;
  }
}
