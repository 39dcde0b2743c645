// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CallCases.GROUP;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of mmap: arguments, types and flags, and what it makes present. */
public final class MmapCases {
  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x32;

  private MmapCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-33",
            "mmap-arguments",
            "mmap refuses each wrong argument with its errno, in the kernel's order.",
            "ksys_mmap_pgoff, do_mmap, file_mmap_ok",
            MmapCases::mmapArguments),
        GROUP.rule(
            "AS-34",
            "mmap-types",
            "MAP_SHARED ignores flags that it does not know, MAP_SHARED_VALIDATE refuses them;"
                + " what a file allows limits rights for ever.",
            "do_mmap: MAP_TYPE, LEGACY_MAP_MASK; ext4_file_mmap_prepare",
            MmapCases::mmapTypes),
        GROUP.rule(
            "AS-35",
            "mmap-makes-present",
            "MAP_POPULATE and MAP_LOCKED make pages present, writing where memory is private and"
                + " writable; with MAP_NONBLOCK MAP_POPULATE does not.",
            "do_mmap: populate; populate_vma_page_range",
            MmapCases::populates));
  }

  private static long mmap(Rig rig, int prot, int flags, int fd, long offset) {
    return rig.mm.mmap(FAR, PAGE, prot, flags, fd, offset);
  }

  private static void mmapArguments(Rig rig) {
    int disk = CaseSetup.DISK;
    Looks.fails(rig, "an odd offset", Errno.EINVAL, mmap(rig, RW, 0x22, -1, 1));
    Looks.fails(rig, "an odd offset first", Errno.EINVAL, mmap(rig, RW, 2, 77, 1));
    Looks.fails(rig, "no descriptor", Errno.EBADF, mmap(rig, RW, 2, 77, 0));
    Looks.fails(rig, "no descriptor", Errno.EBADF, mmap(rig, RW, 0x40002, 77, 0));
    Looks.fails(rig, "huge pages of a file", Errno.EINVAL, mmap(rig, RW, 0x40002, disk, 0));
    Looks.fails(rig, "huge pages", Errno.ENOMEM, mmap(rig, RW, 0x40022, -1, 0));
    Looks.fails(rig, "2 MiB", Errno.ENOMEM, mmap(rig, RW, 0x40022 | (21 << 26), -1, 0));
    Looks.fails(rig, "1 GiB", Errno.ENOMEM, mmap(rig, RW, 0x40022 | (30 << 26), -1, 0));
    Looks.fails(rig, "64 KiB", Errno.EINVAL, mmap(rig, RW, 0x40022 | (16 << 26), -1, 0));
    Looks.fails(rig, "length 0", Errno.EINVAL, rig.mm.mmap(FAR, 0, RW, ANON, -1, 0));
    Looks.fails(rig, "length 0", Errno.EBADF, rig.mm.mmap(FAR, 0, RW, 2, 77, 0));
    Looks.fails(rig, "a length that wraps", Errno.ENOMEM, rig.mm.mmap(0, -5, RW, 0x22, -1, 0));
    Looks.fails(
        rig, "the last offset", Errno.EOVERFLOW, mmap(rig, RW, 2, disk, 0x7ffffffffffff000L));
    Looks.works("below it", mmap(rig, RW, 0x12, disk, 0x7fffffffffffe000L));
    Looks.ends("a page there", Kind.BUS_ADRERR, rig.mm.read(FAR));
    Looks.fails(rig, "beyond", Errno.EOVERFLOW, mmap(rig, RW, 0x12, disk, 1L << 63));
    int zero = CaseSetup.ZERO;
    Looks.fails(rig, "a device", Errno.EOVERFLOW, mmap(rig, RW, 0x12, zero, -PAGE));
    Looks.works("a device", mmap(rig, RW, 0x12, zero, -2 * PAGE));
    Looks.fails(rig, "no type", Errno.EINVAL, mmap(rig, RW, 0, disk, 0));
    Looks.fails(rig, "no type", Errno.EINVAL, mmap(rig, RW, 0x20, -1, 0));
    Looks.fails(rig, "a wrong type", Errno.EINVAL, mmap(rig, RW, 4, disk, 0));
    Looks.fails(rig, "a droppable file", Errno.EINVAL, mmap(rig, RW, 8, disk, 0));
    Looks.fails(rig, "validated anonymous", Errno.EINVAL, mmap(rig, RW, 0x23, -1, 0));
    Looks.fails(rig, "locked, droppable", Errno.EINVAL, mmap(rig, RW, 0x2028, -1, 0));
    Looks.fails(rig, "a droppable stack", Errno.EINVAL, mmap(rig, RW, 0x128, -1, 0));
    Looks.fails(rig, "a shared stack", Errno.EINVAL, mmap(rig, RW, 0x121, -1, 0));
    Looks.fails(rig, "a file's stack", Errno.EINVAL, mmap(rig, RW, 0x102, disk, 0));
    Looks.fails(rig, "of proc", Errno.ENODEV, mmap(rig, READ, 2, CaseSetup.PROC, 0));
    Looks.fails(rig, "of proc", Errno.EACCES, mmap(rig, RW, 1, CaseSetup.PROC, 0));
    Looks.fails(rig, "write only", Errno.EACCES, mmap(rig, 2, 1, CaseSetup.DISK_WRITE_ONLY, 0));
    Looks.fails(rig, "write only", Errno.EACCES, mmap(rig, 2, 2, CaseSetup.DISK_WRITE_ONLY, 0));
    Looks.fails(rig, "read only", Errno.EACCES, mmap(rig, RW, 1, CaseSetup.DISK_READ_ONLY, 0));
    Looks.fails(rig, "over another", Errno.EEXIST, mmap(rig, RW, 0x100022, -1, 0));
    Looks.fails(
        rig,
        "its end over another",
        Errno.EEXIST,
        rig.mm.mmap(FAR - PAGE, 2 * PAGE, RW, 0x100022, -1, 0));
    rig.gives("below", FAR - PAGE, rig.mm.mmap(FAR - PAGE, PAGE, RW, 0x100022, -1, 0));
    rig.gives("behind", FAR + PAGE, rig.mm.mmap(FAR + PAGE, PAGE, RW, 0x100022, -1, 0));
  }

  private static void mmapTypes(Rig rig) {
    int disk = CaseSetup.DISK;
    Looks.works("MAP_SHARED with more", mmap(rig, RW, 0x200011, disk, 0));
    Looks.flags(rig, FAR, "sh ms");
    Looks.fails(rig, "validated", Errno.EOPNOTSUPP, mmap(rig, RW, 0x200013, disk, 0));
    Looks.works("validated", mmap(rig, RW, 0x13 | 0x4000, disk, 0));
    Looks.flags(rig, FAR, "sh ms nr");
    Looks.fails(rig, "MAP_SYNC", Errno.EOPNOTSUPP, mmap(rig, RW, 0x80013, CaseSetup.TMPFS, 0));
    Looks.flags(rig, FAR, "sh ms nr");
    rig.map(FAR, PAGE, RW);
    Looks.fails(rig, "MAP_SYNC", Errno.EOPNOTSUPP, mmap(rig, RW, 0x80013, disk, 0));
    Looks.committed(rig, 0);
    rig.map(FAR, PAGE, RW);
    Looks.committed(rig, 1);
    Looks.fails(rig, "private MAP_SYNC", Errno.EOPNOTSUPP, mmap(rig, RW, 0x80012, disk, 0));
    Looks.committed(rig, 0);
    Looks.fails(rig, "nothing there", Errno.ENOMEM, rig.mm.mprotect(FAR, PAGE, RW));
    Looks.works("MAP_SYNC of memory", mmap(rig, RW, 0x80032, -1, 0));
    Looks.flags(rig, FAR, "ac sf");
    Looks.works("a file to read", mmap(rig, READ, 0x11, CaseSetup.DISK_READ_ONLY, 0));
    Looks.flags(rig, FAR, "ms");
    Looks.may(rig, FAR, "mr me ms");
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(FAR, PAGE, RW));
    rig.gives("mprotect", 0, rig.mm.mprotect(FAR, PAGE, 5));
    Looks.works("privately", mmap(rig, RW, 0x12, CaseSetup.DISK_READ_ONLY, 0));
    Looks.flags(rig, FAR, "ac");
    Looks.may(rig, FAR, "mr mw me");
    Looks.works("/dev/zero", mmap(rig, RW, 0x12, CaseSetup.ZERO, PAGE));
    rig.touch(FAR);
    Looks.pages(rig, FAR, PAGE, "A1");
    rig.gives("MADV_FREE of it", 0, rig.mm.madvise(FAR, PAGE, 8));
    Looks.works("a stack", mmap(rig, RW, 0x132, -1, 0));
    Looks.flags(rig, FAR, "gd ac");
    Looks.works("MAP_STACK", mmap(rig, RW, 0x20032, -1, 0));
    Looks.flags(rig, FAR, "ac nh");
    Looks.works("MAP_NORESERVE", mmap(rig, RW, 0x4032, -1, 0));
    Looks.flags(rig, FAR, "nr");
    Looks.works("ignored", mmap(rig, RW, 0x1832, -1, 0));
    Looks.flags(rig, FAR, "ac");
    Looks.works("droppable", mmap(rig, RW, 0x38, -1, 0));
    Looks.flags(rig, FAR, "nr wf dd dp");
    Looks.committed(rig, 0);
  }

  private static void populates(Rig rig) {
    rig.gives("private", A, rig.mm.mmap(A, TEN, RW, 0x8032, -1, 0));
    rig.gives("read-only", B, rig.mm.mmap(B, TEN, READ, 0x8032, -1, 0));
    rig.gives("not at all", C, rig.mm.mmap(C, TEN, 0, 0x8032, -1, 0));
    Looks.pages(rig, A, 3 * TEN, "A10,z10,.10");
    rig.gives("with MAP_NONBLOCK", A, rig.mm.mmap(A, TEN, RW, 0x18032, -1, 0));
    rig.gives("MAP_NONBLOCK", B, rig.mm.mmap(B, TEN, RW, 0x10032, -1, 0));
    rig.gives("locked", C, rig.mm.mmap(C, TEN, READ, 0x12032, -1, 0));
    Looks.pages(rig, A, 3 * TEN, ".20,z10");
    rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x8012, CaseSetup.TINY, 0));
    Looks.pages(rig, A, TEN, "A6,.4");
    rig.gives("to read", A, rig.mm.mmap(A, TEN, READ, 0x8012, CaseSetup.TINY, 0));
    Looks.pages(rig, A, TEN, "F6,.4");
    rig.gives("shared", A, rig.mm.mmap(A, TEN, 2, 0x8011, CaseSetup.DISK, 0));
    Looks.pages(rig, A, TEN, "F10");
    rig.gives("to execute", B, rig.mm.mmap(B, TEN, 4, 0x8032, -1, 0));
    Looks.pages(rig, B, TEN, "z10");
    rig.map(C, TEN, RW);
    Looks.ends("executing data", Kind.SEGV_ACCERR, rig.mm.execute(C + PAGE));
    Looks.pages(rig, C, TEN, ".1,z1,.8");
    rig.put(C, 5);
    rig.put(C, 0);
    rig.has(C, 0);
  }
}
