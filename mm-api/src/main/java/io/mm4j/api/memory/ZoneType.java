// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.Locale;
import org.apiguardian.api.API;

/** The kinds of zone, lowest first; a request that names one may be served from lower ones. */
@API(status = API.Status.MAINTAINED)
public enum ZoneType {
  /** Below 16 MiB, for ISA devices. */
  DMA(0, "DMA"),
  /** Below 4 GiB (64-bit only). */
  DMA32(1, "DMA32"),
  /** Memory that the kernel can always address. */
  NORMAL(2, "Normal"),
  /** Memory without a permanent kernel address (32-bit only). */
  HIGHMEM(3, "HighMem"),
  /** Only for pages that can be moved away. */
  MOVABLE(4, "Movable"),
  /** Memory on devices. */
  DEVICE(5, "Device");

  /** How many kinds there are. */
  public static final int TYPES = 6;

  private final int code;
  private final String procName;

  ZoneType(int code, String procName) {
    this.code = code;
    this.procName = procName;
  }

  /** A small number for tables: the zone's place in this list, 0 to {@code TYPES - 1}. */
  public int code() {
    return code;
  }

  /** The name as {@code /proc/buddyinfo} spells it. */
  public String procName() {
    return procName;
  }

  /** The zone of this name as {@code /proc} spells it, or null. */
  public static @org.jspecify.annotations.Nullable ZoneType ofProcName(String name) {
    for (ZoneType type : values()) {
      if (type.procName.toLowerCase(Locale.ROOT).equals(name.toLowerCase(Locale.ROOT))) {
        return type;
      }
    }
    return null;
  }
}
