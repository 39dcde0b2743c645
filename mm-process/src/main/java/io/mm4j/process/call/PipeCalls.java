// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.Pipe;
import io.mm4j.process.page.Frames;

/**
 * Reads and writes of pipes ({@code anon_pipe_read} and {@code anon_pipe_write}, fs/pipe.c of Linux
 * 6.18). A write fills a page whole or not at all: where user memory ends within it, nothing of it
 * was written.
 *
 * <p>Differs: nobody waits. A read of an empty pipe and a write to a full one are {@code -EAGAIN},
 * as with {@code O_NONBLOCK}; no signal comes with {@code -EPIPE}; pipes of packets ({@code
 * O_DIRECT}) are refused.
 */
final class PipeCalls {
  private static final long O_NONBLOCK = 0x800;
  private static final long O_CLOEXEC = 0x80000;

  private final Mm mm;
  private final UserCopy user;
  private final Touch touch;

  PipeCalls(Mm mm, UserCopy user, Touch touch) {
    this.mm = mm;
    this.user = user;
    this.touch = touch;
  }

  /** pipe2: two descriptors, the first for reading, go to user memory. */
  long pipe2(long fds, long flags) {
    if (((int) flags & ~(O_NONBLOCK | O_CLOEXEC)) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags, or a pipe of packets, which is not modelled");
    }
    if (!mm.userRange(fds, 2 * Integer.BYTES) || !touch.kernelWrite(fds, 2 * Integer.BYTES)) {
      return mm.error(Errno.EFAULT, "the descriptors cannot be written");
    }
    MappedFile file = MappedFile.pipe("pipe:[" + (mm.context.files.pipes() + 1) + "]");
    Pipe _ = mm.context.files.pipe(file);
    UserBytes out = new UserBytes(mm, fds);
    long reads = mm.newDescriptor(new OpenFile(file, OpenFile.Mode.READ_ONLY));
    long writes = mm.newDescriptor(new OpenFile(file, OpenFile.Mode.WRITE_ONLY));
    out.number(reads, Integer.BYTES);
    out.number(writes, Integer.BYTES);
    if (mm.explaining()) {
      mm.because("file", "the pipe is read from " + reads + " and written to " + writes);
    }
    return 0;
  }

  /** A write: the bytes that went, or a negated errno. */
  long write(MappedFile file, long buf, long count) {
    if (count == 0) {
      return 0;
    }
    Pipe pipe = mm.context.files.pipe(file);
    if (!mm.context.files.isOpen(file, OpenFile.Mode::canRead)) {
      return mm.error(Errno.EPIPE, "nobody can read from the pipe");
    }
    int part = (int) (count & Mm.PAGE - 1);
    long done = 0;
    if (part != 0 && !pipe.isEmpty() && pipe.lastEnd() + part <= Mm.PAGE) {
      if (user.from(buf, pipe.lastPage(), pipe.lastEnd(), part) < part) {
        return unreadable();
      }
      pipe.extend(part);
      done = part;
    }
    while (done < count) {
      if (pipe.isFull()) {
        return done > 0 ? done : mm.error(Errno.EAGAIN, "the pipe is full: Linux would wait");
      }
      long page = pipe.nextPage();
      if (page == Frames.NONE) {
        return done > 0 ? done : mm.error(Errno.ENOMEM, "no memory for the pipe");
      }
      int wanted = (int) Math.min(Mm.PAGE, count - done);
      if (user.from(buf + done, page, 0, wanted) < wanted) {
        pipe.dropPage();
        return done > 0 ? done : unreadable();
      }
      pipe.push(wanted);
      done += wanted;
    }
    return done;
  }

  private long unreadable() {
    return mm.error(Errno.EFAULT, "the memory that is to be written cannot be read");
  }

  /** A read: the bytes that came, 0 at the end, or a negated errno. */
  long read(MappedFile file, long buf, long count) {
    Pipe pipe = mm.context.files.pipe(file);
    long done = 0;
    while (done < count && !pipe.isEmpty()) {
      int wanted = (int) Math.min(pipe.firstBytes(), count - done);
      if (user.to(buf + done, pipe.firstPage(), pipe.firstOffset(), wanted) < wanted) {
        return done > 0 ? done : mm.error(Errno.EFAULT, "the buffer cannot be accessed");
      }
      pipe.pull(wanted);
      done += wanted;
    }
    return done > 0 || count == 0 || !mm.context.files.isOpen(file, OpenFile.Mode::canWrite)
        ? done
        : mm.error(Errno.EAGAIN, "the pipe is empty: Linux would wait");
  }
}
