// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import java.util.ArrayList;
import java.util.List;

/**
 * {@code vm_flags} of a VMA: the bits of include/linux/mm.h (Linux 6.18, x86-64), and their letters
 * in {@code VmFlags} of smaps.
 */
public final class VmFlags {
  public static final long READ = 1L;
  public static final long WRITE = 1L << 1;
  public static final long EXEC = 1L << 2;
  public static final long SHARED = 1L << 3;
  public static final long MAYREAD = 1L << 4;
  public static final long MAYWRITE = 1L << 5;
  public static final long MAYEXEC = 1L << 6;
  public static final long MAYSHARE = 1L << 7;
  public static final long GROWSDOWN = 1L << 8;
  public static final long UFFD_MISSING = 1L << 9;
  public static final long PFNMAP = 1L << 10;
  public static final long MAYBE_GUARD = 1L << 11;
  public static final long UFFD_WP = 1L << 12;
  public static final long LOCKED = 1L << 13;
  public static final long IO = 1L << 14;
  public static final long SEQ_READ = 1L << 15;
  public static final long RAND_READ = 1L << 16;
  public static final long DONTCOPY = 1L << 17;
  public static final long DONTEXPAND = 1L << 18;
  public static final long LOCKONFAULT = 1L << 19;
  public static final long ACCOUNT = 1L << 20;
  public static final long NORESERVE = 1L << 21;
  public static final long HUGETLB = 1L << 22;
  public static final long SYNC = 1L << 23;
  public static final long WIPEONFORK = 1L << 25;
  public static final long DONTDUMP = 1L << 26;
  public static final long SOFTDIRTY = 1L << 27;
  public static final long MIXEDMAP = 1L << 28;
  public static final long HUGEPAGE = 1L << 29;
  public static final long NOHUGEPAGE = 1L << 30;
  public static final long MERGEABLE = 1L << 31;

  /** {@code VM_PKEY_SHIFT}: the four bits of a protection key. */
  public static final int PKEY_SHIFT = 32;

  public static final long PKEY = 15L << PKEY_SHIFT;
  public static final long DROPPABLE = 1L << 40;
  public static final long UFFD_MINOR = 1L << 41;
  public static final long SEALED = 1L << 42;

  /** {@code __VM_UFFD_FLAGS}: what userfaultfd is told of. */
  public static final long UFFD = UFFD_MISSING | UFFD_WP | UFFD_MINOR;

  public static final long ACCESS = READ | WRITE | EXEC;
  public static final long MAY_ACCESS = MAYREAD | MAYWRITE | MAYEXEC;
  public static final long LOCKED_MASK = LOCKED | LOCKONFAULT;

  /** Never merged, never locked. */
  public static final long SPECIAL = IO | DONTEXPAND | PFNMAP | MIXEDMAP;

  /** Flags that do not keep VMAs apart: the merged VMA has them if one of its parts had. */
  public static final long STICKY = MAYBE_GUARD | SOFTDIRTY;

  /** Letters by bit, as {@code show_smap_vma_flags} in fs/proc/task_mmu.c. */
  private static final String[] LETTERS = new String[64];

  static {
    String[] names = {
      "rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "um", "pf", "gu", "uw", "lo", "io",
          "sr",
      "rr", "dc", "de", "lf", "ac", "nr", "ht", "sf", "", "wf", "dd", "sd", "mm", "hg", "nh", "mg"
    };
    System.arraycopy(names, 0, LETTERS, 0, names.length);
    LETTERS[40] = "dp";
    LETTERS[41] = "ui";
    LETTERS[42] = "sl";
  }

  private VmFlags() {}

  /** The letters of all bits that have one, in the order of smaps. */
  public static List<String> letters(long flags) {
    List<String> out = new ArrayList<>();
    for (int bit = 0; bit < 64; bit++) {
      String letter = LETTERS[bit];
      if ((flags >>> bit & 1) != 0 && letter != null && !letter.isEmpty()) {
        out.add(letter);
      }
    }
    return out;
  }

  /**
   * The bits of letters.
   *
   * @throws IllegalArgumentException for a letter that does not exist
   */
  public static long parse(List<String> letters) {
    long flags = 0;
    for (String letter : letters) {
      int bit = 0;
      while (bit < 64 && !letter.equals(LETTERS[bit])) {
        bit++;
      }
      if (bit == 64) {
        throw new IllegalArgumentException("unknown VmFlags letter=" + letter);
      }
      flags |= 1L << bit;
    }
    return flags;
  }

  /** {@code vma_pkey()}. */
  public static int key(long flags) {
    return (int) ((flags & PKEY) >>> PKEY_SHIFT);
  }

  /** The four letters of maps. */
  public static String perms(long flags) {
    return ((flags & READ) != 0 ? "r" : "-")
        + ((flags & WRITE) != 0 ? "w" : "-")
        + ((flags & EXEC) != 0 ? "x" : "-")
        + ((flags & MAYSHARE) != 0 ? "s" : "p");
  }

  /** Executable, neither writable nor a stack: counts as {@code exec_vm}. */
  public static boolean isExecMapping(long flags) {
    return (flags & (EXEC | WRITE | GROWSDOWN)) == EXEC;
  }

  /** Grows down: counts as {@code stack_vm}. */
  public static boolean isStackMapping(long flags) {
    return (flags & GROWSDOWN) != 0;
  }

  /** Private, writable, no stack: counts as {@code data_vm} against RLIMIT_DATA. */
  public static boolean isDataMapping(long flags) {
    return (flags & (WRITE | SHARED | GROWSDOWN)) == WRITE;
  }

  /** {@code ksm_compatible}: whether pages with these flags may be merged with equal ones. */
  public static boolean canMergePages(long flags) {
    return (flags & (SHARED | MAYSHARE | SPECIAL | HUGETLB | DROPPABLE)) == 0;
  }

  /** Any of read, write, execute. */
  public static boolean isAccessible(long flags) {
    return (flags & ACCESS) != 0;
  }

  /**
   * Memory that must be charged before it can be promised: private, writable, reserved, and not of
   * the pool of huge pages.
   */
  public static boolean isAccountable(long flags) {
    return (flags & (NORESERVE | SHARED | WRITE | HUGETLB)) == WRITE;
  }
}
