// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.ArrayList;
import java.util.List;

/** The numbers of the calls' interface and the flags of areas, with their letters in smaps. */
public final class Bits {
  public static final long PAGE = 4096;

  public static final long READ = 1;
  public static final long WRITE = 1L << 1;
  static final long EXEC = 1L << 2;
  static final long SHARED = 1L << 3;
  static final long MAYREAD = 1L << 4;
  static final long MAYWRITE = 1L << 5;
  static final long MAYEXEC = 1L << 6;
  static final long MAYSHARE = 1L << 7;
  public static final long GROWSDOWN = 1L << 8;
  static final long GUARDED = 1L << 11;
  static final long LOCKED = 1L << 13;
  static final long SEQUENTIAL = 1L << 15;
  static final long RANDOM = 1L << 16;
  static final long DONTFORK = 1L << 17;
  static final long ONFAULT = 1L << 19;
  public static final long ACCOUNT = 1L << 20;
  static final long NORESERVE = 1L << 21;
  static final long WIPEONFORK = 1L << 25;
  static final long DONTDUMP = 1L << 26;
  static final long HUGEPAGE = 1L << 29;
  static final long NOHUGEPAGE = 1L << 30;
  static final long MERGEABLE = 1L << 31;
  static final long SEALED = 1L << 42;
  public static final long ACCESS = READ | WRITE | EXEC;
  public static final long MAY_ACCESS = MAYREAD | MAYWRITE | MAYEXEC;

  public static final long PROT_SEM = 8;
  public static final long PROT_GROWSDOWN = 0x01000000;
  public static final long PROT_GROWSUP = 0x02000000;

  public static final long MAP_SHARED = 1;
  public static final long MAP_PRIVATE = 2;
  public static final long MAP_FIXED = 0x10;
  public static final long MAP_ANONYMOUS = 0x20;
  public static final long MAP_32BIT = 0x40;
  public static final long MAP_GROWSDOWN = 0x100;
  public static final long MAP_LOCKED = 0x2000;
  public static final long MAP_NORESERVE = 0x4000;
  public static final long MAP_POPULATE = 0x8000;
  public static final long MAP_STACK = 0x20000;
  public static final long MAP_FIXED_NOREPLACE = 0x100000;

  public static final long MREMAP_MAYMOVE = 1;
  public static final long MREMAP_FIXED = 2;
  public static final long MREMAP_DONTUNMAP = 4;

  private static final long[] BITS = {
    READ,
    WRITE,
    EXEC,
    SHARED,
    MAYREAD,
    MAYWRITE,
    MAYEXEC,
    MAYSHARE,
    GROWSDOWN,
    GUARDED,
    LOCKED,
    SEQUENTIAL,
    RANDOM,
    DONTFORK,
    ONFAULT,
    ACCOUNT,
    NORESERVE,
    WIPEONFORK,
    DONTDUMP,
    HUGEPAGE,
    NOHUGEPAGE,
    MERGEABLE,
    SEALED
  };
  private static final String[] LETTERS = {
    "rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "gu", "lo", "sr", "rr", "dc", "lf", "ac",
    "nr", "wf", "dd", "hg", "nh", "mg", "sl"
  };

  private Bits() {}

  /** The letters of flags, in the order of smaps. */
  public static List<String> letters(long flags) {
    List<String> out = new ArrayList<>();
    for (int i = 0; i < BITS.length; i++) {
      if ((flags & BITS[i]) != 0) {
        out.add(LETTERS[i]);
      }
    }
    return out;
  }

  /** The four letters of maps. */
  public static String perms(long flags) {
    return ((flags & READ) != 0 ? "r" : "-")
        + ((flags & WRITE) != 0 ? "w" : "-")
        + ((flags & EXEC) != 0 ? "x" : "-")
        + ((flags & MAYSHARE) != 0 ? "s" : "p");
  }

  public static long align(long bytes) {
    return (bytes + PAGE - 1) & -PAGE;
  }
}
