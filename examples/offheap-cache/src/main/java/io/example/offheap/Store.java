// SPDX-License-Identifier: Apache-2.0

package io.example.offheap;

import java.lang.foreign.MemorySegment;

/** Where values lie. Any thread; the cache sees to it that nobody reads what is freed. */
interface Store extends AutoCloseable {
  /** Room for so many bytes that can be freed by {@link #free}; null if there is none. */
  Value take(int bytes);

  /** Frees it. */
  void free(Value value);

  /** Bytes of the host that it holds for values, as far as it knows. */
  long usedBytes();

  /** Ends it; whatever was not freed is an error. */
  @Override
  void close();

  /**
   * A value.
   *
   * @param bytes its memory
   * @param handle what the store frees it by
   */
  record Value(MemorySegment bytes, Object handle) {}
}
