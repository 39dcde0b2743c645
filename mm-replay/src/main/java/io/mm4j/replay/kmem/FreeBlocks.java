// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;

/**
 * A list of free blocks, {@code freeblocks.before.txt.gz} or {@code .after}: {@code zone NAME},
 * then {@code pfn order} in ascending order. Read block by block.
 */
final class FreeBlocks implements AutoCloseable {
  static final String BEFORE = "freeblocks.before.txt.gz";
  static final String AFTER = "freeblocks.after.txt.gz";

  private final ByteLines in;
  private final RecordedZones zones;
  private String zoneName = "";
  private long pfn = -1;
  private int order;
  private int zone;
  private long end;

  FreeBlocks(KmemSource source, String file, RecordedZones zones) {
    this.in = new ByteLines(source, file);
    this.zones = zones;
  }

  /**
   * Goes to the next block.
   *
   * @return false at the end
   */
  boolean next() {
    while (in.nextLine()) {
      if (in.peek() == 'z') {
        String line = in.rest();
        if (!line.startsWith("zone ")) {
          throw in.error("no zone", "zone NAME");
        }
        zoneName = line.substring(5).strip();
        continue;
      }
      pfn = in.decimal();
      in.blank();
      order = in.small(Pages.MAX_PAGE_ORDER, "an order of 0 to " + Pages.MAX_PAGE_ORDER);
      in.endLine();
      check();
      return true;
    }
    if (in.line() == 0) {
      throw in.error("an empty file", "zone NAME and lines of pfn and order");
    }
    return false;
  }

  private void check() {
    zone = zones.indexOf(pfn);
    if (zone < 0) {
      throw in.error("pfn " + pfn + " lies in no zone", "frames of " + zones.ranges());
    }
    if (!zones.list().get(zone).type().procName().equals(zoneName)) {
      throw in.error("pfn " + pfn + " does not lie in zone '" + zoneName + "'", zones.ranges());
    }
    if (!zones.holdsBlock(zone, pfn, order)) {
      throw in.error(
          "no block of order " + order + " can begin at pfn " + pfn,
          "aligned blocks within their zone");
    }
    if (pfn < end) {
      throw in.error("pfn " + pfn + " is not above the block before", "ascending blocks");
    }
    end = pfn + (1L << order);
  }

  long pfn() {
    return pfn;
  }

  int order() {
    return order;
  }

  int zone() {
    return zone;
  }

  @Override
  public void close() {
    in.close();
  }
}
