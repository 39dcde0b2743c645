// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.mm4j.api.MisuseException;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.api.slab.SlabReport.Track;
import io.mm4j.slab.base.BaseCache;
import io.mm4j.slab.base.CallerNames;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What {@code CONFIG_DEBUG_SLAB} finds in caches with debug flags: {@code
 * cache_alloc_debugcheck_after()}, {@code cache_free_debugcheck()} and {@code
 * slab_destroy_debugcheck()} of mm/slab.c (Linux 2.6.32).
 *
 * <pre>
 *   | red zone (8) | object, poisoned while it is free | red zone (8) | caller |
 * </pre>
 *
 * <p>A red zone says whether the object is in use. The caller is who allocated or freed it last.
 * Objects of such caches never take the fast paths.
 *
 * <p>A finding is mended. Without a listener it is an exception: an object that was to be freed is
 * still in use, one that was to be handed out is free.
 */
final class ObjectChecks {
  /** {@code RED_INACTIVE} and {@code RED_ACTIVE} of include/linux/poison.h. */
  private static final long RED_INACTIVE = 0x09f9_1102_9d74_e35bL;

  private static final long RED_ACTIVE = 0xd841_56c5_6356_88c0L;
  private static final int RED = Long.BYTES;
  private static final byte POISON_INUSE = 0x5a;
  private static final byte POISON_FREE = 0x6b;
  private static final byte POISON_END = (byte) 0xa5;

  /**
   * What an object has around it.
   *
   * @param flags debug flags that are in force
   * @param object bytes of the object, rounded up: what poison covers
   * @param offset from the beginning of all to the object
   * @param bytes of all
   * @param pointer bytes of the caller's number
   */
  record Marks(int flags, int object, int offset, int bytes, int pointer) {
    static Marks of(KmemCacheArgs args, int align, Form form) {
      int flags = form.old() ? 0 : args.flags();
      if (align > Long.BYTES) { // marks would move the object
        flags &= ~(SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_STORE_USER);
      }
      if ((flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0) {
        flags &= ~SlabFlags.SLAB_POISON;
      }
      boolean red = (flags & SlabFlags.SLAB_RED_ZONE) != 0;
      boolean user = (flags & SlabFlags.SLAB_STORE_USER) != 0;
      int object = BaseCache.up(args.objectBytes(), red ? RED : form.pointer());
      int bytes = object + (red ? 2 * RED : 0) + (user ? red ? RED : form.pointer() : 0);
      int debug = SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_STORE_USER | SlabFlags.SLAB_POISON;
      return new Marks(flags & debug, object, red ? RED : 0, bytes, form.pointer());
    }

    boolean has(int flag) {
      return (flags & flag) != 0;
    }

    boolean any() {
      return flags != 0;
    }
  }

  private final BonwickAllocator slabs;
  private final MemorySegment ram;
  private final CallerNames callers = new CallerNames();
  private @Nullable Consumer<? super SlabReport> listener;
  private long findings;

  ObjectChecks(BonwickAllocator slabs) {
    this.slabs = slabs;
    this.ram = slabs.ram;
  }

  void listen(@Nullable Consumer<? super SlabReport> receiver) {
    listener = receiver;
  }

  /** {@code cache_init_objs()}: an object of a new slab. */
  void fresh(BonwickCache cache, long object) {
    Marks marks = cache.geometry.marks();
    red(marks, object, RED_INACTIVE);
    if (marks.has(SlabFlags.SLAB_STORE_USER)) {
      setCaller(marks, object, 0);
    }
    ObjectConstructor ctor = cache.ctor();
    if (ctor != null && !marks.has(SlabFlags.SLAB_POISON)) {
      ctor.construct(object);
    }
    poison(marks, object, POISON_FREE);
  }

  /** {@code cache_alloc_debugcheck_after()}: looks at a free object and makes it one in use. */
  void handOut(BonwickCache cache, long object) {
    Marks marks = cache.geometry.marks();
    check(cache, object, false);
    poison(marks, object, POISON_INUSE);
    red(marks, object, RED_ACTIVE);
    if (marks.has(SlabFlags.SLAB_STORE_USER)) {
      setCaller(marks, object, callers.numberOfCaller());
    }
    ObjectConstructor ctor = cache.ctor();
    if (ctor != null && marks.has(SlabFlags.SLAB_POISON)) {
      ctor.construct(object);
    }
  }

  /** {@code cache_free_debugcheck()}: looks at an object in use and makes it a free one. */
  void takeBack(BonwickCache cache, long object) {
    Marks marks = cache.geometry.marks();
    check(cache, object, true);
    red(marks, object, RED_INACTIVE);
    if (marks.has(SlabFlags.SLAB_STORE_USER)) {
      setCaller(marks, object, callers.numberOfCaller());
    }
    poison(marks, object, POISON_FREE);
  }

  /** Looks at all objects of a slab; how many findings there are. */
  long look(BonwickCache cache, long slab) {
    long before = findings;
    for (int i = 0; i < cache.geometry.objects(); i++) {
      long object = slabs.slabs.object(cache, slab, i);
      check(cache, object, slabs.frames.isLive(object, cache.shift));
    }
    return findings - before;
  }

  /** Compares what is known of an object with what is there. */
  private void check(BonwickCache cache, long object, boolean inUse) {
    Marks marks = cache.geometry.marks();
    if (marks.has(SlabFlags.SLAB_RED_ZONE)) {
      long wanted = inUse ? RED_ACTIVE : RED_INACTIVE;
      long first = differs(object - RED, wanted);
      long second = differs(object + marks.object, wanted);
      if (first != 0 || second != 0) {
        red(marks, object, wanted);
      }
      if (first != 0) {
        report(Kind.LEFT_REDZONE, cache, object, first, inUse);
      }
      if (second != 0) {
        report(Kind.RIGHT_REDZONE, cache, object, second, inUse);
      }
    }
    if (!inUse && marks.has(SlabFlags.SLAB_POISON)) {
      for (int at = 0; at < marks.object; at++) {
        byte wanted = at + 1 < marks.object ? POISON_FREE : POISON_END;
        if (ram.get(JAVA_BYTE, object + at) != wanted) {
          poison(marks, object, POISON_FREE);
          report(Kind.POISON, cache, object, object + at, false);
          return;
        }
      }
    }
  }

  /** The first byte of a red zone that is not as it should be, or 0. */
  private long differs(long paddr, long wanted) {
    long wrong = ram.get(JAVA_LONG_UNALIGNED, paddr) ^ wanted;
    return wrong == 0 ? 0 : paddr + Long.numberOfTrailingZeros(wrong) / Byte.SIZE;
  }

  private void red(Marks marks, long object, long value) {
    if (marks.has(SlabFlags.SLAB_RED_ZONE)) {
      ram.set(JAVA_LONG_UNALIGNED, object - RED, value);
      ram.set(JAVA_LONG_UNALIGNED, object + marks.object, value);
    }
  }

  /** {@code poison_obj()}. */
  private void poison(Marks marks, long object, byte value) {
    if (marks.has(SlabFlags.SLAB_POISON)) {
      ram.asSlice(object, marks.object).fill(value);
      ram.set(JAVA_BYTE, object + marks.object - 1, POISON_END);
    }
  }

  private static long callerPlace(Marks marks, long object) {
    return object - marks.offset + marks.bytes - marks.pointer;
  }

  private void setCaller(Marks marks, long object, int number) {
    long at = callerPlace(marks, object);
    ram.set(JAVA_INT_UNALIGNED, at, number);
    if (marks.pointer == Long.BYTES) {
      ram.set(JAVA_INT_UNALIGNED, at + Integer.BYTES, 0);
    }
  }

  private @Nullable Track lastCaller(Marks marks, long object) {
    if (!marks.has(SlabFlags.SLAB_STORE_USER)) {
      return null;
    }
    String name = callers.name(ram.get(JAVA_INT_UNALIGNED, callerPlace(marks, object)));
    return name == null ? null : new Track(name, -1, -1);
  }

  /** Tells a finding that was mended; without anybody to tell it is the caller's misuse. */
  void report(Kind kind, BonwickCache cache, long object, long paddr, boolean inUse) {
    findings++;
    Track last = lastCaller(cache.geometry.marks(), object);
    String text =
        String.format(
            "slab error in cache '%s': %s, object=0x%x first byte=0x%x, %s%s",
            cache.name(),
            kind,
            object,
            paddr,
            inUse ? "in use" : "free",
            last == null ? "" : ", last user: " + last.caller());
    Consumer<? super SlabReport> receiver = listener;
    if (receiver == null) {
      throw new MisuseException(text);
    }
    receiver.accept(
        new SlabReport(
            kind, cache.name(), object, paddr, inUse ? last : null, inUse ? null : last, text));
  }
}
