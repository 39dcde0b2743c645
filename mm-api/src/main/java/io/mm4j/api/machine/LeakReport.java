// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Zone;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.apiguardian.api.API;

/**
 * Frames that somebody holds: neither free, nor on a per-cpu list, nor boot's. When a machine
 * closes there should be none.
 *
 * @param held by owner, only owners that hold something
 */
@API(status = API.Status.MAINTAINED)
public record LeakReport(Map<FrameOwner, Held> held) {
  /**
   * What one owner holds.
   *
   * @param pages how many frames
   * @param firstPfn the lowest of them
   */
  public record Held(long pages, long firstPfn) {}

  /** Copies the map. */
  public LeakReport {
    held = held.isEmpty() ? Map.of() : Map.copyOf(new EnumMap<>(held));
  }

  /** Whether an owner counts: free and reserved frames are nobody's. */
  static boolean counts(FrameOwner owner) {
    return switch (owner) {
      case NONE, RESERVED, FREE, PCP -> false;
      case KERNEL, SLAB, PAGE_TABLE, ANON, FILE, VMALLOC, ISOLATED, HUGETLB, SWAP_CACHE -> true;
    };
  }

  /** Whether nothing is held. */
  public boolean isEmpty() {
    return held.isEmpty();
  }

  /** All frames that are held. */
  public long pages() {
    return held.values().stream().mapToLong(Held::pages).sum();
  }

  /** The frames that one owner holds. */
  public long pages(FrameOwner owner) {
    Held found = held.get(owner);
    return found == null ? 0 : found.pages;
  }

  /** For {@link MachineConfig#onLeak}: closing a machine with frames in use is an error. */
  public void refuse() {
    if (!isEmpty()) {
      throw new MisuseException("the machine was closed with frames in use: " + this);
    }
  }

  /** {@code pages=3: ANON pages=2 first_pfn=0x1234, SLAB pages=1 first_pfn=0x77}. */
  @Override
  public String toString() {
    return "pages="
        + pages()
        + held.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(
                e ->
                    String.format(
                        "%s pages=%d first_pfn=0x%x",
                        e.getKey(), e.getValue().pages, e.getValue().firstPfn))
            .collect(Collectors.joining(", ", held.isEmpty() ? "" : ": ", ""));
  }

  /** What is held now. */
  static LeakReport of(MemoryLayout layout, MemMap memMap) {
    Map<FrameOwner, Held> held = new EnumMap<>(FrameOwner.class);
    for (Zone zone : layout.zones()) {
      for (long pfn = zone.startPfn(), next; pfn < zone.endPfn(); pfn = next) {
        next = Math.min(memMap.sameUntil(pfn), zone.endPfn());
        if (counts(memMap.owner(pfn))) {
          held.merge(
              memMap.owner(pfn),
              new Held(next - pfn, pfn),
              (a, b) -> new Held(a.pages() + b.pages(), a.firstPfn()));
        }
      }
    }
    return new LeakReport(held);
  }
}
