// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of files that change while they are mapped: size, holes, writes, names, seals. */
public final class FileSizeCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Whoever maps a file sees what others do to it.",
          "a page behind the end stays mapped, or a part of a page is taken for the whole");

  private static final long PAGE = Bits.PAGE;
  private static final int PRIVATE = 0x12;
  private static final int SHARED = 0x11;
  private static final int FOLIOS_FD = 30;

  private FileSizeCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F01",
            "shrunk-file",
            "A file that shrinks takes its pages behind the end out of every mapping, private"
                + " copies too; touches there are SIGBUS, the rest of the last page is zero, and"
                + " what it grows by is zero.",
            "do_truncate, unmap_mapping_range with even_cows, truncate_inode_partial_folio",
            FileSizeCases::shrinks),
        GROUP.rule(
            "AS-F02",
            "reads-and-writes",
            "read and write move bytes between a file and user memory, which mappings of the file"
                + " show at once; they stop at what cannot be accessed, and EFAULT is the answer"
                + " only if nothing was moved; a stack grows under them.",
            "filemap_read, generic_perform_write, copy_folio_to_iter",
            FileSizeCases::readsAndWrites),
        GROUP.rule(
            "AS-F03",
            "fallocate",
            "fallocate makes holes of whole pages, zeroes parts of pages, leaves private copies"
                + " alone, and refuses what the file system cannot hold or do.",
            "vfs_fallocate, ext4_punch_hole, shmem_fallocate",
            FileSizeCases::holes),
        GROUP.rule(
            "AS-F04",
            "tail-behind-the-end",
            "Bytes behind the end of a file in its last page are zero once the page was written"
                + " out: by MS_SYNC and fsync, not by MS_ASYNC or MS_INVALIDATE, and not on tmpfs.",
            "ext4_bio_write_folio (as recorded)",
            FileSizeCases::tail),
        GROUP.rule(
            "AS-F05",
            "names-and-seals",
            "A file without a name is shown as deleted; a seal refuses what it is against, and is"
                + " refused while a shared mapping could write.",
            "d_path, memfd_add_seals, memfd_check_seals_mmap; selftests/memfd",
            FileSizeCases::seals),
        GROUP.rule(
            "AS-F28",
            "sealed-for-the-future",
            "A file with F_SEAL_FUTURE_WRITE is written by the shared mappings that were there, and"
                + " by nothing else: no write, no hole of fallocate or MADV_REMOVE, no new mapping"
                + " and no mprotect of one.",
            "shmem_fallocate, shmem_file_write_iter, seal_check_write",
            FileSizeCases::futureSeals),
        GROUP.rule(
            "AS-F06",
            "largest-offsets",
            "Near the largest offset a mapping of a file on a disk is placed as if it were long"
                + " enough for a huge page; MADV_REMOVE behind what the file system holds is"
                + " EFBIG.",
            "__thp_get_unmapped_area (round_up of a signed offset), vfs_fallocate (as recorded)",
            FileSizeCases::offsets),
        GROUP.rule(
            "AS-F07",
            "written-in-pieces",
            "A read maps what the write that made the folio was large enough for: 16 pages of a"
                + " file that was written by 4 KiB, 64 of one that was written by 256 KiB.",
            "__filemap_get_folio, filemap_map_pages (as recorded)",
            FileSizeCases::pieces));
  }

  private static void file(Rig rig, long at, long bytes, int prot, int flags, int fd) {
    rig.gives("mmap of fd " + fd, at, rig.mm.mmap(at, bytes, prot, flags, fd, 0));
  }

  private static void shrinks(Rig rig) {
    file(rig, A, 8 * PAGE, RW, SHARED, CaseSetup.DISK);
    file(rig, FAR, 8 * PAGE, RW, PRIVATE, CaseSetup.DISK);
    rig.put(FAR + 5 * PAGE, 99);
    rig.put(FAR + PAGE, 98);
    rig.has(A + 5 * PAGE, CaseSetup.byteOf(5));
    long size = 3 * PAGE + 100;
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, size));
    Looks.ends("a read behind the end", Kind.BUS_ADRERR, rig.mm.read(A + 5 * PAGE));
    Looks.ends("a read of a copy behind the end", Kind.BUS_ADRERR, rig.mm.read(FAR + 5 * PAGE));
    rig.has(FAR + PAGE, 98);
    rig.has(A + size - 1, CaseSetup.byteOf(3));
    rig.has(A + size, 0);
    rig.gives("ftruncate up", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 8 * PAGE));
    rig.has(A + size - 1, CaseSetup.byteOf(3));
    rig.has(A + size, 0);
    rig.has(A + 5 * PAGE, 0);
    rig.has(FAR + 5 * PAGE, 0);
    Looks.fails(
        rig,
        "ftruncate to -1",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, -1));
    Looks.fails(
        rig,
        "ftruncate of a file that was opened for reading",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK_READ_ONLY, 0));
    Looks.fails(
        rig,
        "ftruncate to more than ext4 holds",
        Errno.EFBIG,
        rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 1L << 44));
  }

  private static void readsAndWrites(Rig rig) {
    rig.map(FAR, 3 * PAGE, RW);
    file(rig, A, 4 * PAGE, READ, SHARED, CaseSetup.DISK);
    rig.gives(
        "pread64", 2 * PAGE, rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, FAR, 2 * PAGE, PAGE));
    rig.has(FAR + PAGE, CaseSetup.byteOf(2));
    rig.put(FAR + 7, 77);
    rig.gives("pwrite64", 10, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 10, 100));
    rig.has(A + 107, 77);
    rig.gives("read", 5, rig.mm.syscall(Syscall.READ, CaseSetup.DISK, FAR, 5));
    rig.gives("lseek", 5, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 1));
    long end = FAR + 3 * PAGE;
    rig.gives(
        "a read that meets the end of memory",
        100,
        rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, end - 100, PAGE, 0));
    Looks.fails(
        rig,
        "a read to nowhere",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, end, PAGE, 0));
    Looks.fails(
        rig,
        "a read to memory that cannot be written",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, A, PAGE, 0));
    long behind = 8 * PAGE;
    rig.gives(
        "a write that meets the end of memory",
        2 * PAGE,
        rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR + PAGE, 4 * PAGE, behind));
    rig.gives(
        "what it wrote", 9, rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, FAR, 9, behind + 5));
    rig.has(FAR + 1, CaseSetup.byteOf(2));
    Looks.fails(
        rig,
        "a write to a file that was opened for reading",
        Errno.EBADF,
        rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK_READ_ONLY, FAR, 1, 0));
    rig.gives(
        "a read at the end",
        0,
        rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, FAR, PAGE, CaseSetup.FILE_PAGES * PAGE));
    long stack = 0x40000000L;
    rig.gives("mmap of a stack", stack, rig.mm.mmap(stack, PAGE, RW, 0x132, -1, 0));
    rig.gives(
        "a read below a stack",
        4,
        rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, stack - 2 * PAGE, 4, 0));
    rig.shows(stack - 2 * PAGE, stack + PAGE, "0-3 rw-p");
  }

  private static void holes(Rig rig) {
    int punch = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    for (int fd : new int[] {CaseSetup.DISK, CaseSetup.TMPFS}) {
      file(rig, A, 8 * PAGE, RW, SHARED, fd);
      file(rig, FAR, 8 * PAGE, RW, PRIVATE, fd);
      rig.put(FAR + 3 * PAGE, 55);
      rig.touch(A + 3 * PAGE);
      rig.gives(
          "fallocate",
          0,
          rig.mm.syscall(Syscall.FALLOCATE, fd, punch, 2 * PAGE + 100, 2 * PAGE + 100));
      rig.has(A + 2 * PAGE + 99, CaseSetup.byteOf(2));
      rig.has(A + 2 * PAGE + 100, 0);
      rig.has(A + 3 * PAGE, 0);
      rig.has(A + 4 * PAGE + 199, 0);
      rig.has(A + 4 * PAGE + 200, CaseSetup.byteOf(4));
      rig.has(FAR + 3 * PAGE, 55);
      Looks.fails(
          rig, "no length", Errno.EINVAL, rig.mm.syscall(Syscall.FALLOCATE, fd, punch, 0, 0));
      Looks.fails(
          rig,
          "a hole that changes the size",
          Errno.EOPNOTSUPP,
          rig.mm.syscall(Syscall.FALLOCATE, fd, Uapi.FALLOC_FL_PUNCH_HOLE, 0, PAGE));
      Looks.fails(
          rig,
          "a hole behind everything",
          Errno.EFBIG,
          rig.mm.syscall(Syscall.FALLOCATE, fd, punch, Long.MAX_VALUE - 10, PAGE));
    }
    Looks.fails(
        rig,
        "fallocate of a file that was opened for reading",
        Errno.EBADF,
        rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK_READ_ONLY, punch, 0, PAGE));
    long size = CaseSetup.FILE_PAGES * PAGE;
    rig.gives(
        "fallocate behind the end",
        0,
        rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, 0, size, PAGE));
    rig.gives("lseek", size + PAGE, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
    int zero = Uapi.FALLOC_FL_ZERO_RANGE;
    int kept = zero | Uapi.FALLOC_FL_KEEP_SIZE;
    long end = size + PAGE;
    rig.gives("zeroes", 0, rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, kept, end, PAGE));
    rig.gives("lseek", end, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
    rig.gives("zeroes", 0, rig.mm.syscall(Syscall.FALLOCATE, CaseSetup.DISK, zero, end, PAGE));
    rig.gives("lseek", end + PAGE, rig.mm.syscall(Syscall.LSEEK, CaseSetup.DISK, 0, 2));
  }

  private static void tail(Rig rig) {
    long end = 5 * PAGE + 1;
    file(rig, A, 6 * PAGE, RW, SHARED, CaseSetup.TINY);
    rig.put(A + end + 9, 66);
    rig.gives("MS_ASYNC", 0, rig.mm.msync(A, 6 * PAGE, 1));
    rig.gives("MS_INVALIDATE", 0, rig.mm.msync(A, 6 * PAGE, 2));
    rig.has(A + end + 9, 66);
    rig.gives("MS_SYNC", 0, rig.mm.msync(A + 5 * PAGE, PAGE, 4));
    rig.has(A + end + 9, 0);
    rig.has(A + end - 1, CaseSetup.byteOf(5));
    rig.put(A + end + 9, 67);
    rig.has(A + end + 9, 67);
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.TINY));
    rig.has(A + end + 9, 0);
    MappedFile shm = new MappedFile("T", MappedFile.Kind.TMPFS, 100, at -> 5);
    rig.mm.installFd(FOLIOS_FD, new OpenFile(shm, OpenFile.Mode.READ_WRITE));
    file(rig, FAR, PAGE, RW, SHARED, FOLIOS_FD);
    rig.put(FAR + 200, 68);
    rig.gives("MS_SYNC on tmpfs", 0, rig.mm.msync(FAR, PAGE, 4));
    rig.has(FAR + 200, 68);
  }

  private static void seals(Rig rig) {
    OpenFile named =
        new OpenFile(new MappedFile("/a", MappedFile.Kind.EXT4, PAGE), OpenFile.Mode.READ_WRITE);
    rig.mm.installFd(FOLIOS_FD, named);
    file(rig, A, PAGE, RW, SHARED, FOLIOS_FD);
    long before = rig.mm.mapsGeneration();
    rig.floor.unlink(named.file());
    RuleViolation.check(
        rig.mm.mapsGeneration() != before, "another generation of what maps shows", "the same");
    String shown = Looks.vmas(rig, A, A + PAGE).getFirst().name();
    RuleViolation.check(shown.equals("/a (deleted)"), "/a (deleted)", shown);
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("m", Uapi.MFD_ALLOW_SEALING));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 4 * PAGE));
    file(rig, FAR, 4 * PAGE, RW, SHARED, fd);
    rig.put(FAR, 12);
    Looks.fails(rig, "F_SEAL_WRITE", Errno.EBUSY, seal(rig, fd, Uapi.F_SEAL_WRITE));
    rig.unmap(FAR, 4 * PAGE);
    int all = Uapi.F_SEAL_WRITE | Uapi.F_SEAL_SHRINK | Uapi.F_SEAL_GROW;
    rig.gives("seals", 0, seal(rig, fd, all));
    rig.gives("F_GET_SEALS", all, rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_GET_SEALS));
    Looks.fails(rig, "a writable mapping", Errno.EPERM, rig.mm.mmap(FAR, PAGE, RW, SHARED, fd, 0));
    file(rig, FAR, PAGE, READ, SHARED, fd);
    rig.has(FAR, 12);
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(FAR, PAGE, RW));
    Looks.fails(rig, "shrinking", Errno.EPERM, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGE));
    Looks.fails(rig, "growing", Errno.EPERM, rig.mm.syscall(Syscall.FTRUNCATE, fd, 8 * PAGE));
    Looks.fails(rig, "a write", Errno.EPERM, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, 0));
    rig.gives("F_SEAL_SEAL", 0, seal(rig, fd, Uapi.F_SEAL_SEAL));
    Looks.fails(rig, "one more seal", Errno.EPERM, seal(rig, fd, Uapi.F_SEAL_FUTURE_WRITE));
    int plain = (int) Looks.works("memfd_create", rig.mm.memfdCreate("n", 0));
    Looks.fails(rig, "a seal without leave", Errno.EPERM, seal(rig, plain, Uapi.F_SEAL_GROW));
    Looks.fails(rig, "a seal of ext4", Errno.EINVAL, seal(rig, CaseSetup.DISK, 1));
  }

  private static void futureSeals(Rig rig) {
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("m", Uapi.MFD_ALLOW_SEALING));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 4 * PAGE));
    file(rig, FAR, 4 * PAGE, RW, SHARED, fd);
    rig.put(FAR, 12);
    rig.gives("F_SEAL_FUTURE_WRITE", 0, seal(rig, fd, Uapi.F_SEAL_FUTURE_WRITE));
    rig.put(FAR + PAGE, 13);
    Looks.fails(rig, "MADV_REMOVE", Errno.EPERM, rig.mm.madvise(FAR, PAGE, AdviceCases.REMOVE));
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    Looks.fails(rig, "a hole", Errno.EPERM, rig.mm.syscall(Syscall.FALLOCATE, fd, hole, 0, PAGE));
    Looks.fails(rig, "a write", Errno.EPERM, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, 0));
    rig.has(FAR, 12);
    Looks.fails(rig, "a writable mapping", Errno.EPERM, rig.mm.mmap(A, PAGE, RW, SHARED, fd, 0));
    file(rig, A, PAGE, READ, SHARED, fd);
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(A, PAGE, RW));
    Looks.fails(
        rig, "MADV_REMOVE of it", Errno.EACCES, rig.mm.madvise(A, PAGE, AdviceCases.REMOVE));
    file(rig, A, PAGE, RW, PRIVATE, fd);
    rig.put(A, 5);
    rig.has(FAR, 12);
    rig.gives("mprotect of the first", 0, rig.mm.mprotect(FAR, PAGE, READ));
    rig.gives("mprotect back", 0, rig.mm.mprotect(FAR, PAGE, RW));
    Looks.fails(rig, "F_SEAL_WRITE", Errno.EBUSY, seal(rig, fd, Uapi.F_SEAL_WRITE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGE));
  }

  private static long seal(Rig rig, int fd, int bits) {
    return rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, bits);
  }

  private static void offsets(Rig rig) {
    long base = SpaceSetup.BASE;
    long offset = 0x7fff_ffff_ffe0_1000L;
    long disk = rig.mm.mmap(0, PAGE, READ, 1, CaseSetup.DISK, offset);
    RuleViolation.checkEqual(
        offset & HugeCases.SIZE - 1,
        disk & HugeCases.SIZE - 1,
        "how far into 2 MiB the mapping begins");
    rig.gives("mmap of tmpfs", base - PAGE, rig.mm.mmap(0, PAGE, READ, 1, CaseSetup.TMPFS, offset));
    long most = 0x7fff_ffff_ffe0_0000L;
    rig.gives(
        "mmap at the last whole 2 MiB",
        base - 2 * PAGE,
        rig.mm.mmap(0, PAGE, READ, 1, CaseSetup.DISK, most));
    file(rig, A, PAGE, RW, SHARED, CaseSetup.DISK);
    rig.unmap(A, PAGE);
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, RW, SHARED, CaseSetup.DISK, 1L << 50));
    Looks.fails(rig, "MADV_REMOVE", Errno.EFBIG, rig.mm.madvise(A, PAGE, 9));
  }

  private static void pieces(Rig rig) {
    long size = 1L << 21;
    int fd = FOLIOS_FD;
    long at = A;
    for (long piece : new long[] {PAGE, 64 * PAGE}) {
      MappedFile file =
          new MappedFile(
              "P" + piece, MappedFile.Kind.EXT4, 2 * size, b -> (int) (b >> 12) & 127, piece);
      rig.mm.installFd(fd, new OpenFile(file, OpenFile.Mode.READ_ONLY));
      file(rig, at, size, READ, PRIVATE, fd);
      rig.has(at + 70 * PAGE, 70);
      Looks.pages(rig, at, size, piece == PAGE ? ".64,F16,.432" : ".64,F64,.384");
      at += 2 * size;
      fd++;
    }
  }
}
