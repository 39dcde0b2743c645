// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;

/**
 * Bytes between frames of the kernel and user memory, which is accessed page by page ({@code
 * copy_page_to_iter} and {@code copy_page_from_iter}, lib/iov_iter.c of Linux 6.18).
 */
final class UserCopy {
  private final Mm mm;
  private final Touch touch;

  UserCopy(Mm mm, Touch touch) {
    this.mm = mm;
    this.touch = touch;
  }

  /** How many of these bytes lie in the page of an address. */
  static int inPage(long addr, long bytes) {
    return (int) Math.min(bytes, Mm.PAGE - (addr & Mm.PAGE - 1));
  }

  private static int offset(long addr) {
    return (int) (addr & Mm.PAGE - 1);
  }

  /** Whether the page can be read; it is present then. */
  boolean canRead(long addr) {
    return touch.access(addr, Touch.Access.READ, TouchOutcome.UNKNOWN).ok();
  }

  /** Whether the page can be written to; it is present then. */
  boolean canWrite(long addr) {
    return touch.access(addr, Touch.Access.WRITE, TouchOutcome.UNKNOWN).ok();
  }

  /** Bytes of user memory to a frame: how many came before an address that cannot be read. */
  int from(long addr, long pfn, int offset, int bytes) {
    int done = 0;
    while (done < bytes && canRead(addr + done)) {
      int n = inPage(addr + done, bytes - done);
      take(addr + done, pfn, offset + done, n);
      done += n;
    }
    return done;
  }

  /** Bytes of a frame to user memory: how many went before an address that cannot be written. */
  int to(long addr, long pfn, int offset, int bytes) {
    int done = 0;
    while (done < bytes && canWrite(addr + done)) {
      int n = inPage(addr + done, bytes - done);
      put(addr + done, pfn, offset + done, n);
      done += n;
    }
    return done;
  }

  /** Bytes of a frame to a user page that is present and writable. */
  void put(long addr, long pfn, int offset, int bytes) {
    long to = mm.userFrame(addr);
    if (to != Frames.NONE) {
      mm.context.frames().bytes().copy(to, offset(addr), pfn, offset, bytes);
    }
  }

  /** Zeroes to a user page that is present and writable. */
  void zero(long addr, int bytes) {
    long to = mm.userFrame(addr);
    for (int i = 0; to != Frames.NONE && i < bytes; i++) {
      mm.context.frames().bytes().write(to, offset(addr) + i, 0);
    }
  }

  /** Bytes of a user page that is present to a frame. */
  void take(long addr, long pfn, int offset, int bytes) {
    Frames frames = mm.context.frames();
    long from = mm.userFrame(addr);
    if (from != Frames.NONE) {
      frames.bytes().copy(pfn, offset, from, offset(addr), bytes);
    } else if (isClock(addr)) {
      frames.bytes().forget(pfn, offset, bytes);
    } else { // the zero page
      for (int i = 0; i < bytes; i++) {
        frames.bytes().write(pfn, offset + i, 0);
      }
    }
  }

  /** Whether the page is the kernel's with the time: nobody here knows what is in it. */
  private boolean isClock(long addr) {
    int _ = mm.pages.look(addr);
    return mm.context.frames().isClockPage(mm.pages.pfn());
  }
}
