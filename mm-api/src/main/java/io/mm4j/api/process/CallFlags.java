// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The names that users give to flags of memory calls, and their values on x86 (Linux 6.18), for
 * commands and readers of logs. The calls themselves take raw words.
 */
@API(status = API.Status.EXPERIMENTAL)
public enum CallFlags {
  /** Protections of mmap and mprotect. */
  PROT(
      "PROT_NONE PROT_READ PROT_WRITE PROT_EXEC PROT_SEM PROT_GROWSDOWN PROT_GROWSUP",
      Uapi.PROT_NONE,
      Uapi.PROT_READ,
      Uapi.PROT_WRITE,
      Uapi.PROT_EXEC,
      Uapi.PROT_SEM,
      Uapi.PROT_GROWSDOWN,
      Uapi.PROT_GROWSUP),
  /** Flags of mmap: a type in the low four bits, and bits. */
  MAP(
      "MAP_FILE MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE MAP_DROPPABLE MAP_FIXED MAP_ANONYMOUS"
          + " MAP_ANON MAP_32BIT MAP_ABOVE4G MAP_GROWSDOWN MAP_DENYWRITE MAP_EXECUTABLE MAP_LOCKED"
          + " MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK MAP_HUGETLB MAP_SYNC"
          + " MAP_FIXED_NOREPLACE MAP_UNINITIALIZED MAP_HUGE_SHIFT",
      Uapi.MAP_FILE,
      Uapi.MAP_SHARED,
      Uapi.MAP_PRIVATE,
      Uapi.MAP_SHARED_VALIDATE,
      Uapi.MAP_DROPPABLE,
      Uapi.MAP_FIXED,
      Uapi.MAP_ANONYMOUS,
      Uapi.MAP_ANONYMOUS,
      Uapi.MAP_32BIT,
      Uapi.MAP_ABOVE4G,
      Uapi.MAP_GROWSDOWN,
      Uapi.MAP_DENYWRITE,
      Uapi.MAP_EXECUTABLE,
      Uapi.MAP_LOCKED,
      Uapi.MAP_NORESERVE,
      Uapi.MAP_POPULATE,
      Uapi.MAP_NONBLOCK,
      Uapi.MAP_STACK,
      Uapi.MAP_HUGETLB,
      Uapi.MAP_SYNC,
      Uapi.MAP_FIXED_NOREPLACE,
      Uapi.MAP_UNINITIALIZED,
      Uapi.MAP_HUGE_SHIFT),
  /** Flags of mremap. */
  MREMAP(
      "MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP",
      Uapi.MREMAP_MAYMOVE,
      Uapi.MREMAP_FIXED,
      Uapi.MREMAP_DONTUNMAP),
  /** Advice of madvise: one number, no bits. */
  MADV(
      "MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE"
          + " MADV_DONTFORK MADV_DOFORK MADV_MERGEABLE MADV_UNMERGEABLE MADV_HUGEPAGE"
          + " MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLD"
          + " MADV_PAGEOUT MADV_POPULATE_READ MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED"
          + " MADV_COLLAPSE MADV_HWPOISON MADV_SOFT_OFFLINE MADV_GUARD_INSTALL MADV_GUARD_REMOVE",
      Uapi.MADV_NORMAL,
      Uapi.MADV_RANDOM,
      Uapi.MADV_SEQUENTIAL,
      Uapi.MADV_WILLNEED,
      Uapi.MADV_DONTNEED,
      Uapi.MADV_FREE,
      Uapi.MADV_REMOVE,
      Uapi.MADV_DONTFORK,
      Uapi.MADV_DOFORK,
      Uapi.MADV_MERGEABLE,
      Uapi.MADV_UNMERGEABLE,
      Uapi.MADV_HUGEPAGE,
      Uapi.MADV_NOHUGEPAGE,
      Uapi.MADV_DONTDUMP,
      Uapi.MADV_DODUMP,
      Uapi.MADV_WIPEONFORK,
      Uapi.MADV_KEEPONFORK,
      Uapi.MADV_COLD,
      Uapi.MADV_PAGEOUT,
      Uapi.MADV_POPULATE_READ,
      Uapi.MADV_POPULATE_WRITE,
      Uapi.MADV_DONTNEED_LOCKED,
      Uapi.MADV_COLLAPSE,
      Uapi.MADV_HWPOISON,
      Uapi.MADV_SOFT_OFFLINE,
      Uapi.MADV_GUARD_INSTALL,
      Uapi.MADV_GUARD_REMOVE),
  /** Flags of msync. */
  MS("MS_ASYNC MS_INVALIDATE MS_SYNC", Uapi.MS_ASYNC, Uapi.MS_INVALIDATE, Uapi.MS_SYNC),
  /** Flags of mlockall. */
  MCL("MCL_CURRENT MCL_FUTURE MCL_ONFAULT", Uapi.MCL_CURRENT, Uapi.MCL_FUTURE, Uapi.MCL_ONFAULT),
  /** Flags of mlock2. */
  MLOCK("MLOCK_ONFAULT", Uapi.MLOCK_ONFAULT),
  /** Modes of fallocate. */
  FALLOC(
      "FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_COLLAPSE_RANGE FALLOC_FL_ZERO_RANGE"
          + " FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE",
      Uapi.FALLOC_FL_KEEP_SIZE,
      Uapi.FALLOC_FL_PUNCH_HOLE,
      Uapi.FALLOC_FL_COLLAPSE_RANGE,
      Uapi.FALLOC_FL_ZERO_RANGE,
      Uapi.FALLOC_FL_INSERT_RANGE,
      Uapi.FALLOC_FL_UNSHARE_RANGE),
  /** Seals of a file of memfd_create, and the commands of fcntl for them. */
  SEAL(
      "F_ADD_SEALS F_GET_SEALS F_SEAL_SEAL F_SEAL_SHRINK F_SEAL_GROW F_SEAL_WRITE"
          + " F_SEAL_FUTURE_WRITE F_SEAL_EXEC",
      Uapi.F_ADD_SEALS,
      Uapi.F_GET_SEALS,
      Uapi.F_SEAL_SEAL,
      Uapi.F_SEAL_SHRINK,
      Uapi.F_SEAL_GROW,
      Uapi.F_SEAL_WRITE,
      Uapi.F_SEAL_FUTURE_WRITE,
      Uapi.F_SEAL_EXEC),
  /** Flags of memfd_create. */
  MFD(
      "MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC",
      Uapi.MFD_CLOEXEC,
      Uapi.MFD_ALLOW_SEALING,
      Uapi.MFD_HUGETLB,
      Uapi.MFD_NOEXEC_SEAL,
      Uapi.MFD_EXEC),
  /** The flag of memfd_secret. */
  SECRET("O_CLOEXEC", Uffd.CLOEXEC),
  /** Flags of pipe2; a pipe of packets, {@code O_DIRECT}, is not modelled. */
  PIPE("O_CLOEXEC O_NONBLOCK", Uffd.CLOEXEC, Uffd.NONBLOCK),
  /** Advice about a file: one number, no bits. */
  FADV(
      "POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED"
          + " POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE",
      Uapi.POSIX_FADV_NORMAL,
      Uapi.POSIX_FADV_RANDOM,
      Uapi.POSIX_FADV_SEQUENTIAL,
      Uapi.POSIX_FADV_WILLNEED,
      Uapi.POSIX_FADV_DONTNEED,
      Uapi.POSIX_FADV_NOREUSE),
  /** Modes of memory policies: one number below 7, and bits. */
  MPOL(
      "MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL MPOL_PREFERRED_MANY"
          + " MPOL_WEIGHTED_INTERLEAVE MPOL_F_NUMA_BALANCING MPOL_F_RELATIVE_NODES"
          + " MPOL_F_STATIC_NODES",
      Uapi.MPOL_DEFAULT,
      Uapi.MPOL_PREFERRED,
      Uapi.MPOL_BIND,
      Uapi.MPOL_INTERLEAVE,
      Uapi.MPOL_LOCAL,
      Uapi.MPOL_PREFERRED_MANY,
      Uapi.MPOL_WEIGHTED_INTERLEAVE,
      Uapi.MPOL_F_NUMA_BALANCING,
      Uapi.MPOL_F_RELATIVE_NODES,
      Uapi.MPOL_F_STATIC_NODES),
  /** Flags of mbind. */
  MPOL_MF(
      "MPOL_MF_STRICT MPOL_MF_MOVE MPOL_MF_MOVE_ALL",
      Uapi.MPOL_MF_STRICT,
      Uapi.MPOL_MF_MOVE,
      Uapi.MPOL_MF_MOVE_ALL),
  /** Flags of get_mempolicy. */
  MPOL_F(
      "MPOL_F_NODE MPOL_F_ADDR MPOL_F_MEMS_ALLOWED",
      Uapi.MPOL_F_NODE,
      Uapi.MPOL_F_ADDR,
      Uapi.MPOL_F_MEMS_ALLOWED),
  /** Flags of shmget. SHM_NORESERVE is not among them: its bit is SHM_RDONLY's. */
  IPC(
      "IPC_PRIVATE IPC_CREAT IPC_EXCL SHM_HUGETLB",
      0,
      Uapi.IPC_CREAT,
      Uapi.IPC_EXCL,
      Uapi.SHM_HUGETLB),
  /** Flags of shmat. */
  SHM(
      "SHM_RDONLY SHM_RND SHM_REMAP SHM_EXEC",
      Uapi.SHM_RDONLY,
      Uapi.SHM_RND,
      Uapi.SHM_REMAP,
      Uapi.SHM_EXEC),
  /** Commands of shmctl: one number, no bits. */
  SHMCTL(
      "IPC_RMID IPC_SET IPC_STAT SHM_LOCK SHM_UNLOCK",
      Uapi.IPC_RMID,
      Uapi.IPC_SET,
      Uapi.IPC_STAT,
      Uapi.SHM_LOCK,
      Uapi.SHM_UNLOCK),
  /** Options of prctl that are about memory: one number, no bits. */
  PRCTL(
      "PR_SET_MM PR_SET_THP_DISABLE PR_GET_THP_DISABLE PR_SET_MDWE PR_GET_MDWE"
          + " PR_SET_MEMORY_MERGE PR_GET_MEMORY_MERGE PR_SET_VMA",
      Uapi.PR_SET_MM,
      Uapi.PR_SET_THP_DISABLE,
      Uapi.PR_GET_THP_DISABLE,
      Uapi.PR_SET_MDWE,
      Uapi.PR_GET_MDWE,
      Uapi.PR_SET_MEMORY_MERGE,
      Uapi.PR_GET_MEMORY_MERGE,
      Uapi.PR_SET_VMA),
  /** Bits of PR_SET_MDWE. */
  MDWE("PR_MDWE_REFUSE_EXEC_GAIN PR_MDWE_NO_INHERIT", 1, 2),
  /** Fields of PR_SET_MM: one number, no bits. */
  SET_MM(
      "PR_SET_MM_START_CODE PR_SET_MM_END_CODE PR_SET_MM_START_DATA PR_SET_MM_END_DATA"
          + " PR_SET_MM_START_STACK PR_SET_MM_START_BRK PR_SET_MM_BRK PR_SET_MM_ARG_START"
          + " PR_SET_MM_ARG_END PR_SET_MM_ENV_START PR_SET_MM_ENV_END PR_SET_MM_AUXV"
          + " PR_SET_MM_EXE_FILE PR_SET_MM_MAP PR_SET_MM_MAP_SIZE",
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
      11,
      12,
      13,
      14,
      15),
  /** Categories of pages in PAGEMAP_SCAN. */
  PAGE_IS(
      "PAGE_IS_WPALLOWED PAGE_IS_WRITTEN PAGE_IS_FILE PAGE_IS_PRESENT PAGE_IS_SWAPPED"
          + " PAGE_IS_PFNZERO PAGE_IS_HUGE PAGE_IS_SOFT_DIRTY PAGE_IS_GUARD",
      PagemapScan.WPALLOWED,
      PagemapScan.WRITTEN,
      PagemapScan.FILE,
      PagemapScan.PRESENT,
      PagemapScan.SWAPPED,
      PagemapScan.PFNZERO,
      PagemapScan.HUGE,
      PagemapScan.SOFT_DIRTY,
      PagemapScan.GUARD),
  /** Flags of PAGEMAP_SCAN. */
  PM_SCAN(
      "PM_SCAN_WP_MATCHING PM_SCAN_CHECK_WPASYNC",
      PagemapScan.WP_MATCHING,
      PagemapScan.CHECK_WPASYNC),
  /** Flags of userfaultfd. */
  UFFD(
      "O_CLOEXEC O_NONBLOCK UFFD_USER_MODE_ONLY", Uffd.CLOEXEC, Uffd.NONBLOCK, Uffd.USER_MODE_ONLY),
  /** Features of UFFDIO_API. */
  UFFD_FEATURE(
      "UFFD_FEATURE_PAGEFAULT_FLAG_WP UFFD_FEATURE_EVENT_FORK UFFD_FEATURE_EVENT_REMAP"
          + " UFFD_FEATURE_EVENT_REMOVE UFFD_FEATURE_MISSING_HUGETLBFS UFFD_FEATURE_MISSING_SHMEM"
          + " UFFD_FEATURE_EVENT_UNMAP UFFD_FEATURE_SIGBUS UFFD_FEATURE_THREAD_ID"
          + " UFFD_FEATURE_MINOR_HUGETLBFS UFFD_FEATURE_MINOR_SHMEM UFFD_FEATURE_EXACT_ADDRESS"
          + " UFFD_FEATURE_WP_HUGETLBFS_SHMEM UFFD_FEATURE_WP_UNPOPULATED UFFD_FEATURE_POISON"
          + " UFFD_FEATURE_WP_ASYNC UFFD_FEATURE_MOVE",
      Uffd.FEATURE_WP,
      Uffd.EVENT_FORK,
      Uffd.EVENT_REMAP,
      Uffd.EVENT_REMOVE,
      Uffd.MISSING_HUGETLBFS,
      Uffd.MISSING_SHMEM,
      Uffd.EVENT_UNMAP,
      Uffd.SIGBUS,
      Uffd.THREAD_ID,
      Uffd.MINOR_HUGETLBFS,
      Uffd.MINOR_SHMEM,
      Uffd.EXACT_ADDRESS,
      Uffd.WP_HUGETLBFS_SHMEM,
      Uffd.WP_UNPOPULATED,
      Uffd.POISON,
      Uffd.WP_ASYNC,
      Uffd.MOVE),
  /** Modes of UFFDIO_REGISTER. */
  UFFDIO_REGISTER(
      "UFFDIO_REGISTER_MODE_MISSING UFFDIO_REGISTER_MODE_WP UFFDIO_REGISTER_MODE_MINOR",
      Uffd.REGISTER_MISSING,
      Uffd.REGISTER_WP,
      Uffd.REGISTER_MINOR),
  /** Modes of UFFDIO_COPY. */
  UFFDIO_COPY("UFFDIO_COPY_MODE_DONTWAKE UFFDIO_COPY_MODE_WP", Uffd.MODE_DONTWAKE, Uffd.COPY_WP),
  /** The mode of UFFDIO_ZEROPAGE. */
  UFFDIO_ZEROPAGE("UFFDIO_ZEROPAGE_MODE_DONTWAKE", Uffd.MODE_DONTWAKE),
  /** Modes of UFFDIO_WRITEPROTECT. */
  UFFDIO_WRITEPROTECT(
      "UFFDIO_WRITEPROTECT_MODE_WP UFFDIO_WRITEPROTECT_MODE_DONTWAKE",
      Uffd.WRITEPROTECT_WP,
      Uffd.WRITEPROTECT_DONTWAKE),
  /** Modes of UFFDIO_CONTINUE. */
  UFFDIO_CONTINUE(
      "UFFDIO_CONTINUE_MODE_DONTWAKE UFFDIO_CONTINUE_MODE_WP",
      Uffd.MODE_DONTWAKE,
      Uffd.CONTINUE_WP),
  /** The mode of UFFDIO_POISON. */
  UFFDIO_POISON("UFFDIO_POISON_MODE_DONTWAKE", Uffd.MODE_DONTWAKE),
  /** Modes of UFFDIO_MOVE. */
  UFFDIO_MOVE(
      "UFFDIO_MOVE_MODE_DONTWAKE UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES",
      Uffd.MODE_DONTWAKE,
      Uffd.MOVE_ALLOW_SRC_HOLES);

  /** Below the flags of a policy's mode. */
  private static final long MPOL_MODE = 0xfff;

  private static final Pattern HUGE = Pattern.compile("MAP_HUGE_([0-9]{1,3})(KB|MB|GB)");

  @SuppressWarnings("ImmutableEnumChecker") // unmodifiable, and never changed after the constructor
  private final Map<String, Long> names;

  CallFlags(String table, long... values) {
    String[] words = table.split(" ", -1);
    Map<String, Long> map = new LinkedHashMap<>();
    for (int i = 0; i < words.length; i++) {
      map.put(words[i], values[i]);
    }
    names = Collections.unmodifiableMap(map);
  }

  /** Every name with its value, in the order of the kernel's headers. */
  public Map<String, Long> names() {
    return names;
  }

  /**
   * The bits of a huge page size by its name, {@code MAP_HUGE_2MB}; null for any other name. They
   * are the size's binary logarithm from bit {@link Uapi#MAP_HUGE_SHIFT} on.
   */
  public static @Nullable Long hugeSize(String name) {
    Matcher matcher = HUGE.matcher(name);
    if (!matcher.matches()) {
      return null;
    }
    long size = Long.parseLong(matcher.group(1));
    int unit = matcher.group(2).equals("KB") ? 10 : matcher.group(2).equals("MB") ? 20 : 30;
    if (Long.bitCount(size) != 1) {
      return null;
    }
    return (long) (unit + Long.numberOfTrailingZeros(size)) << Uapi.MAP_HUGE_SHIFT;
  }

  /**
   * The bits of a value that are one number together, so that of the names within them only one can
   * be meant: all of an advice, the lower ones of a policy's mode, none of plain flags.
   */
  public long numberBits() {
    return switch (this) {
      case MADV, FADV, SHMCTL, PRCTL, SET_MM -> -1;
      case MPOL -> MPOL_MODE;
      default -> 0;
    };
  }

  /** The names of a value, joined by {@code |}; bits without a name follow in hex. */
  public String format(long value) {
    List<String> parts = new ArrayList<>();
    long rest = value;
    if (numberBits() == -1) {
      rest = take(value, parts) ? 0 : value;
    } else {
      if (this == MPOL && take(value & MPOL_MODE, parts)) {
        rest &= ~MPOL_MODE;
      }
      if (this == MAP && take(value & Uapi.MAP_TYPE, parts)) {
        rest &= ~Uapi.MAP_TYPE;
      }
      for (Map.Entry<String, Long> entry : names.entrySet()) {
        long bit = entry.getValue();
        boolean single =
            Long.bitCount(bit) == 1
                && !(this == MAP && bit <= Uapi.MAP_TYPE)
                && !(this == MPOL && bit <= MPOL_MODE);
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
