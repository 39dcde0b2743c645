// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;

/**
 * {@code mem_map[]} as in Linux 2.4: one array for all frames, holes included, made at boot. 8
 * bytes for each frame, up to 44 if every field is in use anywhere.
 */
public final class FlatMemMap extends AbstractMemMap {
  /** One past the highest frame number that it can hold: 1 TiB. */
  public static final long MAX_PFN = (1L << 40) >>> Pages.PAGE_SHIFT;

  private final PageColumns columns;

  /** Creates it with the owners that follow from the memory map. */
  public FlatMemMap(MemoryLayout layout) {
    super(layout, FrameStates.flat(layout.endPfn()));
    columns = new PageColumns(Math.toIntExact(endPfn()));
    initOwners();
  }

  @Override
  PageColumns columns(long pfn) {
    return columns;
  }

  @Override
  PageColumns columnsIfAny(long pfn) {
    return columns;
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    states().fill(startPfn, endPfn, owner, endPfn());
  }
}
