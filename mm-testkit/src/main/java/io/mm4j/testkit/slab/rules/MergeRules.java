// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which of many caches share their slabs, as mm/slab_common.c decides. */
public final class MergeRules {
  private static final int NEVER =
      SlabFlags.SLAB_RED_ZONE
          | SlabFlags.SLAB_POISON
          | SlabFlags.SLAB_STORE_USER
          | SlabFlags.SLAB_TYPESAFE_BY_RCU
          | SlabFlags.SLAB_NO_MERGE;

  private static final int SAME =
      SlabFlags.SLAB_RECLAIM_ACCOUNT
          | SlabFlags.SLAB_CACHE_DMA
          | SlabFlags.SLAB_CACHE_DMA32
          | SlabFlags.SLAB_ACCOUNT;

  private MergeRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-70",
                "which-of-many-is-shared",
                "A new cache shares the slabs of the oldest one that serves it - as large and less"
                    + " than 8 bytes larger, at a distance that keeps its alignment, of the same"
                    + " kind of pages - and of no other; that one has all their names, objects of"
                    + " the largest, which are zeroed whole, and goes with the last of them.",
                "/sys/kernel/slab shows who shares.",
                "mm/slab_common.c find_mergeable, slab_unmergeable, __kmem_cache_alias,"
                    + " kmem_cache_destroy; calculate_alignment",
                "the newest is taken, or an alignment that does not fit"),
            Needs.MERGES,
            Set.of(),
            MergeRules::merges));
  }

  /** A cache and those that share it. */
  private static final class Shared {
    final KmemCacheArgs args;
    final KmemCache cache;
    final int size;
    final List<String> names = new ArrayList<>();
    int bytes;

    Shared(KmemCacheArgs args, KmemCache cache, int cpus) {
      this.args = args;
      this.cache = cache;
      this.size = new NaiveGeometry(args, args.flags(), cpus).size;
      this.bytes = args.objectBytes();
    }

    boolean serves(KmemCacheArgs other, boolean sheaves) {
      return alone(args, sheaves) == alone(other, sheaves)
          && !alone(args, sheaves)
          && ((args.flags() ^ other.flags()) & SAME) == 0
          && fits(other);
    }

    private boolean fits(KmemCacheArgs other) {
      int bytes = (other.objectBytes() + 7) / 8 * 8;
      int align = Math.max(8, other.align());
      if ((other.flags() & SlabFlags.SLAB_HWCACHE_ALIGN) != 0) {
        int line = 64;
        while (bytes * 2 <= line) {
          line /= 2;
        }
        align = Math.max(align, line);
      }
      int wanted = (bytes + align - 1) / align * align;
      return wanted <= size && size % align == 0 && size - wanted < 8;
    }
  }

  /** Whether it is shared by nobody. */
  private static boolean alone(KmemCacheArgs args, boolean sheaves) {
    return (args.flags() & NEVER) != 0
        || args.ctor() != null
        || args.usersize() != 0
        || (args.sheafCapacity() != 0 && sheaves);
  }

  private static void merges(SlabSubject s, Seeded random) {
    boolean sheaves = s.options.asMap().getOrDefault("sheaves", "linux").equals("linux");
    List<Shared> all = new ArrayList<>();
    int about = 8 * random.between(2, 40);
    for (int i = 0; i < 40; i++) {
      if (!all.isEmpty() && random.oneIn(4)) {
        destroy(s, random, all);
      } else {
        create(s, args(s, random, about, i), all, sheaves);
      }
      for (Shared each : all) {
        checkEqual(each.names.size() - 1, each.cache.aliases(), "aliases of " + each.args);
        checkEqual(each.bytes, each.cache.objectBytes(), "objectBytes of " + each.args);
      }
    }
  }

  private static KmemCacheArgs args(SlabSubject s, Seeded random, int about, int number) {
    int bytes = Math.max(1, about + random.between(-20, 20));
    int flags = random.oneIn(4) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    int kind = random.below(24);
    flags |= kind < 4 ? List.of(128, 32, 64, 512).get(kind) : 0;
    flags |= kind > 21 ? SlabFlags.SLAB_NO_MERGE : 0;
    flags |= random.oneIn(12) ? SlabFlags.SLAB_CONSISTENCY_CHECKS << random.below(4) : 0;
    flags |= random.oneIn(12) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    KmemCacheArgs args =
        KmemCacheArgs.of("merge-" + number, bytes)
            .withFlags(flags)
            .withAlign(random.oneIn(3) ? 4 << random.below(6) : 0)
            .withUser(0, random.oneIn(12) ? 1 : 0)
            .withSheaves(s.offers("sheaves") && random.oneIn(12) ? 8 : 0);
    return random.oneIn(12) ? args.withCtor(paddr -> {}) : args;
  }

  private static void create(SlabSubject s, KmemCacheArgs args, List<Shared> all, boolean sheaves) {
    Shared wanted = null;
    for (Shared each : all) {
      wanted = wanted == null && each.serves(args, sheaves) ? each : wanted;
    }
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    Shared got = find(all, cache);
    check(
        got == wanted,
        args + (wanted == null ? " of its own" : " shared with " + wanted.args),
        got == null ? "of its own" : "shared with " + got.args);
    if (got == null) {
      got = new Shared(args, cache, s.shape.cpus());
      all.add(got);
    }
    got.names.add(args.name());
    got.bytes = Math.max(got.bytes, args.objectBytes());
    List<String> names = got.names.subList(1, got.names.size());
    List<String> seen = s.slabs.aliasesOf(cache);
    check(seen.equals(names), "the names " + names, seen.toString());
    zeroed(s, got);
  }

  private static void zeroed(SlabSubject s, Shared shared) {
    if (shared.args.ctor() != null) {
      return;
    }
    long object = s.slabs.kmemCacheAlloc(s.cpu(0), shared.cache, Gfp.GFP_KERNEL);
    var _ = s.machine.memory().ram().asSlice(object, shared.bytes).fill((byte) -1);
    s.slabs.kmemCacheFree(s.cpu(0), shared.cache, object);
    long zero = s.slabs.kmemCacheAlloc(s.cpu(0), shared.cache, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO);
    for (int at = 0; at < shared.bytes; at++) {
      checkEqual(0, s.machine.memory().getByte(zero + at), "byte " + at + " of a zeroed object");
    }
    s.slabs.kmemCacheFree(s.cpu(0), shared.cache, zero);
  }

  private static @Nullable Shared find(List<Shared> all, KmemCache cache) {
    return all.stream().filter(each -> each.cache.equals(cache)).findFirst().orElse(null);
  }

  private static void destroy(SlabSubject s, Seeded random, List<Shared> all) {
    Shared gone = all.get(random.below(all.size()));
    s.slabs.kmemCacheDestroy(s.cpu(0), gone.cache);
    gone.names.removeLast();
    if (gone.names.isEmpty()) {
      all.remove(gone);
      CaseRules.refused("a second destroy", () -> s.slabs.kmemCacheDestroy(s.cpu(0), gone.cache));
    }
  }
}
