// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;

/**
 * fadvise64 and readahead ({@code generic_fadvise}, mm/fadvise.c; {@code ksys_readahead},
 * mm/readahead.c; Linux 6.18). Files that no disk has take every advice and do nothing.
 *
 * <p>Differs: a dirty folio that {@code POSIX_FADV_DONTNEED} writes out stays in the cache, as it
 * does where the disk has not answered yet.
 */
final class FileAdvice {
  private final Mm mm;

  FileAdvice(Mm mm) {
    this.mm = mm;
  }

  /** readahead. */
  long readahead(long fd, long offset, long count) {
    OpenFile open = mm.open((int) fd);
    if (open == null || !open.mode().canRead()) {
      return mm.error(Errno.EBADF, "no such descriptor, or not opened for reading");
    }
    MappedFile file = open.file();
    boolean regular = file.kind().isRegular() || file.name().startsWith("/proc/");
    if (!regular || file.kind() == MappedFile.Kind.SECRET) {
      return mm.error(Errno.EINVAL, "no regular file");
    }
    return advise(open, offset, count, Uapi.POSIX_FADV_WILLNEED);
  }

  /** fadvise64. */
  long fadvise(long fd, long offset, long len, long advice) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    MappedFile file = open.file();
    boolean pipe = file.kind() == MappedFile.Kind.PROC && file.name().startsWith("pipe:");
    return pipe || file.kind() == MappedFile.Kind.PIPE
        ? mm.error(Errno.ESPIPE, "a pipe")
        : advise(open, offset, len, (int) advice);
  }

  private long advise(OpenFile open, long offset, long len, int advice) {
    if (len < 0 || advice < Uapi.POSIX_FADV_NORMAL || advice > Uapi.POSIX_FADV_NOREUSE) {
      return mm.error(Errno.EINVAL, "negative length, or unknown advice");
    }
    MappedFile.Kind kind = open.file().kind();
    boolean onDisk = kind == MappedFile.Kind.EXT4 || kind == MappedFile.Kind.OTHER;
    if (!onDisk) {
      return 0;
    }
    long past = offset + len;
    boolean toEnd = len == 0 || past < 0 || Long.compareUnsigned(past, len) < 0;
    long last = toEnd ? Long.MAX_VALUE : past - 1;
    FileObject file = mm.context.files.of(open.file());
    switch (advice) {
      case Uapi.POSIX_FADV_WILLNEED -> {
        long first = offset >>> 12; // of a negative offset, behind the end of any file
        if (offset >= 0) {
          mm.context.files.readAhead(open).force(file, first, (last >>> 12) - first + 1);
        }
      }
      case Uapi.POSIX_FADV_DONTNEED -> dontNeed(file, offset, last);
      case Uapi.POSIX_FADV_NOREUSE -> file.notReused(open, true);
      default -> {
        mm.context.files.readAhead(open).advised(advice);
        if (advice == Uapi.POSIX_FADV_NORMAL) {
          file.notReused(open, false);
        }
      }
    }
    return 0;
  }

  /** The first and the last page count only if they lie in the range whole. */
  private static void dontNeed(FileObject file, long offset, long last) {
    long first = (offset + Mm.PAGE - 1) >>> 12;
    long past = (last >>> 12) + 1;
    boolean cut = (last & Mm.PAGE - 1) != Mm.PAGE - 1 && last != file.sizeBytes() - 1;
    file.eviction().invalidate(first, cut ? past - 1 : past);
    file.dirty().writeBack(offset >>> 12, past);
  }
}
