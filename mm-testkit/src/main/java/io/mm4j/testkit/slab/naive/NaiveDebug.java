// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.api.slab.SlabReport.Track;
import io.mm4j.testkit.slab.naive.NaiveCache.Slab;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Known bytes around and in objects, as mm/slub.c writes and checks them. Each finding counts
 * twice, once for the report and once for the mending, as slub_kunit counts.
 */
public class NaiveDebug {
  private static final int RED_FREE = 0xbb;
  private static final int RED_USED = 0xcc;
  private static final int PAD = 0x5a;
  private static final int POISON = 0x6b;
  private static final int POISON_END = 0xa5;

  private final NaiveSlabAllocator slabs;
  @Nullable Consumer<? super SlabReport> listener;
  private long errors;

  /** Of an allocator. */
  public NaiveDebug(NaiveSlabAllocator slabs) {
    this.slabs = slabs;
  }

  /** {@code kmem_cache_flags()}: what a text adds to the flags of a cache. */
  public static int flags(@Nullable String text, String name) {
    if (text == null) {
      return 0;
    }
    int all = text.isEmpty() || text.equals("1") ? SlabFlags.SLAB_DEBUG_FLAGS : 0;
    int named = -1;
    for (String block : text.split(";", -1)) {
      List<String> parts = List.of(block.split(",", -1));
      int flags = letters(parts.getFirst());
      if (parts.size() == 1) {
        all = block.isEmpty() ? all : flags;
      }
      for (String pattern : parts.subList(1, parts.size())) {
        int star = pattern.indexOf('*');
        boolean fits =
            star < 0 ? name.equals(pattern) : name.startsWith(pattern.substring(0, star));
        named = fits && !pattern.isEmpty() && named < 0 ? flags : named;
      }
    }
    return named < 0 ? all : named;
  }

  /** Whether caches whose slabs would grow by their marks have none. */
  public static boolean keepsOrders(@Nullable String text) {
    for (String block : text == null ? new String[0] : text.split(";", -1)) {
      if (block.split(",", -1)[0].toUpperCase(Locale.ROOT).indexOf('O') >= 0) {
        return true;
      }
    }
    return false;
  }

  private static int letters(String text) {
    int flags = text.isEmpty() || text.equals("1") ? SlabFlags.SLAB_DEBUG_FLAGS : 0;
    for (char letter : text.toUpperCase(Locale.ROOT).toCharArray()) {
      switch (letter) {
        case '-' -> flags = 0;
        case 'F' -> flags |= SlabFlags.SLAB_CONSISTENCY_CHECKS;
        case 'Z' -> flags |= SlabFlags.SLAB_RED_ZONE;
        case 'P' -> flags |= SlabFlags.SLAB_POISON;
        case 'U' -> flags |= SlabFlags.SLAB_STORE_USER;
        case 'O', '1' -> {}
        default -> throw new InputException("no flag: " + letter, "slub_debug=" + text, "FZPUO-");
      }
    }
    return flags;
  }

  private void fill(long from, long to, int value) {
    for (long at = from; at < to; at++) {
      slabs.memory.putByte(at, (byte) value);
    }
  }

  void freshSlab(NaiveCache cache, Slab slab) {
    if (cache.has(SlabFlags.SLAB_POISON)) {
      fill(slab.pfn << 12, (slab.pfn + (1L << slab.order)) << 12, PAD);
    }
  }

  void fresh(NaiveCache cache, long object) {
    write(cache, object, cache.bytes, RED_FREE);
  }

  private void write(NaiveCache cache, long object, int bytes, int red) {
    if (cache.poisons()) {
      fill(object, object + bytes - 1, POISON);
      fill(object + bytes - 1, object + bytes, POISON_END);
    }
    if (cache.has(SlabFlags.SLAB_RED_ZONE)) {
      fill(object - cache.geometry.left, object, red);
      fill(object + bytes, object + cache.geometry.inuse, red);
    }
  }

  private static boolean keepsAsked(NaiveCache cache) {
    return cache.isKmalloc && cache.has(SlabFlags.SLAB_STORE_USER);
  }

  int asked(NaiveCache cache, long object) {
    return keepsAsked(cache) ? cache.asked.getOrDefault(object, cache.bytes) : cache.bytes;
  }

  void resized(NaiveCache cache, long object, int bytes) {
    if (keepsAsked(cache)) {
      cache.asked.put(object, bytes);
      if (cache.has(SlabFlags.SLAB_RED_ZONE)) {
        fill(object + bytes, object + cache.bytes, RED_USED);
      }
    }
  }

  void beforeUse(NaiveCache cache, Slab slab, long object) {
    if (cache.has(SlabFlags.SLAB_CONSISTENCY_CHECKS)) {
      boolean _ = check(cache, slab, object, false);
    }
  }

  void inUse(Cpu cpu, NaiveCache cache, long object, int bytes) {
    cache.asked.put(object, bytes);
    cache.allocated.put(object, caller() + " cpu=" + cpu.id());
    write(cache, object, asked(cache, object), RED_USED);
  }

  boolean backFromUse(Cpu cpu, NaiveCache cache, Slab slab, long object) {
    if (cache.has(SlabFlags.SLAB_CONSISTENCY_CHECKS) && !check(cache, slab, object, true)) {
      return false;
    }
    cache.freed.put(object, caller() + " cpu=" + cpu.id());
    write(cache, object, cache.bytes, RED_FREE);
    return true;
  }

  private static String caller() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .filter(f -> !f.getClassName().contains("slab.naive."))
                    .filter(f -> !f.getClassName().startsWith("io.mm4j.api.slab."))
                    .findFirst()
                    .map(f -> f.getClassName() + "." + f.getMethodName())
                    .orElse("unknown"));
  }

  void refused(NaiveCache cache, long paddr) {
    boolean doubleFree = cache.number(cache.slabOf(paddr), paddr) >= 0;
    String why = (doubleFree ? "double free" : "not an object") + ": paddr=0x%x";
    if (!cache.isDebug()) {
      throw new MisuseException(String.format(why, paddr));
    }
    Kind kind = doubleFree ? Kind.DOUBLE_FREE : Kind.INVALID_FREE;
    report(kind, cache, paddr, paddr, String.format(why, paddr));
  }

  /** Whether the bytes of an object are as they should be. */
  boolean check(NaiveCache cache, Slab slab, long object, boolean used) {
    boolean good = true;
    int red = used ? RED_USED : RED_FREE;
    long end = object + cache.geometry.inuse;
    if (cache.has(SlabFlags.SLAB_RED_ZONE)) {
      long from = object + (used ? asked(cache, object) : cache.bytes);
      good = area(Kind.LEFT_REDZONE, cache, object, object - cache.geometry.left, object, red);
      good &= area(Kind.RIGHT_REDZONE, cache, object, from, end, red);
    }
    if (cache.poisons() && !used) {
      long last = object + cache.bytes - 1;
      good &=
          area(Kind.POISON, cache, object, object, last, POISON)
              && area(Kind.POISON, cache, object, last, last + 1, POISON_END);
    }
    boolean outside = cache.geometry.link >= cache.geometry.inuse;
    if (outside || !used) {
      long next = slabs.next(cache, object);
      if (!isLink(cache, slab, next)) {
        long link = object + cache.geometry.link;
        report(Kind.FREE_POINTER, cache, object, link, "Freepointer corrupt");
        slabs.setNext(cache, object, 0);
        return false;
      }
    }
    return good;
  }

  /** Whether an area has one value throughout; it has afterwards. */
  protected boolean area(Kind kind, NaiveCache cache, long object, long from, long to, int value) {
    for (long at = from; at < to; at++) {
      int seen = slabs.memory.getByte(at) & 0xff;
      if (seen != value) {
        fill(from, to, value);
        errors++;
        String what = String.format("%s: 0x%02x instead of 0x%02x", kind, seen, value);
        report(kind, cache, object, at, what);
        return false;
      }
    }
    return true;
  }

  private void report(Kind kind, NaiveCache cache, long object, long paddr, String what) {
    errors++;
    boolean tracked = cache.has(SlabFlags.SLAB_STORE_USER);
    Track allocated = track(tracked ? cache.allocated.get(object) : null);
    Track freed = track(tracked ? cache.freed.get(object) : null);
    String text =
        String.format(
            "%s cache=%s object=0x%x allocated=%s freed=%s",
            what, cache.name(), object, allocated, freed);
    if (listener == null) {
      throw new MisuseException(text);
    }
    listener.accept(new SlabReport(kind, cache.name(), object, paddr, allocated, freed, text));
  }

  private static @Nullable Track track(@Nullable String text) {
    if (text == null) {
      return null;
    }
    int space = text.lastIndexOf(" cpu=");
    return new Track(text.substring(0, space), Integer.parseInt(text.substring(space + 5)), 0);
  }

  /** Whether a free object may say that this one is next. */
  protected boolean isLink(NaiveCache cache, Slab slab, long next) {
    return next == 0 || cache.number(slab, next) >= 0;
  }

  /** How many errors there are in a cache. */
  long validate(NaiveCache cache) {
    long before = errors;
    for (Slab slab : cache.slabs.values()) {
      Set<Long> free = freelist(cache, slab);
      for (int i = 0; i < slab.objects; i++) {
        long object = cache.object(slab, i);
        boolean _ = check(cache, slab, object, !free.contains(object));
      }
    }
    return errors - before;
  }

  private Set<Long> freelist(NaiveCache cache, Slab slab) {
    Set<Long> free = new HashSet<>();
    long previous = 0;
    for (long o = slab.head; o != 0 && free.size() <= slab.objects; o = slabs.next(cache, o)) {
      if (cache.number(slab, o) < 0) {
        slabs.setNext(cache, previous, 0);
        long link = previous + cache.geometry.link;
        report(Kind.FREE_POINTER, cache, previous, link, "Freechain corrupt");
        break;
      }
      free.add(o);
      previous = o;
    }
    if (slab.inuse != slab.objects - free.size()) {
      slab.inuse = slab.objects - free.size();
      errors++;
      report(Kind.COUNTERS, cache, slab.pfn << 12, slab.pfn << 12, "Wrong object count");
    }
    return free;
  }
}
