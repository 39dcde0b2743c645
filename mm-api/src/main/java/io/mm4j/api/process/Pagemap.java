// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;

/**
 * The 64 bits that {@code /proc/PID/pagemap} has for one page of addresses, as root reads them
 * (fs/proc/task_mmu.c, Linux 6.18).
 *
 * <pre>
 *   63 present  62 swap or marker  61 file or shared memory  58 guard  57 uffd-wp
 *   56 mapped once  55 soft-dirty  54..0 frame; of an absent entry type (5 bits) and offset
 * </pre>
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Pagemap {
  /** The frame of a present page. */
  public static final long PFRAME = (1L << 55) - 1;

  /** The entry is soft-dirty. */
  public static final long SOFT_DIRTY = 1L << 55;

  /** One entry maps the page, and no other. */
  public static final long MMAP_EXCLUSIVE = 1L << 56;

  /** Write-protected for userfaultfd. */
  public static final long UFFD_WP = 1L << 57;

  /** A guard of MADV_GUARD_INSTALL. */
  public static final long GUARD_REGION = 1L << 58;

  /** A page of a file, or of shared memory. */
  public static final long FILE = 1L << 61;

  /** Not there, and the entry says more: a place in swap space, or a marker. */
  public static final long SWAP = 1L << 62;

  /** There. */
  public static final long PRESENT = 1L << 63;

  /** Receives entries. */
  @FunctionalInterface
  @API(status = API.Status.EXPERIMENTAL)
  public interface Sink {
    /** The entry of the page at an address; those between two are 0. */
    void entry(long uaddr, long value);
  }

  private Pagemap() {}

  /** The frame, or -1 of a page that is not present. */
  public static long pfn(long value) {
    return value < 0 ? value & PFRAME : -1;
  }

  /** Its bits in words. */
  public static List<String> words(long value) {
    List<String> words = new ArrayList<>();
    word(words, value, PRESENT, "present");
    word(words, value, SWAP, "swap");
    word(words, value, FILE, "file/shared");
    word(words, value, GUARD_REGION, "guard");
    word(words, value, UFFD_WP, "uffd-wp");
    word(words, value, MMAP_EXCLUSIVE, "exclusive");
    word(words, value, SOFT_DIRTY, "soft-dirty");
    return words;
  }

  private static void word(List<String> words, long value, long bit, String word) {
    if ((value & bit) != 0) {
      words.add(word);
    }
  }
}
