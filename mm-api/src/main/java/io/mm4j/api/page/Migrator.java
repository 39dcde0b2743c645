// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;

/** A higher floor's way to move a frame of its own somewhere else. */
@FunctionalInterface
public interface Migrator {
  /**
   * Moves contents, metadata and every mapping from one frame to another. The source keeps its
   * owner until the call returns; afterwards the destination has it, and the source belongs to the
   * caller.
   *
   * @param sourcePfn a frame of this migrator's owner type
   * @param destinationPfn a frame with refcount 1 that belongs to the caller
   * @return false, and nothing has changed, if the frame cannot move now
   */
  boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn);
}
