// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.HugePool;

/**
 * What changes the size and the pages of files of huge pages ({@code hugetlbfs_setattr}, {@code
 * hugetlbfs_fallocate} and {@code hugetlbfs_punch_hole}, fs/hugetlbfs/inode.c, Linux 6.18). Whole
 * pages go from every mapping, private copies among them; their promises go with them.
 */
final class HugeFiles {
  private HugeFiles() {}

  /** {@code hugetlb_vmtruncate}; seals have been looked at. */
  static long truncate(FloorContext context, FileObject file, long bytes) {
    long size = context.hugePools().of(file).pageBytes();
    // Whatever the size was: a fallocate that failed half-way has left pages behind it.
    context.mappings.removeHuge(file, bytes / size, Long.MAX_VALUE);
    context.files.resize(file, bytes);
    return 0;
  }

  /** {@code hugetlbfs_fallocate}: pages, whole ones, or a hole. */
  static long fallocate(Mm mm, FileObject file, int mode, long from, long to) {
    if ((mode & ~(Uapi.FALLOC_FL_KEEP_SIZE | Uapi.FALLOC_FL_PUNCH_HOLE)) != 0) {
      return mm.error(Errno.EOPNOTSUPP, "this file system does not do that");
    }
    if ((mode & Uapi.FALLOC_FL_PUNCH_HOLE) != 0) {
      return punch(mm, file, from, to);
    }
    boolean grows = to > file.sizeBytes();
    if (grows && (file.change().seals() & Uapi.F_SEAL_GROW) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against growing");
    }
    HugePool pool = mm.context.hugePools().of(file);
    long past = (to + pool.pageBytes() - 1) / pool.pageBytes();
    for (long i = from / pool.pageBytes(); i < past; i++) {
      if (!pool.allocate(file, i)) {
        return mm.error(Errno.ENOSPC, "no page is left in the pool of huge pages");
      }
    }
    if (grows && (mode & Uapi.FALLOC_FL_KEEP_SIZE) == 0) {
      mm.context.files.resize(file, to);
    }
    return 0;
  }

  /** Whole pages go, parts of pages become zero. */
  static long punch(Mm mm, FileObject file, long from, long to) {
    if ((file.change().seals() & (Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE)) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against writing");
    }
    HugePool pool = mm.context.hugePools().of(file);
    long size = pool.pageBytes();
    long first = from + size - 1 & -size;
    long past = to & -size;
    pool.clear(file, from, Math.min(to, first));
    if (past > first) {
      mm.context.mappings.removeHuge(file, first / size, past / size);
    }
    if (to > past && to > first) {
      pool.clear(file, past, to);
    }
    return 0;
  }
}
