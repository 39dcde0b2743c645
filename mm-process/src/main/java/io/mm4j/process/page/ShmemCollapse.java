// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.page.Gfp;

/**
 * {@code collapse_file()} of shared memory (mm/khugepaged.c of Linux 6.18): the pages of 2 MiB of a
 * file are copied into a folio of that size, which takes their place; holes in it become zeroes.
 */
public final class ShmemCollapse {
  /** What came of it. */
  public enum Result {
    /** The 2 MiB are one folio now. */
    DONE,
    /** They were before. */
    WAS_HUGE,
    /** No page of them is there ({@code SCAN_TRUNCATED}). */
    EMPTY,
    /** The file system has not so many blocks as there are holes. */
    FULL,
    /** No huge page is free. */
    NO_MEMORY
  }

  private ShmemCollapse() {}

  /**
   * Collapses.
   *
   * @param first the first page, on a border of 2 MiB
   * @param unmapping takes the pages from everybody; they are mapped anew by faults
   */
  public static Result of(FileObject file, long first, FileObject.Unmapping unmapping) {
    Frames frames = file.frames;
    int order = frames.hugeOrder();
    long past = first + (1L << order);
    if (file.folios.order(first) == order) {
      return Result.WAS_HUGE;
    }
    long head = frames.newCached(file, first, order, true, Gfp.GFP_TRANSHUGE);
    if (head == Frames.NONE) {
      return Result.NO_MEMORY;
    }
    int to = (int) Math.min(past, FileObject.MOST_PAGES);
    long there = 0;
    for (long i = first; i < past; i++) {
      there += file.pages.get(i) == Frames.NONE ? 0 : 1;
    }
    boolean room = file.blocks == null || file.blocks.hasRoom(past - first - there);
    if (there > 0) { // also where room is missing in the end
      unmapping.unmap(first, past);
      file.stale.clear((int) Math.min(first, to), to);
    }
    if (there == 0 || !room) {
      for (long i = first; i < past; i++) {
        frames.put(head);
      }
      return there == 0 ? Result.EMPTY : Result.FULL;
    }
    for (long i = first; i < past; i++) {
      long page = file.pages.get(i);
      if (page != Frames.NONE) {
        frames.bytes().copyPage(head + (i - first), page);
      }
    }
    file.takeOut(first, past);
    for (long i = first; i < past; i++) {
      file.pages.put(i, head + (i - first));
    }
    file.absent.clear((int) Math.min(first, to), to);
    frames.markDirty(head);
    return Result.DONE;
  }
}
