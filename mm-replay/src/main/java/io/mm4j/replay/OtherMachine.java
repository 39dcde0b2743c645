// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.process.ThpMode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is to be different about the machine below recorded processes. Their answers then need not
 * be the recorded ones.
 *
 * @param totalRamKb MemTotal, or null for the recorded one
 * @param sysctls {@code vm.*} values by name without the prefix, and {@code stack_guard_gap}
 * @param thp the setting for huge pages, or null for the recorded one
 * @param limits soft limits in bytes by the names of {@link io.mm4j.api.process.ResourceLimit}
 */
public record OtherMachine(
    @Nullable Long totalRamKb,
    Map<String, String> sysctls,
    @Nullable ThpMode thp,
    Map<String, Long> limits) {
  /** All as recorded. */
  public static final OtherMachine NONE = new OtherMachine(null, Map.of(), null, Map.of());

  /** Copies the maps. */
  public OtherMachine {
    sysctls = Map.copyOf(sysctls);
    limits = Map.copyOf(limits);
  }

  /** Whether nothing is different. */
  public boolean isNone() {
    return totalRamKb == null && sysctls.isEmpty() && thp == null && limits.isEmpty();
  }
}
