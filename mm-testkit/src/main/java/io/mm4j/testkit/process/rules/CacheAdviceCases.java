// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/**
 * Cases of the page cache as calls empty and fill it, of files whose bytes move, and of the limits
 * of segments.
 */
public final class CacheAdviceCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Backups and databases keep the page cache small with it.",
          "bytes that were written are lost with the page, or the cache is as before");

  private static final long PAGE = Bits.PAGE;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;
  private static final long READ_INTO = 0x50000000L;
  private static final long TO = 0x58000000L;
  private static final long NO_LIMIT = -1L - (1L << 24);

  private CacheAdviceCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F66",
            "dropped-and-read-again",
            "POSIX_FADV_DONTNEED takes clean folios that nobody maps and that lie in the range"
                + " whole out of the cache; what was written to them is read again. Dirty and"
                + " mapped ones stay, also where the file ends within them, as do all of a file"
                + " that no disk has; a hole of whole pages makes none dirty.",
            "generic_fadvise, mapping_try_invalidate (mm/fadvise.c, mm/truncate.c);"
                + " ext4_punch_hole",
            CacheAdviceCases::dropped),
        GROUP.rule(
            "AS-F67",
            "read-as-advised",
            "POSIX_FADV_WILLNEED and readahead bring the pages that the range touches; after"
                + " POSIX_FADV_RANDOM, whatever its range, a read brings what it wants alone."
                + " Closed descriptors, unknown advice and readahead of devices are refused.",
            "generic_fadvise, ksys_readahead, page_cache_sync_ra; LTP posix_fadvise01..04,"
                + " readahead01",
            CacheAdviceCases::advised),
        GROUP.rule(
            "AS-F68",
            "bytes-that-move",
            "FALLOC_FL_COLLAPSE_RANGE takes blocks out of a file on a disk, INSERT_RANGE makes"
                + " room: what lies behind moves, mappings show it, private copies from there on"
                + " are gone. Parts of blocks and ranges at the end are refused.",
            "ext4_collapse_range, ext4_insert_range (fs/ext4/extents.c); LTP fallocate04",
            CacheAdviceCases::moved),
        GROUP.rule(
            "AS-82",
            "fault-beside-a-hole",
            "A read fault of a page that lies in a hole maps the pages of its window that are in"
                + " memory, and none that the disk still brings for the same fault; one of a page"
                + " that the disk has waits, and maps all. What was written out in a hole comes"
                + " from the disk, zeroes too.",
            "do_fault_around, next_uptodate_folio (a locked folio is passed by),"
                + " ext4_mpage_readpages; ext4_writepages (as Linux 6.18 answers)",
            CacheAdviceCases::besideHole),
        GROUP.rule(
            "AS-89",
            "parts-that-become-zero",
            "Where a part of a page becomes zero that is not in the cache - the rest behind a new"
                + " end, the ends of a hole -, its block is read and dirty, and the page is not up"
                + " to date: mincore does not see it, and a touch reads it alone.",
            "ext4_block_zero_page_range, ext4_read_bh_lock; filemap_fault (as Linux 6.18 answers)",
            CacheAdviceCases::partly),
        GROUP.rule(
            "AS-F69",
            "limits-of-segments",
            "kernel.shmmax, shmall and shmmni hold from when they are written, and shm_next_id"
                + " names the next segment once; an index that is used again has another"
                + " identifier.",
            "newseg, ipc_addid, ipc_idr_alloc (ipc/shm.c, ipc/util.c); LTP shmget02, 05, 06",
            CacheAdviceCases::limits));
  }

  private static long advise(Rig rig, int fd, long from, long bytes, int advice) {
    return rig.mm.syscall(Syscall.FADVISE64, fd, from, bytes, advice);
  }

  private static void drop(Rig rig, int fd, long from, long bytes) {
    rig.gives("fadvise", 0, advise(rig, fd, from, bytes, Uapi.POSIX_FADV_DONTNEED));
  }

  /** Maps the first pages of a small file, and tells which are in the cache. */
  private static void cached(Rig rig, int fd, long pages, String expected) {
    rig.gives("mmap", A, rig.mm.mmap(A, pages * PAGE, RW, SHARED, fd, 0));
    Looks.mincore(rig, A, pages * PAGE, expected);
    rig.unmap(A, pages * PAGE);
  }

  private static void dropped(Rig rig) {
    int fd = CaseSetup.DISK_UNKNOWN; // its pages are single
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 77);
    rig.gives("pwrite", 1, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, 2 * PAGE + 5));
    drop(rig, fd, 0, 4 * PAGE);
    cached(rig, fd, 8, "02,11,01,14");
    drop(rig, fd, 0, 4 * PAGE);
    cached(rig, fd, 8, "04,14");
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR + 1, 1, 2 * PAGE + 5));
    rig.has(FAR + 1, 77);
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, RW, SHARED, fd, 10 * PAGE));
    rig.has(A, -1);
    drop(rig, fd, 8 * PAGE + 1, 4 * PAGE);
    Looks.mincore(rig, A, PAGE, "11");
    rig.unmap(A, PAGE);
    drop(rig, fd, -PAGE, 2 * PAGE);
    cached(rig, fd, 4, "02,11,01");
    drop(rig, fd, -1, 0); // the first whole page is page 0
    cached(rig, fd, 4, "04");
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("a hole", 0, allocate(rig, fd, hole, 5 * PAGE, PAGE));
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR + 1, 1, 5 * PAGE));
    rig.has(FAR + 1, 0);
    drop(rig, fd, 0, 8 * PAGE);
    cached(rig, fd, 8, "08");
    long behind = 100 * PAGE;
    long unread = rig.mm.syscall(Syscall.PWRITE64, fd, A, 5 * PAGE, behind);
    Looks.fails(rig, "a write of what is not mapped", Errno.EFAULT, unread);
    rig.gives("mmap", A, rig.mm.mmap(A, 2 * PAGE, RW, SHARED, fd, behind));
    Looks.mincore(rig, A, 2 * PAGE, "11,01");
    drop(rig, fd, behind, PAGE);
    Looks.mincore(rig, A, 2 * PAGE, "02");
    rig.unmap(A, 2 * PAGE);
    drop(rig, CaseSetup.TMPFS, 0, 4 * PAGE);
    cached(rig, CaseSetup.TMPFS, 4, "14");
    acrossTheEnd(rig);
    cutWhereNothingIs(rig);
  }

  /**
   * Where a file is cut, or gets a hole, within a page that is not in memory, the block is read and
   * its rest zeroed; the page is not up to date before somebody reads it.
   */
  private static void cutWhereNothingIs(Rig rig) {
    int fd = CaseSetup.HUGE;
    drop(rig, fd, 0, 0);
    rig.gives("no read-ahead", 0, advise(rig, fd, 0, 0, Uapi.POSIX_FADV_RANDOM));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 10 * PAGE + 7));
    cached(rig, fd, 16, "016");
    drop(rig, fd, 0, 0);
    reads(rig, fd, 10 * PAGE + 2, CaseSetup.byteOf(10));
    cached(rig, fd, 16, "010,11,05");
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 16 * PAGE));
    reads(rig, fd, 10 * PAGE + 9, 0);
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, fd));
    drop(rig, fd, 0, 0);
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("a hole", 0, allocate(rig, fd, hole, 5 * PAGE + 9, 20));
    cached(rig, fd, 16, "016");
    reads(rig, fd, 5 * PAGE + 8, CaseSetup.byteOf(5));
    reads(rig, fd, 5 * PAGE + 9, 0);
    reads(rig, fd, 5 * PAGE + 29, CaseSetup.byteOf(5));
    writtenBehind(rig, fd);
  }

  /** A write behind the end makes the page dirty that the file ended within, be it there or not. */
  private static void writtenBehind(Rig rig, int fd) {
    for (int i = 0; i < 2; i++) { // as Linux 6.18.44 showed it
      rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 10 * PAGE + 7));
      rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, fd));
      if (i > 0) {
        drop(rig, fd, 0, 0);
      }
      rig.gives("a write behind", 1, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, 30 * PAGE));
      rig.gives("mmap", A, rig.mm.mmap(A, 12 * PAGE, RW, SHARED, fd, 0));
      Looks.ends("a read", TouchOutcome.Kind.OK, rig.mm.read(A + 10 * PAGE));
      MemSizeStats sizes = rig.mm.sizes(A);
      rig.gives("dirty bytes", PAGE, sizes.privateDirty() + sizes.sharedDirty());
      rig.unmap(A, 12 * PAGE);
    }
  }

  private static void reads(Rig rig, int fd, long at, int value) {
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR + 1, 1, at));
    rig.has(FAR + 1, value);
  }

  /** A folio that was written to, and within which the file ends anew, is dirty as any other. */
  private static void acrossTheEnd(Rig rig) {
    int fd = CaseSetup.DISK;
    rig.gives("pwrite", 1, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 5 * PAGE));
    drop(rig, fd, 0, 0);
    cached(rig, fd, CaseSetup.FILE_PAGES, "164");
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR + 1, 1, PAGE));
    rig.has(FAR + 1, 77);
    drop(rig, fd, 0, 0);
    cached(rig, fd, CaseSetup.FILE_PAGES, "064");
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR + 1, 1, PAGE));
    rig.has(FAR + 1, 77);
  }

  private static void advised(Rig rig) {
    int fd = CaseSetup.DISK_UNKNOWN;
    rig.map(Act.SCRATCH, PAGE, RW);
    drop(rig, fd, 0, 0);
    cached(rig, fd, 8, "08");
    rig.gives("readahead", 0, rig.mm.syscall(Syscall.READAHEAD, fd, PAGE + 1, PAGE));
    cached(rig, fd, 8, "01,12,05");
    rig.gives("fadvise", 0, advise(rig, fd, 5 * PAGE, 1, Uapi.POSIX_FADV_WILLNEED));
    rig.gives("fadvise", 0, advise(rig, fd, -PAGE, 0, Uapi.POSIX_FADV_WILLNEED));
    cached(rig, fd, 8, "01,12,02,11,02");
    rig.gives("fadvise", 0, advise(rig, fd, -PAGE, 0, Uapi.POSIX_FADV_RANDOM));
    rig.map(FAR, PAGE, RW);
    rig.gives("pread", 1, rig.mm.syscall(Syscall.PREAD64, fd, FAR, 1, 0));
    cached(rig, fd, 8, "13,02,11,02");
    drop(rig, fd, 0, 0);
    long read = rig.mm.syscall(Syscall.PREAD64, fd, FAR, 2 * PAGE, 5 * PAGE);
    rig.gives("pread to a page and nowhere", PAGE, read);
    cached(rig, fd, 8, "05,12,01");
    Looks.fails(rig, "no descriptor", Errno.EBADF, advise(rig, 99, 0, 0, 0));
    Looks.fails(rig, "unknown advice", Errno.EINVAL, advise(rig, fd, 0, 0, 6));
    Looks.fails(rig, "a negative length", Errno.EINVAL, advise(rig, fd, 0, -1, 0));
    long unread = rig.mm.syscall(Syscall.READAHEAD, CaseSetup.DISK_WRITE_ONLY, 0, PAGE);
    Looks.fails(rig, "readahead of what cannot be read", Errno.EBADF, unread);
    long device = rig.mm.syscall(Syscall.READAHEAD, CaseSetup.ZERO, 0, PAGE);
    Looks.fails(rig, "readahead of a device", Errno.EINVAL, device);
  }

  private static long allocate(Rig rig, int fd, int mode, long from, long bytes) {
    return rig.mm.syscall(Syscall.FALLOCATE, fd, mode, from, bytes);
  }

  private static void moved(Rig rig) {
    int fd = CaseSetup.DISK;
    int collapse = Uapi.FALLOC_FL_COLLAPSE_RANGE;
    int insert = Uapi.FALLOC_FL_INSERT_RANGE;
    long end = CaseSetup.FILE_PAGES * PAGE;
    rig.gives("mmap", A, rig.mm.mmap(A, end, RW, SHARED, fd, 0));
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, end, RW, PRIVATE, fd, 0));
    rig.put(A + 9 * PAGE, 101);
    rig.put(FAR + PAGE, 102);
    rig.put(FAR + 9 * PAGE, 103);
    rig.gives("collapse", 0, allocate(rig, fd, collapse, 4 * PAGE, 3 * PAGE));
    rig.has(A + 3 * PAGE, CaseSetup.byteOf(3));
    rig.has(A + 4 * PAGE, CaseSetup.byteOf(7));
    rig.has(A + 6 * PAGE, 101);
    rig.has(FAR + PAGE, 102);
    rig.has(FAR + 9 * PAGE, CaseSetup.byteOf(12));
    rig.gives("SEEK_END", end - 3 * PAGE, rig.mm.syscall(Syscall.LSEEK, fd, 0, 2));
    rig.gives("insert", 0, allocate(rig, fd, insert, 5 * PAGE, 2 * PAGE));
    rig.has(A + 4 * PAGE, CaseSetup.byteOf(7));
    rig.has(A + 5 * PAGE, 0);
    rig.has(A + 8 * PAGE, 101);
    rig.gives("SEEK_END", end - PAGE, rig.mm.syscall(Syscall.LSEEK, fd, 0, 2));
    Looks.fails(rig, "half a block", Errno.EINVAL, allocate(rig, fd, collapse, 1, PAGE));
    Looks.fails(rig, "to the end", Errno.EINVAL, allocate(rig, fd, collapse, PAGE, end));
    Looks.fails(rig, "behind the end", Errno.EINVAL, allocate(rig, fd, insert, end, PAGE));
    Looks.fails(
        rig, "KEEP_SIZE", Errno.EOPNOTSUPP, allocate(rig, fd, collapse | 1, 4 * PAGE, PAGE));
    Looks.fails(rig, "tmpfs", Errno.EOPNOTSUPP, allocate(rig, CaseSetup.TMPFS, insert, 0, PAGE));
    unread(rig);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 8L << 40));
    rig.gives("a hole of terabytes", 0, allocate(rig, fd, collapse, 4 * PAGE, PAGE));
    rig.has(A + 7 * PAGE, 101);
    rig.has(A + 62 * PAGE, 0);
  }

  /** Shows pages of a file as one process maps them for reading. */
  private static void map(Rig rig, int fd, long page, long pages) {
    rig.gives("mmap", A, rig.mm.mmap(A, pages * PAGE, Rig.READ, PRIVATE, fd, page * PAGE));
  }

  private static void besideHole(Rig rig) {
    int fd = CaseSetup.DISK_UNKNOWN; // its pages are single
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("a hole", 0, allocate(rig, fd, hole, 4 * PAGE, 2 * PAGE));
    rig.gives("a hole", 0, allocate(rig, fd, hole, 8 * PAGE, 2 * PAGE));
    drop(rig, fd, 0, 0);
    map(rig, fd, 0, 16);
    rig.has(A + 4 * PAGE, 0);
    Looks.pages(rig, A, 16 * PAGE, ".4,F2,.2,F2,.6");
    rig.has(A + PAGE, -1);
    Looks.pages(rig, A, 16 * PAGE, "F16");
    rig.unmap(A, 16 * PAGE);
    drop(rig, fd, 0, 0);
    map(rig, fd, 0, 16);
    rig.has(A + PAGE, -1);
    Looks.pages(rig, A, 16 * PAGE, "F16");
    rig.unmap(A, 16 * PAGE);
    rig.map(FAR, PAGE, RW);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 80 * PAGE));
    rig.gives("pwrite", PAGE, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, PAGE, 70 * PAGE));
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, fd));
    drop(rig, fd, 0, 0);
    map(rig, fd, 64, 16);
    rig.has(A + 2 * PAGE, 0);
    Looks.pages(rig, A, 16 * PAGE, "F6,.1,F3,.1,F5"); // page 74 has the mark of read-ahead
  }

  private static void partly(Rig rig) {
    int fd = CaseSetup.DISK_UNKNOWN;
    rig.map(Act.SCRATCH, PAGE, RW);
    drop(rig, fd, 0, 0);
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("a part of a page", 0, allocate(rig, fd, hole, 2 * PAGE + 10, 100));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 10 * PAGE + 100));
    cached(rig, fd, 11, "011");
    map(rig, fd, 0, 11);
    rig.has(A + 2 * PAGE + 10, 0);
    Looks.mincore(rig, A, 11 * PAGE, "02,11,08");
    rig.has(A + 10 * PAGE + 100, 0);
    rig.has(A + 10 * PAGE, -1);
    Looks.mincore(rig, A, 11 * PAGE, "02,11,07,11");
    rig.unmap(A, 11 * PAGE);
    drop(rig, fd, 0, 0); // both are dirty
    cached(rig, fd, 11, "02,11,07,11");
    drop(rig, fd, 0, 0);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 20 * PAGE));
    cached(rig, fd, 20, "020");
    map(rig, fd, 0, 11);
    rig.has(A + 10 * PAGE + 99, -1);
    rig.has(A + 10 * PAGE + 100, 0);
    rig.unmap(A, 11 * PAGE);
    behindTheEnd(rig);
    inHole(rig);
  }

  /** A page of a hole that is in the cache: no part of it becomes dirty, so it can be dropped. */
  private static void inHole(Rig rig) {
    int fd = CaseSetup.DISK_UNKNOWN;
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, fd));
    drop(rig, fd, 0, 0);
    rig.gives("a hole", 0, allocate(rig, fd, hole, 4 * PAGE, 3 * PAGE));
    map(rig, fd, 0, 8);
    rig.has(A + 5 * PAGE, 0);
    rig.unmap(A, 8 * PAGE);
    rig.gives("a part of it", 0, allocate(rig, fd, hole, 5 * PAGE + 10, 100));
    rig.gives("an end in it", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 5 * PAGE + 200));
    cached(rig, fd, 6, "16");
    drop(rig, fd, 0, 0);
    cached(rig, fd, 6, "06");
  }

  /** Parts behind the end: their pages are alone in the cache, whatever is written over them. */
  private static void behindTheEnd(Rig rig) {
    int fd = CaseSetup.DISK;
    int zero = Uapi.FALLOC_FL_ZERO_RANGE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.map(FAR, 16 * PAGE, RW);
    rig.gives("populate", 0, rig.mm.madvise(FAR, 16 * PAGE, 23));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 0));
    rig.gives("a part behind it", 0, allocate(rig, fd, zero, 10 * PAGE + 10, 100));
    long written = rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 15 * PAGE, 9 * PAGE);
    rig.gives("pwrite", 15 * PAGE, written);
    rig.gives("within it", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 10 * PAGE + 200));
    cached(rig, fd, 14, "09,12,03");
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 0));
    rig.gives("a part behind it", 0, allocate(rig, fd, zero, 10 * PAGE + 10, 100));
    drop(rig, fd, 0, 0);
    written = rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 15 * PAGE, 9 * PAGE);
    rig.gives("pwrite", 15 * PAGE, written);
    rig.gives("within it", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 10 * PAGE + 200));
    cached(rig, fd, 14, "09,13,02");
  }

  /**
   * What nobody has read moves, too: whole folios, and a last page of which the file has a byte.
   */
  private static void unread(Rig rig) {
    int collapse = Uapi.FALLOC_FL_COLLAPSE_RANGE;
    rig.map(READ_INTO, PAGE, RW);
    rig.gives("collapse", 0, allocate(rig, CaseSetup.TINY, collapse, PAGE, 2 * PAGE));
    rig.gives("mmap", TO, rig.mm.mmap(TO, 4 * PAGE, RW, SHARED, CaseSetup.TINY, 0));
    rig.has(TO + PAGE, CaseSetup.byteOf(3));
    rig.has(TO + 3 * PAGE, CaseSetup.byteOf(5));
    rig.has(TO + 3 * PAGE + 1, 0);
    rig.unmap(TO, 4 * PAGE);
    rig.gives("collapse", 0, allocate(rig, CaseSetup.HUGE, collapse, 600 * PAGE, 8 * PAGE));
    int insert = Uapi.FALLOC_FL_INSERT_RANGE;
    rig.gives("insert", 0, allocate(rig, CaseSetup.HUGE, insert, 1000 * PAGE, 3 * PAGE));
    for (int page : new int[] {0, 599, 600, 999, 1000, 1002, 1003, 1530}) {
      rig.gives(
          "pread", 1, rig.mm.syscall(Syscall.PREAD64, CaseSetup.HUGE, READ_INTO, 1, page * PAGE));
      boolean hole = page >= 1000 && page < 1003;
      int from = page < 600 ? page : page < 1000 ? page + 8 : page + 5;
      rig.has(READ_INTO, hole ? 0 : CaseSetup.byteOf(from));
    }
  }

  private static void set(Rig rig, String name, long value) {
    String text = Long.toUnsignedString(value);
    rig.gives(name, 0, rig.floor.writeSysctl(name, text));
  }

  private static long segment(Rig rig, long bytes) {
    return rig.mm.syscall(Syscall.SHMGET, 0, bytes, Uapi.IPC_CREAT | 0600);
  }

  private static void limits(Rig rig) {
    set(rig, "shmmax", 2 * PAGE);
    Looks.fails(rig, "more than shmmax", Errno.EINVAL, segment(rig, 2 * PAGE + 1));
    long first = Looks.works("shmget", segment(rig, 2 * PAGE));
    rig.gives("an octal number", 0, rig.floor.writeSysctl("shmmax", "010000"));
    Looks.fails(rig, "more than 4096 bytes", Errno.EINVAL, segment(rig, PAGE + 1));
    rig.gives("a hexadecimal number", 0, rig.floor.writeSysctl("shmmax", "0x2000"));
    Looks.fails(rig, "more than 8192 bytes", Errno.EINVAL, segment(rig, 2 * PAGE + 1));
    Looks.fails(rig, "no number", Errno.EINVAL, rig.floor.writeSysctl("shmmax", "08"));
    Looks.fails(
        rig, "66 bits", Errno.EINVAL, rig.floor.writeSysctl("shmmax", "0x2" + "0".repeat(16)));
    set(rig, "shmmax", -1);
    Looks.fails(rig, "pages that wrap", Errno.ENOSPC, segment(rig, -1));
    Looks.fails(rig, "larger than a file", Errno.EINVAL, segment(rig, -PAGE));
    set(rig, "shmall", 3);
    Looks.fails(rig, "more than shmall", Errno.ENOSPC, segment(rig, PAGE + 1));
    set(rig, "shmall", NO_LIMIT);
    set(rig, "shmmni", 1);
    long charged = rig.floor.committedPages();
    Looks.fails(rig, "more than shmmni", Errno.ENOSPC, segment(rig, PAGE));
    Looks.committed(rig, charged);
    set(rig, "shmmni", 4096);
    long wrong = rig.floor.writeSysctl("shmmni", "32769");
    Looks.fails(rig, "shmmni", Errno.EINVAL, wrong);
    set(rig, "shm_next_id", 70_000);
    rig.gives("shmget", 70_000, segment(rig, PAGE));
    long second = Looks.works("shmget", segment(rig, PAGE));
    rig.gives("the next index", first + 1, second);
    rig.gives("IPC_RMID", 0, rig.mm.syscall(Syscall.SHMCTL, second, Uapi.IPC_RMID, 0));
    long last = second;
    for (int i = 0; i < 64; i++) {
      last = Looks.works("shmget", segment(rig, PAGE));
      rig.gives("IPC_RMID", 0, rig.mm.syscall(Syscall.SHMCTL, last, Uapi.IPC_RMID, 0));
    }
    rig.gives("a second round", (1 << 15) + second + 1, last);
    Looks.fails(rig, "the old one", Errno.EINVAL, rig.mm.syscall(Syscall.SHMAT, second, 0, 0));
  }
}
