// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;

/** Two levels of 512 entries of 8 bytes: 1 GiB. Low bits are flags, the frame stands above. */
final class ToyFormat implements PageTableFormat {
  private static final int PRESENT = 1;
  private static final int ACCESSED = 1 << 1;
  private static final int DIRTY = 1 << 2;
  private static final int LEAF = 1 << 3;
  private static final int PERMISSIONS_SHIFT = 4;
  private static final long PERMISSIONS = 0xf0;

  @Override
  public int levels() {
    return 2;
  }

  @Override
  public int entryBytes() {
    return 8;
  }

  @Override
  public int shift(int level) {
    return level == 1 ? Pages.PAGE_SHIFT : Pages.PAGE_SHIFT + 9;
  }

  @Override
  public int entries(int level) {
    return 512;
  }

  @Override
  public long leaf(int level, long pfn, int permissions) {
    return pfn << Pages.PAGE_SHIFT | (long) permissions << PERMISSIONS_SHIFT | LEAF | PRESENT;
  }

  @Override
  public long table(long pfn) {
    return pfn << Pages.PAGE_SHIFT | PRESENT;
  }

  @Override
  public long absent(long payload) {
    return payload << 1;
  }

  @Override
  public long payload(long entry) {
    return entry >>> 1;
  }

  @Override
  public boolean isPresent(long entry) {
    return (entry & PRESENT) != 0;
  }

  @Override
  public boolean isLeaf(int level, long entry) {
    return (entry & LEAF) != 0;
  }

  @Override
  public long pfn(long entry) {
    return entry >>> Pages.PAGE_SHIFT;
  }

  @Override
  public int permissions(long entry) {
    return (int) ((entry & PERMISSIONS) >>> PERMISSIONS_SHIFT);
  }

  @Override
  public long withPermissions(long entry, int permissions) {
    return (entry & ~PERMISSIONS) | (long) permissions << PERMISSIONS_SHIFT;
  }

  @Override
  public boolean isAccessed(long entry) {
    return (entry & ACCESSED) != 0;
  }

  @Override
  public long withAccessed(long entry, boolean accessed) {
    return accessed ? entry | ACCESSED : entry & ~ACCESSED;
  }

  @Override
  public boolean isDirty(long entry) {
    return (entry & DIRTY) != 0;
  }

  @Override
  public long withDirty(long entry, boolean dirty) {
    return dirty ? entry | DIRTY : entry & ~DIRTY;
  }
}
