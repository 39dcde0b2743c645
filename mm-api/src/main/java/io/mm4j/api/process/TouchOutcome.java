// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * What a touch of one byte, or one recorded page fault, led to.
 *
 * @param kind success, or the signal with its code
 * @param uaddr {@code si_addr} of the signal (0 for {@link Kind#SEGV_KERNEL}); the touched address
 *     when it succeeded
 * @param value the byte read (0..255), or {@link #UNKNOWN}; of {@link Kind#SEGV_PKUERR} the key
 *     ({@code si_pkey})
 */
@API(status = API.Status.EXPERIMENTAL)
public record TouchOutcome(Kind kind, long uaddr, int value) {
  /** No byte was read, or nobody knows it (program image, initial stack, vdso). */
  public static final int UNKNOWN = -1;

  /** Success or a signal. */
  public enum Kind {
    /** The access went through. */
    OK,
    /**
     * SIGSEGV, {@code SEGV_MAPERR}: nothing is mapped there, or a guard page is. Also an access for
     * which there is no memory, where Linux has it made again until the OOM killer has ended a
     * process: it can be made again here, too, when memory has been freed.
     */
    SEGV_MAPERR,
    /** SIGSEGV, {@code SEGV_ACCERR}: mapped, but not for this access. */
    SEGV_ACCERR,
    /** SIGSEGV, {@code SEGV_PKUERR}: its protection key denies the access. */
    SEGV_PKUERR,
    /** SIGSEGV, {@code SI_KERNEL}: the address is not canonical. */
    SEGV_KERNEL,
    /**
     * SIGBUS, {@code BUS_ADRERR}: behind the end of the mapped file, a poisoned page, or a
     * userfaultfd that answers so.
     */
    BUS_ADRERR,
    /**
     * No answer yet: the access waits until a userfaultfd brings the page ({@code
     * handle_userfault}). It is not finished by that; who made it makes it again.
     */
    UFFD_WAIT
  }

  /** Whether the access went through. */
  public boolean ok() {
    return kind == Kind.OK;
  }

  /** Such as {@code OK uaddr=0x7ffff7ffe000 value=42}. */
  @Override
  public String toString() {
    return kind
        + " uaddr=0x"
        + Long.toHexString(uaddr)
        + (value == UNKNOWN ? "" : " value=" + value);
  }
}
