// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

/**
 * The kinds of lock, in the order in which they may be taken: who holds one may take only locks of
 * a later kind. This enumeration is the one place where the order is written down.
 */
public enum LockClass {
  /** One address space: the kernel's {@code mmap_lock}. */
  MM,
  /** A file's cached pages. */
  PAGE_CACHE,
  /** The kernel's vmalloc areas. */
  VMAP,
  /** A page directory and what hangs below it. */
  PAGE_TABLE,
  /** The partial lists of one cache on one node. */
  SLAB_NODE,
  /** A parked CPU's own lists, for somebody else to drain. */
  CPU,
  /** The free blocks of one zone: the kernel's {@code zone->lock}. */
  ZONE
}
