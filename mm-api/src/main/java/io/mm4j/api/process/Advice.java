// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * What {@link AddressSpace#madvise} is told of a range: {@code Advice.DONTNEED}. One of them, no
 * bits; the numbers are those of {@link Uapi}.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Advice {
  public static final long NORMAL = Uapi.MADV_NORMAL;
  public static final long RANDOM = Uapi.MADV_RANDOM;
  public static final long SEQUENTIAL = Uapi.MADV_SEQUENTIAL;
  public static final long WILLNEED = Uapi.MADV_WILLNEED;
  public static final long DONTNEED = Uapi.MADV_DONTNEED;
  public static final long FREE = Uapi.MADV_FREE;
  public static final long REMOVE = Uapi.MADV_REMOVE;
  public static final long DONTFORK = Uapi.MADV_DONTFORK;
  public static final long DOFORK = Uapi.MADV_DOFORK;
  public static final long MERGEABLE = Uapi.MADV_MERGEABLE;
  public static final long UNMERGEABLE = Uapi.MADV_UNMERGEABLE;
  public static final long HUGEPAGE = Uapi.MADV_HUGEPAGE;
  public static final long NOHUGEPAGE = Uapi.MADV_NOHUGEPAGE;
  public static final long DONTDUMP = Uapi.MADV_DONTDUMP;
  public static final long DODUMP = Uapi.MADV_DODUMP;
  public static final long WIPEONFORK = Uapi.MADV_WIPEONFORK;
  public static final long KEEPONFORK = Uapi.MADV_KEEPONFORK;
  public static final long COLD = Uapi.MADV_COLD;
  public static final long PAGEOUT = Uapi.MADV_PAGEOUT;
  public static final long POPULATE_READ = Uapi.MADV_POPULATE_READ;
  public static final long POPULATE_WRITE = Uapi.MADV_POPULATE_WRITE;
  public static final long DONTNEED_LOCKED = Uapi.MADV_DONTNEED_LOCKED;
  public static final long COLLAPSE = Uapi.MADV_COLLAPSE;
  public static final long HWPOISON = Uapi.MADV_HWPOISON;
  public static final long SOFT_OFFLINE = Uapi.MADV_SOFT_OFFLINE;
  public static final long GUARD_INSTALL = Uapi.MADV_GUARD_INSTALL;
  public static final long GUARD_REMOVE = Uapi.MADV_GUARD_REMOVE;

  private Advice() {}
}
