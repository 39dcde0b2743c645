// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The names that users give to flags of memory calls, and their values on x86 (Linux 6.18), for
 * commands and readers of logs. The calls themselves take raw words.
 */
public enum CallFlags {
  /** Protections of mmap and mprotect. */
  PROT(
      "PROT_NONE 0 PROT_READ 1 PROT_WRITE 2 PROT_EXEC 4 PROT_SEM 8 PROT_GROWSDOWN 0x1000000"
          + " PROT_GROWSUP 0x2000000"),
  /** Flags of mmap: a type in the low four bits, and bits. */
  MAP(
      "MAP_FILE 0 MAP_SHARED 1 MAP_PRIVATE 2 MAP_SHARED_VALIDATE 3 MAP_DROPPABLE 8 MAP_FIXED 0x10"
          + " MAP_ANONYMOUS 0x20 MAP_ANON 0x20 MAP_32BIT 0x40 MAP_ABOVE4G 0x80 MAP_GROWSDOWN 0x100"
          + " MAP_DENYWRITE 0x800 MAP_EXECUTABLE 0x1000 MAP_LOCKED 0x2000 MAP_NORESERVE 0x4000"
          + " MAP_POPULATE 0x8000 MAP_NONBLOCK 0x10000 MAP_STACK 0x20000 MAP_HUGETLB 0x40000"
          + " MAP_SYNC 0x80000 MAP_FIXED_NOREPLACE 0x100000 MAP_UNINITIALIZED 0x4000000"
          + " MAP_HUGE_SHIFT 26"),
  /** Flags of mremap. */
  MREMAP("MREMAP_MAYMOVE 1 MREMAP_FIXED 2 MREMAP_DONTUNMAP 4"),
  /** Advice of madvise: one number, no bits. */
  MADV(
      "MADV_NORMAL 0 MADV_RANDOM 1 MADV_SEQUENTIAL 2 MADV_WILLNEED 3 MADV_DONTNEED 4 MADV_FREE 8"
          + " MADV_REMOVE 9 MADV_DONTFORK 10 MADV_DOFORK 11 MADV_MERGEABLE 12"
          + " MADV_UNMERGEABLE 13 MADV_HUGEPAGE 14 MADV_NOHUGEPAGE 15 MADV_DONTDUMP 16"
          + " MADV_DODUMP 17 MADV_WIPEONFORK 18 MADV_KEEPONFORK 19 MADV_COLD 20 MADV_PAGEOUT 21"
          + " MADV_POPULATE_READ 22 MADV_POPULATE_WRITE 23 MADV_DONTNEED_LOCKED 24"
          + " MADV_COLLAPSE 25 MADV_HWPOISON 100 MADV_SOFT_OFFLINE 101 MADV_GUARD_INSTALL 102"
          + " MADV_GUARD_REMOVE 103"),
  /** Flags of msync. */
  MS("MS_ASYNC 1 MS_INVALIDATE 2 MS_SYNC 4"),
  /** Flags of mlockall. */
  MCL("MCL_CURRENT 1 MCL_FUTURE 2 MCL_ONFAULT 4"),
  /** Flags of mlock2. */
  MLOCK("MLOCK_ONFAULT 1");

  private static final long MAP_TYPE = 0xf;

  @SuppressWarnings("ImmutableEnumChecker") // unmodifiable, and never changed after the constructor
  private final Map<String, Long> names;

  CallFlags(String table) {
    String[] words = table.split(" ", -1);
    Map<String, Long> map = new LinkedHashMap<>();
    for (int i = 0; i + 1 < words.length; i += 2) {
      map.put(words[i], Long.decode(words[i + 1]));
    }
    names = Collections.unmodifiableMap(map);
  }

  /** Every name with its value, in the order of the kernel's headers. */
  public Map<String, Long> names() {
    return names;
  }

  /** The names of a value, joined by {@code |}; bits without a name follow in hex. */
  public String format(long value) {
    List<String> parts = new ArrayList<>();
    long rest = value;
    if (this == MADV) {
      rest = take(value, parts) ? 0 : value;
    } else {
      if (this == MAP && take(value & MAP_TYPE, parts)) {
        rest &= ~MAP_TYPE;
      }
      for (Map.Entry<String, Long> entry : names.entrySet()) {
        long bit = entry.getValue();
        boolean single = Long.bitCount(bit) == 1 && !(this == MAP && bit <= MAP_TYPE);
        if (single && (rest & bit) != 0 && !entry.getKey().equals("MAP_HUGE_SHIFT")) {
          parts.add(entry.getKey());
          rest &= ~bit;
        }
      }
    }
    if (rest != 0 || parts.isEmpty()) {
      boolean named = rest == 0 && take(0, parts);
      if (!named) {
        parts.add(rest == 0 ? "0" : "0x" + Long.toHexString(rest));
      }
    }
    return String.join("|", parts);
  }

  /** Adds the name of exactly this value; MAP_FILE, which says nothing, is not shown. */
  private boolean take(long value, List<String> parts) {
    for (Map.Entry<String, Long> entry : names.entrySet()) {
      if (entry.getValue() == value && !(this == MAP && value == 0)) {
        parts.add(entry.getKey());
        return true;
      }
    }
    return false;
  }
}
