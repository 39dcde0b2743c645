// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;

/** Cases of what stays in the cache of a file that changes, and of names of anonymous memory. */
public final class PageCacheCases {
  private static final long PAGE = Bits.PAGE;
  private static final int SHARED = 0x11;

  /** Behind a mapping of a whole file. */
  private static final long BESIDE = A + CaseSetup.FILE_PAGES * PAGE;

  private PageCacheCases() {}

  private static CaseRule of(
      String id, String name, String statement, String why, String behind, Consumer<Rig> body) {
    return new CaseRule(
        new RuleInfo(
            id, name, statement, why, behind, "a neighbour or a whole is taken for the part"),
        CaseSetup::new,
        body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-F16",
            "dirty-folio-stays",
            "Where a file ends anew within a folio, a clean folio is split and its pages behind the"
                + " end go; one with a dirty page before the end stays as a whole, with zeroes.",
            "mincore, fault-around and memory use hang on it.",
            "truncate_inode_partial_folio, block_invalidate_folio (as recorded)",
            PageCacheCases::dirtyFolioStays),
        of(
            "AS-F17",
            "names-of-memory",
            "Where the kernel has names of anonymous memory, VMAs with different names do not"
                + " merge, those with equal ones do; names are inherited; files, bad names and bad"
                + " ranges are refused.",
            "Android names all of its memory.",
            "prctl_set_vma, madvise_set_anon_name, anon_vma_name_eq",
            PageCacheCases::names),
        of(
            "AS-F22",
            "read-ahead-window",
            "Reads bring in windows that grow with each mark that is met; a read at random is"
                + " alone, and the next one behind it is in sequence again, even if that read could"
                + " copy nothing.",
            "Disks are slow: what is in memory too early or too late shows in mincore.",
            "page_cache_sync_ra, page_cache_async_ra, filemap_read",
            PageCacheCases::readAhead),
        of(
            "AS-F23",
            "failed-write",
            "A write behind the end of a file on a disk that could copy nothing makes the file end"
                + " where it would have begun.",
            "The next read finds zeroes there, and no end of file.",
            "ext4_da_do_write_end (as recorded)",
            PageCacheCases::failedWrite),
        of(
            "AS-F24",
            "holes-of-memory",
            "A hole in a file of shared memory comes back page by page where it is touched, one in"
                + " a file on a disk as a window; fallocate gives shared memory pages that nobody"
                + " has filled, so mincore does not show them.",
            "Whoever measures memory by mincore would count what is not there.",
            "shmem_fallocate (SGP_FALLOC), mincore_page, do_sync_mmap_readahead",
            PageCacheCases::holes),
        of(
            "AS-F25",
            "range-in-the-first-page",
            "A hole or zeroes that end within the first page of a file unmap all pages behind its"
                + " start: the last whole page of such a range lies before the file, which is"
                + " unsigned.",
            "Programs that punch small holes fault again everywhere.",
            "truncate_pagecache_range, shmem_fallocate (as recorded)",
            PageCacheCases::firstPage),
        of(
            "AS-F26",
            "fallocate-grows",
            "A file that fallocate makes larger keeps what is mapped of it, also of a folio that"
                + " cannot be split where the new end lies.",
            "Only a truncation takes pages away.",
            "ext4_alloc_file_blocks, ext4_setattr (as recorded)",
            PageCacheCases::fallocateGrows),
        of(
            "AS-F27",
            "read-ahead-behind-cached",
            "Where a page of a window is in the cache already, the rest is read as single pages,"
                + " and the mark is counted from the end of the file if that comes first.",
            "What is marked is not mapped by the faults of its neighbours.",
            "page_cache_ra_order, do_page_cache_ra",
            PageCacheCases::behindCached),
        of(
            "AS-F29",
            "dirty-by-a-mapping",
            "A write through a shared mapping makes the whole folio dirty, one by a call its block:"
                + " so a file that is cut before the page that was written keeps the folio whole"
                + " after the one, and splits it after the other.",
            "mincore and memory use hang on it.",
            "block_dirty_folio, block_commit_write, truncate_inode_partial_folio",
            PageCacheCases::dirtyByMapping),
        of(
            "AS-F45",
            "behind-the-end-and-back",
            "Pages of a folio that left the cache when it was split behind the end of its file come"
                + " back one by one as the file grows: what was written there meanwhile stays.",
            "A page that is read may not replace the one beside it.",
            "__folio_split (folios beyond i_size leave the page cache), page_cache_ra_unbounded",
            PageCacheCases::behindAndBack),
        of(
            "AS-102",
            "split-across-the-end",
            "When a hole or MADV_PAGEOUT splits a folio that lies across the end of its file, what"
                + " begins behind the end goes, and what begins before it stays.",
            "mincore and memory use hang on it.",
            "__folio_split (folios beyond i_size leave the page cache), as Linux 6.18.44 showed it",
            PageCacheCases::splitAcrossTheEnd),
        new StepRule(
            new RuleInfo(
                "AS-64",
                "read-ahead-of-any-reads",
                "After any reads, faults and advice about a file on a disk those pages are in"
                    + " memory that the windows of an independent model brought in.",
                "What is read too early costs memory, what is read too late time.",
                "page_cache_sync_ra, page_cache_async_ra, page_cache_ra_order,"
                    + " do_sync_mmap_readahead, filemap_get_pages",
                "a window has another size, or the mark lies at another page"),
            80,
            ReadAheadBench::new),
        new StepRule(
            new RuleInfo(
                "AS-101",
                "folios-of-a-busy-file",
                "Whatever is written to a file on a disk, by calls, which may begin and end within"
                    + " pages and have less than they say, and by a mapping, cut off, made a hole"
                    + " of, read without read-ahead, written out and dropped by POSIX_FADV_DONTNEED"
                    + " or MADV_PAGEOUT, mincore shows the pages, and the frames that are mapped"
                    + " show the folios and PG_dirty, that a list of folios says.",
                "A folio that is dropped too early loses bytes, one that stays costs memory.",
                "__filemap_get_folio, truncate_inode_partial_folio, folio_split,"
                    + " mapping_try_invalidate, block_dirty_folio (Linux 6.18)",
                "a border of a range is taken for that of the folio, or a dirty page is not seen"),
            60,
            CacheBench::new),
        new StepRule(
            new RuleInfo(
                "AS-65",
                "bytes-of-a-changing-file",
                "Whatever is done to a file on a disk or in memory - written, read, cut, grown,"
                    + " emptied, by calls and by mappings -, calls and both kinds of mappings show"
                    + " its bytes, zeroes where nobody wrote, and SIGBUS behind its last page; what"
                    + " was copied for a private mapping stays until its page is cut off. What"
                    + " nobody knows stays unknown, a buffer that can be accessed in part is used"
                    + " so far, and of a file in memory those pages are cached that somebody had.",
                "Databases write, cut and map one file at once.",
                "generic_perform_write, truncate_pagecache, unmap_mapping_range, shmem_fallocate,"
                    + " ext4_punch_hole, ext4_zero_range, filemap_read",
                "the rest of the last page, or a page within a folio, keeps its old bytes"),
            90,
            FileBench::new),
        new StepRule(
            new RuleInfo(
                "AS-67",
                "marks-of-reclaim",
                "kpageflags shows of each page what accesses, advice, locks, forks, clear_refs,"
                    + " MADV_PAGEOUT and unmapping have made of it: referenced, active, locked, one"
                    + " process's alone.",
                "Reclaim begins with what nobody has used.",
                "folio_mark_accessed, mlock_folio, madvise_cold_or_pageout_pte_range,"
                    + " zap_present_folio_ptes, folio_try_dup_anon_rmap (as recorded)",
                "an access is counted twice or not at all, or a locked page becomes active"),
            120,
            LruBench::new));
  }

  private static void firstPage(Rig rig) {
    rig.map(BESIDE, PAGE, RW);
    rig.put(BESIDE, 7); // there is a page table: faults map the pages around them
    zeroes(rig, CaseSetup.DISK, Uapi.FALLOC_FL_ZERO_RANGE);
    zeroes(rig, CaseSetup.DISK, Uapi.FALLOC_FL_PUNCH_HOLE);
    zeroes(rig, CaseSetup.TMPFS, Uapi.FALLOC_FL_PUNCH_HOLE);
  }

  private static void zeroes(Rig rig, int fd, int what) {
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, fd, 0));
    for (int i = 0; i < 2; i++) { // the first time page 0 becomes a folio of its own
      int mode = what | Uapi.FALLOC_FL_KEEP_SIZE;
      rig.gives("fallocate", 0, rig.mm.syscall(Syscall.FALLOCATE, fd, mode, 1, 100));
      Looks.rss(rig, 1 + i);
      for (int page = 0; page < 16; page++) {
        Looks.ends("a read", TouchOutcome.Kind.OK, rig.mm.read(A + page * PAGE));
      }
      Looks.rss(rig, 17);
    }
    rig.unmap(A, 64 * PAGE);
  }

  private static void fallocateGrows(Rig rig) {
    rig.map(BESIDE, PAGE, RW);
    rig.put(BESIDE, 7);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives(
        "pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, BESIDE, 1, 40 * PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 50 * PAGE + 7));
    rig.has(A + 40 * PAGE, 7);
    Looks.rss(rig, 17);
    rig.gives(
        "fallocate", 0, rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, 0, 50 * PAGE, 5 * PAGE));
    Looks.rss(rig, 17);
    rig.gives("the size", 55 * PAGE, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
  }

  private static void behindCached(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    reads(rig, FAR, 44, 1);
    Looks.rss(rig, 1);
    rig.has(A + 60 * PAGE, 0); // a window of 32 pages from page 44 on, of which the file has 20
    Looks.rss(rig, 16);
  }

  private static void dirtyFolioStays(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 7);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 5 * PAGE + 7));
    Looks.mincore(rig, A, 64 * PAGE, "164");
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.DISK));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 4 * PAGE + 7));
    Looks.mincore(rig, A, 64 * PAGE, "15,059");
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    Looks.mincore(rig, A, 64 * PAGE, "15,059");
    rig.has(A + PAGE, 7);
    rig.has(A + 4 * PAGE + 7, 0);
    rig.has(A + 5 * PAGE, 0);
  }

  /** Whatever becomes a folio behind the end when a hole splits one that lies across it goes. */
  private static void splitAcrossTheEnd(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 7);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 13 * PAGE));
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.DISK));
    Looks.mincore(rig, A, 64 * PAGE, "164");
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives(
        "a hole", 0, rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, hole, 8 * PAGE, 5 * PAGE));
    Looks.mincore(rig, A, 64 * PAGE, "18,056"); // as Linux 6.18.44 showed it
    rig.unmap(A, 64 * PAGE);
    int fd = CaseSetup.HUGE;
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, fd, 0));
    rig.gives("MADV_RANDOM", 0, rig.mm.madvise(A, 64 * PAGE, Uapi.MADV_RANDOM));
    rig.gives("pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 13 * PAGE + 7));
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, fd));
    rig.has(A + 9 * PAGE, CaseSetup.byteOf(9));
    Looks.mincore(rig, A, 64 * PAGE, "164");
    rig.gives("MADV_PAGEOUT", 0, rig.mm.madvise(A, 64 * PAGE, Uapi.MADV_PAGEOUT));
    Looks.mincore(rig, A, 64 * PAGE, "114,050"); // as Linux 6.18.44 showed it
  }

  private static void behindAndBack(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 7);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 5 * PAGE + 7));
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.DISK));
    int zero = Uapi.FALLOC_FL_ZERO_RANGE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives(
        "fallocate",
        0,
        rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, zero, 3 * PAGE, 3 * PAGE));
    for (int page : new int[] {16, 40}) {
      rig.gives(
          "pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, page * PAGE));
    }
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    for (int page = 6; page < 64; page++) {
      rig.has(A + page * PAGE, page == 16 || page == 40 ? 7 : 0);
    }
    rig.has(A + 16 * PAGE, 7);
    rig.has(A + 40 * PAGE, 7);
  }

  private static void dirtyByMapping(Rig rig) {
    dirtyAgain(rig);
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 7);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, RW, SHARED, CaseSetup.DISK, 0));
    rig.put(A + 10 * PAGE, 9);
    cut(rig);
    Looks.mincore(rig, A, 64 * PAGE, "164");
    rig.has(A + 10 * PAGE, 0);
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.DISK));
    rig.gives("pwrite64", 1, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, 10 * PAGE));
    cut(rig);
    Looks.mincore(rig, A, 64 * PAGE, "16,058");
  }

  /** The file ends within its page 5 and then where it did before. */
  private static void cut(Rig rig) {
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 5 * PAGE + 7));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
  }

  private static void readAhead(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    rig.map(Act.SCRATCH, PAGE, RW);
    Looks.mincore(rig, A, 64 * PAGE, "064");
    reads(rig, FAR, 0, 1);
    Looks.mincore(rig, A, 64 * PAGE, "14,060");
    reads(rig, FAR, 1, 1);
    Looks.mincore(rig, A, 64 * PAGE, "112,052");
    reads(rig, FAR + PAGE, 40, -Errno.EFAULT);
    Looks.mincore(rig, A, 64 * PAGE, "112,028,11,023");
    reads(rig, FAR, 41, 1);
    Looks.mincore(rig, A, 64 * PAGE, "112,028,15,019");
  }

  private static void reads(Rig rig, long buf, long page, long expected) {
    long read = rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, buf, 1, page * PAGE);
    rig.gives("pread64 of page " + page, expected, read);
  }

  private static void failedWrite(Rig rig) {
    long size = CaseSetup.FILE_PAGES * PAGE;
    long at = size + 6 * PAGE;
    rig.gives("the size", size, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
    Looks.fails(
        rig,
        "pwrite64 of nothing",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 2 * PAGE, at));
    rig.gives("the size", at, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
  }

  private static void holes(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    for (int fd : List.of(CaseSetup.TMPFS, CaseSetup.DISK)) {
      boolean disk = fd == CaseSetup.DISK;
      rig.gives("mmap", A, rig.mm.mmap(A, 68 * PAGE, READ, SHARED, fd, 0));
      long punched =
          rig.mm.syscall(
              Syscall.FALLOCATE,
              fd,
              Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE,
              8 * PAGE,
              4 * PAGE);
      rig.gives("a hole", 0, punched);
      Looks.mincore(rig, A, 64 * PAGE, "18,04,152");
      rig.has(A + 9 * PAGE, 0);
      Looks.mincore(rig, A, 64 * PAGE, disk ? "164" : "18,01,11,02,152");
      long more = rig.mm.syscall(Syscall.FALLOCATE, fd, 0, 64 * PAGE, 4 * PAGE);
      rig.gives("fallocate", 0, more);
      Looks.mincore(rig, A + 64 * PAGE, 4 * PAGE, "04");
      rig.has(A + 65 * PAGE, 0);
      Looks.mincore(rig, A + 64 * PAGE, 4 * PAGE, disk ? "14" : "01,11,02");
      rig.unmap(A, 68 * PAGE);
    }
    behindTheEnd(rig);
    cutInAHole(rig);
  }

  /** A hole in a file of shared memory reaches what a failed write has left behind its end. */
  private static void behindTheEnd(Rig rig) {
    rig.gives("mmap", A, rig.mm.mmap(A, 84 * PAGE, READ, SHARED, CaseSetup.TMPFS, 0));
    long failed =
        rig.mm.syscall(Syscall.PWRITE64, CaseSetup.TMPFS, BESIDE + 100 * PAGE, PAGE, 80 * PAGE);
    Looks.fails(rig, "a write of what is not mapped", Errno.EFAULT, failed);
    Looks.mincore(rig, A + 76 * PAGE, 8 * PAGE, "04,11,03");
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    long punched = rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.TMPFS, hole, 60 * PAGE, 30 * PAGE);
    rig.gives("a hole", 0, punched);
    Looks.mincore(rig, A + 52 * PAGE, 32 * PAGE, "18,024");
    rig.unmap(A, 84 * PAGE);
    long free = Floors.freeFrames();
    int keep = Uapi.FALLOC_FL_KEEP_SIZE;
    long far = rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.TMPFS, keep, 2000 * PAGE, 4 * PAGE);
    rig.gives("fallocate far behind the end", 0, far);
    RuleViolation.checkEqual(free - 4, Floors.freeFrames(), "free frames");
    long size = rig.mm.syscall(Syscall.LSEEK, CaseSetup.TMPFS, 0, 2);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.TMPFS, size));
    RuleViolation.checkEqual(free, Floors.freeFrames(), "free frames of a file that was cut");
  }

  private static void cut(Rig rig, long bytes) {
    long result = rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK_UNKNOWN, bytes);
    rig.gives("ftruncate to " + bytes, 0, result);
  }

  /** A file on a disk that is cut within a hole has that page, which a read then fills alone. */
  private static void cutInAHole(Rig rig) {
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK_UNKNOWN, 0));
    for (long more : new long[] {5, 0}) {
      long end = 10 * PAGE + more;
      rig.gives(
          "a hole",
          0,
          rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK_UNKNOWN, hole, 0, 64 * PAGE));
      cut(rig, end);
      if (more > 0) {
        rig.has(A + 10 * PAGE, 0);
        Looks.mincore(rig, A, 64 * PAGE, "010,11,053");
        cut(rig, 10 * PAGE);
        cut(rig, end);
      }
      cut(rig, 64 * PAGE);
      Looks.mincore(rig, A, 64 * PAGE, "064");
      rig.has(A + 10 * PAGE, 0);
      Looks.mincore(rig, A, 64 * PAGE, more > 0 ? "010,11,053" : "132,032");
    }
  }

  private static void names(Rig rig) {
    rig.map(A, 4 * PAGE, RW);
    Looks.fails(rig, "a kernel without", Errno.EINVAL, rig.mm.setVmaName(A, PAGE, "left"));
    try {
      rig.floor.kernelOption("anon-vma-name", "true");
    } catch (InputException e) {
      return; // a floor without that option has no names
    }
    rig.gives("a name", 0, rig.mm.setVmaName(A, 2 * PAGE, "left"));
    rig.shows("0-2 rw-p, 2-4 rw-p");
    named(rig, "[anon:left]");
    rig.gives("the same name", 0, rig.mm.setVmaName(A + 2 * PAGE, PAGE, "left"));
    rig.shows("0-3 rw-p, 3-4 rw-p");
    rig.map(A + 4 * PAGE, PAGE, RW);
    rig.shows("0-3 rw-p, 3-5 rw-p");
    Looks.fails(rig, "a bad letter", Errno.EINVAL, rig.mm.setVmaName(A, PAGE, "a$"));
    Looks.fails(rig, "a long name", Errno.EINVAL, rig.mm.setVmaName(A, PAGE, "x".repeat(80)));
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.setVmaName(A + 1, PAGE, "x"));
    Looks.fails(
        rig, "a hole behind", Errno.ENOMEM, rig.mm.setVmaName(A + 4 * PAGE, 2 * PAGE, "end"));
    rig.shows("0-3 rw-p, 3-4 rw-p, 4-5 rw-p");
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, PAGE, READ, SHARED, CaseSetup.DISK, 0));
    Looks.fails(rig, "a file", Errno.EBADF, rig.mm.setVmaName(FAR, PAGE, "x"));
    named(rig.fork(), "[anon:left]");
    rig.gives("no name", 0, rig.mm.setVmaName(A, 5 * PAGE, null));
    rig.shows("0-5 rw-p");
  }

  private static void named(Rig rig, String expected) {
    String seen = Looks.vmas(rig, A, A + PAGE).getFirst().name();
    RuleViolation.check(seen.equals(expected), expected, seen);
  }

  /** What was written out is clean in every entry, and the next write makes it dirty again. */
  private static void dirtyAgain(Rig rig) {
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, PAGE, 3, SHARED, CaseSetup.TINY, 0));
    for (int i = 0; i < 3; i++) {
      rig.put(FAR, i);
      RuleViolation.checkEqual(PAGE, rig.mm.sizes(FAR).privateDirty(), "dirty after a write");
      rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.TINY));
      RuleViolation.checkEqual(0, rig.mm.sizes(FAR).privateDirty(), "dirty after fsync");
    }
    rig.unmap(FAR, PAGE);
  }
}
