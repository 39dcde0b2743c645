// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.process.AddressSpace;

/**
 * The top tables of two address spaces, entry by entry as they are in RAM, and leafs below them.
 */
final class TopTables {
  private final Machine machine;
  private final PageTableFormat format;

  TopTables(Machine machine) {
    this.machine = machine;
    this.format = machine.pageTables().format();
  }

  /** The frame of an address space's top table. */
  static long frame(AddressSpace mm) {
    return mm.fields().tables().pgd() >>> 12;
  }

  private long entry(long frame, int index) {
    int bytes = format.shape().entryBytes();
    long at = (frame << 12) + (long) index * bytes;
    return bytes == 8 ? machine.memory().getLong(at) : machine.memory().getInt(at) & 0xffff_ffffL;
  }

  /** The first entry that is the kernel's. */
  int firstOfKernel() {
    return format.shape().index(format.levels(), format.kernel().start());
  }

  int entries() {
    return format.shape().topEntries();
  }

  /** How many entries of a part are different in two top tables. */
  private int different(long one, long other, int from, int end) {
    int count = 0;
    for (int i = from; i < end; i++) {
      count += entry(one, i) == entry(other, i) ? 0 : 1;
    }
    return count;
  }

  private int used(long frame, int from, int end) {
    int count = 0;
    for (int i = from; i < end; i++) {
      count += entry(frame, i) == 0 ? 0 : 1;
    }
    return count;
  }

  /** Both halves in words. */
  String compared(long one, long other) {
    int kernel = firstOfKernel();
    return String.format(
        java.util.Locale.ROOT,
        "entries 0-%d (user, below 0x%x): %d in use there and %d here, %d differ; entries %d-%d"
            + " (kernel): %d in use, %d differ",
        kernel - 1,
        format.kernel().userEnd(),
        used(one, 0, kernel),
        used(other, 0, kernel),
        different(one, other, 0, kernel),
        kernel,
        entries() - 1,
        used(other, kernel, entries()),
        different(one, other, kernel, entries()));
  }

  /** How many entries of a range of user space let writes through. */
  long writable(long root, long start, long end) {
    TableCursor cursor = machine.pageTables().cursor();
    cursor.over(root, start, end);
    long count = 0;
    while (cursor.next()) {
      boolean leaf = format.isLeaf(cursor.level(), cursor.entry());
      count += leaf && format.bits().isWrite(cursor.entry()) ? 1 : 0;
    }
    return count;
  }
}
