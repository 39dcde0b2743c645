// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MmEvents;

/** Which counter of the resident set a page belongs to ({@code mm_counter()}). */
public enum PageKind {
  /** Anonymous memory. */
  ANON(0),
  /** Page cache of a file. */
  FILE(1),
  /** A shared-memory object or tmpfs. */
  SHMEM(2);

  final int slot;

  PageKind(int slot) {
    this.slot = slot;
  }

  /** Its number among the kernel's counters: {@link MmEvents#MM_ANONPAGES} or another. */
  public int counter() {
    return switch (this) {
      case ANON -> MmEvents.MM_ANONPAGES;
      case FILE -> MmEvents.MM_FILEPAGES;
      case SHMEM -> MmEvents.MM_SHMEMPAGES;
    };
  }
}
