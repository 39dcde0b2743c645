// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.uffd.UffdMessage;
import io.mm4j.process.uffd.Userfaultfd;

/**
 * read of a userfaultfd ({@code userfaultfd_read_iter}, fs/userfaultfd.c, Linux 6.18): as many
 * messages as there are and as fit, faults first.
 *
 * <p>Differs: with nothing to tell it gives -EAGAIN also where Linux would wait.
 */
final class UffdReads {
  private static final int FIRST = 8;
  private static final int SECOND = 16;
  private static final int THIRD = 24;

  private final Mm mm;
  private final Touch touch;

  UffdReads(Mm mm, Touch touch) {
    this.mm = mm;
    this.touch = touch;
  }

  /** The call. */
  long read(Userfaultfd watch, long buf, long count) {
    if (!watch.isInitialized()) {
      return mm.error(Errno.EINVAL, "UFFDIO_API has not chosen its features");
    }
    if (!mm.userRange(buf, count)) {
      return mm.error(Errno.EFAULT, "the buffer is not in user space");
    }
    if (count < Uffd.MESSAGE_BYTES) {
      return mm.error(Errno.EINVAL, "no room for a message of 32 bytes");
    }
    long done = 0;
    while (done + Uffd.MESSAGE_BYTES <= count) {
      UffdMessage message = watch.next();
      if (message == null) {
        break;
      }
      watch.taken(message);
      if (mm.explaining()) {
        mm.because("uffd", "the message tells of " + message.text());
      }
      if (!write(message, buf + done)) {
        return done > 0 ? done : mm.error(Errno.EFAULT, "the buffer cannot be written");
      }
      done += Uffd.MESSAGE_BYTES;
    }
    return done > 0
        ? done
        : mm.error(
            Errno.EAGAIN,
            watch.isNonBlocking() ? "no message" : "no message; without O_NONBLOCK it would wait");
  }

  private boolean write(UffdMessage message, long buf) {
    Userfaultfd child = message.child();
    // A fork's message names a descriptor, which the reader gets for the child's memory.
    long first = child == null ? message.first() : mm.context.userfaults.openChild(mm, child);
    UffdStruct struct = new UffdStruct(mm, touch, buf, Uffd.MESSAGE_BYTES);
    return struct.put(0, message.event())
        && struct.put(FIRST, first)
        && struct.put(SECOND, message.second())
        && struct.put(THIRD, message.third());
  }
}
