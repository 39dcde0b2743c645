// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.OpenFile;
import org.jspecify.annotations.Nullable;

/** What the model knows of one VMA. */
public final class Area {
  /** Identity of anonymous pages; two areas with different ones stay apart. */
  static final class Anon {}

  public long start;
  public long end;

  /** Page offset of the first page: in the file, or where anonymous memory was first mapped. */
  long pgoff;

  public long flags;
  final @Nullable public OpenFile file;
  @Nullable Anon anon;

  /** Whether its anonymous pages may also be those of an ancestor, after a fork. */
  boolean inherited;

  public Area(long start, long end, long pgoff, long flags, @Nullable OpenFile file) {
    this.start = start;
    this.end = end;
    this.pgoff = pgoff;
    this.flags = flags;
    this.file = file;
  }

  /** A part of this area, or a copy of it elsewhere. */
  Area like(long from, long to, long offset) {
    Area copy = new Area(from, to, offset, flags, file);
    copy.anon = anon;
    copy.inherited = inherited;
    return copy;
  }

  long pages() {
    return (end - start) / Bits.PAGE;
  }

  public long pgoffAt(long addr) {
    return pgoff + (addr - start) / Bits.PAGE;
  }

  public boolean has(long bits) {
    return (flags & bits) == bits;
  }

  public boolean any(long bits) {
    return (flags & bits) != 0;
  }

  @Override
  public String toString() {
    return Long.toHexString(start)
        + "-"
        + Long.toHexString(end)
        + " "
        + Bits.perms(flags)
        + (anon == null ? "" : inherited ? " faulted before a fork" : " faulted");
  }
}
