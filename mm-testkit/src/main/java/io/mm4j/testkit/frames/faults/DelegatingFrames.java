// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;

/** Passes every call on; a fault overrides one. */
public class DelegatingFrames implements FrameAllocator {
  static final int MAX = Pages.MAX_PAGE_ORDER;

  public final Zone zone;
  public final FrameAllocator inner;

  DelegatingFrames(Zone zone) {
    this(zone, new NaiveFrameAllocator(zone, MAX));
  }

  public DelegatingFrames(Zone zone, FrameAllocator inner) {
    this.zone = zone;
    this.inner = inner;
  }

  @Override
  public long allocate(int order, int migratetype) {
    return inner.allocate(order, migratetype);
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    return inner.allocateFrom(fromOrder, fromMigratetype, order, restMigratetype);
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    inner.free(pfn, order, migratetype);
  }

  @Override
  public void freeToTail(long pfn, int order, int migratetype) {
    inner.freeToTail(pfn, order, migratetype);
  }

  @Override
  public boolean take(long pfn, int order) {
    return inner.take(pfn, order);
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    return inner.freePagesIn(pfn, order);
  }

  @Override
  public int freeOrderAt(long pfn) {
    return inner.freeOrderAt(pfn);
  }

  @Override
  public long head(int order, int migratetype) {
    return inner.head(order, migratetype);
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    return inner.movePageblock(pfn, migratetype);
  }

  @Override
  public long freePages() {
    return inner.freePages();
  }

  @Override
  public long freeBlocks(int order) {
    return inner.freeBlocks(order);
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return inner.freeBlocks(order, migratetype);
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    inner.forEachFree(visitor);
  }

  @Override
  public void validate() {
    inner.validate();
  }
}
