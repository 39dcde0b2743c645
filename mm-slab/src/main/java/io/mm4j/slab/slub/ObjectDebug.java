// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.api.slab.SlabReport.Track;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The known bytes of objects with debug flags: {@code init_object()}, {@code check_object()} and
 * what they call, of mm/slub.c (Linux 6.18). The bytes are those of include/linux/poison.h.
 *
 * <p>What is found is reported and, as in the kernel, mended; each of the two counts as one error,
 * which is how lib/tests/slub_kunit.c counts.
 */
final class ObjectDebug {
  private static final byte RED_INACTIVE = (byte) 0xbb;
  private static final byte RED_ACTIVE = (byte) 0xcc;
  private static final byte POISON_INUSE = 0x5a;
  private static final byte POISON_FREE = 0x6b;
  private static final byte POISON_END = (byte) 0xa5;
  private static final int DUMPED = 64;

  private final SlubAllocator slabs;
  private final MemorySegment ram;
  final Tracks tracks;

  private @Nullable Consumer<? super SlabReport> listener;
  private long errors;

  ObjectDebug(SlubAllocator slabs) {
    this.slabs = slabs;
    this.ram = slabs.ram;
    this.tracks = new Tracks(slabs);
  }

  void listen(@Nullable Consumer<? super SlabReport> receiver) {
    listener = receiver;
  }

  boolean isHeard() {
    return listener != null;
  }

  /** Errors that were found and mended so far. */
  long errors() {
    return errors;
  }

  /** Counts a finding that was mended. */
  void mended() {
    errors++;
  }

  /** {@code setup_slab_debug()}: all bytes of a new slab. */
  void setUpSlab(SlubCache cache, long pfn, int order) {
    if (cache.has(SlabFlags.SLAB_POISON)) {
      fill(pfn << Pages.PAGE_SHIFT, Pages.PAGE_SIZE << order, POISON_INUSE);
    }
  }

  /** {@code setup_object_debug()}: a free object of a new slab. */
  void setUpObject(SlubCache cache, long object) {
    if (cache.has(SlubDebug.METADATA)) {
      initObject(cache, object, false);
      if (cache.has(SlabFlags.SLAB_STORE_USER)) {
        tracks.clear(cache, object);
      }
    }
  }

  private boolean poisons(SlubCache cache) {
    return cache.has(SlabFlags.SLAB_POISON)
        && !cache.has(SlabFlags.SLAB_TYPESAFE_BY_RCU)
        && cache.ctor() == null;
  }

  /** {@code init_object()}: poison, and red zones of an object in use or free. */
  void initObject(SlubCache cache, long object, boolean active) {
    ObjectLayout layout = cache.layout;
    boolean redZone = cache.has(SlabFlags.SLAB_RED_ZONE);
    byte red = active ? RED_ACTIVE : RED_INACTIVE;
    int bytes = cache.objectBytes();
    if (redZone) {
      fill(object - layout.redLeftPad(), layout.redLeftPad(), red);
      if (active && ObjectLayout.keepsRequest(cache.flags())) {
        bytes = request(cache, object);
      }
    }
    if (poisons(cache) && bytes > 0) {
      fill(object, bytes - 1, POISON_FREE);
      ram.set(JAVA_BYTE, object + bytes - 1, POISON_END);
    }
    if (redZone) {
      fill(object + bytes, cache.inuse() - bytes, red);
    }
  }

  private void fill(long paddr, long bytes, byte value) {
    if (bytes > 0) {
      ram.asSlice(paddr, bytes).fill(value);
    }
  }

  private long requestPlace(SlubCache cache, long object) {
    return object + cache.layout.infoEnd() + 2 * ObjectLayout.TRACK;
  }

  /** {@code get_orig_size()}: what was asked for of an object of kmalloc. */
  int request(SlubCache cache, long object) {
    return ObjectLayout.keepsRequest(cache.flags())
        ? ram.get(JAVA_INT_UNALIGNED, requestPlace(cache, object))
        : cache.objectBytes();
  }

  /** {@code set_orig_size()}. */
  void setRequest(SlubCache cache, long object, int bytes) {
    if (ObjectLayout.keepsRequest(cache.flags())) {
      ram.set(JAVA_INT_UNALIGNED, requestPlace(cache, object), bytes);
    }
  }

  /** An object of krealloc has another size in the same place. */
  void resized(SlubCache cache, long object, int bytes) {
    if (ObjectLayout.keepsRequest(cache.flags())) {
      setRequest(cache, object, bytes);
      if (cache.has(SlabFlags.SLAB_RED_ZONE)) {
        fill(object + bytes, cache.objectBytes() - bytes, RED_ACTIVE);
      }
    }
  }

  /**
   * {@code check_object()}: compares the known bytes of an object that is in use or free.
   *
   * @return whether they were as they should be
   */
  boolean check(SlubCache cache, long pfn, long object, boolean active) {
    ObjectLayout layout = cache.layout;
    byte red = active ? RED_ACTIVE : RED_INACTIVE;
    int bytes = cache.objectBytes();
    boolean good = true;
    if (cache.has(SlabFlags.SLAB_RED_ZONE)) {
      long left = object - layout.redLeftPad();
      good = bytes(Kind.LEFT_REDZONE, cache, object, left, layout.redLeftPad(), red);
      good &= bytes(Kind.RIGHT_REDZONE, cache, object, object + bytes, cache.inuse() - bytes, red);
      int asked = request(cache, object);
      if (active && asked < bytes) {
        good &= bytes(Kind.RIGHT_REDZONE, cache, object, object + asked, bytes - asked, red);
      }
    } else if (cache.has(SlabFlags.SLAB_POISON) && bytes < cache.inuse()) {
      good =
          bytes(Kind.PADDING, cache, object, object + bytes, cache.inuse() - bytes, POISON_INUSE);
    }
    if (cache.has(SlabFlags.SLAB_POISON)) {
      if (!active && poisons(cache)) {
        good &= bytes(Kind.POISON, cache, object, object, bytes - 1, POISON_FREE);
        good &= bytes(Kind.POISON, cache, object, object + bytes - 1, 1, POISON_END);
      }
      good &= checkPadding(cache, object);
    }
    if ((layout.linkOutside() || !active) && !isLink(cache, pfn, object)) {
      report(Kind.FREE_POINTER, cache, object, object + layout.offset(), "Freepointer corrupt");
      slabs.slabPages.setNext(cache, object, SlabAllocator.NO_OBJECT);
      return false;
    }
    return good;
  }

  /** {@code check_pad_bytes()}: what is left between the object's data and the next one. */
  private boolean checkPadding(SlubCache cache, long object) {
    ObjectLayout layout = cache.layout;
    int end = layout.infoEnd();
    if (cache.has(SlabFlags.SLAB_STORE_USER)) {
      end += 2 * ObjectLayout.TRACK;
      end += ObjectLayout.keepsRequest(cache.flags()) ? Integer.BYTES : 0;
    }
    int size = layout.size() - layout.redLeftPad();
    return end == size
        || bytes(Kind.PADDING, cache, object, object + end, size - end, POISON_INUSE);
  }

  private boolean isLink(SlubCache cache, long pfn, long object) {
    SlabPages pages = slabs.slabPages;
    long next = pages.next(cache, object);
    int objects = SlabPages.objects(pages.counters(pfn));
    return next == SlabAllocator.NO_OBJECT || SlabPages.number(cache, pfn, objects, next) >= 0;
  }

  /** {@code slab_pad_check()}: the bytes of a slab behind its last object. */
  void checkSlabPadding(SlubCache cache, long pfn) {
    if (cache.has(SlabFlags.SLAB_POISON)) {
      long start = pfn << Pages.PAGE_SHIFT;
      long bytes = Pages.PAGE_SIZE << slabs.slabPages.order(pfn);
      long rest = bytes % cache.layout.size();
      boolean _ = bytes(Kind.SLAB_PADDING, cache, start, start + bytes - rest, rest, POISON_INUSE);
    }
  }

  /** What {@code __free_slab()} looks at of a slab of which no object is in use. */
  void checkFreeSlab(SlubCache cache, long pfn) {
    if (cache.has(SlabFlags.SLAB_CONSISTENCY_CHECKS)) {
      checkSlabPadding(cache, pfn);
      int objects = SlabPages.objects(slabs.slabPages.counters(pfn));
      for (int i = 0; i < objects; i++) {
        boolean _ = check(cache, pfn, SlabPages.object(cache, pfn, i), false);
      }
    }
  }

  /** {@code check_bytes_and_report()}. */
  private boolean bytes(
      Kind kind, SlubCache cache, long object, long paddr, long bytes, byte wanted) {
    for (long at = paddr; at < paddr + bytes; at++) {
      byte seen = ram.get(JAVA_BYTE, at);
      if (seen != wanted) {
        String what =
            String.format(
                "%s overwritten: 0x%x-0x%x @offset=%d, first byte 0x%02x instead of 0x%02x",
                words(kind), at, paddr + bytes - 1, at - object, seen & 0xff, wanted & 0xff);
        String dump = dump(cache, object);
        fill(paddr, bytes, wanted);
        errors++;
        report(kind, cache, object, at, what + dump);
        return false;
      }
    }
    return true;
  }

  private static String words(Kind kind) {
    return switch (kind) {
      case LEFT_REDZONE -> "Left Redzone";
      case RIGHT_REDZONE -> "Right Redzone";
      case POISON -> "Poison";
      case SLAB_PADDING -> "Slab padding";
      default -> "Object padding";
    };
  }

  /** The bytes of an object, with what is around it. */
  String dump(SlubCache cache, long object) {
    ObjectLayout layout = cache.layout;
    StringBuilder text = new StringBuilder();
    section(text, "Redzone", object - layout.redLeftPad(), layout.redLeftPad());
    section(text, "Object", object, Math.min(cache.objectBytes(), DUMPED));
    section(text, "Behind", object + cache.objectBytes(), cache.inuse() - cache.objectBytes());
    return text.toString();
  }

  private void section(StringBuilder text, String name, long paddr, int bytes) {
    for (int i = 0; i < bytes; i++) {
      if (i % 16 == 0) {
        text.append(String.format("%n  %-8s 0x%x:", name, paddr + i));
      }
      text.append(String.format(" %02x", ram.get(JAVA_BYTE, paddr + i)));
    }
  }

  /** Counts and tells a finding; without anybody to tell it is the caller's misuse. */
  void report(Kind kind, SlubCache cache, long object, long paddr, String what) {
    boolean tracked = cache.has(SlabFlags.SLAB_STORE_USER) && kind != Kind.SLAB_PADDING;
    Track allocated = tracked ? tracks.get(cache, object, true) : null;
    Track freed = tracked ? tracks.get(cache, object, false) : null;
    tell(kind, cache, object, paddr, allocated, freed, what);
  }

  /** The same of an address at which there is no object, and so nobody who had it. */
  void reportNoObject(Kind kind, SlubCache cache, long paddr, String what) {
    tell(kind, cache, paddr, paddr, null, null, what);
  }

  private void tell(
      Kind kind,
      SlubCache cache,
      long object,
      long paddr,
      @Nullable Track allocated,
      @Nullable Track freed,
      String what) {
    errors++;
    String text =
        String.format("BUG %s: %s", cache.name(), what)
            + String.format("%n  object=0x%x kind=%s", object, kind)
            + (allocated == null ? "" : String.format("%n  Allocated in %s", allocated))
            + (freed == null ? "" : String.format("%n  Freed in %s", freed));
    Consumer<? super SlabReport> receiver = listener;
    if (receiver == null) {
      throw new MisuseException(text);
    }
    receiver.accept(new SlabReport(kind, cache.name(), object, paddr, allocated, freed, text));
  }
}
