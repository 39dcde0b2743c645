// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.pagetable.PageTableFormat;
import org.jspecify.annotations.Nullable;

/** A VMA as reverse mapping sees it: which pages of a mapping it shows where. */
public interface Mapping {
  /** The page tables of its address space, null for one that has none. */
  @Nullable PageTable pageTable();

  /** The page offset that it begins with. */
  long firstIndex();

  /** The page offset behind its last one. */
  long pastIndex();

  /** Where a page offset is mapped that lies between these. */
  long addressOf(long index);

  /** Whether its pages are locked into memory. */
  boolean isLocked();

  /** {@code VM_DROPPABLE}: whether its pages may be dropped when memory is short. */
  boolean isDroppable();

  /** What frames of its anonymous pages have as {@code mapping}; it has an anon_vma. */
  long anonMapping();

  /** {@code vm_page_prot}: what an entry of it lets through before anybody writes. */
  long pageProt(PageTableFormat format);
}
