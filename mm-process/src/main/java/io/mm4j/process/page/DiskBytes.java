// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.TouchOutcome;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What the disk has of a file in other bytes than the file began with: pages that left the page
 * cache after they were written to, or that moved in the file.
 */
final class DiskBytes {
  private static final int PAGE = (int) Pages.PAGE_SIZE;

  private final FileObject file;

  /**
   * By index; a value of {@link TouchOutcome#UNKNOWN} is a byte that nobody knows, and no value at
   * all a page of which nobody knows any.
   */
  private final TreeMap<Long, short[]> pages = new TreeMap<>();

  DiskBytes(FileObject file) {
    this.file = file;
  }

  /** Whether the page has bytes of its own here. */
  boolean has(long index) {
    return !pages.isEmpty() && pages.containsKey(index);
  }

  /** Keeps the bytes of a clean page that is about to leave the cache. */
  void keep(long index) {
    long pfn = file.pages.get(index);
    if (pfn != Frames.NONE && file.frames.bytes().isFilled(pfn) && !isStillHole(index, pfn)) {
      pages.put(index, bytes(pfn));
    }
  }

  /**
   * Whether a page has no block: it lies in a hole, and nothing but zeroes were ever written to it.
   */
  private boolean isStillHole(long index, long pfn) {
    return file.isHole(index) && file.frames.bytes().isZeroFilled(pfn);
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
    if (from == null || from.length == 0) { // as new frames of such a file are
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
    if (!pages.isEmpty() && firstIndex < pastIndex) {
      pages.subMap(firstIndex, pastIndex).clear();
    }
  }

  /**
   * What the file has from a page on to its end, by index; holes are left out. O(pages that were
   * touched, and those that it began with).
   */
  Map<Long, short[]> from(long firstIndex) {
    Map<Long, short[]> out = new HashMap<>();
    MappedFile.Content known = file.mapped().content();
    for (long index : candidates(firstIndex)) {
      short[] here = pages.get(index);
      long pfn = file.pages.get(index);
      if (pfn != Frames.NONE) {
        here = isStillHole(index, pfn) ? null : bytes(pfn);
      } else if (here == null && !file.isHole(index)) {
        here = known == null ? new short[0] : original(file.mapped(), known, index);
      }
      if (here != null) {
        out.put(index, here);
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
    long began = (file.mapped().sizeBytes() + PAGE - 1) >>> Pages.PAGE_SHIFT;
    long past = Math.min(Math.min(began, file.pageCount()), file.holesFrom);
    for (long i = firstIndex; i < past; i++) {
      out.add(i);
    }
    return out;
  }

  private static short[] original(MappedFile file, MappedFile.Content known, long index) {
    short[] out = new short[PAGE];
    long start = index << Pages.PAGE_SHIFT;
    for (int i = 0; i < PAGE; i++) {
      MappedFile.Content content = start + i < file.sizeBytes() ? known : null;
      out[i] = content == null ? 0 : (short) content.byteAt(start + i);
    }
    return out;
  }

  /** Pages have these bytes from now on, so many pages behind where they were. */
  void put(Map<Long, short[]> moved, long shift) {
    moved.forEach((index, bytes) -> pages.put(index + shift, bytes));
  }
}
