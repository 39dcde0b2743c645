// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseSetup.FILE_PAGES;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of mapped files: which pages the cache has, which are mapped, which are dirty. */
public final class FileCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "What a file shows after a crash, or in another process, hangs on it.",
          "a range of the file is one page too long, or a folio is taken for a page");

  private static final long PAGE = Bits.PAGE;
  private static final long SIZE = HugeCases.SIZE;
  private static final long FILE = FILE_PAGES * PAGE;
  private static final int PRIVATE = 0x12;
  private static final int SHARED = 0x11;
  private static final int MS_ASYNC = 1;
  private static final int MS_INVALIDATE = 2;
  private static final int MS_SYNC = 4;

  private FileCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C67",
            "dirty-folios",
            "A write through a shared mapping makes its folio dirty, MS_SYNC through a shared"
                + " mapping cleans the folios of its range, and only clean folios can be split.",
            "fault_dirty_shared_page, filemap_write_and_wait_range, split_folio (as recorded)",
            FileCases::dirty),
        GROUP.rule(
            "AS-C68",
            "msync-answers",
            "msync refuses odd addresses and contradicting flags, locked memory when it is to"
                + " invalidate, and reports holes: MS_ASYNC at the first, others at the end.",
            "SYSCALL msync, mm/msync.c",
            FileCases::msync),
        GROUP.rule(
            "AS-C69",
            "punched-holes",
            "MADV_REMOVE takes pages out of the file for everybody who maps it: they are zero,"
                + " and not in the cache until they are read; private copies stay.",
            "madvise_remove, truncate_pagecache_range, unmap_mapping_range",
            FileCases::punched),
        GROUP.rule(
            "AS-C70",
            "read-around",
            "A fault on a page that is not in the cache reads the 32 pages around it, with"
                + " MADV_RANDOM itself alone, with MADV_SEQUENTIAL those from it on; the mark of"
                + " read-ahead is mapped by its own fault, which reads the next window.",
            "do_sync_mmap_readahead, page_cache_async_ra, next_uptodate_folio",
            FileCases::readAround),
        GROUP.rule(
            "AS-C71",
            "punched-folios",
            "What a hole leaves of a clean folio falls into smaller folios.",
            "truncate_inode_partial_folio (as recorded)",
            FileCases::punchedFolios),
        GROUP.rule(
            "AS-C72",
            "fault-around",
            "A read maps what the cache has in an aligned window of 16 pages, cut to the VMA and"
                + " the file; never over what is mapped, and not where a page table is missing"
                + " and the folio reaches the file's end.",
            "do_fault_around, filemap_map_pages (as recorded)",
            FileCases::faultAround),
        GROUP.rule(
            "AS-C73",
            "shared-memory",
            "Shared anonymous memory appears page by page where it is touched, is one for parent"
                + " and child, and is charged until its last mapping goes.",
            "shmem_zero_setup, shmem_fault, mincore_page",
            FileCases::sharedMemory));
  }

  private static void file(Rig rig, long at, long bytes, int prot, int flags, int fd, long offset) {
    rig.gives(
        "mmap of fd " + fd, at, rig.mm.mmap(at, bytes, prot, flags | Bits.MAP_FIXED, fd, offset));
  }

  private static void sync(Rig rig, long at, long bytes, int flags) {
    rig.gives("msync " + flags, 0, rig.mm.msync(at, bytes, flags));
  }

  private static void cold(Rig rig, long at, String pages) {
    AdviceCases.advise(rig, at, PAGE, AdviceCases.COLD);
    Looks.pages(rig, at & -SIZE, SIZE, pages);
  }

  private static void dirty(Rig rig) {
    file(rig, A, FILE, RW, SHARED | 0x8000, CaseSetup.DISK, 0);
    Looks.pages(rig, A, FILE, "F64");
    AdviceCases.advise(rig, A, FILE, AdviceCases.COLD);
    Looks.pages(rig, A, FILE, "F64");
    AdviceCases.advise(rig, A, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, FILE, ".64");
    rig.has(A, CaseSetup.byteOf(0));
    Looks.pages(rig, A, FILE, "F16,.48");
    rig.unmap(A, FILE);
    long h = HugeCases.H;
    file(rig, h, 3 * SIZE, RW, SHARED, CaseSetup.HUGE, 0);
    rig.put(h + PAGE, 99);
    cold(rig, h, "F512");
    sync(rig, h, SIZE, MS_ASYNC);
    cold(rig, h, "F512");
    sync(rig, h + SIZE, 2 * SIZE, MS_SYNC);
    cold(rig, h, "F512");
    file(rig, FAR, SIZE, RW, PRIVATE, CaseSetup.HUGE, 0);
    sync(rig, FAR, SIZE, MS_SYNC);
    cold(rig, h, "F512");
    rig.unmap(FAR, SIZE);
    sync(rig, h + 7 * PAGE, PAGE, MS_SYNC);
    cold(rig, h, ".512");
    rig.has(h + PAGE, 99);
    rig.put(h + 2 * SIZE - PAGE, 98);
    rig.has(h + 2 * SIZE, CaseSetup.byteOf(1024));
    cold(rig, h + SIZE, "F512");
    sync(rig, h + 2 * SIZE, PAGE, MS_SYNC);
    cold(rig, h + SIZE, "F512");
    sync(rig, h + 2 * SIZE - PAGE, 2 * PAGE, MS_SYNC | MS_INVALIDATE);
    cold(rig, h + SIZE, ".512");
    rig.has(h + 2 * SIZE, CaseSetup.byteOf(1024));
    rig.put(h + 2 * SIZE, 97);
    cold(rig, h + 2 * SIZE, "F512");
    rig.unmap(h, 3 * SIZE);
    file(rig, h, SIZE, RW, SHARED, CaseSetup.HUGE, 2 * SIZE);
    rig.has(h, 97);
    cold(rig, h, "F512");
    sync(rig, h, 1, MS_SYNC);
    cold(rig, h, ".512");
    rig.unmap(h, SIZE);
    file(rig, A, 6 * PAGE, RW, SHARED, CaseSetup.TINY, 0);
    rig.has(A, CaseSetup.byteOf(0));
    Looks.pages(rig, A, 6 * PAGE, "F6");
    rig.put(A + PAGE, 5);
    AdviceCases.advise(rig, A + 3 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, 6 * PAGE, "F6");
    sync(rig, A, PAGE, MS_SYNC);
    AdviceCases.advise(rig, A + 3 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, 6 * PAGE, ".4,F2");
  }

  private static void msync(Rig rig) {
    file(rig, A, 8 * PAGE, RW, SHARED, CaseSetup.DISK, 0);
    file(rig, A + 16 * PAGE, 8 * PAGE, RW, SHARED, CaseSetup.DISK, 16 * PAGE);
    Looks.fails(rig, "unknown flags", Errno.EINVAL, rig.mm.msync(A, PAGE, 8));
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.msync(A + 8, PAGE, MS_SYNC));
    Looks.fails(rig, "both", Errno.EINVAL, rig.mm.msync(A, PAGE, MS_SYNC | MS_ASYNC));
    Looks.fails(rig, "a range that wraps", Errno.ENOMEM, rig.mm.msync(A, -2 * PAGE, MS_SYNC));
    sync(rig, A, 0, MS_SYNC);
    sync(rig, A, 8 * PAGE, 0);
    sync(rig, A + 9 * PAGE, 0, MS_ASYNC);
    for (int flags = 0; flags < 7; flags++) {
      if ((flags & MS_SYNC) != 0 && (flags & MS_ASYNC) != 0) {
        continue;
      }
      sync(rig, A, 8 * PAGE, flags);
      Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.msync(A, 20 * PAGE, flags));
      Looks.fails(rig, "only a hole", Errno.ENOMEM, rig.mm.msync(A + 9 * PAGE, PAGE, flags));
      Looks.fails(
          rig, "a hole behind", Errno.ENOMEM, rig.mm.msync(A + 16 * PAGE, 10 * PAGE, flags));
    }
    rig.gives("mlock", 0, rig.mm.mlock(A + 16 * PAGE, PAGE));
    Looks.fails(
        rig,
        "MS_INVALIDATE",
        Errno.EBUSY,
        rig.mm.msync(A + 16 * PAGE, PAGE, MS_INVALIDATE | MS_SYNC));
    Looks.fails(rig, "MS_INVALIDATE", Errno.EBUSY, rig.mm.msync(A, 20 * PAGE, MS_INVALIDATE));
    Looks.fails(
        rig, "MS_ASYNC at the first hole", Errno.ENOMEM, rig.mm.msync(A, 20 * PAGE, MS_ASYNC));
    Looks.fails(
        rig,
        "others go on behind the hole",
        Errno.EBUSY,
        rig.mm.msync(A, 20 * PAGE, MS_INVALIDATE | MS_ASYNC));
    sync(rig, A + 16 * PAGE, PAGE, MS_SYNC);
  }

  private static void punched(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    file(rig, A, FILE, RW, SHARED, CaseSetup.DISK, 0);
    file(rig, FAR, FILE, RW, PRIVATE, CaseSetup.DISK, 0);
    rig.put(A + 20 * PAGE, 50);
    rig.put(FAR + 20 * PAGE, 51);
    rig.has(FAR + 21 * PAGE, CaseSetup.byteOf(21));
    Rig child = rig.fork();
    child.has(A + 21 * PAGE, CaseSetup.byteOf(21));
    Looks.mincore(rig, A, FILE, "164");
    sync(rig, A, FILE, MS_SYNC); // a dirty folio would stay
    AdviceCases.advise(rig, A + 20 * PAGE, 4 * PAGE, AdviceCases.REMOVE);
    Looks.mincore(rig, A, FILE, "120,04,140");
    Looks.pages(rig, A + 20 * PAGE, 4 * PAGE, ".4");
    Looks.pages(child, A + 20 * PAGE, 4 * PAGE, ".4");
    Looks.pages(rig, FAR + 20 * PAGE, 4 * PAGE, "a1,.3");
    rig.has(FAR + 20 * PAGE, 51);
    child.has(A + 20 * PAGE, 0);
    rig.has(FAR + 21 * PAGE, 0);
    rig.has(FAR + 24 * PAGE, CaseSetup.byteOf(24));
    rig.has(A + 19 * PAGE, CaseSetup.byteOf(19));
    Looks.mincore(rig, A, FILE, "164");
    child.mm.exit();
    file(rig, A, FILE + 8 * PAGE, RW, SHARED, CaseSetup.TMPFS, 0);
    rig.put(A + 3 * PAGE, 60);
    AdviceCases.advise(rig, A, 2 * PAGE, AdviceCases.REMOVE);
    rig.has(A, 0);
    rig.has(A + 3 * PAGE, 60);
    AdviceCases.advise(rig, A + 62 * PAGE, 6 * PAGE, AdviceCases.REMOVE);
    rig.has(A + 63 * PAGE, 0);
    Looks.ends("behind the end", Kind.BUS_ADRERR, rig.mm.read(A + 64 * PAGE));
    Looks.works("mmap", rig.mm.mmap(A, 16 * PAGE, RW, 0x31, -1, 0));
    for (int i = 0; i < 8; i++) {
      rig.put(A + i * PAGE, i + 1);
    }
    AdviceCases.advise(rig, A + 2 * PAGE, 3 * PAGE, AdviceCases.REMOVE);
    Looks.pages(rig, A, 16 * PAGE, "F2,.3,F3,.8");
    Looks.mincore(rig, A, 16 * PAGE, "12,03,13,08");
    rig.has(A + 4 * PAGE, 0);
    rig.has(A + 5 * PAGE, 6);
  }

  private static void readAround(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    file(rig, A, FILE, RW, SHARED, CaseSetup.DISK_UNKNOWN, 0);
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    Looks.mincore(rig, A, FILE, "064");
    rig.has(A + 32 * PAGE, 0);
    Looks.mincore(rig, A, FILE, "016,132,016");
    Looks.pages(rig, A, FILE, ".32,F8,.1,F7,.16");
    rig.has(A + 40 * PAGE, 0);
    Looks.pages(rig, A, FILE, ".32,F16,.16");
    Looks.mincore(rig, A, FILE, "016,148");
    AdviceCases.advise(rig, A, FILE, AdviceCases.DONTNEED);
    rig.has(A + 33 * PAGE, 0);
    Looks.pages(rig, A, FILE, ".32,F16,.16");
    rig.has(A + 2 * PAGE, 0);
    Looks.mincore(rig, A, FILE, "164");
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    AdviceCases.advise(rig, A, FILE, 1);
    rig.has(A + 32 * PAGE, 0);
    Looks.mincore(rig, A, FILE, "032,11,031");
    AdviceCases.advise(rig, A, FILE, 2);
    rig.put(A + 50 * PAGE, 1);
    Looks.mincore(rig, A, FILE, "032,11,017,114");
    AdviceCases.advise(rig, A, FILE, 0);
    // A page that is in the cache already gets no mark, and one that is taken out loses it.
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    AdviceCases.advise(rig, A, FILE, 1);
    rig.has(A + 40 * PAGE, 0);
    AdviceCases.advise(rig, A, FILE, AdviceCases.DONTNEED);
    AdviceCases.advise(rig, A, FILE, 0);
    rig.has(A + 32 * PAGE, 0);
    Looks.pages(rig, A, FILE, ".32,F16,.16");
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    rig.has(A + 32 * PAGE, 0);
    Looks.pages(rig, A, FILE, ".32,F8,.1,F7,.16");
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    rig.has(A + 50 * PAGE, 0);
    rig.has(A + 35 * PAGE, 0);
    Looks.pages(rig, A + 32 * PAGE, 16 * PAGE, ".2,F14");
    AdviceCases.advise(rig, A, FILE, AdviceCases.REMOVE);
    AdviceCases.advise(rig, A, FILE, 1);
    rig.has(A + 32 * PAGE, 0);
    AdviceCases.advise(rig, A, FILE, 2);
    rig.put(A + 50 * PAGE, 1);
    AdviceCases.advise(rig, A, FILE, 0);
    file(rig, FAR, FILE, RW, PRIVATE, CaseSetup.DISK_UNKNOWN, 0);
    rig.put(FAR + 5 * PAGE, 1);
    Looks.mincore(rig, A, FILE, "133,017,114");
    Looks.pages(rig, FAR, FILE, ".5,A1,.58");
  }

  private static void punchedFolios(Rig rig) {
    file(rig, A, FILE, RW, SHARED, CaseSetup.DISK, 0);
    rig.put(A + 40 * PAGE, 9);
    Looks.pages(rig, A, FILE, "F64");
    sync(rig, A, FILE, MS_SYNC);
    AdviceCases.advise(rig, A, 2 * PAGE, AdviceCases.REMOVE);
    Looks.pages(rig, A, FILE, ".64");
    rig.has(A + 40 * PAGE, 9);
    Looks.pages(rig, A, FILE, ".32,F16,.16");
    AdviceCases.advise(rig, A + 40 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, FILE, ".64");
    rig.has(A + 20 * PAGE, CaseSetup.byteOf(20));
    Looks.pages(rig, A, FILE, ".16,F16,.32");
    rig.has(A + 2 * PAGE, CaseSetup.byteOf(2));
    Looks.pages(rig, A, FILE, ".2,F30,.32");
    rig.put(A + 9 * PAGE, 10);
    AdviceCases.advise(rig, A + 8 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, FILE, ".2,F30,.32");
    AdviceCases.advise(rig, A + 4 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A, FILE, ".2,F2,.4,F24,.32");
    sync(rig, A, FILE, MS_SYNC);
    AdviceCases.advise(rig, A + 10 * PAGE, 4 * PAGE, AdviceCases.REMOVE);
    Looks.pages(rig, A, FILE, ".2,F2,.12,F16,.32");
    rig.has(A + 9 * PAGE, 10);
    rig.has(A + 10 * PAGE, 0);
    // A hole at the end of a folio, and one in the middle.
    rig.map(Act.SCRATCH, PAGE, RW);
    file(rig, A, 6 * PAGE, RW, SHARED, CaseSetup.TINY, 0);
    AdviceCases.advise(rig, A + 2 * PAGE, 2 * PAGE, AdviceCases.REMOVE);
    rig.has(A, CaseSetup.byteOf(0));
    Looks.mincore(rig, A, 6 * PAGE, "12,02,12");
    Looks.pages(rig, A, 6 * PAGE, "F2,.2,F2");
    file(rig, A, FILE, RW, SHARED, CaseSetup.HUGE, 0);
    AdviceCases.advise(rig, A + 34 * PAGE, 2 * PAGE, AdviceCases.REMOVE);
    rig.has(A + 37 * PAGE, CaseSetup.byteOf(37));
    Looks.pages(rig, A + 32 * PAGE, 8 * PAGE, "F2,.2,F4");
    AdviceCases.advise(rig, A + 37 * PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, A + 32 * PAGE, 8 * PAGE, "F2,.2,F4");
  }

  private static void faultAround(Rig rig) {
    file(rig, A, FILE, READ, PRIVATE, CaseSetup.TMPFS, 0);
    rig.has(A + 20 * PAGE, CaseSetup.byteOf(20));
    Looks.pages(rig, A, FILE, ".16,F16,.32");
    rig.has(A + 63 * PAGE, CaseSetup.byteOf(63));
    Looks.pages(rig, A, FILE, ".16,F16,.16,F16");
    rig.unmap(A, FILE);
    long odd = A + 5 * PAGE;
    file(rig, odd, 6 * PAGE, RW, PRIVATE, CaseSetup.TMPFS, 60 * PAGE);
    rig.put(odd + PAGE, 7);
    rig.has(odd, CaseSetup.byteOf(60));
    Looks.pages(rig, odd, 6 * PAGE, "F1,A1,F2,.2");
    rig.has(odd + PAGE, 7);
    Looks.ends("behind the end", Kind.BUS_ADRERR, rig.mm.read(odd + 4 * PAGE));
    rig.unmap(odd, 6 * PAGE);
    file(rig, A, FILE, READ, PRIVATE, CaseSetup.DISK_UNKNOWN, 0);
    Looks.works("a read", rig.mm.read(A + 63 * PAGE).ok() ? 0 : -1);
    Looks.pages(rig, A, FILE, ".48,F16");
    rig.unmap(A, FILE);
    file(rig, A, 3 * PAGE, READ, PRIVATE, CaseSetup.DISK_UNKNOWN, 61 * PAGE);
    Looks.works("a read", rig.mm.read(A + PAGE).ok() ? 0 : -1);
    Looks.pages(rig, A, 3 * PAGE, "F3");
    rig.unmap(A, 3 * PAGE);
    file(rig, A, PAGE, READ, PRIVATE, CaseSetup.DISK_UNKNOWN, 63 * PAGE);
    Looks.works("a read", rig.mm.read(A).ok() ? 0 : -1);
    Looks.pages(rig, A, PAGE, "F1");
    rig.unmap(A, PAGE);
    long edge = A + SIZE - 4 * PAGE;
    file(rig, edge, 16 * PAGE, READ, PRIVATE, CaseSetup.TMPFS, 0);
    rig.has(edge + 2 * PAGE, CaseSetup.byteOf(2));
    Looks.pages(rig, edge, 16 * PAGE, "F4,.12");
    rig.has(edge + 4 * PAGE, CaseSetup.byteOf(4));
    Looks.pages(rig, edge, 16 * PAGE, "F16");
    rig.unmap(edge, 16 * PAGE);
    file(rig, edge, 8 * PAGE, READ, SHARED, CaseSetup.DISK, 0);
    rig.has(edge + 5 * PAGE, CaseSetup.byteOf(5));
    Looks.pages(rig, edge, 8 * PAGE, ".5,F1,.2");
    rig.has(edge + 6 * PAGE, CaseSetup.byteOf(6));
    Looks.pages(rig, edge, 8 * PAGE, ".4,F4");
    rig.unmap(edge, 8 * PAGE);
    file(rig, A, FILE, RW, SHARED, CaseSetup.DISK, 0);
    rig.put(A + 5 * PAGE, 1);
    Looks.pages(rig, A, FILE, "F64");
    AdviceCases.advise(rig, A + 10 * PAGE, 10 * PAGE, AdviceCases.DONTNEED);
    rig.put(A + 12 * PAGE, 1);
    Looks.pages(rig, A, FILE, "F10,.2,F1,.7,F44");
  }

  private static void sharedMemory(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    Looks.committed(rig, 1);
    Looks.works("mmap", rig.mm.mmap(A, 16 * PAGE, RW, 0x31, -1, 0));
    Looks.committed(rig, 17);
    Looks.mincore(rig, A, 16 * PAGE, "016");
    rig.put(A + 5 * PAGE, 1);
    rig.has(A + 7 * PAGE, 0);
    Looks.mincore(rig, A, 16 * PAGE, "05,11,01,11,08");
    Rig child = rig.fork();
    Looks.committed(rig, 18);
    Looks.pages(child, A, 16 * PAGE, ".16");
    child.put(A + 5 * PAGE, 2);
    rig.has(A + 5 * PAGE, 2);
    Looks.pages(rig, A + 5 * PAGE, 3 * PAGE, "f1,.1,F1");
    child.put(A + 9 * PAGE, 3);
    Looks.mincore(rig, A, 16 * PAGE, "05,11,01,11,01,11,06");
    rig.has(A + 9 * PAGE, 3);
    rig.unmap(A, 16 * PAGE);
    Looks.committed(rig, 18);
    child.has(A + 5 * PAGE, 2);
    child.unmap(A, 8 * PAGE);
    Looks.committed(rig, 18);
    child.unmap(A, 16 * PAGE);
    Looks.committed(rig, 2);
    child.mm.exit();
    Looks.committed(rig, 1);
    Looks.works("unreserved", rig.mm.mmap(A, 16 * PAGE, RW, 0x4031, -1, 0));
    Looks.committed(rig, 1);
    Looks.works("/dev/zero", rig.mm.mmap(A, 16 * PAGE, RW, SHARED, CaseSetup.ZERO, 0));
    Looks.committed(rig, 17);
    rig.put(A, 4);
    rig.has(A, 4);
    Looks.works("populated", rig.mm.mmap(A, 16 * PAGE, RW, 0x8031, -1, 0));
    Looks.pages(rig, A, 16 * PAGE, "F16");
    Looks.rss(rig, 17);
  }
}
