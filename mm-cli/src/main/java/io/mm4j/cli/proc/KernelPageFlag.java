// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.memory.PageFlags;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The bits of {@code /proc/kpageflags}: include/uapi/linux/kernel-page-flags.h and
 * include/linux/kernel-page-flags.h of Linux 6.18. Those that no frame here can have are named,
 * too, so that files of a real kernel can be told.
 */
enum KernelPageFlag {
  LOCKED(0, PageFlags.PG_LOCKED),
  ERROR(1, 0),
  REFERENCED(2, PageFlags.PG_REFERENCED),
  UPTODATE(3, PageFlags.PG_UPTODATE),
  DIRTY(4, PageFlags.PG_DIRTY),
  LRU(5, PageFlags.PG_LRU),
  ACTIVE(6, PageFlags.PG_ACTIVE),
  SLAB(7, 0),
  WRITEBACK(8, PageFlags.PG_WRITEBACK),
  RECLAIM(9, 0),
  BUDDY(10, 0),
  MMAP(11, 0),
  ANON(12, 0),
  SWAPCACHE(13, 0),
  SWAPBACKED(14, PageFlags.PG_SWAPBACKED),
  COMPOUND_HEAD(15, 0),
  COMPOUND_TAIL(16, 0),
  HUGE(17, 0),
  UNEVICTABLE(18, PageFlags.PG_UNEVICTABLE),
  HWPOISON(19, 0),
  NOPAGE(20, 0),
  KSM(21, 0),
  THP(22, 0),
  OFFLINE(23, 0),
  ZERO_PAGE(24, 0),
  IDLE(25, 0),
  PGTABLE(26, 0),
  RESERVED(32, PageFlags.PG_RESERVED),
  MLOCKED(33, PageFlags.PG_MLOCKED),
  OWNER_2(34, PageFlags.PG_ANON_EXCLUSIVE),
  PRIVATE(35, PageFlags.PG_PRIVATE),
  PRIVATE_2(36, 0),
  OWNER_PRIVATE(37, 0),
  ARCH(38, 0),
  UNCACHED(39, 0),
  SOFTDIRTY(40, 0),
  ARCH_2(41, 0),
  ARCH_3(42, 0);

  private final int number;
  private final int kept;

  KernelPageFlag(int number, int kept) {
    this.number = number;
    this.kept = kept;
  }

  /** Its bit. */
  long bit() {
    return 1L << number;
  }

  /** The bit of {@link PageFlags} that it copies from the head of the folio, or 0. */
  int kept() {
    return kept;
  }

  /** The bits in words. */
  static List<String> words(long flags) {
    List<String> words = new ArrayList<>();
    for (KernelPageFlag flag : values()) {
      if ((flags & flag.bit()) != 0) {
        words.add(flag.name().toLowerCase(Locale.ROOT));
      }
    }
    return words;
  }
}
