// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.lang.foreign.MemorySegment;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Memory of the host beside RAM, for a table of a floor: zeroed, and it costs the host only what
 * was touched. It stays until nobody can reach its segment any more, also after the machine is
 * closed.
 *
 * <p>Threads: plain memory.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface HostTable {
  /** A table of native memory, which a fill with zeroes discards. */
  static HostTable of(MemorySegment segment) {
    return new HostTable() {
      @Override
      public MemorySegment segment() {
        return segment;
      }

      @Override
      public void discard(long offset, long bytes) {
        MemorySegment _ = segment.asSlice(offset, bytes).fill((byte) 0);
      }
    };
  }

  /** All of it, native memory. */
  MemorySegment segment();

  /** Gives whole pages back to the host; they read as zeroes afterwards. */
  void discard(long offset, long bytes);

  /**
   * A segment of all memory of the process, from address 0 on, in which the bytes of {@link
   * #segment} have their addresses as offsets; null if this program may have none. It is the same
   * for all tables, so that a floor can keep it in a static field, where the compiler knows its
   * bounds: whoever uses it checks by himself that he stays within his table, which he keeps
   * reachable.
   */
  default @Nullable MemorySegment everywhere() {
    return null;
  }
}
