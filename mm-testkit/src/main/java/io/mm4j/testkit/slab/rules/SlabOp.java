// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.ArrayList;
import java.util.List;

/** The operations on a slab allocator. */
sealed interface SlabOp extends Operation<SlabSubject> {
  /** Creates a cache. */
  record Create(int bytes, int align, int flags, boolean ctor, int sheaf) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      if (s.caches.size() < 12) {
        KmemCacheArgs args =
            KmemCacheArgs.of("cache-" + s.caches.size(), bytes)
                .withAlign(align)
                .withFlags(flags)
                .withSheaves(sheaf);
        s.create(ctor ? args.withCtor(paddr -> s.construct(paddr, bytes)) : args);
      }
    }

    @Override
    public String toString() {
      return "kmem_cache_create bytes="
          + bytes
          + " align="
          + align
          + " "
          + SlabFlags.format(flags)
          + (ctor ? " ctor" : "")
          + (sheaf > 0 ? " sheaf=" + sheaf : "");
    }
  }

  /** Allocates some objects of a cache, one after the other. */
  record Allocate(int cpu, int cache, int gfp, int count) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      if (s.caches.isEmpty()) {
        return;
      }
      Cache of = s.caches.get(cache % s.caches.size());
      int flags = of.args.ctor() == null ? gfp : gfp & ~Gfp.__GFP_ZERO;
      for (int i = 0; i < count; i++) {
        if (s.enter(s.slabs.kmemCacheAlloc(s.cpu(cpu), of.cache, flags), of, flags) == null) {
          return;
        }
      }
    }

    @Override
    public List<SlabOp> simpler() {
      return count == 1
          ? List.of()
          : List.of(new Allocate(cpu, cache, gfp, 1), new Allocate(cpu, cache, gfp, count / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: kmem_cache_alloc cache#%d %s x%d", cpu & 1, cache, Gfp.format(gfp), count);
    }
  }

  /** kmalloc. */
  record Kmalloc(int cpu, int bytes, int gfp) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      s.enter(s.slabs.kmalloc(s.cpu(cpu), bytes, gfp), bytes, null, gfp);
    }

    @Override
    public String toString() {
      return String.format("cpu%d: kmalloc %d %s", cpu & 1, bytes, Gfp.format(gfp));
    }
  }

  /** Frees some objects, one after the other, on any CPU. */
  record Free(int cpu, int number, int count) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      for (int i = 0; i < count; i++) {
        Live object = s.pick(number + i);
        if (object != null) {
          s.free(cpu, object);
        }
      }
    }

    @Override
    public List<SlabOp> simpler() {
      return count == 1 ? List.of() : List.of(new Free(cpu, number, 1));
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": kfree held#" + number + " x" + count;
    }
  }

  /** krealloc. */
  record Krealloc(int cpu, int number, int bytes) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      Live object = s.pick(number);
      if (object == null || object.cache() != null) {
        return;
      }
      long paddr = s.slabs.krealloc(s.cpu(cpu), object.paddr(), bytes, Gfp.GFP_KERNEL);
      if (paddr == SlabAllocator.NO_OBJECT) {
        return; // it is as it was
      }
      Live moved = new Live(paddr, object.bytes(), null, object.pattern());
      s.contents(moved, bytes);
      s.leaveQuietly(object);
      if (paddr == object.paddr()) {
        s.stay(paddr, bytes); // aligned as what was first asked for
      } else {
        s.enter(paddr, bytes, null, Gfp.GFP_KERNEL);
      }
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": krealloc held#" + number + " " + bytes;
    }
  }

  /** Allocates many at once. */
  record Bulk(int cpu, int cache, int count) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      if (s.caches.isEmpty()) {
        return;
      }
      Cache of = s.caches.get(cache % s.caches.size());
      long[] objects = new long[count];
      int got = s.slabs.kmemCacheAllocBulk(s.cpu(cpu), of.cache, Gfp.GFP_KERNEL, objects, count);
      check(got == 0 || got == count, "all or none of " + count, "" + got);
      for (int i = 0; i < got; i++) {
        check(objects[i] != SlabAllocator.NO_OBJECT, "an object in each place", "none in " + i);
        s.enter(objects[i], of, Gfp.GFP_KERNEL);
      }
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": kmem_cache_alloc_bulk cache#" + cache + " " + count;
    }
  }

  /** Frees many at once, of any caches. */
  record FreeBulk(int cpu, int count) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      int some = Math.min(count, s.held.size());
      long[] objects = new long[some];
      for (int i = 0; i < some; i++) {
        Live object = s.held.getLast();
        s.leave(object);
        objects[i] = object.paddr();
      }
      s.slabs.kmemCacheFreeBulk(s.cpu(cpu), null, objects, some);
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": kfree_bulk " + count;
    }
  }

  /** Shrinks a cache. */
  record Shrink(int cpu, int cache) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      if (!s.caches.isEmpty()) {
        Cache of = s.caches.get(cache % s.caches.size());
        long before = of.cache.stats().pages();
        long pages = s.slabs.kmemCacheShrink(s.cpu(cpu), of.cache);
        checkEqual(before - pages, of.cache.stats().pages(), "frames after a shrink");
      }
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": kmem_cache_shrink cache#" + cache;
    }
  }

  /** Destroys a cache; its objects are freed first. */
  record Destroy(int cpu, int cache) implements SlabOp {
    @Override
    public void apply(SlabSubject s) {
      if (s.caches.isEmpty()) {
        return;
      }
      Cache of = s.caches.remove(cache % s.caches.size());
      for (Live object : List.copyOf(s.held)) {
        if (object.cache() == of) {
          s.free(cpu, object);
        }
      }
      s.slabs.kmemCacheDestroy(s.cpu(cpu), of.cache);
    }

    @Override
    public String toString() {
      return "cpu" + (cpu & 1) + ": kmem_cache_destroy cache#" + cache;
    }
  }

  /** A size of an object: small ones more often, borders of classes often. */
  static int size(Seeded random, int most) {
    int exponent = random.between(3, 31 - Integer.numberOfLeadingZeros(most));
    int bytes =
        random.oneIn(3) ? (1 << exponent) + random.between(-1, 1) : random.below(2 << exponent);
    return Math.clamp(bytes, 1, most);
  }

  /** A new cache. */
  static Create create(Seeded random) {
    int flags = random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    flags |= random.oneIn(6) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    flags |= random.oneIn(6) ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0;
    flags |= random.oneIn(4) ? SlabFlags.SLAB_NO_MERGE : 0;
    int align = random.oneIn(4) ? 1 << random.between(3, 9) : 0;
    return new Create(size(random, 2000), align, flags, random.oneIn(4), random.oneIn(2) ? 16 : 0);
  }

  /** A list of everyday operations. */
  static List<Operation<SlabSubject>> everyday(Seeded random, int count) {
    List<Operation<SlabSubject>> list = new ArrayList<>();
    list.add(create(random));
    list.add(create(random));
    while (list.size() < count) {
      int cpu = random.below(2);
      int number = random.below(1000);
      int gfp = Gfp.GFP_KERNEL | (random.oneIn(3) ? Gfp.__GFP_ZERO : 0);
      list.add(
          switch (random.weighted(2, 10, 8, 12, 2, 2, 1, 1, 1)) {
            case 0 -> create(random);
            case 1 -> new Allocate(cpu, number, gfp, random.oneIn(4) ? random.between(2, 60) : 1);
            case 2 -> new Kmalloc(cpu, size(random, random.oneIn(6) ? 40_000 : 4096), gfp);
            case 3 -> new Free(cpu, number, random.oneIn(4) ? random.between(2, 60) : 1);
            case 4 -> new Krealloc(cpu, number, size(random, 4096));
            case 5 -> new Bulk(cpu, number, random.between(1, 40));
            case 6 -> new FreeBulk(cpu, random.between(1, 40));
            case 7 -> new Shrink(cpu, number);
            default -> new Destroy(cpu, number);
          });
    }
    return list;
  }
}
