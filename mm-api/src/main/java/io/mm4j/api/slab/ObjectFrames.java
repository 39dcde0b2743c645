// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

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
public final class ObjectFrames {
  /** The smallest granule, in bits: 8 bytes. */
  public static final int MIN_SHIFT = 3;

  private static final int MAX_SHIFT = 10;
  private static final int KINDS = MAX_SHIFT - MIN_SHIFT + 1;
  private static final int CHUNK_SHIFT = 21;
  private static final int FRAMES = 1 << (CHUNK_SHIFT - Pages.PAGE_SHIFT);

  /** Bits of an address in 8 bytes that lie within a chunk. */
  static final int UNIT_BITS = CHUNK_SHIFT - MIN_SHIFT;

  static final int UNIT_MASK = (1 << UNIT_BITS) - 1;
  static final int FRAME_UNIT_BITS = Pages.PAGE_SHIFT - MIN_SHIFT;
  static final int FRAME_MASK = FRAMES - 1;
  private static final byte[] NO_MARKS = {};

  /** What is known of 2 MiB of RAM. */
  static final class Chunk {
    final int[] tags = new int[FRAMES];

    /** By {@code shift - MIN_SHIFT}; empty until a slab of that kind is there. */
    final byte[][] marks = new byte[KINDS][];

    private int taggedFrames;

    Chunk() {
      Arrays.fill(marks, NO_MARKS);
    }
  }

  /** By {@code paddr >>> CHUNK_SHIFT}; as long as it had to be so far. */
  @Nullable Chunk[] chunks = new @Nullable Chunk[0];

  /** Creates a table without slabs. */
  public ObjectFrames() {}

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
    int last = (int) ((pfn + (1L << order) - 1) >>> (CHUNK_SHIFT - Pages.PAGE_SHIFT));
    if (last >= chunks.length) {
      chunks = Arrays.copyOf(chunks, Math.max(last + 1, Math.min(chunks.length * 2, last + 4096)));
    }
    for (long frame = pfn; frame < pfn + (1L << order); frame++) {
      Chunk chunk = chunkOf(frame, shift);
      int at = (int) frame & FRAME_MASK;
      if (chunk.tags[at] == 0) {
        chunk.taggedFrames++;
      }
      chunk.tags[at] = tag;
    }
  }

  private Chunk chunkOf(long pfn, int shift) {
    int at = (int) (pfn >>> (CHUNK_SHIFT - Pages.PAGE_SHIFT));
    Chunk chunk = chunks[at];
    if (chunk == null) {
      chunk = new Chunk();
      chunks[at] = chunk;
    }
    int kind = shift - MIN_SHIFT;
    if (chunk.marks[kind].length == 0) {
      chunk.marks[kind] = new byte[1 << (CHUNK_SHIFT - shift)];
    }
    return chunk;
  }

  /** Says that the frames of a block, which {@link #add} was told of, hold no objects any more. */
  public synchronized void remove(long pfn, int order) {
    for (long frame = pfn; frame < pfn + (1L << order); frame++) {
      int number = (int) (frame >>> (CHUNK_SHIFT - Pages.PAGE_SHIFT));
      Chunk chunk = chunks[number];
      int at = (int) frame & FRAME_MASK;
      if (chunk != null && chunk.tags[at] != 0) {
        chunk.tags[at] = 0;
        chunk.taggedFrames--;
      }
    }
  }

  /** Forgets the chunks without a slab; they are kept until then, as slabs come and go. */
  public synchronized void trim() {
    for (int number = 0; number < chunks.length; number++) {
      Chunk chunk = chunks[number];
      if (chunk != null && chunk.taggedFrames == 0) {
        chunks[number] = null;
      }
    }
  }

  /** What was said of the frame that an address lies in; 0 if it holds no objects. */
  public int tag(long paddr) {
    long at = paddr >>> CHUNK_SHIFT;
    Chunk chunk = Long.compareUnsigned(at, chunks.length) < 0 ? chunks[(int) at] : null;
    return chunk == null ? 0 : chunk.tags[(int) (paddr >>> Pages.PAGE_SHIFT) & FRAME_MASK];
  }

  /** Whether a live object begins at this address of a slab with this granule. */
  public boolean isLive(long paddr, int shift) {
    long at = paddr >>> CHUNK_SHIFT;
    Chunk chunk = Long.compareUnsigned(at, chunks.length) < 0 ? chunks[(int) at] : null;
    if (chunk == null || (paddr & 7) != 0) {
      return false;
    }
    byte[] marks = chunk.marks[shift - MIN_SHIFT];
    int unit = (int) (paddr >>> MIN_SHIFT) & UNIT_MASK;
    return marks.length != 0 && marks[unit >>> (shift - MIN_SHIFT)] == mark(unit);
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
    Chunk chunk = chunks[(int) (paddr >>> CHUNK_SHIFT)];
    int kind = shift - MIN_SHIFT;
    if (chunk != null) {
      chunk.marks[kind][((int) (paddr >>> MIN_SHIFT) & UNIT_MASK) >>> kind] = mark;
    }
  }

  /** Receives the frames of slabs. */
  @FunctionalInterface
  public interface Visitor {
    /** A frame that belongs to a slab, or begins a large block. */
    void frame(long pfn, int tag);
  }

  /** Calls somebody with every frame that has a tag, in ascending order. */
  public synchronized void forEach(Visitor visitor) {
    for (int number = 0; number < chunks.length; number++) {
      Chunk chunk = chunks[number];
      for (int at = 0; chunk != null && at < FRAMES; at++) {
        if (chunk.tags[at] != 0) {
          visitor.frame((long) number << (CHUNK_SHIFT - Pages.PAGE_SHIFT) | at, chunk.tags[at]);
        }
      }
    }
  }

  /** What stands where a live object begins. */
  static byte mark(int unit) {
    return (byte) (0x80 | unit);
  }
}
