// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;

/**
 * The frames that processes have, before or after a step.
 *
 * @param tables frames of page tables
 * @param anon frames of anonymous memory
 */
record FrameCounts(long tables, long anon) {
  /** Those of now. */
  static FrameCounts of(Machine machine) {
    return new FrameCounts(
        machine.framesOwnedBy(FrameOwner.PAGE_TABLE), machine.framesOwnedBy(FrameOwner.ANON));
  }
}
