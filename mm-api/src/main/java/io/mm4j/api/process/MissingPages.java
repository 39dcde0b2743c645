// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.function.IntUnaryOperator;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Is asked for each page of anonymous memory that an access finds missing, before the kernel makes
 * one: the place of userfaultfd (mm/userfaultfd.c, {@code handle_userfault}, Linux 6.18), for
 * memory that is to come from elsewhere when it is needed.
 *
 * <p>Differs from {@code UFFDIO_REGISTER_MODE_MISSING}: it is asked for all anonymous memory of an
 * address space and decides itself, so that no VMA has a flag or stays apart for it; the access
 * waits for the answer, and no event is read.
 */
@API(status = API.Status.EXPERIMENTAL)
@FunctionalInterface
public interface MissingPages {
  /**
   * A page is missing. The address space may not be called meanwhile.
   *
   * @param uaddr the first address of the page
   * @param write whether the access writes
   * @return gives the byte, 0 to 255, at each offset of the page, as {@code UFFDIO_COPY} brings
   *     them; or null: the kernel goes on as if nobody had been asked
   */
  @Nullable IntUnaryOperator missing(long uaddr, boolean write);
}
