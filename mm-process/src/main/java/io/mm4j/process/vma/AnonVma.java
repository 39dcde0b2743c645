// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import io.mm4j.process.page.AnonTable;
import io.mm4j.process.page.MappingList;
import org.jspecify.annotations.Nullable;

/**
 * The identity under which anonymous pages of one or several VMAs can be found ({@code struct
 * anon_vma}, mm/rmap.c). VMAs with different ones never merge. A fork makes a child of the
 * parent's.
 */
public final class AnonVma {
  /** The anon_vma of the process that was forked; itself for a root. */
  final AnonVma parent;

  /** Children made by fork; a root counts itself. */
  int numChildren;

  /** VMAs whose own anon_vma this is. */
  int numActiveVmas;

  /** VMAs that have it in their chain. */
  final MappingList vmas = new MappingList();

  private final AnonTable table;
  private final int number;

  AnonVma(AnonTable table, @Nullable AnonVma parent) {
    this.table = table;
    this.number = table.add(vmas);
    this.parent = parent == null ? this : parent;
    this.parent.numChildren++;
  }

  /** A new root, linked to nothing. */
  public static AnonVma root(AnonTable table) {
    return new AnonVma(table, null);
  }

  /** What frames of its pages have as {@code mapping}: bit 0 says that they are anonymous. */
  public long mapping() {
    return (long) number << 1 | 1;
  }

  /** No VMA has it in its chain any more. */
  void forget() {
    parent.numChildren--;
    table.remove(number);
  }

  @Override
  public String toString() {
    return "anon_vma=" + number;
  }
}
