// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which policy each page of a file of shared memory has ({@code struct shared_policy},
 * mm/mempolicy.c of Linux 6.18): whoever maps it sees the same.
 */
public final class SharedPolicy {
  private record Range(long past, MemPolicy policy) {}

  private final TreeMap<Long, Range> byFirst = new TreeMap<>();

  /** The policy of a page, or null. O(log ranges). */
  public @Nullable MemPolicy get(long index) {
    Map.Entry<Long, Range> below = byFirst.floorEntry(index);
    return below == null || below.getValue().past() <= index ? null : below.getValue().policy();
  }

  /**
   * {@code shared_policy_replace}: gives pages one policy, in place of what they had.
   *
   * @param policy null for none
   */
  public void set(long first, long past, @Nullable MemPolicy policy) {
    Map.Entry<Long, Range> below = byFirst.lowerEntry(first);
    if (below != null && below.getValue().past() > first) {
      Range old = below.getValue();
      byFirst.put(below.getKey(), new Range(first, old.policy()));
      if (old.past() > past) {
        byFirst.put(past, old);
      }
    }
    Map.Entry<Long, Range> last = byFirst.lowerEntry(past);
    if (last != null && last.getValue().past() > past) {
      byFirst.put(past, last.getValue());
    }
    byFirst.subMap(first, past).clear();
    if (policy != null) {
      byFirst.put(first, new Range(past, policy));
    }
  }
}
