// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * What may be done with the pages of a mapping, for {@link AddressSpace#mmap} and {@link
 * AddressSpace#mprotect}: {@code Prot.READ | Prot.WRITE}. The numbers are those of {@link Uapi}.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Prot {
  public static final long NONE = Uapi.PROT_NONE;
  public static final long READ = Uapi.PROT_READ;
  public static final long WRITE = Uapi.PROT_WRITE;
  public static final long EXEC = Uapi.PROT_EXEC;
  public static final long SEM = Uapi.PROT_SEM;
  public static final long GROWSDOWN = Uapi.PROT_GROWSDOWN;
  public static final long GROWSUP = Uapi.PROT_GROWSUP;

  private Prot() {}
}
