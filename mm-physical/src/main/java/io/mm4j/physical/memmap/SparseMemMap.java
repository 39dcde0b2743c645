// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code mem_map} by sections of 128 MiB, as with SPARSEMEM: a section of which nobody has written
 * a frame is one byte, the owner that all its frames have. 8 bytes for each frame of a section that
 * was written, up to 44 if every field is in use.
 *
 * <p>A section comes into being when its first frame is written, by whichever thread does that
 * first: two that come at once agree on one section.
 */
public final class SparseMemMap extends AbstractMemMap {
  private static final int SHIFT = Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT;
  private static final int MASK = Pages.PAGES_PER_SECTION - 1;

  private static final VarHandle SECTIONS =
      MethodHandles.arrayElementVarHandle(PageColumns[].class);

  private final byte[] untouched;
  private final @Nullable PageColumns[] sections;

  /** Creates it with the owners that follow from the memory map. */
  public SparseMemMap(MemoryLayout layout) {
    super(layout);
    int count = Math.toIntExact((endPfn() + MASK) >>> SHIFT);
    untouched = new byte[count];
    sections = new PageColumns[count];
    initOwners();
  }

  @Override
  long state(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    PageColumns columns = sections[section];
    return columns == null ? untouched[section] : columns.state[(int) pfn & MASK];
  }

  /** An untouched section reads the same throughout. */
  @Override
  public long sameUntil(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    return sections[section] == null ? Math.min((long) (section + 1) << SHIFT, endPfn()) : pfn + 1;
  }

  @Override
  int at(long pfn) {
    return (int) pfn & MASK;
  }

  @Override
  @Nullable PageColumns columnsIfAny(long pfn) {
    return sections[(int) (pfn >>> SHIFT)];
  }

  @Override
  PageColumns columns(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    PageColumns columns = sections[section];
    return columns != null ? columns : materialise(section);
  }

  private PageColumns materialise(int section) {
    PageColumns mine = new PageColumns(Pages.PAGES_PER_SECTION, untouched[section]);
    Object first = SECTIONS.compareAndExchange(sections, section, null, mine);
    return first == null ? mine : (PageColumns) first;
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    for (long pfn = startPfn; pfn < endPfn; ) {
      int section = (int) (pfn >>> SHIFT);
      long sectionEnd = (long) (section + 1) << SHIFT;
      long end = Math.min(endPfn, sectionEnd);
      boolean whole = at(pfn) == 0 && (end == sectionEnd || end == endPfn());
      if (whole) {
        sections[section] = null;
        untouched[section] = (byte) owner.code();
      } else {
        Arrays.fill(columns(pfn).state, at(pfn), at(end - 1) + 1, owner.code());
      }
      pfn = end;
    }
  }
}
