// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import org.apiguardian.api.API;

/**
 * A zone of a node: a range of frames of one kind, holes included. Models {@code struct zone} of
 * include/linux/mmzone.h as far as it describes memory; what is free in it is a frame allocator's
 * business, how much must stay free the page allocator's.
 */
@API(status = API.Status.MAINTAINED)
public final class Zone {
  private final ZoneType type;
  private final int nodeId;
  private final long startPfn;
  private final long endPfn;
  private final long presentPages;
  private long managedPages;
  private final Pageblocks pageblocks;
  private final KernelLock lock;

  /**
   * Creates a zone with pageblocks of 2 MiB.
   *
   * @param startPfn the first frame: {@code zone_start_pfn}
   * @param endPfn one past the last frame; {@code endPfn - startPfn} is {@code spanned_pages}
   * @param presentPages frames that are not holes
   * @param managedPages frames that the page allocator was given
   * @param pageblockType the migratetype that its pageblocks begin with
   */
  public Zone(
      ZoneType type,
      int nodeId,
      long startPfn,
      long endPfn,
      long presentPages,
      long managedPages,
      int pageblockType) {
    this(
        type,
        nodeId,
        startPfn,
        endPfn,
        presentPages,
        managedPages,
        new Pageblocks(startPfn, endPfn, pageblockType));
  }

  /**
   * Creates a zone with pageblocks of another size.
   *
   * @param pageblocks of its range
   */
  public Zone(
      ZoneType type,
      int nodeId,
      long startPfn,
      long endPfn,
      long presentPages,
      long managedPages,
      Pageblocks pageblocks) {
    this.type = type;
    this.nodeId = nodeId;
    this.startPfn = startPfn;
    this.endPfn = endPfn;
    this.presentPages = presentPages;
    this.managedPages = managedPages;
    this.pageblocks = pageblocks;
    this.lock =
        new KernelLock(LockClass.ZONE, "node" + nodeId + "/" + type.procName(), rank(nodeId, type));
  }

  private static long rank(int nodeId, ZoneType type) {
    return (long) nodeId << 8 | type.code();
  }

  /** The kind of zone. */
  public ZoneType type() {
    return type;
  }

  /** The node it belongs to. */
  public int nodeId() {
    return nodeId;
  }

  /** The first frame. */
  public long startPfn() {
    return startPfn;
  }

  /** One past the last frame. */
  public long endPfn() {
    return endPfn;
  }

  /** Frames between start and end, holes included. */
  public long spannedPages() {
    return endPfn - startPfn;
  }

  /** Frames with memory behind them. */
  public long presentPages() {
    return presentPages;
  }

  /** Frames that the page allocator was given. */
  public long managedPages() {
    return managedPages;
  }

  /**
   * {@code adjust_managed_page_count()}: boot calls it, before anybody reads watermarks.
   *
   * @param pages how many more, or fewer if negative
   */
  public void adjustManagedPages(long pages) {
    managedPages += pages;
  }

  /** Whether the frame number lies in the zone's range. */
  public boolean contains(long pfn) {
    return pfn >= startPfn && pfn < endPfn;
  }

  /** The migratetypes of its pageblocks. */
  public Pageblocks pageblocks() {
    return pageblocks;
  }

  /** {@code zone->lock}: guards the free blocks and the pageblock types. */
  public KernelLock lock() {
    return lock;
  }

  @Override
  public String toString() {
    return "Node " + nodeId + ", zone " + type.procName();
  }
}
