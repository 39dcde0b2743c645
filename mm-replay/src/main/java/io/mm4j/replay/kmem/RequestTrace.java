// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

/**
 * What was asked of a page allocator and given back, one event after the other. Frames are names
 * only: they say which free belongs to which request. One thread.
 */
public interface RequestTrace extends AutoCloseable {
  /**
   * Goes to the next request or free.
   *
   * @return false at the end
   * @throws io.mm4j.api.InputException a line that cannot be read; says where
   */
  boolean next();

  /** Whether blocks are given back, rather than asked for. */
  boolean isFree();

  /** Nanoseconds since some moment. */
  long timeNs();

  /** The CPU that asked. */
  int cpu();

  /** The first frame of the block where it was recorded; -1 if the request failed there. */
  long pfn();

  /** The block's order. */
  int order();

  /** Flags of a request, with the bits of {@link io.mm4j.api.page.Gfp}. */
  int gfp();

  /** The line that the event stands on. */
  long line();

  /** What had to be passed over or taken for granted, in words. */
  java.util.List<String> notes();

  @Override
  void close();
}
