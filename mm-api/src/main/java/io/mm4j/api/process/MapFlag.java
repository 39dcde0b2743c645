// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * What kind of mapping {@link AddressSpace#mmap} makes, and where: {@code MapFlag.PRIVATE |
 * MapFlag.ANONYMOUS}. The numbers are those of {@link Uapi}; {@code MAP_32BIT} is {@link #LOW_2G}.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class MapFlag {
  public static final long FILE = Uapi.MAP_FILE;
  public static final long SHARED = Uapi.MAP_SHARED;
  public static final long PRIVATE = Uapi.MAP_PRIVATE;
  public static final long SHARED_VALIDATE = Uapi.MAP_SHARED_VALIDATE;
  public static final long DROPPABLE = Uapi.MAP_DROPPABLE;
  public static final long FIXED = Uapi.MAP_FIXED;
  public static final long ANONYMOUS = Uapi.MAP_ANONYMOUS;
  public static final long LOW_2G = Uapi.MAP_32BIT;
  public static final long ABOVE4G = Uapi.MAP_ABOVE4G;
  public static final long GROWSDOWN = Uapi.MAP_GROWSDOWN;
  public static final long DENYWRITE = Uapi.MAP_DENYWRITE;
  public static final long EXECUTABLE = Uapi.MAP_EXECUTABLE;
  public static final long LOCKED = Uapi.MAP_LOCKED;
  public static final long NORESERVE = Uapi.MAP_NORESERVE;
  public static final long POPULATE = Uapi.MAP_POPULATE;
  public static final long NONBLOCK = Uapi.MAP_NONBLOCK;
  public static final long STACK = Uapi.MAP_STACK;
  public static final long HUGETLB = Uapi.MAP_HUGETLB;
  public static final long SYNC = Uapi.MAP_SYNC;
  public static final long FIXED_NOREPLACE = Uapi.MAP_FIXED_NOREPLACE;
  public static final long UNINITIALIZED = Uapi.MAP_UNINITIALIZED;

  private MapFlag() {}
}
