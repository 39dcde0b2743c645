// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.TouchOutcome;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * What is in the frames that processes have.
 *
 * <p>A cached page is read from its file when somebody looks at a byte of it or copies it;
 * PG_UPTODATE of the head says that it was. What a recording does not tell is unknown: such pages
 * are in a side table, with the bytes that were written since.
 */
public final class PageBytes {
  private static final int PAGE = 4096;
  private static final BitSet NOTHING_KNOWN = new BitSet();

  private final Frames frames;
  private final PhysicalMemory memory;
  private final MemMap map;
  private final Map<Long, BitSet> unknown = new HashMap<>();

  PageBytes(Frames frames, PhysicalMemory memory) {
    this.frames = frames;
    this.memory = memory;
    this.map = memory.memMap();
  }

  /** Nobody knows what is in these frames. */
  void unknown(long pfn, int count) {
    for (int i = 0; i < count; i++) {
      unknown.put(pfn + i, NOTHING_KNOWN);
    }
  }

  /** These frames are given back. */
  void gone(long pfn, int count) {
    for (int i = 0; i < count && !unknown.isEmpty(); i++) {
      unknown.remove(pfn + i);
    }
  }

  /** The byte at this offset in the page, or {@link TouchOutcome#UNKNOWN}. */
  public int byteAt(long pfn, int offset) {
    if (!memory.hasBytes(pfn)) {
      return TouchOutcome.UNKNOWN;
    }
    BitSet known = unknown.isEmpty() ? null : unknown.get(pfn);
    if (known != null && !known.get(offset)) {
      return TouchOutcome.UNKNOWN;
    }
    fill(pfn);
    return memory.getByte((pfn << Pages.PAGE_SHIFT) + offset) & 255;
  }

  /** Writes one byte. */
  public void write(long pfn, int offset, int value) {
    fill(pfn);
    memory.putByte((pfn << Pages.PAGE_SHIFT) + offset, (byte) value);
    BitSet known = unknown.isEmpty() ? null : unknown.get(pfn);
    if (known != null) {
      BitSet more = known.isEmpty() ? new BitSet(PAGE) : known; // the empty one is everybody's
      more.set(offset);
      unknown.put(pfn, more);
    }
  }

  /** {@code clear_huge_page()}: a block becomes zero. */
  void clear(long pfn, int order) {
    memory.clearPages(pfn, order);
  }

  /** The same for a large one, which then takes no memory of the host. */
  void discard(long pfn, int order) {
    memory.discard(pfn, 1L << order);
  }

  /** Bytes of a block become zero, from an offset in it on. */
  void clear(long pfn, long offset, long bytes) {
    long start = (pfn << Pages.PAGE_SHIFT) + offset;
    for (long at = start; memory.hasBytes(pfn) && at < start + bytes; at++) {
      memory.putByte(at, (byte) 0);
    }
  }

  /** {@code copy_user_highpage()}. */
  public void copyPage(long to, long from) {
    fill(from);
    memory.copyPage(to, from);
    BitSet known = unknown.isEmpty() ? null : unknown.get(from);
    if (known != null) {
      unknown.put(to, known.isEmpty() ? known : (BitSet) known.clone());
    } else if (!unknown.isEmpty()) {
      unknown.remove(to);
    }
  }

  /** The same for a page that leaves its frame. */
  void movePage(long to, long from) {
    copyPage(to, from);
    unknown.remove(from);
  }

  /** Whether the bytes of a cached page were read, or written. */
  boolean isFilled(long pfn) {
    return (map.flags(map.head(pfn)) & PageFlags.PG_UPTODATE) != 0 && memory.hasBytes(pfn);
  }

  /** Whether every byte is known to be zero ({@code pages_identical} with the zero page). */
  public boolean isZeroFilled(long pfn) {
    if (!memory.hasBytes(pfn) || unknown.containsKey(pfn)) {
      return false;
    }
    long from = pfn << Pages.PAGE_SHIFT;
    for (long at = from; at < from + Pages.PAGE_SIZE; at += 8) {
      if (memory.getLong(at) != 0) {
        return false;
      }
    }
    return true;
  }

  /** {@code read_folio}: the file's bytes, unless they are there. */
  void fill(long pfn) {
    long head = map.head(pfn);
    int flags = map.flags(head);
    if ((flags & PageFlags.PG_UPTODATE) != 0) {
      return;
    }
    FileObject file = frames.fileOf(head);
    MappedFile.Content content = file == null ? null : file.mapped().content();
    if (file != null && content != null && memory.hasBytes(head)) {
      long pages = 1L << map.order(head);
      long start = map.index(head) << Pages.PAGE_SHIFT;
      long end = Math.min(start + (pages << Pages.PAGE_SHIFT), file.mapped().sizeBytes());
      for (long i = 0; i < pages; i++) {
        memory.clearPages(head + i, 0);
      }
      for (long at = start; at < end; at++) {
        memory.putByte((head << Pages.PAGE_SHIFT) + at - start, (byte) content.byteAt(at));
      }
    }
    map.setFlags(head, flags | PageFlags.PG_UPTODATE);
  }

  /** Bytes of a page become zero, and are known to be. */
  void zero(long pfn, int from, int to) {
    fill(pfn);
    clear(pfn, from, to - from);
    BitSet known = unknown.isEmpty() ? null : unknown.get(pfn);
    if (known != null) {
      BitSet more = known.isEmpty() ? new BitSet(PAGE) : known;
      more.set(from, to);
      unknown.put(pfn, more);
    }
  }

  /**
   * Copies bytes of one page to another, as a call does that reads or writes a file; those that
   * nobody knows become so there.
   */
  public void copy(long to, int toOffset, long from, int fromOffset, int bytes) {
    fill(to);
    for (int i = 0; i < bytes; i++) {
      int value = byteAt(from, fromOffset + i);
      if (value >= 0) {
        write(to, toOffset + i, value);
      } else {
        forget(to, toOffset + i, 1);
      }
    }
  }

  /** Bytes are written that nobody here knows. */
  public void forget(long pfn, int offset, int bytes) {
    fill(pfn);
    BitSet known = unknown.get(pfn);
    BitSet less = new BitSet(PAGE);
    if (known == null) {
      less.set(0, PAGE);
    } else {
      less.or(known);
    }
    less.clear(offset, offset + bytes);
    unknown.put(pfn, less);
  }
}
