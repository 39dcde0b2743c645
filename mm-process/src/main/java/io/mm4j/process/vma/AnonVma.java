// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

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
  int links;

  AnonVma(@Nullable AnonVma parent) {
    this.parent = parent == null ? this : parent;
    this.parent.numChildren++;
  }

  /** A new root, linked to nothing. */
  public static AnonVma root() {
    return new AnonVma(null);
  }

  @Override
  public String toString() {
    return "anon_vma@" + Integer.toHexString(System.identityHashCode(this));
  }
}
