// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

/**
 * What a fast path writes of a {@link CpuSlabs}, with a line of the host before it; that behind it
 * is {@link CpuPadding}. See {@link SheafState}.
 */
@SuppressWarnings("unused") // padding
abstract class CpuState {
  /** What is not open. */
  static final ObjectSheaf CLOSED = new ObjectSheaf(0, 0, ObjectFrames.MIN_SHIFT, 0);

  private int before;
  private long before0;
  private long before1;
  private long before2;
  private long before3;
  private long before4;
  private long before5;
  private long before6;
  private long before7;

  /**
   * Of the object that was freed last: the next one is often of the same cache. A free takes this
   * sheaf while it looks up the tag, so that it need not wait for what it finds.
   */
  ObjectSheaf last = CLOSED;

  CpuState() {}
}
