// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.SlabReport.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A slab of a cache with debug flags, with every byte of it: what {@code setup_object_debug()},
 * {@code init_object()}, {@code check_object()}, {@code on_freelist()} and {@code validate_slab()}
 * of mm/slub.c (Linux 6.18) write, look at and mend.
 */
public final class MarkedSlab {
  /**
   * Something that was found.
   *
   * @param kind of it
   * @param object where
   * @param paddr the first byte
   * @param errors that slub_kunit would count: the report and, of bytes, the mending
   */
  public record Finding(Kind kind, long object, long paddr, int errors) {}

  private static final byte RED_FREE = (byte) 0xbb;
  private static final byte RED_USED = (byte) 0xcc;
  private static final byte PAD = 0x5a;
  private static final byte POISON = 0x6b;
  private static final byte POISON_END = (byte) 0xa5;
  private static final int TRACKS = 64;

  private final MarkedLayout layout;
  private final NaiveGeometry geometry;
  private final byte[] image;
  private final ByteBuffer words;
  private long freelist;
  public final long base;
  public final int node;
  int inuse;

  /** A check has failed: nothing of it is used any more. */
  private boolean lost;

  /** A new one, in RAM as it is. */
  MarkedSlab(MarkedLayout layout, long base, int node, MemorySegment ram) {
    this.layout = layout;
    this.geometry = layout.geometry;
    this.base = base;
    this.node = node;
    image = ram.asSlice(base, 4096L << geometry.order).toArray(ValueLayout.JAVA_BYTE);
    words = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    byte[] made = image.clone();
    if (layout.poison) {
      Arrays.fill(image, PAD);
    }
    for (int i = 0; layout.made && i < geometry.objects; i++) {
      System.arraycopy(made, at(object(i)), image, at(object(i)), layout.bytes);
    }
    for (int i = 0; i < geometry.objects; i++) {
      init(object(i), false);
      setNext(object(i), i + 1 < geometry.objects ? object(i + 1) : 0);
    }
    freelist = object(0);
  }

  /** Whether a check has failed that has put it out of use. */
  public boolean isLost() {
    return lost;
  }

  /** The object with a number. */
  public long object(int number) {
    return base + geometry.left + (long) number * geometry.size;
  }

  /** The object that an address lies in, or 0. */
  public long objectAt(long paddr) {
    for (int i = 0; i < geometry.objects; i++) {
      if (object(i) <= paddr && paddr < object(i) + layout.bytes) {
        return object(i);
      }
    }
    return 0;
  }

  /** The first place at which RAM is another one; -1 if there is none. Tracks are not compared. */
  public long mismatch(MemorySegment ram) {
    byte[] seen = ram.asSlice(base, image.length).toArray(ValueLayout.JAVA_BYTE);
    for (int i = 0; layout.user && i < geometry.objects; i++) {
      int tracks = at(object(i)) + geometry.afterLink;
      System.arraycopy(image, tracks, seen, tracks, TRACKS);
    }
    int at = Arrays.mismatch(image, seen);
    return at < 0 ? -1 : base + at;
  }

  /** What a byte is. */
  public byte get(long paddr) {
    return image[at(paddr)];
  }

  /** Somebody writes a byte. */
  public void put(long paddr, byte value) {
    image[at(paddr)] = value;
  }

  /** Where the link of an object is. */
  public long linkOf(long object) {
    return object + geometry.link;
  }

  /** Whether a byte lies in what says who had an object. */
  public boolean isTrack(long paddr) {
    long within = (paddr - base - geometry.left) % geometry.size;
    return layout.user && within >= geometry.afterLink && within < geometry.afterLink + TRACKS;
  }

  /** Whether a byte says what was asked for. */
  public boolean isAsked(long paddr) {
    long within = (paddr - base - geometry.left) % geometry.size - layout.askedAt();
    return layout.asked && within >= 0 && within < Integer.BYTES;
  }

  /** Whether a byte lies where an object's link is while it is free. */
  public boolean isLink(long paddr) {
    long within = (paddr - base - geometry.left) % geometry.size - geometry.link;
    return within >= 0 && within < Long.BYTES;
  }

  /** The objects on its freelist, as far as it leads to objects. */
  public List<Long> freeObjects() {
    List<Long> free = new ArrayList<>();
    for (long o = freelist; isObject(o) && !free.contains(o); o = next(o)) {
      free.add(o);
    }
    return free;
  }

  private int at(long paddr) {
    return (int) (paddr - base);
  }

  private long next(long object) {
    return words.getLong(at(linkOf(object)));
  }

  private void setNext(long object, long next) {
    words.putLong(at(linkOf(object)), next);
  }

  private boolean isObject(long paddr) {
    long from = paddr - base - geometry.left;
    return from >= 0 && from % geometry.size == 0 && from / geometry.size < geometry.objects;
  }

  private void fill(long from, long to, byte value) {
    if (from < to) {
      Arrays.fill(image, at(from), at(to), value);
    }
  }

  private int asked(long object) {
    return layout.asked ? words.getInt(at(object) + layout.askedAt()) : layout.bytes;
  }

  /** {@code init_object()}. */
  private void init(long object, boolean used) {
    byte value = used ? RED_USED : RED_FREE;
    long end = object + (used && layout.red ? asked(object) : layout.bytes);
    if (layout.red) {
      fill(object - geometry.left, object, value);
    }
    if (layout.fills) {
      fill(object, end - 1, POISON);
      put(end - 1, POISON_END);
    }
    if (layout.red) {
      fill(end, object + geometry.inuse, value);
    }
  }

  /** An object goes; 0 if it is a bad one, and the slab is lost. */
  long take(int asked, boolean zero, List<Finding> findings) {
    long object = freelist;
    if (layout.checks) {
      checkPadding(findings);
      boolean good = isObject(object);
      if (!good) {
        findings.add(new Finding(Kind.FREE_POINTER, object, object, 1));
      }
      if (!good || !check(object, false, findings)) {
        lost = true;
        freelist = 0;
        inuse = geometry.objects;
        return 0;
      }
    }
    freelist = next(object);
    inuse++;
    if (layout.asked) {
      words.putInt(at(object) + layout.askedAt(), asked);
    }
    init(object, true);
    if (zero) {
      fill(object, object + (layout.zeroesAsked ? asked : layout.bytes), (byte) 0);
    }
    return object;
  }

  /** krealloc leaves an object where it is. */
  public void resize(long object, int asked, boolean zero) {
    if (zero) {
      long before = object + asked(object);
      long now = object + asked;
      fill(Math.min(before, now), before < now ? now : object + layout.bytes, (byte) 0);
    }
    if (layout.asked) {
      words.putInt(at(object) + layout.askedAt(), asked);
      if (layout.red) {
        fill(object + asked, object + layout.bytes, RED_USED);
      }
    }
  }

  /** An object comes back; false if it was bad, and is still in use. */
  boolean give(long object, List<Finding> findings) {
    if (layout.checks) {
      checkPadding(findings);
      boolean _ = free(findings) != null; // looks for the object, and mends what it comes upon
      if (!check(object, true, findings)) {
        return false;
      }
    }
    init(object, false);
    setNext(object, freelist);
    freelist = object;
    inuse--;
    return true;
  }

  /** It goes back to the page allocator. */
  void discard(List<Finding> findings) {
    if (layout.checks) {
      checkPadding(findings);
      for (int i = 0; i < geometry.objects; i++) {
        boolean _ = check(object(i), false, findings);
      }
    }
  }

  /** {@code validate_slab()}: up to the first bad object. */
  void validate(List<Finding> findings) {
    checkPadding(findings);
    Set<Long> free = free(findings);
    if (free == null) {
      return;
    }
    boolean good = true;
    for (int i = 0; good && i < geometry.objects; i++) {
      good = check(object(i), !free.contains(object(i)), findings);
    }
  }

  /** {@code on_freelist()}: the free objects; null if the list had to be cleared. */
  private @Nullable Set<Long> free(List<Finding> findings) {
    Set<Long> free = new HashSet<>();
    long previous = 0;
    int count = 0;
    for (long o = freelist; o != 0 && count <= geometry.objects; o = next(o)) {
      if (!isObject(o)) {
        if (previous == 0) {
          return cleared(o, findings);
        }
        findings.add(new Finding(Kind.FREE_POINTER, previous, linkOf(previous), 1));
        setNext(previous, 0);
        break;
      }
      free.add(o);
      previous = o;
      count++;
    }
    if (count > geometry.objects) {
      return cleared(freelist, findings);
    }
    if (inuse != geometry.objects - count) {
      inuse = geometry.objects - count;
      findings.add(new Finding(Kind.COUNTERS, object(0), object(0), 2));
    }
    return free;
  }

  private @Nullable Set<Long> cleared(long first, List<Finding> findings) {
    findings.add(new Finding(Kind.FREE_POINTER, first, first, 2));
    freelist = 0;
    inuse = geometry.objects;
    return null;
  }

  /** {@code check_object()}. */
  private boolean check(long object, boolean used, List<Finding> findings) {
    byte value = used ? RED_USED : RED_FREE;
    long end = object + layout.bytes;
    long behind = object + geometry.inuse;
    boolean good = true;
    if (layout.red) {
      long left = object - geometry.left;
      good = area(Kind.LEFT_REDZONE, object, left, object, value, findings);
      good &= area(Kind.RIGHT_REDZONE, object, end, behind, value, findings);
      if (used) {
        long asked = object + asked(object);
        good &= area(Kind.RIGHT_REDZONE, object, asked, end, value, findings);
      }
    } else if (layout.poison) {
      good = area(Kind.PADDING, object, end, behind, PAD, findings);
    }
    if (layout.fills && !used) {
      good &= area(Kind.POISON, object, object, end - 1, POISON, findings);
      good &= area(Kind.POISON, object, end - 1, end, POISON_END, findings);
    }
    if (layout.poison) {
      long from = object + layout.paddingAt();
      long to = object - geometry.left + geometry.size;
      good &= area(Kind.PADDING, object, from, to, PAD, findings);
    }
    boolean looks = layout.linkBehind || !used;
    if (looks && next(object) != 0 && !isObject(next(object))) {
      findings.add(new Finding(Kind.FREE_POINTER, object, linkOf(object), 1));
      setNext(object, 0);
      good = false;
    }
    return good;
  }

  /** {@code slab_pad_check()}. */
  private void checkPadding(List<Finding> findings) {
    if (layout.poison) {
      long end = base + image.length;
      long from = end - image.length % geometry.size;
      boolean _ = area(Kind.SLAB_PADDING, base, from, end, PAD, findings);
    }
  }

  private boolean area(
      Kind kind, long object, long from, long to, byte value, List<Finding> findings) {
    for (long paddr = from; paddr < to; paddr++) {
      if (get(paddr) != value) {
        fill(from, to, value);
        findings.add(new Finding(kind, object, paddr, 2));
        return false;
      }
    }
    return true;
  }
}
