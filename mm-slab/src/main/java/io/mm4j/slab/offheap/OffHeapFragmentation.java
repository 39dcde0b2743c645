// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

/**
 * Where memory is that cannot be used; a walk over all slabs.
 *
 * @param slabBytes pages of slabs and of large blocks
 * @param objectBytes what of them live objects have, rounded up to their sizes
 * @param unusablePermille the kernel's unusable free space index for 2 MiB: how many thousandths of
 *     the free pages lie in blocks that are smaller
 */
public record OffHeapFragmentation(long slabBytes, long objectBytes, int unusablePermille) {
  /** Thousandths of the slabs' bytes that no live object has. */
  public int slackPermille() {
    return slabBytes == 0 ? 0 : (int) (1000 - 1000 * objectBytes / slabBytes);
  }
}
