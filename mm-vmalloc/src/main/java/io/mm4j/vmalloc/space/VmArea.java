// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.memory.Pages;

/** What is known of an area beside its addresses: {@code struct vm_struct}. */
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

  final Kind kind;
  final long address;

  /** With the guard page. */
  final long bytes;

  final int count;
  final String caller;
  boolean user;
  boolean atTouch;

  /** Of ioremap. */
  long paddr;

  /** The frames, page by page; of a huge page its first frame and those that follow. */
  long[] pfns = {};

  /** Blocks of this order are what the page allocator has given. */
  int order;

  /** How many of the frames are there. */
  int filled;

  /** The area that holds the list of frames, as Linux keeps it if it is larger than a page. */
  long listArea;

  VmArea(Kind kind, long address, long bytes, int count, String caller) {
    this.kind = kind;
    this.address = address;
    this.bytes = bytes;
    this.count = count;
    this.caller = caller;
  }

  long mappedEnd() {
    return address + ((long) count << Pages.PAGE_SHIFT);
  }
}
