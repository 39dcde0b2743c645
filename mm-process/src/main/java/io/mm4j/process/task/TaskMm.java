// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.MmRefs;
import org.jspecify.annotations.Nullable;

/** An address space as tasks have it; {@code init_mm} is one without user addresses. */
final class TaskMm {
  final @Nullable Mm mm;
  final @Nullable AddressSpace space;
  final MmRefs refs;

  /** Users that are no tasks ({@link io.mm4j.api.process.Tasks#get}). */
  int guests;

  /** References that are no CPU's and no user's. */
  int grabs;

  TaskMm(Mm mm, AddressSpace space) {
    this.mm = mm;
    this.space = space;
    this.refs = mm.refs;
    refs.counted = true;
  }

  /** {@code init_mm}: its users and count are set when it is compiled. */
  TaskMm() {
    mm = null;
    space = null;
    refs = new MmRefs();
    refs.users = 2;
  }

  /** The frame of its page directory; none for {@code init_mm}. */
  long root() {
    return mm == null ? PageTables.NO_ROOT : mm.pages.root();
  }

  @Override
  public String toString() {
    return mm == null ? "init_mm" : "mm with pgd=0x" + Long.toHexString(root() << 12);
  }
}
