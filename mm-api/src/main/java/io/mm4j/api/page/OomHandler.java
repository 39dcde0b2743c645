// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * The last resort of a machine that is out of memory: somebody gives up all that he holds. Models
 * {@code out_of_memory()} of mm/oom_kill.c (Linux 6.18).
 */
@API(status = API.Status.MAINTAINED)
@FunctionalInterface
public interface OomHandler {
  /**
   * Frees memory at any price. Called without any zone lock held, by a CPU with {@link
   * io.mm4j.api.Cpu#PF_MEMALLOC}, for one request at a time.
   *
   * @return whether something was freed, or will be: the request is tried again
   */
  boolean outOfMemory(ReclaimRequest request);

  /** How messages call it. */
  default String name() {
    return getClass().getName();
  }
}
