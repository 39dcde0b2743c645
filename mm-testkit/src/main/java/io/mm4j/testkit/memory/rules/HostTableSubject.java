// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.testkit.Subject;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A machine, its tables of the host, and beside each the bytes that it must have. */
final class HostTableSubject extends Subject {
  /** A table and an array on the heap in its place. */
  private record Table(HostTable table, MemorySegment wanted) {}

  private final PhysicalMemory memory;
  private final MemoryLayout layout;
  private final List<Table> tables = new ArrayList<>();
  private boolean closed;

  HostTableSubject(PhysicalMemory memory, MemoryLayout layout) {
    this.memory = memory;
    this.layout = layout;
  }

  /** Another table, as long as the machine is open. */
  void table(long bytes) {
    if (closed) {
      return;
    }
    HostTable made = memory.table(bytes);
    called();
    checkEqual(bytes, made.segment().byteSize(), "bytes of a table of " + bytes);
    check(made.segment().isNative(), "a table of native memory", made.segment().toString());
    MemorySegment all = made.everywhere();
    if (!tables.isEmpty()) {
      MemorySegment before = tables.getFirst().table.everywhere();
      boolean same = all == null ? before == null : all.equals(before);
      check(same, "one segment of all memory for all tables: " + before, "" + all);
    }
    tables.add(new Table(made, MemorySegment.ofArray(new byte[(int) bytes])));
  }

  /** Fills pages of a table, in its segment or in that of all memory. */
  void fill(int which, int at, int pages, byte value, boolean byAddress) {
    if (tables.isEmpty()) {
      return;
    }
    Table one = tables.get(which % tables.size());
    long from = from(one, at);
    long bytes = bytes(one, from, pages);
    MemorySegment segment = one.table.segment();
    MemorySegment all = one.table.everywhere();
    MemorySegment part =
        byAddress && all != null
            ? all.asSlice(segment.address() + from, bytes)
            : segment.asSlice(from, bytes);
    MemorySegment _ = part.fill(value);
    MemorySegment _ = one.wanted.asSlice(from, bytes).fill(value);
  }

  /** Gives pages of a table back. */
  void discard(int which, int at, int pages) {
    if (tables.isEmpty()) {
      return;
    }
    Table one = tables.get(which % tables.size());
    long from = from(one, at);
    long bytes = bytes(one, from, pages);
    one.table.discard(from, bytes);
    called();
    MemorySegment _ = one.wanted.asSlice(from, bytes).fill((byte) 0);
  }

  private static long from(Table one, int page) {
    return page * Pages.PAGE_SIZE % one.wanted.byteSize();
  }

  private static long bytes(Table one, long from, int pages) {
    return Math.min(pages * Pages.PAGE_SIZE, one.wanted.byteSize() - from);
  }

  /** Writes all over RAM, as long as the machine is open. */
  void ram(byte value) {
    for (long pfn = 0; !closed && pfn < layout.endPfn(); pfn++) {
      memory.putByte(pfn << Pages.PAGE_SHIFT, value);
    }
  }

  /** Every table has the bytes that it must have. */
  void compare() {
    for (int i = 0; i < tables.size(); i++) {
      Table one = tables.get(i);
      MemorySegment seen = one.table.segment();
      long at = seen.mismatch(one.wanted);
      if (at >= 0) {
        byte wanted = one.wanted.get(JAVA_BYTE, at);
        byte there = seen.get(JAVA_BYTE, at);
        checkEqual(wanted, there, "byte " + at + " of table " + i);
      }
    }
  }

  @Override
  public void validate() {
    if (!closed) {
      memory.validate();
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      memory.close();
    }
  }
}
