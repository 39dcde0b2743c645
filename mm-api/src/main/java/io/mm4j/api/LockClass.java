// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * The kinds of lock, in the order in which they are taken: who holds one may wait only for locks of
 * a later kind. This enumeration is the one place where the order is written down; {@link
 * LockOrder} checks it.
 *
 * <p>Two locks of one kind have a rule of their own, {@link Siblings}. A try-lock never waits, so
 * it may be taken whatever is held; from then on it is held like any other.
 */
@API(status = API.Status.MAINTAINED)
public enum LockClass {
  /**
   * A CPU: held by the thread that owns it, or by somebody who drains it while it is parked. The
   * outermost lock: a thread takes a CPU before it enters any floor, and reaches another CPU's
   * lists by try-lock or by request.
   */
  CPU(0, Siblings.NEVER),
  /** One address space: the kernel's {@code mmap_lock}. A parent's rank is below its child's. */
  MM(1, Siblings.ASCENDING),
  /** A file's cached pages; the rank is the file's number. */
  PAGE_CACHE(2, Siblings.ASCENDING),
  /** The kernel's vmalloc areas. */
  VMAP(3, Siblings.NEVER),
  /** A page table; the rank puts upper levels before lower ones, then goes by address. */
  PAGE_TABLE(4, Siblings.ASCENDING),
  /** The partial lists of one cache on one node. */
  SLAB_NODE(5, Siblings.NEVER),
  /** The free blocks of one zone: the kernel's {@code zone->lock}. The rank is node, then zone. */
  ZONE(6, Siblings.ASCENDING);

  /** When a lock may be waited for by somebody who holds one of the same kind. */
  public enum Siblings {
    /** Never: a second one is taken by try-lock only. */
    NEVER,
    /** When its rank is above that of every one that is held. */
    ASCENDING
  }

  /** How many kinds there are. */
  static final int COUNT = 7;

  private final int code;
  private final Siblings siblings;

  LockClass(int code, Siblings siblings) {
    this.code = code;
    this.siblings = siblings;
  }

  /** A small number for tables: its place in this list. */
  public int code() {
    return code;
  }

  /** Its bit in a set of kinds. */
  public int bit() {
    return 1 << code;
  }

  /**
   * Whether {@link LockOrder#held} tells of it. A CPU is the caller's in any case, and nobody calls
   * up with a zone's lock held; both are taken too often to be counted.
   */
  boolean isCounted() {
    return this != CPU && this != ZONE;
  }

  /** The rule for two locks of this kind. */
  public Siblings siblings() {
    return siblings;
  }
}
