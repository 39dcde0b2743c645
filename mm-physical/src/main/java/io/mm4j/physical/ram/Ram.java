// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import java.lang.foreign.MemorySegment;

/** A range of host memory that costs only what is touched. Offsets and lengths are in bytes. */
interface Ram extends AutoCloseable {
  /** All of it. */
  MemorySegment segment();

  /** Gives whole pages back to the host; they read as zeroes afterwards. */
  void discard(long offset, long bytes);

  @Override
  void close();
}
