// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import io.mm4j.api.vmalloc.VmallocAllocator;

/**
 * Where a request that is aligned to more than a page may have been placed: Linux looks for a hole
 * of size + align - 1 bytes, takes the lowest, and on its way through its tree may stumble on a
 * lower, shorter one in which it fits all the same. Which of the two depends on the shape of the
 * tree, and no recording tells that of its start.
 */
final class AlignedRule {
  private final long bytes;
  private final long align;
  private final long start;
  private final long end;
  private final long recorded;
  private boolean longHoleSeen;
  private boolean allowed;

  private AlignedRule(long bytes, long align, long start, long end, long recorded) {
    this.bytes = bytes;
    this.align = align;
    this.start = start;
    this.end = end;
    this.recorded = recorded;
  }

  /** Whether the recorded address is one of those that the free ranges now allow. */
  static boolean allows(
      VmallocAllocator areas, long bytes, long align, VmapEvents.Range range, long recorded) {
    AlignedRule rule = new AlignedRule(bytes, align, range.start(), range.last() + 1, recorded);
    areas.forEachFree(rule::look);
    return rule.allowed;
  }

  private void look(long from, long to) {
    long low = Math.max(from, start);
    long high = Math.min(to, end);
    long address = (low + align - 1) & -align;
    if (longHoleSeen || low >= high || address + bytes > high) {
      return;
    }
    longHoleSeen = high - low >= bytes + align - 1;
    allowed |= address == recorded;
  }
}
