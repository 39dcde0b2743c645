// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;

/**
 * The process that every machine has before a workload: a small static program, recorded on Linux
 * 6.18 without address randomization when it had just begun. It runs as an ordinary user, has the
 * files {@code /data/file} open for reading and writing as descriptor 3 and for reading as 4,
 * {@code /dev/shm/file} as 5 and {@code /dev/zero} as 6.
 *
 * @param compat32 a 32-bit program with the 3G/1G split
 * @param totalRamKb MemTotal of its machine
 * @param sysctls the machine's settings
 * @param thp the machine's huge page setting
 * @param privileged whether it has every {@link io.mm4j.api.process.Capability}
 */
public record FreshProcess(
    boolean compat32, long totalRamKb, MmSysctls sysctls, ThpMode thp, boolean privileged) {
  /** The resource that holds its start state, as a recording without calls. */
  public String resource() {
    return "bundled/process/" + (compat32 ? "x86-32" : "x86-64") + ".vma";
  }
}
