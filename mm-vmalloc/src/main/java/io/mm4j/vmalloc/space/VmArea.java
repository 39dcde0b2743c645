// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.memory.Pages;
import org.jspecify.annotations.Nullable;

/**
 * What is known of an area beside its addresses: {@code struct vm_struct}. An {@link AreaTable}
 * makes areas and uses them again.
 */
final class VmArea {
  /** What an area is. */
  enum Kind {
    VMALLOC("vmalloc"),
    VMAP("vmap"),
    RAM("vm_map_ram"),
    IOREMAP("ioremap");

    final String text;

    Kind(String text) {
      this.text = text;
    }
  }

  Kind kind = Kind.VMALLOC;
  long address;

  /** With the guard page. */
  long bytes;

  int count;
  String caller = "";
  boolean user;

  /** Its frames come at the first touch; then they are found in the page tables only. */
  boolean atTouch;

  /** Of ioremap. */
  long paddr;

  /** The frames, page by page; of a huge page its first frame and those that follow. */
  final long[] pfns;

  /** Blocks of this order are what the page allocator has given. */
  int order;

  /** How many of the frames are there. */
  int filled;

  /** The area that holds the list of frames, as Linux keeps it if it is larger than a page. */
  long listArea;

  /** The next one that waits to be used again. */
  @Nullable VmArea next;

  /** With room for so many frames. */
  VmArea(int frames) {
    pfns = new long[frames];
  }

  /** The end of what is mapped: the guard page begins there, if it has one. */
  long mappedEnd() {
    return address + ((long) count << Pages.PAGE_SHIFT);
  }
}
