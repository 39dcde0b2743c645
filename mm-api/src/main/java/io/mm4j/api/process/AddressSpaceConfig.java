// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.vma.VmaIndex;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Everything an address space is made from.
 *
 * @param layout where the program lies and where mmap searches
 * @param asBytes soft RLIMIT_AS, {@link ResourceLimit#INFINITY} for none; so the next three
 * @param dataBytes soft RLIMIT_DATA
 * @param stackBytes soft RLIMIT_STACK
 * @param memlockBytes soft RLIMIT_MEMLOCK
 * @param capabilities what the process may do
 * @param sysctls machine-wide settings
 * @param totalRamKb MemTotal, for the overcommit heuristic
 * @param totalSwapKb SwapTotal
 * @param thp huge page setting
 * @param readImpliesExec personality READ_IMPLIES_EXEC
 * @param indexes makes an empty index of VMAs, once per address space
 */
public record AddressSpaceConfig(
    MmLayout layout,
    long asBytes,
    long dataBytes,
    long stackBytes,
    long memlockBytes,
    Set<Capability> capabilities,
    MmSysctls sysctls,
    long totalRamKb,
    long totalSwapKb,
    ThpMode thp,
    boolean readImpliesExec,
    Supplier<? extends VmaIndex> indexes) {
  /** Copies the set. */
  public AddressSpaceConfig {
    Objects.requireNonNull(layout, "layout");
    Objects.requireNonNull(sysctls, "sysctls");
    Objects.requireNonNull(thp, "thp");
    Objects.requireNonNull(indexes, "indexes");
    capabilities = Set.copyOf(capabilities);
  }
}
