// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Looks whether areas of the kernel's addresses overlap, lie where nobody asked for, or are freed
 * twice, and who holds those that are left. Works on the calls of the SPI {@code vmalloc}.
 */
final class AreaChecks implements TraceSink {
  /** An area that somebody has. */
  private record Area(long bytes, String stack) {}

  private final TreeMap<Long, Area> held = new TreeMap<>(Long::compareUnsigned);
  private final Map<Long, String> freedBy = new HashMap<>();
  private final Consumer<? super String> listener;

  AreaChecks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  @Override
  public void vmapAlloc(Cpu cpu, long address, long bytes, long align, long start, long end) {
    if (address == 0) {
      return;
    }
    if (Long.compareUnsigned(address, start) < 0
        || Long.compareUnsigned(address + bytes, end) > 0
        || (address & (align - 1)) != 0) {
      listener.accept(
          String.format(
              "outside: %s was asked for between 0x%x and 0x%x, aligned to %d, at%n%s",
              area(address, bytes), start, end, align, Holders.stack()));
    }
    vmapTaken(address, bytes);
  }

  @Override
  public void vmapTaken(long address, long bytes) {
    Map.Entry<Long, Area> below = held.lowerEntry(address + bytes);
    if (below != null && below.getKey() + below.getValue().bytes - address > 0) {
      listener.accept(
          String.format(
              "overlap: %s was given out while 0x%x of %d bytes is held, allocated at%n%s",
              area(address, bytes),
              below.getKey(),
              below.getValue().bytes,
              below.getValue().stack));
      held.remove(below.getKey());
    }
    held.put(address, new Area(bytes, Holders.stack()));
    freedBy.remove(address);
  }

  @Override
  public void vmapUndone(long address) {
    held.remove(address);
  }

  private static String area(long address, long bytes) {
    return String.format("area 0x%x of %d bytes", address, bytes);
  }

  @Override
  public void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {
    String here = Holders.stack();
    if (held.remove(address) == null) {
      String before = freedBy.get(address);
      listener.accept(
          String.format(
              "%s: area 0x%x is freed at%n%s%s",
              before == null ? "invalid free" : "double free",
              address,
              here,
              before == null ? "" : String.format("%n  and was at%n%s", before)));
    }
    freedBy.put(address, here);
  }

  /** Adds what is held. */
  void held(Holders holders) {
    held.forEach(
        (address, area) -> holders.add("%d bytes in %d areas of vmalloc", area.stack, area.bytes));
  }
}
