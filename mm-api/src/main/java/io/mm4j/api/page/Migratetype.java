// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * Migratetypes: how movable a page's contents are. Plain ints, with the kernel's values ({@code
 * enum migratetype}, include/linux/mmzone.h, Linux 6.18).
 */
@API(status = API.Status.MAINTAINED)
public final class Migratetype {
  /** Pages that stay where they are. */
  public static final int UNMOVABLE = 0;

  /** Pages whose contents can be moved: anonymous and file pages. */
  public static final int MOVABLE = 1;

  /** Pages that can be given up on request: inode and dentry caches. */
  public static final int RECLAIMABLE = 2;

  /** The reserve for high-order atomic requests. */
  public static final int HIGHATOMIC = 3;

  /** Set aside; never allocated from. */
  public static final int ISOLATE = 4;

  /** How many there are. */
  public static final int TYPES = 5;

  /** The first three, which have per-cpu lists: {@code MIGRATE_PCPTYPES}. */
  public static final int PCPTYPES = 3;

  private static final String[] NAMES = {
    "Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"
  };

  private Migratetype() {}

  /** The name as {@code /proc/pagetypeinfo} spells it. */
  public static String name(int migratetype) {
    return migratetype >= 0 && migratetype < TYPES ? NAMES[migratetype] : "?" + migratetype;
  }
}
