// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.Objects;
import org.apiguardian.api.API;

/**
 * Which frames belong to which cache, and which objects are live: what a free must know before it
 * believes an address. One table for all caches of an allocator.
 *
 * <p>Two parts, both in one {@link HostTable}, of which only what was touched costs anything:
 *
 * <ul>
 *   <li><i>tags</i>, an int a frame: 0 if it belongs to no slab, else what the allocator said of
 *       the slab, which is cache and node ({@link CpuSlabs#tag}).
 *   <li><i>marks</i>, a byte for each granule of {@code 1 << shift} bytes, where a granule is no
 *       larger than an object, so that no two objects begin in one. 0 where no live object begins,
 *       else {@code 0x80} and seven bits of the address: a pointer into the middle of a live object
 *       is not taken for the object. Objects of {@code 1 << shift} to twice as many bytes share a
 *       granule size; from 1 KiB on it stays 1 KiB. There are marks of each granule size for all of
 *       RAM.
 * </ul>
 *
 * <p>So either is where an address leads by a shift and an addition, which is what a fast path does
 * more often than anything else.
 *
 * <p>For objects of 64 bytes there is a byte of marks for 64 bytes of slab, and a tenth of that for
 * large ones. Linux has nothing like it: without its debug mode it notices a double free only if
 * the object is the one that was freed last ({@code CONFIG_SLAB_FREELIST_HARDENED}).
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

  /** RAM for which the marks of each granule size are whole pages. */
  private static final int CHUNK_SHIFT = MAX_SHIFT + Pages.PAGE_SHIFT;

  private static final int CHUNK_FRAMES = 1 << (CHUNK_SHIFT - Pages.PAGE_SHIFT);

  private final HostTable table;

  /** Bytes of RAM, in chunks. */
  private final long ramBytes;

  /** What fast paths read and write by {@link TableBytes}. */
  final MemorySegment bytes;

  /** Where the tags begin, and the marks, by granule size. */
  final long tagsAt;

  private final long[] marksAt = new long[KINDS];

  /** Chunks that had a slab since they were trimmed. */
  private final BitSet used = new BitSet();

  /** Without frames, for an allocator without fast paths. */
  public ObjectFrames() {
    this(HostTable.of(MemorySegment.NULL), 0);
  }

  /** For the frames of a machine, none of which belongs to a slab yet. */
  public ObjectFrames(PhysicalMemory memory) {
    this(memory, chunks(memory));
  }

  private ObjectFrames(PhysicalMemory memory, long chunks) {
    this(memory.table(tableBytes(chunks << CHUNK_SHIFT)), chunks << CHUNK_SHIFT);
  }

  private ObjectFrames(HostTable table, long ramBytes) {
    this.table = table;
    this.ramBytes = ramBytes;
    bytes = table.segment();
    long needed = tableBytes(ramBytes);
    if (needed > 0 && (!bytes.isNative() || bytes.isReadOnly() || bytes.byteSize() < needed)) {
      throw new IllegalArgumentException(
          "a table must be native memory of " + needed + " bytes, and is " + bytes);
    }
    tagsAt = TableBytes.start(table);
    long at = tagsAt + (ramBytes >>> Pages.PAGE_SHIFT) * Integer.BYTES;
    for (int kind = 0; kind < KINDS; kind++) {
      marksAt[kind] = at;
      at += ramBytes >>> (kind + MIN_SHIFT);
    }
  }

  private static long chunks(PhysicalMemory memory) {
    long pages = Math.max(memory.memMap().endPfn(), memory.ram().byteSize() >>> Pages.PAGE_SHIFT);
    return (pages + CHUNK_FRAMES - 1) / CHUNK_FRAMES;
  }

  private static long tableBytes(long ramBytes) {
    long sum = (ramBytes >>> Pages.PAGE_SHIFT) * Integer.BYTES;
    for (int shift = MIN_SHIFT; shift <= MAX_SHIFT; shift++) {
      sum += ramBytes >>> shift;
    }
    return sum;
  }

  /** Where the mark of address 0 is, of objects with this granule. */
  long marksAt(int shift) {
    return marksAt[shift - MIN_SHIFT];
  }

  /** The end of the addresses that have a mark. */
  long end() {
    return ramBytes;
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
    Objects.checkIndex(shift - MIN_SHIFT, KINDS);
    Objects.checkFromIndexSize(pfn, 1L << order, ramBytes >>> Pages.PAGE_SHIFT);
    long last = pfn + (1L << order) - 1;
    used.set((int) (pfn / CHUNK_FRAMES), (int) (last / CHUNK_FRAMES) + 1);
    putTags(pfn, order, tag);
  }

  /** Says that the frames of a block, which {@link #add} was told of, hold no objects any more. */
  public synchronized void remove(long pfn, int order) {
    Objects.checkFromIndexSize(pfn, 1L << order, ramBytes >>> Pages.PAGE_SHIFT);
    putTags(pfn, order, 0);
  }

  private void putTags(long pfn, int order, int tag) {
    for (long frame = pfn; frame < pfn + (1L << order); frame++) {
      TableBytes.putInt(bytes, tagsAt + frame * Integer.BYTES, tag);
    }
  }

  /** Gives the host's memory behind the marks of chunks without a slab back. */
  public synchronized void trim() {
    for (int chunk = used.nextSetBit(0); chunk >= 0; chunk = used.nextSetBit(chunk + 1)) {
      if (isEmpty(chunk)) {
        for (int kind = 0; kind < KINDS; kind++) {
          long length = 1L << (CHUNK_SHIFT - MIN_SHIFT - kind);
          table.discard(marksAt[kind] - TableBytes.start(table) + chunk * length, length);
        }
        used.clear(chunk);
      }
    }
  }

  private boolean isEmpty(int chunk) {
    long first = (long) chunk * CHUNK_FRAMES;
    for (long frame = first; frame < first + CHUNK_FRAMES; frame++) {
      if (tagOf(frame) != 0) {
        return false;
      }
    }
    return true;
  }

  private int tagOf(long pfn) {
    return TableBytes.getInt(bytes, tagsAt + pfn * Integer.BYTES);
  }

  /** What was said of the frame that an address lies in; 0 if it holds no objects. */
  public int tag(long paddr) {
    return Long.compareUnsigned(paddr, ramBytes) < 0 ? tagOf(paddr >>> Pages.PAGE_SHIFT) : 0;
  }

  /** Whether a live object begins at this address of a slab with this granule. */
  public boolean isLive(long paddr, int shift) {
    return (paddr & 7) == 0
        && Long.compareUnsigned(paddr, ramBytes) < 0
        && TableBytes.get(bytes, marksAt(shift) + (paddr >>> shift)) == mark(paddr);
  }

  /** Says that an object of a slab is live from now on. */
  public void setLive(long paddr, int shift) {
    put(paddr, shift, mark(paddr));
  }

  /** Says that an object of a slab is not live any more. */
  public void clearLive(long paddr, int shift) {
    put(paddr, shift, (byte) 0);
  }

  private void put(long paddr, int shift, byte mark) {
    long inRam = Objects.checkIndex(paddr, ramBytes);
    TableBytes.put(bytes, marksAt(shift) + (inRam >>> shift), mark);
  }

  /** Receives the frames of slabs. */
  @FunctionalInterface
  public interface Visitor {
    /** A frame that belongs to a slab, or begins a large block. */
    void frame(long pfn, int tag);
  }

  /** Calls somebody with every frame that has a tag, in ascending order. */
  public synchronized void forEach(Visitor visitor) {
    for (int chunk = used.nextSetBit(0); chunk >= 0; chunk = used.nextSetBit(chunk + 1)) {
      long first = (long) chunk * CHUNK_FRAMES;
      for (long frame = first; frame < first + CHUNK_FRAMES; frame++) {
        int tag = tagOf(frame);
        if (tag != 0) {
          visitor.frame(frame, tag);
        }
      }
    }
  }

  /** What stands where a live object begins. */
  static byte mark(long paddr) {
    return (byte) (0x80 | (int) (paddr >>> MIN_SHIFT));
  }
}
