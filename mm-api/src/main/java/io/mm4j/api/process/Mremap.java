// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * How {@link AddressSpace#mremap} moves a mapping: {@code Mremap.MAYMOVE}. The numbers are those of
 * {@link Uapi}.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Mremap {
  public static final long MAYMOVE = Uapi.MREMAP_MAYMOVE;
  public static final long FIXED = Uapi.MREMAP_FIXED;
  public static final long DONTUNMAP = Uapi.MREMAP_DONTUNMAP;

  private Mremap() {}
}
