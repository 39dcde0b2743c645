// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.Locale;

/** The kinds of zone, lowest first; a request that names one may be served from lower ones. */
public enum ZoneType {
  /** Below 16 MiB, for ISA devices. */
  DMA("DMA"),
  /** Below 4 GiB (64-bit only). */
  DMA32("DMA32"),
  /** Memory that the kernel can always address. */
  NORMAL("Normal"),
  /** Memory without a permanent kernel address (32-bit only). */
  HIGHMEM("HighMem"),
  /** Only for pages that can be moved away. */
  MOVABLE("Movable"),
  /** Memory on devices. */
  DEVICE("Device");

  private final String procName;

  ZoneType(String procName) {
    this.procName = procName;
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
