// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What becomes of objects: destroyed, in bulk, on other CPUs, resized, freed by mistake. */
public final class CaseRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  static final Pattern NAMED_OBJECT = Pattern.compile("\\bobject=0x([0-9a-f]+)");

  private CaseRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        rule(
            "SL-09",
            "destroy-with-objects",
            "A cache with live objects is not destroyed: MisuseException that says how many there"
                + " are, its objects stay, it can still be used; when all are freed it can be"
                + " destroyed, and all frames return.",
            "A destroyed cache takes what is in it along.",
            "mm/slab_common.c kmem_cache_destroy; slub_kunit test_leak_destroy",
            "objects that a CPU keeps count as live, or live ones do not count",
            Aspect.CONTENTS,
            CaseRules::destroy),
        rule(
            "SL-10",
            "bulk-equals-single",
            "kmem_cache_alloc_bulk gives as many objects as asked for, all different, or none and"
                + " nothing is lost; kmem_cache_free_bulk gives back each of them.",
            "Network drivers take 64 at a time.",
            "mm/slub.c kmem_cache_alloc_bulk; KFENCE test_memcache_alloc_bulk, test_free_bulk",
            "a bulk that fails half way keeps what it had",
            Aspect.OVERLAP,
            CaseRules::bulk),
        rule(
            "SL-11",
            "remote-free",
            "Objects that are freed on another CPU are used again by either CPU, and no frame is"
                + " lost.",
            "Most objects of a kernel are freed elsewhere.",
            "mm/slub.c __slab_free",
            "the other CPU's object goes to a list that nobody takes from",
            Aspect.OVERLAP,
            CaseRules::remote),
        rule(
            "SL-12",
            "krealloc",
            "krealloc keeps what is in the object up to the smaller size, gives the same object"
                + " as long as it has room, is kmalloc for none and"
                + " kfree for 0 bytes, and with __GFP_ZERO what is added reads as zeroes.",
            "Growing buffers are copied once, and completely.",
            "mm/slub.c __do_krealloc; KASAN krealloc_more_oob, krealloc_less_oob; KFENCE"
                + " test_krealloc",
            "the smaller or larger of two sizes is copied, or the old object is not freed",
            Aspect.CONTENTS,
            CaseRules::krealloc),
        rule(
            "SL-13",
            "double-free",
            "An object that is free is not freed again, whoever freed it and whatever was freed"
                + " since: MisuseException, and nothing changes.",
            "Otherwise two holders get the same object.",
            "KASAN kmem_cache_double_free, kmalloc_double_kzfree; KFENCE test_double_free;"
                + " CONFIG_SLAB_FREELIST_HARDENED",
            "only the object that was freed last is looked at",
            Aspect.OVERLAP,
            CaseRules::doubleFree),
        rule(
            "SL-14",
            "foreign-pointer",
            "What is no live object is not freed: a place within an object, a frame of somebody"
                + " else, an address beyond RAM, an object of another cache, and what lies behind"
                + " an object, which is not said to be in it; MisuseException, which names no other"
                + " object than the one that the place is in, and nothing changes.",
            "A wild pointer must not become a free object.",
            "KASAN kmem_cache_invalid_free, kmalloc_large_invalid_free; KFENCE"
                + " test_invalid_addr_free",
            "only the frame is looked at and not the object",
            Aspect.CONTENTS,
            CaseRules::foreign),
        rule(
            "SL-15",
            "nothing-at-all",
            "kmalloc(0) gives ZERO_SIZE_PTR; kfree of it and of none does nothing, ksize is 0,"
                + " krealloc of it is kmalloc.",
            "Lengths of 0 happen.",
            "include/linux/slab.h ZERO_SIZE_PTR",
            "0 bytes take the smallest class, or the pointer is looked up",
            Aspect.OVERLAP,
            CaseRules::nothing));
  }

  static Rule<SlabAllocatorProvider> rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      Aspect aspect,
      SlabRule.Body body) {
    return SlabRule.of(
        new RuleInfo(id, name, statement, why, behind, failure),
        Needs.NOTHING,
        Set.of(aspect),
        body);
  }

  /** Runs what must be refused. */
  static void refused(String what, Runnable call) {
    String _ = refusal(what, call);
  }

  /** What a call says that is refused. */
  static String refusal(String what, Runnable call) {
    try {
      call.run();
    } catch (MisuseException e) {
      return String.valueOf(e.getMessage());
    }
    throw new RuleViolation("MisuseException from " + what, "no exception");
  }

  static Cache cache(SlabSubject s, Seeded random, String name) {
    return s.create(
        KmemCacheArgs.of(name, SlabOp.size(random, 1500)).withFlags(SlabFlags.SLAB_NO_MERGE));
  }

  static List<Live> some(SlabSubject s, Cache cache, int count) {
    List<Live> objects = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Live object = s.enter(s.slabs.kmemCacheAlloc(s.cpu(i), cache.cache, GFP), cache, GFP);
      check(object != null, "an object of a machine with free memory", "none");
      if (object != null) {
        objects.add(object);
      }
    }
    return objects;
  }

  private static void destroy(SlabSubject s, Seeded random) {
    Cache cache = cache(s, random, "doomed");
    List<Live> objects = some(s, cache, random.between(1, 100));
    int kept = Math.min(objects.size(), random.between(1, 5));
    for (int i = objects.size() - 1; i >= kept; i--) {
      s.free(random.below(2), objects.get(i));
    }
    inUse(s, cache, kept);
    s.validate();
    s.contents(objects.getFirst(), Long.MAX_VALUE);
    some(s, cache, 3);
    s.empty();
  }

  /** It is refused, and the message says how many objects are in use. */
  private static void inUse(SlabSubject s, Cache cache, int count) {
    try {
      s.slabs.kmemCacheDestroy(s.cpu(0), cache.cache);
    } catch (MisuseException e) {
      String text = String.valueOf(e.getMessage());
      boolean says = Pattern.compile("(?<![-\\w])" + count + "\\b").matcher(text).find();
      check(says, "a refusal that says that there are " + count, text);
      return;
    }
    throw new RuleViolation("MisuseException from destroying a cache with objects", "none");
  }

  private static void bulk(SlabSubject s, Seeded random) {
    Cache cache = cache(s, random, "bulk");
    long[] objects = new long[random.between(1, 300)];
    int got = s.slabs.kmemCacheAllocBulk(s.cpu(0), cache.cache, GFP, objects, objects.length);
    checkEqual(objects.length, got, "objects of a bulk");
    for (long object : objects) {
      s.enter(object, cache, GFP);
    }
    for (Live object : List.copyOf(s.held)) {
      s.leave(object);
    }
    s.slabs.kmemCacheFreeBulk(s.cpu(1), cache.cache, objects, objects.length);
    Set<Long> again = new HashSet<>();
    for (Live object : some(s, cache, objects.length)) {
      again.add(object.paddr());
    }
    checkEqual(objects.length, again.size(), "different objects after a bulk free");
    if (random.oneIn(4)) { // it takes all memory, which takes a while
      Cache pages = s.create(KmemCacheArgs.of("pages", 4096).withFlags(SlabFlags.SLAB_NO_MERGE));
      long[] tooMany = new long[20 << 20 >>> 12];
      checkEqual(
          0,
          s.slabs.kmemCacheAllocBulk(s.cpu(0), pages.cache, GFP, tooMany, tooMany.length),
          "objects of a bulk that is larger than the machine");
    }
    s.empty();
  }

  private static void remote(SlabSubject s, Seeded random) {
    Cache cache = cache(s, random, "remote");
    int count = random.between(10, 200);
    long after = 0;
    for (int round = 0; round < 6; round++) {
      List<Live> objects = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        Live object = s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, GFP), cache, GFP);
        check(object != null, "an object", "none in round " + round);
        if (object != null) {
          objects.add(object);
        }
      }
      for (Live object : objects) {
        s.free(1, object);
      }
      s.validate();
      long pages = cache.cache.stats().pages();
      after = round == 2 ? pages : after;
      check(
          round < 3 || pages <= after + 64,
          "no more slabs each time: " + after + " frames after three rounds",
          pages + " frames");
    }
    s.empty();
  }

  private static void krealloc(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    int bytes = SlabOp.size(random, 9000);
    used(s, bytes);
    long first = slabs.krealloc(s.cpu(0), SlabAllocator.NO_OBJECT, bytes, GFP | Gfp.__GFP_ZERO);
    check(slabs.ksize(first) >= bytes, "an object for krealloc of none", "" + first);
    for (int at = 0; at < bytes; at++) {
      checkEqual(0, s.machine.memory().getByte(first + at), "byte " + at + " of krealloc of none");
      s.machine.memory().putByte(first + at, (byte) (at * 13 + 1));
    }
    for (int i = 0; i < 12; i++) {
      boolean near = random.oneIn(3);
      int next = near ? bytes + random.between(1, 8) : SlabOp.size(random, 9000);
      used(s, next);
      first = slabs.krealloc(s.cpu(i), first, next, GFP | Gfp.__GFP_ZERO);
      check(slabs.ksize(first) >= next, "room for " + next + " bytes", slabs.ksize(first) + "");
      for (int at = 0; at < next; at++) {
        int wanted = at < bytes ? (byte) (at * 13 + 1) : 0;
        checkEqual(
            wanted,
            s.machine.memory().getByte(first + at),
            "byte " + at + " after krealloc from " + bytes + " to " + next);
        s.machine.memory().putByte(first + at, (byte) (at * 13 + 1));
      }
      bytes = next;
      long all = slabs.kmallocSizeRoundup(bytes);
      long same = slabs.krealloc(s.cpu(i), first, all, GFP | Gfp.__GFP_ZERO);
      checkEqual(first, same, "krealloc from " + bytes + " to the " + all + " bytes that it has");
      first = slabs.krealloc(s.cpu(i), first, bytes, GFP | Gfp.__GFP_ZERO);
      checkEqual(same, first, "krealloc back to " + bytes);
    }
    checkEqual(
        SlabAllocator.ZERO_SIZE_PTR, slabs.krealloc(s.cpu(0), first, 0, GFP), "krealloc to 0");
    s.empty();
  }

  /** Somebody had memory for objects of this size, and left it full. */
  private static void used(SlabSubject s, int bytes) {
    long object = s.slabs.kmalloc(s.cpu(0), bytes + 1L, GFP);
    if (object != SlabAllocator.NO_OBJECT) {
      MemorySegment _ = s.machine.memory().ram().asSlice(object, bytes + 1L).fill((byte) -1);
      s.slabs.kfree(s.cpu(0), object);
    }
  }

  private static void doubleFree(SlabSubject s, Seeded random) {
    Cache cache = cache(s, random, "twice");
    List<Live> objects = some(s, cache, random.between(3, 120));
    List<Live> gone = new ArrayList<>();
    for (int i = 0; i < objects.size(); i += random.between(1, 3)) {
      gone.add(objects.get(i));
      s.free(random.below(2), objects.get(i));
    }
    for (int i = 0; i < 8; i++) {
      Live object = gone.get(random.below(gone.size()));
      int cpu = random.below(2);
      refused(
          "a double free", () -> s.slabs.kmemCacheFree(s.cpu(cpu), cache.cache, object.paddr()));
      refused("a double free", () -> s.slabs.kfree(s.cpu(cpu), object.paddr()));
    }
    long small = s.slabs.kmalloc(s.cpu(0), random.between(1, 8192), GFP);
    long large = s.slabs.kmalloc(s.cpu(0), 20_000, GFP);
    s.slabs.kfree(s.cpu(0), small);
    s.slabs.kfree(s.cpu(1), large);
    refused("a double free of kmalloc", () -> s.slabs.kfree(s.cpu(1), small));
    refused("a double free of a large block", () -> s.slabs.kfree(s.cpu(0), large));
    s.validate();
    some(s, cache, gone.size() + 5);
    s.empty();
  }

  private static void foreign(SlabSubject s, Seeded random) {
    Cache cache = cache(s, random, "mine");
    Cache other = cache(s, random, "other");
    List<Live> mine = some(s, cache, random.between(1, 40));
    Live object = mine.getLast();
    Live theirs = some(s, other, 1).getFirst();
    long page = s.machine.pages().allocPages(s.cpu(0), GFP, 0) << 12;
    long large = s.slabs.kmalloc(s.cpu(0), 30_000, GFP);
    boolean names = within(s, random, object);
    for (int i = 0; i < 6; i++) {
      boolean named = within(s, random, mine.get(random.below(mine.size())));
      check(named == names, "the object of each such place named, or of none", "some");
      int cpu = random.below(2);
      long inLarge = large + 8 + random.below(30_000 - 8);
      refused("freeing a place within a large block", () -> s.slabs.kfree(s.cpu(cpu), inLarge));
    }
    behind(s, random);
    refused("freeing a page of another holder", () -> s.slabs.kfree(s.cpu(0), page));
    refused("freeing beyond RAM", () -> s.slabs.kfree(s.cpu(0), 1L << 40));
    refused("freeing a negative address", () -> s.slabs.kfree(s.cpu(0), -8));
    refused(
        "freeing an object of another cache",
        () -> s.slabs.kmemCacheFree(s.cpu(0), cache.cache, theirs.paddr()));
    refused(
        "freeing a large block as an object",
        () -> s.slabs.kmemCacheFree(s.cpu(0), cache.cache, large));
    refused("ksize of a place within an object", () -> s.slabs.ksize(object.paddr() + 1));
    s.validate();
    s.slabs.kfree(s.cpu(0), large);
    s.machine.pages().freePages(s.cpu(0), page >>> 12, 0);
    for (int i = 0; i < s.held.size(); i++) {
      s.contents(s.held.get(i), Long.MAX_VALUE);
    }
    s.empty();
  }

  /**
   * A place within an object is not freed; a refusal that names an object names this one.
   *
   * @return whether it does
   */
  static boolean within(SlabSubject s, Seeded random, Live object) {
    long place = object.paddr() + 1 + random.below(Math.max(1, object.bytes() - 1));
    int cpu = random.below(2);
    String text =
        refusal("freeing a place within an object", () -> s.slabs.kfree(s.cpu(cpu), place));
    Matcher named = NAMED_OBJECT.matcher(text);
    boolean found = named.find();
    if (found) {
      checkEqual(object.paddr(), Long.parseLong(named.group(1), 16), "object that is named");
    }
    return found;
  }

  /** What lies between two objects is in neither, and a refusal must not say so. */
  private static void behind(SlabSubject s, Seeded random) {
    int bytes = 8 * random.between(3, 40) - random.between(1, 7);
    Cache odd = s.create(KmemCacheArgs.of("odd", bytes).withFlags(SlabFlags.SLAB_NO_MERGE));
    Live object = some(s, odd, 1).getFirst();
    String name = String.format("0x%x", object.paddr());
    try {
      s.slabs.kfree(s.cpu(0), object.end());
    } catch (MisuseException e) {
      String text = e.getMessage() == null ? "" : e.getMessage();
      check(
          !Pattern.compile("\\b" + name + "\\b").matcher(text).find()
              && !NAMED_OBJECT.matcher(text).find(),
          String.format("0x%x, behind %s of %d bytes, is in no object", object.end(), name, bytes),
          text);
      return;
    }
    throw new RuleViolation("MisuseException from freeing what is behind an object", "none");
  }

  private static void nothing(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    long zero = slabs.kmalloc(s.cpu(0), 0, GFP);
    checkEqual(SlabAllocator.ZERO_SIZE_PTR, zero, "kmalloc(0)");
    checkEqual(0, slabs.ksize(zero), "ksize of it");
    checkEqual(0, slabs.ksize(SlabAllocator.NO_OBJECT), "ksize of none");
    checkEqual(0, slabs.kmallocSizeRoundup(0), "kmalloc_size_roundup(0)");
    slabs.kfree(s.cpu(0), zero);
    slabs.kfree(s.cpu(1), zero);
    slabs.kfree(s.cpu(0), SlabAllocator.NO_OBJECT);
    Cache cache = cache(s, random, "none");
    slabs.kmemCacheFree(s.cpu(0), cache.cache, SlabAllocator.NO_OBJECT);
    checkEqual(zero, slabs.krealloc(s.cpu(0), zero, 0, GFP), "krealloc of it to 0");
    int bytes = SlabOp.size(random, 5000);
    s.enter(slabs.krealloc(s.cpu(0), zero, bytes, GFP), bytes, null, GFP);
    check(s.slabs.kmalloc(s.cpu(0), -1, GFP) == 0, "no object of -1 bytes", "an object");
    s.empty();
  }
}
