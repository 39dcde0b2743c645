// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileChange;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.LruMarks;
import io.mm4j.process.page.ReadAhead;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes of files, which are accesses of user memory, too (fs/read_write.c, mm/filemap.c,
 * mm/shmem.c of Linux 6.18). What could be copied before an address that cannot be accessed is the
 * answer; -EFAULT is if nothing could.
 *
 * <p>Files that cannot be mapped have no bytes here: reading and writing them is refused with
 * -EINVAL.
 */
final class FileCalls {
  /** {@code MAX_RW_COUNT}. */
  private static final long MOST_BYTES = Integer.MAX_VALUE & Mm.PAGE_MASK;

  /** The largest folio that a write makes in the page cache. */
  private static final long MAX_FOLIO_BYTES = 2L << 20;

  /** {@code PAGEVEC_SIZE}: folios that a read takes from the cache at a time. */
  private static final int READ_BATCH = 31;

  private static final int SEEK_SET = 0;
  private static final int SEEK_CUR = 1;
  private static final int SEEK_END = 2;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;

  private final Mm mm;
  private final UserCopy user;
  private final PipeCalls pipes;

  FileCalls(Mm mm, Touch touch) {
    this.mm = mm;
    this.user = new UserCopy(mm, touch);
    this.pipes = new PipeCalls(mm, user, touch);
  }

  /** pipe2. */
  long pipe2(long fds, long flags) {
    return pipes.pipe2(fds, flags);
  }

  /** read and write, at the position of the open file. */
  long atPosition(boolean write, long fd, long buf, long count) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    long pos = mm.context.files.positions.getOrDefault(open, 0L);
    long result = transfer(write, open, buf, count, pos);
    if (result > 0) {
      mm.context.files.positions.put(open, pos + result);
    }
    return result;
  }

  /** pread64 and pwrite64. */
  long at(boolean write, long fd, long buf, long count, long pos) {
    if (pos < 0) {
      return mm.error(Errno.EINVAL, "negative position");
    }
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    MappedFile.Kind kind = open.file().kind();
    return kind == MappedFile.Kind.PIPE || kind == MappedFile.Kind.SECRET
        ? mm.error(Errno.ESPIPE, "the file has no positions")
        : transfer(write, open, buf, count, pos);
  }

  private long transfer(boolean write, OpenFile open, long buf, long count, long pos) {
    if (write ? !open.mode().canWrite() : !open.mode().canRead()) {
      return mm.error(Errno.EBADF, "the file was not opened for this");
    }
    MappedFile.Kind kind = open.file().kind();
    if (kind == MappedFile.Kind.PROC) {
      return mm.error(Errno.EINVAL, "the bytes of this kind of file are not modelled");
    }
    if (kind == MappedFile.Kind.SECRET) {
      return mm.error(Errno.EINVAL, "secret memory is neither read nor written, only mapped");
    }
    if (write && kind.isHugetlb()) {
      return mm.error(Errno.EINVAL, "files of huge pages are not written, only mapped");
    }
    if (!mm.userRange(buf, count)) {
      return mm.error(Errno.EFAULT, "the buffer is not in user space");
    }
    if (count < 0 || pos + count < 0) {
      return mm.error(Errno.EINVAL, "the length, or where it ends in the file, is negative");
    }
    long bytes = Math.min(count, MOST_BYTES);
    if (kind == MappedFile.Kind.DEV_ZERO) {
      return write ? bytes : readZeroes(buf, bytes);
    }
    if (kind == MappedFile.Kind.PIPE) {
      return write ? pipes.write(open.file(), buf, bytes) : pipes.read(open.file(), buf, bytes);
    }
    FileObject file = mm.context.files.of(open.file());
    return write ? write(file, buf, bytes, pos) : read(open, file, buf, bytes, pos);
  }

  // ---------------------------------------------------------------- from a file

  private long readZeroes(long buf, long bytes) {
    long done = 0;
    while (done < bytes) {
      int n = UserCopy.inPage(buf + done, bytes - done);
      if (!user.canWrite(buf + done)) {
        return end(done);
      }
      user.zero(buf + done, n);
      done += n;
    }
    return done;
  }

  /** {@code filemap_read}, {@code shmem_file_read_iter}. */
  private long read(OpenFile open, FileObject file, long buf, long count, long pos) {
    boolean ahead = !file.isShmem() && !file.mapped().kind().isHugetlb();
    if (!ahead) {
      return read(file, buf, count, pos, null);
    }
    ReadAhead reads = mm.context.files.readAhead(open);
    long done = read(file, buf, count, pos, reads);
    if (done != 0) { // a page was met, though perhaps no byte of it could be copied
      reads.readTo(pos + Math.max(0, done));
    }
    return done;
  }

  /**
   * {@code filemap_get_pages}: brings the page, and others, and looks at up to 31 folios that the
   * cache has, of which the last one may be marked. The page behind the last of them.
   */
  private static long getPages(FileObject file, ReadAhead reads, long index, long past) {
    if (!file.isCached(index) && !file.isStale(index)) {
      reads.sync(file, index, past - index);
    }
    long at = index;
    long last = index;
    for (int i = 0; i < READ_BATCH && at < past && file.isCached(at); i++) {
      last = at;
      at = file.folios().end(at);
      if (file.isMarked(last)) {
        break;
      }
    }
    if (at > index && file.isMarked(last)) {
      long folio = file.folios().start(last);
      reads.async(file, folio, past - folio);
    }
    return Math.max(at, index + 1);
  }

  private long read(FileObject file, long buf, long count, long pos, @Nullable ReadAhead reads) {
    long bytes = Math.min(count, Math.max(0, file.sizeBytes() - pos));
    long done = 0;
    long batchPast = 0;
    while (done < bytes) {
      long at = pos + done;
      if (reads != null && at >>> 12 >= batchPast) {
        batchPast = getPages(file, reads, at >>> 12, (pos + count + Mm.PAGE - 1) >>> 12);
      }
      int n = UserCopy.inPage(buf + done, Math.min(bytes - done, Mm.PAGE - (at & Mm.PAGE - 1)));
      long index = at >>> 12;
      boolean huge = file.mapped().kind().isHugetlb();
      long ofPool = huge ? poolPage(file, index) : Frames.NONE;
      boolean hole = huge ? ofPool == Frames.NONE : file.isShmem() && !file.isCached(index);
      long source = hole ? Frames.NONE : huge ? ofPool : file.page(index);
      if (source == Frames.NONE && !hole) {
        return done > 0 ? done : mm.error(Errno.ENOMEM, "no memory for the page cache");
      }
      if (!user.canWrite(buf + done)) {
        return end(done);
      }
      if (!hole && !huge && isFirstUse(file, at, done, reads)) {
        mm.context.frames().lru().accessed(source, false);
      }
      if (hole) {
        user.zero(buf + done, n);
      } else {
        user.put(buf + done, source, (int) (at & Mm.PAGE - 1), n);
      }
      done += n;
    }
    return done;
  }

  /**
   * Whether a read marks the folio at this place: shared memory for each page that is read from its
   * start, the page cache once, unless the read of before ended in the same folio.
   */
  private static boolean isFirstUse(
      FileObject file, long at, long done, @Nullable ReadAhead reads) {
    long index = at >>> 12;
    if (reads == null) {
      return (at & Mm.PAGE - 1) == 0;
    }
    if (done > 0) {
      return at == file.folios().start(index) << 12;
    }
    return !reads.endedWithin(file.folios().start(index), file.folios().end(index));
  }

  /** {@code hugetlbfs_read_iter}: a hole stays one. */
  private long poolPage(FileObject file, long index) {
    HugePool pool = mm.context.hugePools().of(file);
    long pages = pool.pageBytes() >>> 12;
    long head = pool.cached(file, index / pages);
    return head == Frames.NONE ? head : head + index % pages;
  }

  /** What was done, or that nothing could be. */
  private long end(long done) {
    return done > 0 ? done : mm.error(Errno.EFAULT, "the buffer cannot be accessed");
  }

  // ---------------------------------------------------------------- to a file

  /**
   * {@code generic_perform_write}. A folio is as large as what is left, up to the chunk; each time
   * that a folio takes nothing, because the user's page is not there, the chunk is halved. A folio
   * that is new, or not up to date, takes all or nothing ({@code block_write_end}).
   */
  private long write(FileObject file, long buf, long count, long pos) {
    if (count == 0) {
      return 0;
    }
    long most = FileSizes.mostBytes(file.mapped().kind());
    if (pos >= most) {
      return mm.error(Errno.EFBIG, "behind the largest size of a file");
    }
    int seals = file.change().seals();
    if ((seals & (Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE)) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against writing");
    }
    FileChange change = file.change();
    long bytes = Math.min(count, most - pos);
    long chunk = file.isShmem() ? Mm.PAGE : MAX_FOLIO_BYTES;
    long retry = 0;
    boolean brought = false;
    long done = 0;
    while (done < bytes) {
      long at = pos + done;
      long n = Math.min(retry > 0 ? retry : bytes - done, chunk - (at & chunk - 1));
      retry = 0;
      if ((seals & Uapi.F_SEAL_GROW) != 0 && at + n > file.sizeBytes()) {
        return done > 0 ? done : mm.error(Errno.EPERM, "the file is sealed against growing");
      }
      if (file.lacksRoom(at >>> 12)) {
        return done > 0 ? done : mm.error(Errno.ENOSPC, "the file system is full (size=)");
      }
      change.writesBehind(at);
      boolean cached = file.isCached(at >>> 12);
      boolean upToDate = file.isShmem() || cached;
      long page = change.pageToWrite(at >>> 12, n);
      if (page == Frames.NONE) {
        return done > 0 ? done : mm.error(Errno.ENOMEM, "no memory for the page cache");
      }
      if (file.isShmem()) {
        marks(page, cached);
      }
      n = Math.min(n, (file.folios().end(at >>> 12) << 12) - at);
      long copied = readable(buf + done, n, brought);
      if (copied > 0 && (upToDate || copied == n)) {
        if (!copyIn(file, at, buf + done, copied)) {
          return done > 0 ? done : mm.error(Errno.ENOMEM, "no memory for the page cache");
        }
        if (!upToDate) {
          change.commit(at, copied);
        }
        done += copied;
        brought = false;
        continue;
      }
      change.writtenNothing(at, upToDate ? 0 : n);
      chunk = Math.max(Mm.PAGE, chunk >> 1);
      retry = copied;
      brought = copied == 0;
      if (brought && !faultIn(buf + done, n)) {
        return end(done);
      }
    }
    return done;
  }

  /** {@code shmem_get_folio} for a write: each one is an access. */
  private void marks(long page, boolean cached) {
    LruMarks lru = mm.context.frames().lru();
    if (cached) {
      lru.accessed(page, false);
    } else {
      lru.usedOnce(page);
    }
  }

  /**
   * {@code copy_folio_from_iter_atomic}: how many bytes from an address on can be read without a
   * fault; of the first page it may be known that it was brought.
   */
  private long readable(long buf, long bytes, boolean brought) {
    long to = 0;
    while (to < bytes
        && ((brought && to == 0) || mm.pages.isPresent(buf + to))
        && user.canRead(buf + to)) {
      to += UserCopy.inPage(buf + to, bytes - to);
    }
    return to;
  }

  /** {@code fault_in_readable}: brings the pages of a range; false if not even the first came. */
  private boolean faultIn(long buf, long bytes) {
    long to = 0;
    while (to < bytes && user.canRead(buf + to)) {
      to += UserCopy.inPage(buf + to, bytes - to);
    }
    return to > 0;
  }

  /** Copies what can be read into a folio of the cache; false if memory is out. */
  private boolean copyIn(FileObject file, long pos, long buf, long bytes) {
    for (long done = 0; done < bytes; ) {
      long at = pos + done;
      int n = UserCopy.inPage(buf + done, Math.min(bytes - done, Mm.PAGE - (at & Mm.PAGE - 1)));
      long to = file.page(at >>> 12);
      if (to == Frames.NONE) {
        return false;
      }
      user.take(buf + done, to, (int) (at & Mm.PAGE - 1), n);
      done += n;
      file.change().written(at >>> 12, pos + done);
    }
    return true;
  }

  /** lseek of a regular file. */
  long lseek(long fd, long offset, long whence) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    MappedFile.Kind kind = open.file().kind();
    if (kind == MappedFile.Kind.DEV_ZERO) {
      return 0;
    }
    if (!kind.isRegular() || kind == MappedFile.Kind.SECRET) {
      return mm.error(Errno.ESPIPE, "a file without places, or its places are not modelled");
    }
    FileObject file = mm.context.files.of(open.file());
    boolean seeks = whence == SEEK_DATA || whence == SEEK_HOLE;
    if (seeks && file.isShmem()) {
      long found = seek(file, offset, whence == SEEK_DATA);
      if (found >= 0) {
        mm.context.files.positions.put(open, found);
      }
      return found;
    }
    long base =
        switch ((int) whence) {
          case SEEK_SET -> 0;
          case SEEK_CUR -> mm.context.files.positions.getOrDefault(open, 0L);
          case SEEK_END -> file.sizeBytes();
          default -> -1;
        };
    long to = base + offset;
    if (base < 0 || to < 0 || to > FileSizes.mostBytes(kind)) {
      return mm.error(Errno.EINVAL, "no place of the file, or SEEK_DATA or SEEK_HOLE on a disk");
    }
    mm.context.files.positions.put(open, to);
    return to;
  }

  /** {@code mapping_seek_hole_data} of shared memory: what is up to date is data. */
  private long seek(FileObject file, long offset, boolean data) {
    long bytes = file.sizeBytes();
    if (offset < 0 || offset >= bytes) {
      return mm.error(Errno.ENXIO, "not within the file");
    }
    long past = file.pageCount();
    long index = offset >>> 12;
    while (index < past && file.isCached(index) != data) {
      index = file.sameResidency(index, past);
    }
    long found = Math.max(offset, index << 12);
    if (found < bytes) {
      return found;
    }
    return data ? mm.error(Errno.ENXIO, "no data behind this place") : bytes;
  }
}
