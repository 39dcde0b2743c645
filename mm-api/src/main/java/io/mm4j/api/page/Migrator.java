// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;

/** A higher floor's way to move a frame of its own somewhere else. */
@FunctionalInterface
public interface Migrator {
  /**
   * Moves contents, metadata and every mapping from one frame to another: copies the page, lets
   * every page-table entry point to the destination, and calls {@link
   * io.mm4j.api.memory.MemMap#move}. Afterwards the destination is the holder's, with all
   * references, and the source belongs to the caller with a refcount of 1.
   *
   * @param sourcePfn a frame of this migrator's owner type
   * @param destinationPfn a frame with refcount 1 that belongs to the caller
   * @return false, and nothing has changed, if the frame cannot move now
   */
  boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn);
}
