// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.fault.FaultHandler;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.List;

/**
 * process_vm_readv and process_vm_writev ({@code process_vm_rw}, mm/process_vm_access.c, and {@code
 * import_iovec}, lib/iov_iter.c; Linux 6.18). Pages of the other process are brought before
 * anything is copied, 1024 of one range at a time, and its stack does not grow; what was copied
 * before a range that cannot be is the answer.
 *
 * <p>Differs: a page of the pool of huge pages that is shared since a fork is read as it is, where
 * Linux makes the other process a copy first ({@code gup_must_unshare}), as of other pages here. A
 * byte of a vector that nobody knows is taken for 0.
 */
final class ProcessVm {
  /** {@code UIO_MAXIOV}. */
  private static final int MOST_RANGES = 1024;

  /** {@code MAX_RW_COUNT}. */
  private static final long MOST_BYTES = Integer.MAX_VALUE & Mm.PAGE_MASK;

  /** {@code max_pages_per_loop}. */
  private static final int PAGES_AT_ONCE = 1024;

  /** Bytes of a {@code struct iovec}. */
  private static final int RANGE_BYTES = 16;

  private final Mm mm;
  private final Touch touch;

  /** {@code struct iovec}. */
  private record Range(long addr, long bytes) {}

  /** What was read last. */
  private List<Range> ranges = List.of();

  /** Where the process' own bytes are. */
  private List<Range> local = List.of();

  /** The range of {@link #local} that is next, and the bytes of it that are done. */
  private int at;

  private long doneThere;

  /** Bytes that the process has room for yet. */
  private long left;

  ProcessVm(Mm mm, Touch touch) {
    this.mm = mm;
    this.touch = touch;
  }

  /**
   * Copies from another process, or to it.
   *
   * @param a the process, its own ranges and their number, the other's and their number, flags
   */
  long transfer(boolean write, long[] a) {
    if (a[5] != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    long error = read(a[1], a[2]);
    error = error == 0 ? takeLocal() : error;
    if (error != 0 || left == 0) {
      return error;
    }
    error = read(a[3], a[4]);
    if (error != 0) {
      return error;
    }
    if (ranges.stream().allMatch(range -> range.bytes == 0)) {
      return 0;
    }
    Mm other = mm.context.process((int) a[0]);
    if (other == null) {
      return mm.error(Errno.ESRCH, "no such process");
    }
    if (!mayAccess(other)) {
      return mm.error(Errno.EPERM, "the process is another user's, or was");
    }
    long before = left;
    boolean works = true;
    for (int i = 0; i < ranges.size() && left > 0 && works; i++) {
      Range range = ranges.get(i);
      works = range.bytes == 0 || range(other, range.addr, range.bytes, write);
    }
    return works || before > left
        ? before - left
        : mm.error(Errno.EFAULT, "memory of one of the processes cannot be accessed");
  }

  /** {@code iovec_from_user}. */
  private long read(long addr, long count) {
    if (Long.compareUnsigned(count, MOST_RANGES) > 0) {
      return mm.error(Errno.EINVAL, "more than 1024 ranges");
    }
    if (!mm.userRange(addr, count * RANGE_BYTES)) {
      return mm.error(Errno.EFAULT, "the ranges are not in user space");
    }
    List<Range> found = new ArrayList<>();
    for (long here = addr; here < addr + count * RANGE_BYTES; here += RANGE_BYTES) {
      if (!touch.kernelRead(here, RANGE_BYTES)) {
        return mm.error(Errno.EFAULT, "the ranges cannot be read");
      }
      Range range = new Range(number(here), number(here + Long.BYTES));
      if (range.bytes < 0) {
        return mm.error(Errno.EINVAL, "a range has a negative length");
      }
      found.add(range);
    }
    ranges = List.copyOf(found);
    return 0;
  }

  private long number(long addr) {
    long value = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      int next = touch.access(addr + i, Touch.Access.READ, TouchOutcome.UNKNOWN).value();
      value |= (long) Math.max(next, 0) << (i * Byte.SIZE);
    }
    return value;
  }

  /** {@code import_iovec}: what was read is where the process' own bytes are. */
  private long takeLocal() {
    List<Range> taken = new ArrayList<>();
    left = 0;
    for (Range range : ranges) {
      long bytes = ranges.size() == 1 ? Math.min(range.bytes, MOST_BYTES) : range.bytes;
      if (!mm.userRange(range.addr, bytes)) {
        return mm.error(Errno.EFAULT, "a range of the process is not in user space");
      }
      taken.add(new Range(range.addr, Math.min(bytes, MOST_BYTES - left)));
      left += taken.getLast().bytes;
    }
    local = List.copyOf(taken);
    at = 0;
    doneThere = 0;
    return 0;
  }

  /** {@code mm_access} with {@code PTRACE_MODE_ATTACH_REALCREDS}. */
  private boolean mayAccess(Mm other) {
    return other == mm
        || mm.uid == 0
        || (mm.uid == other.uid && mm.gid == other.gid && other.dumpable && mm.hasAllOf(other));
  }

  /** {@code process_vm_rw_single_vec}. */
  private boolean range(Mm other, long addr, long bytes, boolean write) {
    FaultHandler faults = new FaultHandler(other);
    long pages = ((addr + bytes - 1) >>> 12) - (addr >>> 12) + 1;
    long from = addr;
    long end = addr + bytes;
    while (pages != 0 && left > 0) {
      int wanted = Long.compareUnsigned(pages, PAGES_AT_ONCE) < 0 ? (int) pages : PAGES_AT_ONCE;
      long[] pinned = new long[wanted];
      int n = 0;
      while (n < wanted && pin(other, faults, (from & Mm.PAGE_MASK) + n * Mm.PAGE, write)) {
        pinned[n] = other.userFrame((from & Mm.PAGE_MASK) + n * Mm.PAGE);
        n++;
      }
      for (int i = 0; i < n && left > 0; i++) {
        int offset = (int) (from & Mm.PAGE - 1);
        int here = (int) Math.min(Mm.PAGE - offset, end - from);
        if (!page(pinned[i], offset, here, write)) {
          return false;
        }
        from += here;
      }
      if (n == 0) {
        return false;
      }
      pages -= n;
    }
    return true;
  }

  /** {@code __get_user_pages} of one page. */
  private static boolean pin(Mm other, FaultHandler faults, long addr, boolean write) {
    Vma vma = other.vmas.lookup(addr);
    return vma != null
        && !vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)
        && !vma.isSecret()
        && vma.has(write ? VmFlags.WRITE : VmFlags.READ)
        && faults.handle(vma, addr, write) == FaultHandler.Result.OK
        && (write || faults.unshare(vma, addr) == FaultHandler.Result.OK);
  }

  /**
   * {@code copy_page_to_iter} and {@code copy_page_from_iter}: false if the process' own memory
   * could not be accessed.
   */
  private boolean page(long pfn, int offset, int bytes, boolean write) {
    int done = 0;
    while (done < bytes && left > 0) {
      Range range = local.get(at);
      if (doneThere == range.bytes) {
        at++;
        doneThere = 0;
        continue;
      }
      long addr = range.addr + doneThere;
      long room = Math.min(range.bytes - doneThere, Mm.PAGE - (addr & Mm.PAGE - 1));
      int n = (int) Math.min(bytes - done, room);
      Touch.Access access = write ? Touch.Access.READ : Touch.Access.WRITE;
      if (!touch.access(addr, access, TouchOutcome.UNKNOWN).ok()) {
        return false;
      }
      long own = mm.userFrame(addr);
      int ownOffset = (int) (addr & Mm.PAGE - 1);
      if (write) {
        copy(pfn, offset + done, own, ownOffset, n);
      } else {
        copy(own, ownOffset, pfn, offset + done, n);
      }
      done += n;
      doneThere += n;
      left -= n;
    }
    return true;
  }

  private void copy(long to, int toOffset, long from, int fromOffset, int bytes) {
    Frames frames = mm.context.frames();
    if (from != Frames.NONE) {
      frames.bytes().copy(to, toOffset, from, fromOffset, bytes);
      return;
    }
    for (int i = 0; i < bytes; i++) { // the zero page
      frames.bytes().write(to, toOffset + i, 0);
    }
  }
}
