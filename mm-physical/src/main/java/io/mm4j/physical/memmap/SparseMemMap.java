// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
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

  private static final long[] NONE = {};

  private final byte[] untouched;

  /** By section; {@link #NONE} if nobody has written to it. */
  private final long[][] states;

  private final @Nullable PageColumns[] columns;

  /** Creates it with the owners that follow from the memory map. */
  public SparseMemMap(MemoryLayout layout) {
    super(layout);
    int count = Math.toIntExact((endPfn() + MASK) >>> SHIFT);
    untouched = new byte[count];
    states = new long[count][];
    Arrays.fill(states, NONE);
    columns = new PageColumns[count];
    initOwners();
  }

  @Override
  long state(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long[] known = states[section];
    return known.length == 0 ? untouched[section] : known[(int) pfn & MASK];
  }

  /** An untouched section reads the same throughout. */
  @Override
  public long sameUntil(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long sectionEnd = (long) (section + 1) << SHIFT;
    return states[section].length == 0 ? Math.min(sectionEnd, endPfn()) : pfn + 1;
  }

  @Override
  int at(long pfn) {
    return (int) pfn & MASK;
  }

  @Override
  long[] states(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long[] known = states[section];
    return known.length > 0 ? known : makeStates(section);
  }

  @Override
  long[] statesIfAny(long pfn) {
    return states[(int) (pfn >>> SHIFT)];
  }

  private synchronized long[] makeStates(int section) {
    long[] made = states[section];
    if (made.length == 0) {
      made = new long[Pages.PAGES_PER_SECTION];
      Arrays.fill(made, untouched[section]);
      VarHandle.releaseFence(); // nobody sees the array before what is in it
      states[section] = made;
    }
    return made;
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
    for (long pfn = startPfn; pfn < endPfn; ) {
      int section = (int) (pfn >>> SHIFT);
      long sectionEnd = (long) (section + 1) << SHIFT;
      long end = Math.min(endPfn, sectionEnd);
      boolean whole = at(pfn) == 0 && (end == sectionEnd || end == endPfn());
      if (whole) {
        states[section] = NONE;
        columns[section] = null;
        untouched[section] = (byte) owner.code();
      } else {
        Arrays.fill(states(pfn), at(pfn), at(end - 1) + 1, owner.code());
      }
      pfn = end;
    }
  }
}
