// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * Numbers that users pass to memory calls (include/uapi of Linux 6.18, x86-64). They stand here and
 * nowhere else; {@link CallFlags} has their names.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Uapi {
  public static final long PROT_NONE = 0;
  public static final long PROT_READ = 1;
  public static final long PROT_WRITE = 2;
  public static final long PROT_EXEC = 4;
  public static final long PROT_SEM = 8;
  public static final long PROT_GROWSDOWN = 0x01000000;
  public static final long PROT_GROWSUP = 0x02000000;

  public static final long MAP_FILE = 0;
  public static final long MAP_SHARED = 1;
  public static final long MAP_PRIVATE = 2;
  public static final long MAP_SHARED_VALIDATE = 3;
  public static final long MAP_DROPPABLE = 8;
  public static final long MAP_TYPE = 0xf;
  public static final long MAP_FIXED = 0x10;
  public static final long MAP_ANONYMOUS = 0x20;
  public static final long MAP_32BIT = 0x40;
  public static final long MAP_ABOVE4G = 0x80;
  public static final long MAP_GROWSDOWN = 0x100;
  public static final long MAP_DENYWRITE = 0x800;
  public static final long MAP_EXECUTABLE = 0x1000;
  public static final long MAP_LOCKED = 0x2000;
  public static final long MAP_NORESERVE = 0x4000;
  public static final long MAP_POPULATE = 0x8000;
  public static final long MAP_NONBLOCK = 0x10000;
  public static final long MAP_STACK = 0x20000;
  public static final long MAP_HUGETLB = 0x40000;
  public static final long MAP_SYNC = 0x80000;
  public static final long MAP_FIXED_NOREPLACE = 0x100000;
  public static final long MAP_UNINITIALIZED = 0x4000000;

  /** Above this bit of the flags of mmap stands the logarithm of a huge page's size. */
  public static final int MAP_HUGE_SHIFT = 26;

  public static final long MREMAP_MAYMOVE = 1;
  public static final long MREMAP_FIXED = 2;
  public static final long MREMAP_DONTUNMAP = 4;

  public static final int MADV_NORMAL = 0;
  public static final int MADV_RANDOM = 1;
  public static final int MADV_SEQUENTIAL = 2;
  public static final int MADV_WILLNEED = 3;
  public static final int MADV_DONTNEED = 4;
  public static final int MADV_FREE = 8;
  public static final int MADV_REMOVE = 9;
  public static final int MADV_DONTFORK = 10;
  public static final int MADV_DOFORK = 11;
  public static final int MADV_MERGEABLE = 12;
  public static final int MADV_UNMERGEABLE = 13;
  public static final int MADV_HUGEPAGE = 14;
  public static final int MADV_NOHUGEPAGE = 15;
  public static final int MADV_DONTDUMP = 16;
  public static final int MADV_DODUMP = 17;
  public static final int MADV_WIPEONFORK = 18;
  public static final int MADV_KEEPONFORK = 19;
  public static final int MADV_COLD = 20;
  public static final int MADV_PAGEOUT = 21;
  public static final int MADV_POPULATE_READ = 22;
  public static final int MADV_POPULATE_WRITE = 23;
  public static final int MADV_DONTNEED_LOCKED = 24;
  public static final int MADV_COLLAPSE = 25;
  public static final int MADV_HWPOISON = 100;
  public static final int MADV_SOFT_OFFLINE = 101;
  public static final int MADV_GUARD_INSTALL = 102;
  public static final int MADV_GUARD_REMOVE = 103;

  public static final long MS_ASYNC = 1;
  public static final long MS_INVALIDATE = 2;
  public static final long MS_SYNC = 4;

  public static final long MCL_CURRENT = 1;
  public static final long MCL_FUTURE = 2;
  public static final long MCL_ONFAULT = 4;

  public static final long MLOCK_ONFAULT = 1;

  public static final int FALLOC_FL_KEEP_SIZE = 1;
  public static final int FALLOC_FL_PUNCH_HOLE = 2;
  public static final int FALLOC_FL_COLLAPSE_RANGE = 8;
  public static final int FALLOC_FL_ZERO_RANGE = 0x10;
  public static final int FALLOC_FL_INSERT_RANGE = 0x20;
  public static final int FALLOC_FL_UNSHARE_RANGE = 0x40;

  public static final int F_ADD_SEALS = 1033;
  public static final int F_GET_SEALS = 1034;
  public static final int F_SEAL_SEAL = 1;
  public static final int F_SEAL_SHRINK = 2;
  public static final int F_SEAL_GROW = 4;
  public static final int F_SEAL_WRITE = 8;
  public static final int F_SEAL_FUTURE_WRITE = 0x10;
  public static final int F_SEAL_EXEC = 0x20;

  public static final int MFD_CLOEXEC = 1;
  public static final int MFD_ALLOW_SEALING = 2;
  public static final int MFD_HUGETLB = 4;
  public static final int MFD_NOEXEC_SEAL = 8;
  public static final int MFD_EXEC = 16;

  public static final long IPC_CREAT = 01000;
  public static final long IPC_EXCL = 02000;
  public static final long IPC_RMID = 0;
  public static final long IPC_SET = 1;
  public static final long IPC_STAT = 2;
  public static final long SHM_RDONLY = 010000;
  public static final long SHM_RND = 020000;
  public static final long SHM_REMAP = 040000;
  public static final long SHM_EXEC = 0100000;
  public static final long SHM_HUGETLB = 04000;
  public static final long SHM_NORESERVE = 010000;
  public static final long IPC_INFO = 3;
  public static final long SHM_LOCK = 11;
  public static final long SHM_UNLOCK = 12;
  public static final long SHM_STAT = 13;
  public static final long SHM_INFO = 14;
  public static final long SHM_STAT_ANY = 15;

  public static final int MPOL_DEFAULT = 0;
  public static final int MPOL_PREFERRED = 1;
  public static final int MPOL_BIND = 2;
  public static final int MPOL_INTERLEAVE = 3;
  public static final int MPOL_LOCAL = 4;
  public static final int MPOL_PREFERRED_MANY = 5;
  public static final int MPOL_WEIGHTED_INTERLEAVE = 6;
  public static final int MPOL_F_NUMA_BALANCING = 1 << 13;
  public static final int MPOL_F_RELATIVE_NODES = 1 << 14;
  public static final int MPOL_F_STATIC_NODES = 1 << 15;
  public static final long MPOL_MF_STRICT = 1;
  public static final long MPOL_MF_MOVE = 2;
  public static final long MPOL_MF_MOVE_ALL = 4;
  public static final long MPOL_F_NODE = 1;
  public static final long MPOL_F_ADDR = 2;
  public static final long MPOL_F_MEMS_ALLOWED = 4;

  /** In place of a node: move_pages only asks where the page is. */
  public static final int ANY_NODE = -1;

  public static final int POSIX_FADV_NORMAL = 0;
  public static final int POSIX_FADV_RANDOM = 1;
  public static final int POSIX_FADV_SEQUENTIAL = 2;
  public static final int POSIX_FADV_WILLNEED = 3;
  public static final int POSIX_FADV_DONTNEED = 4;
  public static final int POSIX_FADV_NOREUSE = 5;

  public static final int PR_SET_MM = 35;
  public static final int PR_SET_THP_DISABLE = 41;
  public static final int PR_GET_THP_DISABLE = 42;
  public static final int PR_SET_MDWE = 65;
  public static final int PR_GET_MDWE = 66;
  public static final int PR_SET_MEMORY_MERGE = 67;
  public static final int PR_GET_MEMORY_MERGE = 68;
  public static final int PR_SET_VMA = 0x53564d41;

  private Uapi() {}
}
