// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * Which frames belong to which cache, and which objects are live: what a free must know before it
 * believes an address. One table for all caches of an allocator.
 *
 * <p>Two parts, both in chunks of 2 MiB of RAM that exist from the first slab in them to {@link
 * #trim}:
 *
 * <ul>
 *   <li><i>tags</i>, an int a frame: 0 if it belongs to no slab, else what the allocator said of
 *       the slab, which is cache and node ({@link CpuSlabs#tag}).
 *   <li><i>marks</i>, a byte for each granule of {@code 1 << shift} bytes, where a granule is no
 *       larger than an object, so that no two objects begin in one. 0 where no live object begins,
 *       else {@code 0x80} and seven bits of the address: a pointer into the middle of a live object
 *       is not taken for the object. Objects of {@code 1 << shift} to twice as many bytes share a
 *       granule size; from 1 KiB on it stays 1 KiB.
 * </ul>
 *
 * <p>Either is reached by two steps, a table of chunks and the chunk, and that of the marks is one
 * for each size of granule: what a fast path does more often than anything else has the fewest
 * loads that wait for each other. The tables have 4 bytes for each chunk up to the highest with a
 * slab.
 *
 * <p>So for objects of 64 bytes there is a byte of marks for 64 bytes of slab, and a tenth of that
 * for large ones. Linux has nothing like it: without its debug mode it notices a double free only
 * if the object is the one that was freed last ({@code CONFIG_SLAB_FREELIST_HARDENED}).
 *
 * <p>Threads: tags change under this object's lock, before objects of the slab are handed out and
 * after all came back. A mark is written by whoever holds the object: by the CPU that hands it out
 * before it does, by the CPU that takes it back. Who got the object from somebody else has seen
 * both. Two threads that free one object at once are noticed only by luck, as anywhere.
 */
@API(status = API.Status.EXPERIMENTAL)
@SuppressWarnings("ReferenceEquality") // no tags: the very array, not one that is like it
public final class ObjectFrames {
  /** The smallest granule, in bits: 8 bytes. */
  public static final int MIN_SHIFT = 3;

  private static final int MAX_SHIFT = 10;
  static final int CHUNK_SHIFT = 21;
  private static final int FRAMES = 1 << (CHUNK_SHIFT - Pages.PAGE_SHIFT);

  /** Bits of an address in 8 bytes that lie within a chunk. */
  static final int UNIT_BITS = CHUNK_SHIFT - MIN_SHIFT;

  static final int UNIT_MASK = (1 << UNIT_BITS) - 1;
  static final int FRAME_UNIT_BITS = Pages.PAGE_SHIFT - MIN_SHIFT;
  static final int FRAME_MASK = FRAMES - 1;
  private static final int FRAME_SHIFT = CHUNK_SHIFT - Pages.PAGE_SHIFT;

  private static final int KINDS = MAX_SHIFT - MIN_SHIFT + 1;

  private static final int[] NO_TAGS = new int[FRAMES];
  private static final byte[] NO_MARKS = {};

  /** By chunk, as long as it had to be so far; {@link #NO_TAGS} where there is no slab. */
  int[][] tags = {};

  /** The marks of one granule size. */
  static final class Marks {
    /** By chunk, as long as it had to be so far; empty until a slab of that kind is there. */
    byte[][] rows = {};
  }

  /** By {@code shift - MIN_SHIFT}. */
  private final Marks[] marks = new Marks[KINDS];

  /** Creates a table without slabs. */
  public ObjectFrames() {
    Arrays.setAll(marks, _ -> new Marks());
  }

  /** The marks of a granule size. */
  Marks marks(int kind) {
    return marks[kind];
  }

  /**
   * The granule of objects that lie so far apart, as a shift.
   *
   * @param size at least 8
   */
  public static int shiftOf(int size) {
    return Math.min(31 - Integer.numberOfLeadingZeros(size), MAX_SHIFT);
  }

  /**
   * Says that the frames of a block hold objects from now on; none of them is live.
   *
   * @param tag not 0
   * @param shift of {@link #shiftOf}
   */
  public synchronized void add(long pfn, int order, int tag, int shift) {
    int last = (int) ((pfn + (1L << order) - 1) >>> FRAME_SHIFT);
    Marks kind = marks[shift - MIN_SHIFT];
    kind.rows = grown(kind.rows, last, NO_MARKS);
    tags = grown(tags, last, NO_TAGS); // after the marks, to which they lead
    for (long frame = pfn; frame < pfn + (1L << order); frame++) {
      int chunk = (int) (frame >>> FRAME_SHIFT);
      if (kind.rows[chunk].length == 0) {
        kind.rows[chunk] = new byte[1 << (CHUNK_SHIFT - shift)];
      }
      if (tags[chunk] == NO_TAGS) {
        tags[chunk] = new int[FRAMES];
      }
      tags[chunk][(int) frame & FRAME_MASK] = tag;
    }
  }

  private static <T> T[] grown(T[] old, int last, T nothing) {
    if (last < old.length) {
      return old;
    }
    T[] longer = Arrays.copyOf(old, Math.max(last + 1, Math.min(old.length * 2, last + 4096)));
    Arrays.fill(longer, old.length, longer.length, nothing);
    return longer;
  }

  /** Says that the frames of a block, which {@link #add} was told of, hold no objects any more. */
  public synchronized void remove(long pfn, int order) {
    for (long frame = pfn; frame < pfn + (1L << order); frame++) {
      int[] chunk = tags[(int) (frame >>> FRAME_SHIFT)];
      if (chunk != NO_TAGS) {
        chunk[(int) frame & FRAME_MASK] = 0;
      }
    }
  }

  /** Forgets the chunks without a slab; they are kept until then, as slabs come and go. */
  public synchronized void trim() {
    for (int chunk = 0; chunk < tags.length; chunk++) {
      if (tags[chunk] != NO_TAGS && Arrays.equals(tags[chunk], NO_TAGS)) {
        tags[chunk] = NO_TAGS;
        for (Marks kind : marks) {
          if (chunk < kind.rows.length) {
            kind.rows[chunk] = NO_MARKS;
          }
        }
      }
    }
  }

  /** What was said of the frame that an address lies in; 0 if it holds no objects. */
  public int tag(long paddr) {
    long chunk = paddr >>> CHUNK_SHIFT;
    return Long.compareUnsigned(chunk, tags.length) < 0
        ? tags[(int) chunk][(int) (paddr >>> Pages.PAGE_SHIFT) & FRAME_MASK]
        : 0;
  }

  /** Whether a live object begins at this address of a slab with this granule. */
  public boolean isLive(long paddr, int shift) {
    byte[][] rows = marks[shift - MIN_SHIFT].rows;
    if ((paddr & 7) != 0 || Long.compareUnsigned(paddr >>> CHUNK_SHIFT, rows.length) >= 0) {
      return false;
    }
    byte[] row = rows[(int) (paddr >>> CHUNK_SHIFT)];
    return row.length != 0 && row[place(paddr, shift)] == mark((int) (paddr >>> MIN_SHIFT));
  }

  /** Says that an object of a slab is live from now on. */
  public void setLive(long paddr, int shift) {
    put(paddr, shift, mark((int) (paddr >>> MIN_SHIFT)));
  }

  /** Says that an object of a slab is not live any more. */
  public void clearLive(long paddr, int shift) {
    put(paddr, shift, (byte) 0);
  }

  private void put(long paddr, int shift, byte mark) {
    marks[shift - MIN_SHIFT].rows[(int) (paddr >>> CHUNK_SHIFT)][place(paddr, shift)] = mark;
  }

  private static int place(long paddr, int shift) {
    return ((int) (paddr >>> MIN_SHIFT) & UNIT_MASK) >>> (shift - MIN_SHIFT);
  }

  /** Receives the frames of slabs. */
  @FunctionalInterface
  public interface Visitor {
    /** A frame that belongs to a slab, or begins a large block. */
    void frame(long pfn, int tag);
  }

  /** Calls somebody with every frame that has a tag, in ascending order. */
  public synchronized void forEach(Visitor visitor) {
    for (int chunk = 0; chunk < tags.length; chunk++) {
      int[] all = tags[chunk];
      for (int at = 0; all != NO_TAGS && at < FRAMES; at++) {
        if (all[at] != 0) {
          visitor.frame((long) chunk << FRAME_SHIFT | at, all[at]);
        }
      }
    }
  }

  /** What stands where a live object begins. */
  static byte mark(int unit) {
    return (byte) (0x80 | unit);
  }
}
