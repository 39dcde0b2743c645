// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.List;

/** A zone as dumps and reports show it; -1 for what they do not say. Counted in pages. */
public final class ReportedZone {
  /** Orders of free blocks. */
  static final int ORDERS = 11;

  /** What is said of a zone's free blocks without their type. */
  static final int ANY_TYPE = Migratetype.TYPES;

  /** Blocks of CMA, of which only movable requests are served. */
  static final int CMA = Migratetype.TYPES + 1;

  final int node;
  final ZoneType type;
  long startPfn = -1;
  long spanned = -1;
  long present = -1;
  long managed = -1;
  long free = -1;
  long min = -1;
  long low = -1;
  long high = -1;
  long highatomic;
  long freeCma;
  final List<Long> protection = new ArrayList<>();

  /** Free blocks by type and order. */
  final long[][] blocks = new long[CMA + 1][ORDERS];

  boolean blocksKnown;

  /** Whether a buddyinfo has shown its blocks. */
  boolean listed;

  /** Types that may be the list's of each order, where a report names several. */
  final String[] letters = new String[ORDERS];

  ReportedZone(int node, ZoneType type) {
    this.node = node;
    this.type = type;
  }

  /** Pages in the free blocks that are shown. */
  long blockPages() {
    long pages = 0;
    for (long[] row : blocks) {
      for (int order = 0; order < ORDERS; order++) {
        pages += row[order] << order;
      }
    }
    return pages;
  }

  /** Pages in free blocks whose type is known. */
  long blockPagesOfTypes() {
    long pages = 0;
    for (int type = 0; type < blocks.length; type++) {
      for (int order = 0; order < ORDERS && type != ANY_TYPE; order++) {
        pages += blocks[type][order] << order;
      }
    }
    return pages;
  }

  @Override
  public String toString() {
    return "Node " + node + ", zone " + type.procName();
  }
}
