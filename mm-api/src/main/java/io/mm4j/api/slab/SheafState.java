// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

/**
 * What a fast path reads and writes of an {@link ObjectSheaf}, with a line of the host before it. A
 * JVM lays the fields of a class out behind those of the class above it, so that the padding of
 * this class is before them and that of {@link ObjectSheaf} behind: whatever lies beside a sheaf in
 * the heap, no line has the tops of two CPUs' sheaves, or one and what the other CPU reads.
 */
@SuppressWarnings("unused") // padding
abstract class SheafState {
  static final long[] SHUT = {};

  /** In the gap that a JVM leaves before the first long, where the tag would lie else. */
  private int before;

  private long before0;
  private long before1;
  private long before2;
  private long before3;
  private long before4;
  private long before5;
  private long before6;
  private long before7;

  /** What a free finds at the frame of one of its objects; of the CPU's own node. */
  int tag;

  /** How many objects are in it. */
  int top;

  /** Where {@link CpuSlabs} takes and puts: the objects while it is open, else {@link #SHUT}. */
  long[] front = SHUT;

  long[] objects;

  /** The granule of its objects' marks: {@link ObjectFrames#shiftOf}. */
  final int shift;

  /**
   * Where the mark of address 0 is, and the end of the addresses that have one: {@link
   * ObjectSheaf#join}.
   */
  long marksAt;

  long end = Long.MAX_VALUE;

  final int cacheId;

  /** What {@code __GFP_ZERO} clears. */
  final int bytes;

  SheafState(int cacheId, int bytes, int shift, long[] objects) {
    this.cacheId = cacheId;
    this.bytes = bytes;
    this.shift = shift;
    this.objects = objects;
  }
}
