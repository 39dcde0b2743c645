// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import io.mm4j.api.process.OpenFile;
import io.mm4j.process.uffd.Userfaultfd;
import org.jspecify.annotations.Nullable;

/**
 * A range that is about to exist with these attributes ({@code struct vma_merge_struct}): either
 * new, or a part of an existing VMA that changes. One object per address space is reused.
 */
public final class MergeRequest {
  /** The VMA before the range; it need not touch. */
  @Nullable Vma prev;

  /** The VMA behind the range; it need not touch. */
  @Nullable Vma next;

  /** The VMA of which the range is a part, null for a new range. */
  @Nullable Vma middle;

  /** The VMA that mremap copies to the new range, or null. */
  @Nullable Vma copiedFrom;

  long start;
  long end;
  long pgoff;
  long flags;
  @Nullable OpenFile file;
  @Nullable AnonVma anonVma;
  @Nullable String anonName;
  @Nullable MemPolicy policy;
  @Nullable Userfaultfd uffd;

  /** Only grow {@code prev}, never look at {@code next}. */
  boolean justExpand;

  /** Set when the merge was right but memory was out. */
  boolean outOfMemory;

  /** A new range between two VMAs. */
  public MergeRequest forNew(
      @Nullable Vma before, @Nullable Vma behind, long from, long to, long offset, long bits) {
    prev = before;
    next = behind;
    middle = null;
    copiedFrom = null;
    start = from;
    end = to;
    pgoff = offset;
    flags = bits;
    file = null;
    anonVma = null;
    anonName = null;
    policy = null;
    uffd = null;
    justExpand = false;
    outOfMemory = false;
    return this;
  }

  /** The new range's file. */
  public MergeRequest file(@Nullable OpenFile open) {
    file = open;
    return this;
  }

  /** The new range continues this VMA, whose attributes it has. */
  public MergeRequest like(Vma vma) {
    file = vma.file;
    anonVma = vma.anonVma;
    anonName = vma.anonName;
    policy = vma.policy;
    uffd = vma.uffd;
    return this;
  }

  /** The new range receives the pages of this VMA. */
  public MergeRequest copying(Vma vma) {
    copiedFrom = vma;
    return like(vma);
  }

  /** The heap grows: only into the VMA before. */
  public MergeRequest justExpand() {
    justExpand = true;
    return this;
  }

  /** Whether the last try failed for want of memory. */
  public boolean outOfMemory() {
    return outOfMemory;
  }
}
