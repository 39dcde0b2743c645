// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.TouchOutcome;
import java.util.BitSet;
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

  DiskBytes(FileObject file) {
    this.file = file;
  }

  /** Whether a page that was in a hole has a block. */
  boolean has(long index) {
    return index < FileObject.MOST_PAGES ? blocks.get((int) index) : pages.containsKey(index);
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

  /** Blocks of pages are freed. */
  void forget(long firstIndex, long pastIndex) {
    int first = (int) Math.min(firstIndex, FileObject.MOST_PAGES);
    int past = (int) Math.min(pastIndex, FileObject.MOST_PAGES);
    if (firstIndex < pastIndex) {
      pages.subMap(firstIndex, pastIndex).clear();
      blocks.clear(first, past);
    }
  }

  /**
   * What the file has from a page on to its end, by index, null for a page whose bytes nobody
   * knows; holes are left out. O(pages that were touched, and those that it began with).
   */
  Map<Long, short @Nullable []> from(long firstIndex) {
    Map<Long, short @Nullable []> out = new HashMap<>();
    for (long index : candidates(firstIndex)) {
      long pfn = file.pages.get(index);
      if (!file.holes.has(index)) {
        out.put(index, pfn == Frames.NONE ? onDisk(index) : bytes(pfn));
      }
    }
    return out;
  }

  /** Pages that may have bytes: behind what a file began with, the touched. */
  private Set<Long> candidates(long firstIndex) {
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
    long began = (file.mapped().sizeBytes() + PAGE - 1) >>> Pages.PAGE_SHIFT;
    long past = Math.min(Math.min(began, file.pageCount()), file.holesFrom);
    for (long i = firstIndex; i < past; i++) {
      out.add(i);
    }
    return out;
  }

  private int next(long index) {
    return index < FileObject.MOST_PAGES ? blocks.nextSetBit((int) index) : -1;
  }

  private short @Nullable [] onDisk(long index) {
    short[] kept = pages.get(index);
    MappedFile.Content known = file.mapped().content();
    if (kept != null || known == null) {
      return kept; // the frames of a file whose bytes nobody knows have none either
    }
    short[] out = new short[PAGE];
    long start = index << Pages.PAGE_SHIFT;
    long bytes = has(index) ? 0 : file.mapped().sizeBytes() - start; // what filled a hole was zero
    for (int i = 0; i < Math.min(PAGE, bytes); i++) {
      out[i] = (short) known.byteAt(start + i);
    }
    return out;
  }

  /** Pages have these bytes from now on, so many pages behind where they were. */
  void put(Map<Long, short @Nullable []> moved, long shift) {
    moved.forEach(
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
