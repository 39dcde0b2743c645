// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import org.apiguardian.api.API;

/** A higher floor's way to move blocks of its own somewhere else. */
@API(status = API.Status.MAINTAINED)
@FunctionalInterface
public interface Migrator {
  /**
   * Moves contents, metadata and every mapping from one block to another: copies the pages, lets
   * every page-table entry point to the destination, and calls {@link
   * io.mm4j.api.memory.MemMap#move(long, long, int)}. Afterwards the destination is the holder's,
   * with all references, and the source belongs to the caller with a refcount of 1.
   *
   * <p>Only blocks that are held ({@link io.mm4j.api.memory.MemMap#hold}) are moved. The caller has
   * taken a reference of the source with {@link io.mm4j.api.memory.MemMap#tryGet}, on top of the
   * holder's, so that the frames cannot become somebody else's meanwhile; it moves along, and is
   * given back by the caller. The holder may have let go of the block all the same before it is
   * asked: it looks once more, under the lock that guards what it holds.
   *
   * @param sourcePfn the first frame of a block of this migrator's owner type
   * @param destinationPfn the first frame of a block that belongs to the caller, with refcount 1
   * @param order the order of both
   * @return false, and nothing has changed, if the block cannot move now
   */
  boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn, int order);

  /** How messages call it. */
  default String name() {
    return getClass().getName();
  }
}
