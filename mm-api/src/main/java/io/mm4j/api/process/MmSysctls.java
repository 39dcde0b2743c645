// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

/**
 * Machine-wide settings under {@code /proc/sys/vm} that calls look at.
 *
 * @param overcommitMemory {@code vm.overcommit_memory}: 0 heuristic, 1 always, 2 never
 * @param overcommitRatio {@code vm.overcommit_ratio}, percent, for mode 2
 * @param maxMapCount {@code vm.max_map_count}
 * @param mmapMinAddr {@code vm.mmap_min_addr}, bytes
 * @param lsmMmapMinAddr {@code CONFIG_LSM_MMAP_MIN_ADDR}, bytes; hints are raised to the larger
 * @param stackGuardGapPages {@code stack_guard_gap}
 * @param legacyVaLayout {@code vm.legacy_va_layout}
 */
public record MmSysctls(
    int overcommitMemory,
    int overcommitRatio,
    int maxMapCount,
    long mmapMinAddr,
    long lsmMmapMinAddr,
    long stackGuardGapPages,
    boolean legacyVaLayout) {
  /** The defaults of the recordings' kernel. */
  public static final MmSysctls DEFAULTS = new MmSysctls(0, 50, 65530, 4096, 65536, 256, false);
}
