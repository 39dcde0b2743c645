// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * {@code /proc/slabinfo} and {@code /sys/kernel/slab}: {@code slab_show()} of mm/slab_common.c and
 * the attributes of mm/slub.c (Linux 6.18). Of the attributes there are those that say what a cache
 * is; those that count by node are not made.
 */
public final class SlabFiles {
  /** The first of them. */
  static final String SLABINFO = "/proc/slabinfo";

  /** Where the others are. */
  static final String SYSFS = "/sys/kernel/slab/";

  private static final Map<String, Function<KmemCache, Object>> ATTRIBUTES = new LinkedHashMap<>();

  static {
    ATTRIBUTES.put("align", KmemCache::align);
    ATTRIBUTES.put("aliases", KmemCache::aliases);
    ATTRIBUTES.put("cache_dma", flag(SlabFlags.SLAB_CACHE_DMA));
    ATTRIBUTES.put("cpu_partial", KmemCache::cpuPartial);
    ATTRIBUTES.put("destroy_by_rcu", flag(SlabFlags.SLAB_TYPESAFE_BY_RCU));
    ATTRIBUTES.put("hwcache_align", flag(SlabFlags.SLAB_HWCACHE_ALIGN));
    ATTRIBUTES.put("min_partial", KmemCache::minPartial);
    ATTRIBUTES.put("object_size", KmemCache::objectBytes);
    ATTRIBUTES.put("objs_per_slab", KmemCache::objectsPerSlab);
    ATTRIBUTES.put("order", KmemCache::order);
    ATTRIBUTES.put("poison", flag(SlabFlags.SLAB_POISON));
    ATTRIBUTES.put("reclaim_account", flag(SlabFlags.SLAB_RECLAIM_ACCOUNT));
    ATTRIBUTES.put("red_zone", flag(SlabFlags.SLAB_RED_ZONE));
    ATTRIBUTES.put("sanity_checks", flag(SlabFlags.SLAB_CONSISTENCY_CHECKS));
    ATTRIBUTES.put("slab_size", KmemCache::size);
    ATTRIBUTES.put("store_user", flag(SlabFlags.SLAB_STORE_USER));
    ATTRIBUTES.put("usersize", KmemCache::usersize);
  }

  private SlabFiles() {}

  private static Function<KmemCache, Object> flag(int bit) {
    return cache -> (cache.flags() & bit) != 0 ? 1 : 0;
  }

  /** What can be named, for help and messages. */
  static String allowed() {
    return SYSFS + "CACHE/{" + String.join(",", ATTRIBUTES.keySet()) + "}";
  }

  /** Whether there is such an attribute; whether the cache exists is seen later. */
  static boolean isAttribute(String path) {
    String[] parts = parts(path);
    return parts.length == 2 && ATTRIBUTES.containsKey(parts[1]);
  }

  private static String[] parts(String path) {
    return path.startsWith(SYSFS) ? path.substring(SYSFS.length()).split("/", -1) : new String[0];
  }

  /** The text of an attribute. */
  static String attribute(String path, MachineView view) {
    String[] parts = parts(path);
    SlabAllocator slabs = view.slabAllocator();
    for (KmemCache cache : slabs.caches()) {
      boolean meant =
          cache.name().equals(parts[0])
              || uniqueId(cache).equals(parts[0])
              || slabs.aliasesOf(cache).contains(parts[0]);
      if (meant) {
        Function<KmemCache, Object> attribute = ATTRIBUTES.get(parts[1]);
        return attribute == null ? "" : attribute.apply(cache) + "\n";
      }
    }
    List<String> names = slabs.caches().stream().map(KmemCache::name).sorted().toList();
    throw new InputException(
        "there is no cache '" + parts[0] + "'" + Nearest.hint(parts[0], names),
        path,
        String.join(", ", names));
  }

  /**
   * {@code create_unique_id()}: the name of the folder of a cache that may be shared; its own name
   * if it may not.
   */
  private static String uniqueId(KmemCache cache) {
    boolean own =
        (cache.flags() & SlabFlags.SLAB_NEVER_MERGE) != 0
            || cache.ctor() != null
            || cache.usersize() != 0;
    if (own) {
      return cache.name();
    }
    StringBuilder id = new StringBuilder(":");
    letter(id, cache, SlabFlags.SLAB_CACHE_DMA, 'd');
    letter(id, cache, SlabFlags.SLAB_CACHE_DMA32, 'D');
    letter(id, cache, SlabFlags.SLAB_RECLAIM_ACCOUNT, 'a');
    letter(id, cache, SlabFlags.SLAB_CONSISTENCY_CHECKS, 'F');
    letter(id, cache, SlabFlags.SLAB_ACCOUNT, 'A');
    if (id.length() > 1) {
      id.append('-');
    }
    return id.append(String.format(Locale.ROOT, "%07d", cache.size())).toString();
  }

  private static void letter(StringBuilder id, KmemCache cache, int flag, char letter) {
    if ((cache.flags() & flag) != 0) {
      id.append(letter);
    }
  }

  static String slabinfo(MachineView view) {
    StringBuilder out = new StringBuilder("slabinfo - version: 2.1\n");
    out.append("# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>")
        .append(" : tunables <limit> <batchcount> <sharedfactor>")
        .append(" : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    view.slabAllocator().caches().forEach(cache -> out.append(row(cache)).append('\n'));
    return out.toString();
  }

  /** A cache's line of slabinfo. */
  public static String row(KmemCache cache) {
    CacheStats stats = cache.stats();
    KmemCache.Tunables tunables = cache.tunables();
    return String.format(
        Locale.ROOT,
        "%-17s %6d %6d %6d %4d %4d : tunables %4d %4d %4d : slabdata %6d %6d %6d",
        cache.name(),
        stats.activeObjects(),
        stats.objects(),
        cache.size(),
        cache.objectsPerSlab(),
        1 << cache.order(),
        tunables.limit(),
        tunables.batchCount(),
        tunables.sharedFactor(),
        stats.activeSlabs(),
        stats.slabs(),
        cache.sharedAvailable());
  }
}
