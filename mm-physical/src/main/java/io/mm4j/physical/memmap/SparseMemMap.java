// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import org.jspecify.annotations.Nullable;

/**
 * {@code mem_map} by sections of 128 MiB, as with SPARSEMEM: a section of which nobody has written
 * a frame is one byte, the owner that all its frames have. 8 bytes for each frame of a section that
 * was written, up to 44 if every field is in use.
 *
 * <p>A section comes into being when its first frame is written, by whichever thread does that
 * first.
 */
public final class SparseMemMap extends AbstractMemMap {
  private static final int SHIFT = Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT;
  private static final int MASK = Pages.PAGES_PER_SECTION - 1;

  private final @Nullable PageColumns[] columns;

  /** Creates it with the owners that follow from the memory map. */
  public SparseMemMap(MemoryLayout layout) {
    super(layout, FrameStates.sparse(layout.endPfn()));
    columns = new PageColumns[Math.toIntExact((endPfn() + MASK) >>> SHIFT)];
    initOwners();
  }

  @Override
  @Nullable PageColumns columnsIfAny(long pfn) {
    return columns[(int) (pfn >>> SHIFT)];
  }

  @Override
  PageColumns columns(long pfn) {
    PageColumns known = columns[(int) (pfn >>> SHIFT)];
    return known != null ? known : makeColumns((int) (pfn >>> SHIFT));
  }

  private synchronized PageColumns makeColumns(int section) {
    PageColumns made = columns[section];
    if (made == null) {
      made = new PageColumns(Pages.PAGES_PER_SECTION);
      columns[section] = made;
    }
    return made;
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    states().fill(startPfn, endPfn, owner, endPfn());
  }
}
