// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import org.apiguardian.api.API;

/**
 * A range of addresses with one use.
 *
 * @param name as documents of the kernel call it: {@code vmalloc}, {@code fixmap}
 * @param start the first address, unsigned
 * @param last the last one; not one past it, as the highest address has a use, too
 * @param hole whether nothing is ever mapped there
 */
@API(status = API.Status.EXPERIMENTAL)
public record KernelRegion(String name, long start, long last, boolean hole) {
  /** Bytes; 0 for all of 2 to the power of 64. */
  public long bytes() {
    return last - start + 1;
  }

  /** Whether an address lies in it. */
  public boolean contains(long address) {
    return Long.compareUnsigned(start, address) <= 0 && Long.compareUnsigned(address, last) <= 0;
  }

  @Override
  public String toString() {
    return String.format("%s 0x%x-0x%x", name, start, last);
  }
}
