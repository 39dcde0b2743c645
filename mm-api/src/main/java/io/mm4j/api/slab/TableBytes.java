// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.mm4j.api.memory.HostTable;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Access to a {@link HostTable} for fast paths: by {@link HostTable#everywhere}, which for the
 * compiler is a constant without bounds to check, if the first table of the program has it; else by
 * the table's own segment. The choice is a constant, too.
 */
final class TableBytes {
  private static @Nullable MemorySegment first;

  /** Made after the first table. */
  private static final class Chosen {
    static final @Nullable MemorySegment EVERYWHERE = first;
  }

  private TableBytes() {}

  /** Where a table begins: what {@code at} is counted from below. */
  static synchronized long start(HostTable table) {
    if (table.segment().byteSize() == 0) {
      return 0;
    }
    if (first == null) {
      first = table.everywhere();
    }
    return Chosen.EVERYWHERE != null ? table.segment().address() : 0;
  }

  private static MemorySegment of(MemorySegment table) {
    MemorySegment all = Chosen.EVERYWHERE;
    return all != null ? all : table;
  }

  /** Reads a byte. */
  static byte get(MemorySegment table, long at) {
    return of(table).get(JAVA_BYTE, at);
  }

  /** Writes a byte. */
  static void put(MemorySegment table, long at, byte value) {
    of(table).set(JAVA_BYTE, at, value);
  }

  /** Reads an int. */
  static int getInt(MemorySegment table, long at) {
    return of(table).get(JAVA_INT_UNALIGNED, at);
  }

  /** Writes an int. */
  static void putInt(MemorySegment table, long at, int value) {
    of(table).set(JAVA_INT_UNALIGNED, at, value);
  }
}
