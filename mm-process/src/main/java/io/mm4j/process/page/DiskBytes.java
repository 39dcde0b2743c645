// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.TouchOutcome;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the disk has of a file in other bytes than the file began with: pages that left the page
 * cache after they were written to, or that moved in the file. What is written out in a hole gets a
 * block, zeroes too ({@code ext4_writepages}).
 */
final class DiskBytes {
  private static final int PAGE = (int) Pages.PAGE_SIZE;

  private final FileObject file;

  /** By index; a value of {@link TouchOutcome#UNKNOWN} is a byte that nobody knows. */
  private final TreeMap<Long, short[]> pages = new TreeMap<>();

  /** Pages that are in no hole any more, as they were written out. */
  private final BitSet blocks = new BitSet();

  /** Blocks that it began with, and that moved in it; what is in {@link #pages} comes first. */
  private final MovedBlocks moved = new MovedBlocks();

  DiskBytes(FileObject file) {
    this.file = file;
  }

  /** Whether a page that was in a hole has a block. */
  boolean has(long index) {
    boolean written =
        index < FileObject.MOST_PAGES ? blocks.get((int) index) : pages.containsKey(index);
    return written || moved.has(index);
  }

  /** Pages are written out: those that lie in a hole get blocks. */
  void allocate(BitSet dirty, long firstIndex, long pastIndex) {
    int past = (int) Math.min(pastIndex, file.pageCount());
    for (int i = dirty.nextSetBit((int) firstIndex); i >= 0 && i < past; ) {
      if (file.holes.has(i)) {
        blocks.set(i);
      }
      i = dirty.nextSetBit(i + 1);
    }
  }

  /** Keeps the bytes of a clean page that is about to leave the cache. */
  void keep(long index) {
    long pfn = file.pages.get(index);
    if (pfn != Frames.NONE && file.frames.bytes().isFilled(pfn) && !file.holes.has(index)) {
      pages.put(index, bytes(pfn));
    }
  }

  private short[] bytes(long pfn) {
    short[] out = new short[PAGE];
    for (int i = 0; i < PAGE; i++) {
      out[i] = (short) file.frames.bytes().byteAt(pfn, i);
    }
    return out;
  }

  /** Fills pages that have just been read, if they are kept here. */
  void read(long index, long pfn) {
    short[] from = pages.isEmpty() ? null : pages.get(index);
    if (from == null) {
      readMoved(index, pfn);
      return;
    }
    for (int i = 0; i < PAGE; i++) {
      if (from[i] == TouchOutcome.UNKNOWN) {
        file.frames.bytes().forget(pfn, i, 1);
      } else {
        file.frames.bytes().write(pfn, i, from[i]);
      }
    }
  }

  private void readMoved(long index, long pfn) {
    long origin = moved.origin(index);
    MappedFile.Content known = file.mapped().content();
    if (origin < 0 || known == null) {
      return; // the frames of a file whose bytes nobody knows have none either
    }
    for (int i = 0; i < PAGE; i++) {
      long at = (origin << Pages.PAGE_SHIFT) + i;
      file.frames.bytes().write(pfn, i, at < file.mapped().sizeBytes() ? known.byteAt(at) : 0);
    }
  }

  /** Blocks of pages are freed. */
  void forget(long firstIndex, long pastIndex) {
    int first = (int) Math.min(firstIndex, FileObject.MOST_PAGES);
    int past = (int) Math.min(pastIndex, FileObject.MOST_PAGES);
    if (firstIndex < pastIndex) {
      pages.subMap(firstIndex, pastIndex).clear();
      moved.remove(firstIndex, pastIndex);
      blocks.clear(first, past);
    }
  }

  /**
   * What the file has from a page on.
   *
   * @param written bytes by page, null for a page whose bytes nobody knows
   * @param begun blocks that it began with, and that were perhaps written to since
   */
  record Behind(Map<Long, short @Nullable []> written, Map<Long, MovedBlocks.Run> begun) {
    Behind {
      written = Collections.unmodifiableMap(written); // it has null values
      begun = Map.copyOf(begun);
    }
  }

  /**
   * What the file has from a page on to its end; holes are left out. O(pages that were touched, and
   * holes).
   */
  Behind from(long firstIndex) {
    Map<Long, short @Nullable []> written = new HashMap<>();
    for (long index : touched(firstIndex)) {
      long pfn = file.pages.get(index);
      if (!file.holes.has(index)) {
        written.put(index, pfn == Frames.NONE ? onDisk(index) : bytes(pfn));
      }
    }
    Map<Long, MovedBlocks.Run> begun = moved.from(firstIndex);
    long pages = (file.mapped().sizeBytes() + PAGE - 1) >>> Pages.PAGE_SHIFT;
    long past = Math.min(Math.min(pages, file.pageCount()), file.holesFrom);
    file.holes.forEachBetween(
        firstIndex, past, (from, to) -> begun.put(from, new MovedBlocks.Run(to - from, from)));
    return new Behind(written, begun);
  }

  /** Pages that may have other bytes than the file began with. */
  private Set<Long> touched(long firstIndex) {
    Set<Long> out = new HashSet<>(pages.tailMap(firstIndex).keySet());
    file.pages.forEach(
        (index, pfn) -> {
          if (index >= firstIndex) {
            out.add(index);
          }
        });
    for (int i = next(firstIndex); i >= 0; i = next(i + 1L)) {
      out.add((long) i);
    }
    return out;
  }

  private int next(long index) {
    return index < FileObject.MOST_PAGES ? blocks.nextSetBit((int) index) : -1;
  }

  /** Of a page without a frame: what was kept, or the zeroes that were written out in a hole. */
  private short @Nullable [] onDisk(long index) {
    short[] kept = pages.get(index);
    return kept != null || file.mapped().content() == null ? kept : new short[PAGE];
  }

  /** Pages have these bytes from now on, so many pages behind where they were. */
  void put(Behind behind, long shift) {
    behind.begun().forEach((index, run) -> moved.put(index + shift, run));
    behind
        .written()
        .forEach(
            (index, bytes) -> {
              long to = index + shift;
              if (bytes != null) {
                pages.put(to, bytes);
              }
              if (to < FileObject.MOST_PAGES) {
                blocks.set((int) to);
              }
            });
  }
}
