// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import java.util.ArrayList;
import java.util.List;

/** An area that a {@link NaiveKernelSpace} knows. */
final class NaiveArea {
  enum Kind {
    VMALLOC,
    TOUCHED,
    VMAP,
    RAM,
    IOREMAP
  }

  final Kind kind;
  final long address;

  /** With the guard page. */
  final long bytes;

  /** Without. */
  final long size;

  final String caller;
  final List<Long> frames = new ArrayList<>();
  int order;
  long list;
  long paddr;

  NaiveArea(Kind kind, long address, long bytes, long size, String caller) {
    this.kind = kind;
    this.address = address;
    this.bytes = bytes;
    this.size = size;
    this.caller = caller;
  }
}
