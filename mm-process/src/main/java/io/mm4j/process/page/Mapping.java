// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

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
}
