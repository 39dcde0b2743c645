// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.Migratetype.MOVABLE;
import static io.mm4j.api.page.Migratetype.RECLAIMABLE;
import static io.mm4j.api.page.Migratetype.UNMOVABLE;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FallbackRule;

/**
 * Linux's order of fallbacks: each type turns first to the one whose mixing in does the least harm,
 * and a pageblock of Movable pages is the last resort of the two others.
 */
final class LinuxFallback implements FallbackRule {
  /** Row: the type wanted; then the others in order of preference. */
  private static final byte[][] TABLE = {
    {RECLAIMABLE, MOVABLE}, // Unmovable
    {RECLAIMABLE, UNMOVABLE}, // Movable
    {UNMOVABLE, MOVABLE}, // Reclaimable
  };

  private final int pageblockOrder;

  /** For pageblocks of 2 MiB. */
  LinuxFallback() {
    this(Pages.PAGEBLOCK_ORDER);
  }

  private LinuxFallback(int pageblockOrder) {
    this.pageblockOrder = pageblockOrder;
  }

  @Override
  public int pageblockOrder() {
    return pageblockOrder;
  }

  @Override
  public FallbackRule forPageblocks(int order) {
    return order == pageblockOrder ? this : new LinuxFallback(order);
  }

  @Override
  public int fallback(int migratetype, int index) {
    return migratetype < TABLE.length && index < TABLE[migratetype].length
        ? TABLE[migratetype][index]
        : NONE;
  }
}
