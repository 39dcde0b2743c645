// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.Objects;
import java.util.Set;
import org.apiguardian.api.API;

/**
 * Everything an address space is made from.
 *
 * @param layout where the program lies and where mmap searches
 * @param asBytes soft RLIMIT_AS, {@link ResourceLimit#INFINITY} for none; so the next three
 * @param dataBytes soft RLIMIT_DATA
 * @param stackBytes soft RLIMIT_STACK
 * @param memlockBytes soft RLIMIT_MEMLOCK
 * @param capabilities what the process may do
 * @param sysctls machine-wide settings, as a recorded process had them or the {@link
 *     ProcessFloor#sysctls()} of this machine
 * @param totalRamKb MemTotal, for the overcommit heuristic
 * @param totalSwapKb SwapTotal
 * @param thp huge page setting
 * @param readImpliesExec personality READ_IMPLIES_EXEC
 */
@API(status = API.Status.EXPERIMENTAL)
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
    boolean readImpliesExec) {
  /** Copies the set. */
  public AddressSpaceConfig {
    Objects.requireNonNull(layout, "layout");
    Objects.requireNonNull(sysctls, "sysctls");
    Objects.requireNonNull(thp, "thp");
    capabilities = Set.copyOf(capabilities);
  }
}
