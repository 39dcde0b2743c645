// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * Bits of {@link MemMap#flags}, named as in include/linux/page-flags.h; the values are mm4j's own.
 */
@API(status = API.Status.MAINTAINED)
public final class PageFlags {
  /** The frame is pinned: not on an LRU list, contents changing. */
  public static final int PG_LOCKED = 1;

  /** Was used lately. */
  public static final int PG_REFERENCED = 1 << 1;

  /** Contents are what the backing store has. */
  public static final int PG_UPTODATE = 1 << 2;

  /** Contents are newer than the backing store. */
  public static final int PG_DIRTY = 1 << 3;

  /** On an LRU list. */
  public static final int PG_LRU = 1 << 4;

  /** On the active one. */
  public static final int PG_ACTIVE = 1 << 5;

  /** First frame of a compound block. */
  public static final int PG_HEAD = 1 << 6;

  /** Never leaves its holder. */
  public static final int PG_RESERVED = 1 << 7;

  /** {@code private} is in use. */
  public static final int PG_PRIVATE = 1 << 8;

  /** Being written back. */
  public static final int PG_WRITEBACK = 1 << 9;

  /** Backed by swap space. */
  public static final int PG_SWAPBACKED = 1 << 10;

  /** Cannot be evicted (mlock). */
  public static final int PG_UNEVICTABLE = 1 << 11;

  /** Mapped by one address space only. */
  public static final int PG_ANON_EXCLUSIVE = 1 << 12;

  /** Contents are poisoned or zeroed by the allocator's debug mode. */
  public static final int PG_POISONED = 1 << 13;

  /** A locked VMA maps it. */
  public static final int PG_MLOCKED = 1 << 15;

  /** First frame of a large folio of which some pages are mapped no more, and which waits. */
  public static final int PG_PARTIALLY_MAPPED = 1 << 14;

  private PageFlags() {}
}
