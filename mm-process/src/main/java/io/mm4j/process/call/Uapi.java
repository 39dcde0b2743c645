// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

/** Flags that users pass to memory calls (Linux x86-64). */
public final class Uapi {
  public static final long PROT_READ = 1;
  public static final long PROT_WRITE = 2;
  public static final long PROT_EXEC = 4;
  public static final long PROT_SEM = 8;
  public static final long PROT_GROWSDOWN = 0x01000000;
  public static final long PROT_GROWSUP = 0x02000000;

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

  public static final long MREMAP_MAYMOVE = 1;
  public static final long MREMAP_FIXED = 2;
  public static final long MREMAP_DONTUNMAP = 4;

  public static final long MS_ASYNC = 1;
  public static final long MS_INVALIDATE = 2;
  public static final long MS_SYNC = 4;

  public static final long MCL_CURRENT = 1;
  public static final long MCL_FUTURE = 2;
  public static final long MCL_ONFAULT = 4;

  private Uapi() {}
}
