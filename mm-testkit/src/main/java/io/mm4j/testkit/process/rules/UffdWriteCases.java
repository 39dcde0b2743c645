// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.UffdBench.BYTES;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of userfaultfd about writes that are told, and about pages that files have. */
public final class UffdWriteCases {
  private static final CaseGroup GROUP = UffdCases.GROUP;
  private static final long PAGE = Bits.PAGE;
  private static final int DONTNEED = 4;
  private static final long WRITE = Uffd.FAULT_WRITE | Uffd.FAULT_WP;
  private static final int PRIVATE_FIXED = 0x12;
  private static final int SHARED_FIXED = 0x11;

  private UffdWriteCases() {}

  private static Rule<VmaIndexProvider> rule(
      String id,
      String name,
      String statement,
      String behind,
      java.util.function.Consumer<Rig> body) {
    return GROUP.rule(
        id,
        name,
        statement,
        behind,
        setup -> setup.capabilities = Set.of(Capability.SYS_PTRACE),
        body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        rule(
            "AS-F80",
            "protected-writes",
            "A write to a page that UFFDIO_WRITEPROTECT or UFFDIO_COPY has protected waits and is"
                + " told, reads go on; mprotect keeps the protection, the child of a fork has none,"
                + " and unregistering takes it away.",
            "mwriteprotect_range (mm/userfaultfd.c), do_wp_page; LTP userfaultfd05, uffd-unit-tests"
                + " wp",
            UffdWriteCases::protectedWrites),
        rule(
            "AS-F81",
            "markers",
            "Where nothing is, markers protect: of anonymous memory with"
                + " UFFD_FEATURE_WP_UNPOPULATED. What comes there is protected; MADV_DONTNEED"
                + " drops markers, and UFFDIO_COPY replaces them.",
            "PTE_MARKER_UFFD_WP, pte_marker_handle_uffd_wp; uffd-unit-tests wp-unpopulated",
            UffdWriteCases::markers),
        rule(
            "AS-F82",
            "markers-of-files",
            "Of shared memory and private mappings of tmpfs markers protect always, and stay when"
                + " pages go by MADV_DONTNEED or a hole in the file.",
            "zap_install_uffd_wp_if_needed, userfaultfd_wp_use_markers",
            UffdWriteCases::markersOfFiles),
        rule(
            "AS-F83",
            "minor-faults",
            "An access of a page that the file has and nobody has mapped is told, and"
                + " UFFDIO_CONTINUE maps it, if the file has it; a page that the file does not have"
                + " is made as elsewhere.",
            "shmem_get_folio_gfp, mfill_atomic_pte_continue; uffd-unit-tests minor",
            UffdWriteCases::minor),
        rule(
            "AS-F84",
            "poison",
            "UFFDIO_POISON makes accesses fail with SIGBUS, also the child's and after"
                + " unregistering, until UFFDIO_COPY or MADV_DONTNEED replaces it; only nothing at"
                + " all can be poisoned.",
            "mfill_atomic_pte_poison, handle_pte_marker; uffd-unit-tests poison",
            UffdWriteCases::poison),
        rule(
            "AS-F85",
            "writes-since",
            "With UFFD_FEATURE_WP_ASYNC a write takes the protection of its page away by itself;"
                + " PAGEMAP_SCAN finds what was written to, protects it anew if asked, and refuses"
                + " or passes over VMAs that are not watched so.",
            "pagemap_scan_pmd_entry (fs/proc/task_mmu.c), userfaultfd_wp_async; selftests/mm"
                + " pagemap_ioctl",
            UffdWriteCases::writtenSince));
  }

  private static void protectedWrites(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(A, 8 * PAGE, RW);
    rig.put(A, 1);
    rig.touch(A + PAGE);
    rig.has(A + 2 * PAGE, 0);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(A, 8 * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(A, 8, "Pw Pw Pw . . . . .");
    rig.has(A, 1);
    uffd.waits(A + 5, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, WRITE, A, 0);
    rig.gives("no longer", 0, uffd.protect(A, PAGE, 0));
    rig.put(A, 2);
    uffd.marks(A, 3, "P Pw Pw");
    uffd.waits(A + 2 * PAGE, true);
    rig.gives("without waking", 0, uffd.protect(A + 2 * PAGE, PAGE, Uffd.WRITEPROTECT_DONTWAKE));
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, WRITE, A + 2 * PAGE, 0);
    rig.touch(A + 2 * PAGE);
    Looks.fails(rig, "both", Errno.EINVAL, uffd.protect(A, PAGE, 3));
    Looks.fails(rig, "unknown", Errno.EINVAL, uffd.protect(A, PAGE, 4));
    Looks.fails(rig, "unaligned", Errno.EINVAL, uffd.protect(A + 1, PAGE, 1));
    Looks.fails(rig, "unwatched", Errno.ENOENT, uffd.protect(A + 8 * PAGE, PAGE, 1));
    rig.touch(A + 5 * PAGE);
    rig.protect(A, 8 * PAGE, READ);
    rig.protect(A, 8 * PAGE, RW);
    uffd.marks(A, 6, "P Pw P . . P");
    Rig child = rig.fork();
    uffd.in(child, uffd.fd).marks(A, 6, "P P P . . P");
    Looks.flags(child, A, "ac");
    child.touch(A + PAGE);
    child.mm.exit();
    uffd.waits(A + PAGE, true);
    rig.gives("madvise", 0, rig.mm.madvise(A + PAGE, PAGE, DONTNEED));
    rig.touch(A + PAGE);
    rig.gives("protect", 0, uffd.protect(A, 8 * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(A, 6, "Pw Pw Pw . . Pw");
    rig.gives("unregister", 0, uffd.unregister(A, 8 * PAGE));
    uffd.marks(A, 6, "P P P . . P");
    rig.touch(A);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_WP | Uffd.REGISTER_MISSING);
    rig.gives("madvise", 0, rig.mm.madvise(A, 8 * PAGE, DONTNEED));
    uffd.copy(A, BYTES, 2 * PAGE, Uffd.COPY_WP, 0, 2 * PAGE);
    uffd.marks(A, 3, "Pw Pw .");
    rig.has(A + PAGE, 22);
    uffd.waits(A + PAGE, true);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, uffd.fd));
    uffd.marks(A, 3, "P P .");
    rig.touch(A + PAGE);
  }

  private static void markers(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_UNPOPULATED);
    rig.map(A, 8 * PAGE, RW);
    rig.touch(A);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(A, 4 * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(A, 8, "Pw sw sw sw . . . .");
    Looks.pages(rig, A, 8 * PAGE, "A1,s3,.4");
    rig.has(A + PAGE, 0);
    uffd.marks(A, 4, "Pw Pw sw sw");
    uffd.waits(A + 2 * PAGE + 3, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, WRITE, A + 2 * PAGE, 0);
    uffd.marks(A, 4, "Pw Pw Pw sw");
    Looks.rss(rig, rig.mm.fields().rssPages());
    rig.gives("no longer", 0, uffd.protect(A + 2 * PAGE, PAGE, 0));
    rig.touch(A + 2 * PAGE);
    rig.gives("no longer", 0, uffd.protect(A, 4 * PAGE, 0));
    uffd.marks(A, 4, "P P P .");
    rig.gives("protect", 0, uffd.protect(A, 5 * PAGE, Uffd.WRITEPROTECT_WP));
    Rig child = rig.fork();
    uffd.in(child, uffd.fd).marks(A, 5, "P P P . .");
    child.mm.exit();
    rig.gives("madvise", 0, rig.mm.madvise(A + 3 * PAGE, PAGE, DONTNEED));
    uffd.marks(A, 6, "Pw Pw Pw . sw .");
    uffd.copy(A + 4 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    uffd.marks(A, 6, "Pw Pw Pw . P .");
    rig.gives("protect", 0, uffd.protect(A + 6 * PAGE, PAGE, Uffd.WRITEPROTECT_WP));
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, A + 6 * PAGE, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.fill(Syscall.UFFDIO_POISON, A + 6 * PAGE, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.copy(A + 6 * PAGE, BYTES, PAGE, Uffd.COPY_WP, 0, PAGE);
    uffd.marks(A, 8, "Pw Pw Pw . P . Pw .");
    rig.gives("protect", 0, uffd.protect(A + 7 * PAGE, PAGE, Uffd.WRITEPROTECT_WP));
    rig.gives("unregister", 0, uffd.unregister(A, 8 * PAGE));
    uffd.marks(A, 8, "P P P . P . P .");
  }

  private static void markersOfFiles(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    uffd.shared(A, 8 * PAGE);
    rig.put(A, 5);
    rig.touch(A + PAGE);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(A, 4 * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(A, 5, "Pfw Pfw sw sw .");
    rig.has(A + 2 * PAGE, 0);
    uffd.waits(A + 3 * PAGE, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, WRITE, A + 3 * PAGE, 0);
    uffd.marks(A, 5, "Pfw Pfw Pfw Pfw .");
    rig.gives("no longer", 0, uffd.protect(A + 3 * PAGE, PAGE, 0));
    rig.touch(A + 3 * PAGE);
    rig.gives("madvise", 0, rig.mm.madvise(A, 2 * PAGE, DONTNEED));
    uffd.marks(A, 4, "sw sw Pfw Pf");
    rig.has(A, 5);
    uffd.marks(A, 4, "Pfw sw Pfw Pf");
    rig.touch(A + 5 * PAGE);
    Rig child = rig.fork();
    uffd.in(child, uffd.fd).marks(A, 4, ". . . .");
    child.mm.exit();
    rig.gives("MADV_REMOVE", 0, rig.mm.madvise(A, 8 * PAGE, 9));
    uffd.marks(A, 6, "sw sw sw . . .");
    rig.gives("unregister", 0, uffd.unregister(A, 8 * PAGE));
    uffd.marks(A, 4, ". . . .");
    rig.touch(A);
    privateFile(rig, uffd);
  }

  private static void privateFile(Rig rig, UffdBench uffd) {
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 8 * PAGE, RW, PRIVATE_FIXED, CaseSetup.TMPFS, 0));
    rig.mm.read(FAR);
    rig.touch(FAR + PAGE);
    uffd.watches(FAR, 8 * PAGE, Uffd.REGISTER_WP);
    rig.gives("madvise", 0, rig.mm.madvise(FAR + 2 * PAGE, 6 * PAGE, DONTNEED));
    rig.gives("protect", 0, uffd.protect(FAR, 4 * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(FAR, 5, "Pfw Pw sw sw .");
    uffd.waits(FAR, true);
    rig.gives("no longer", 0, uffd.protect(FAR, PAGE, 0));
    rig.touch(FAR);
    uffd.waits(FAR + 2 * PAGE, true);
    uffd.marks(FAR, 5, "P Pw Pw sw .");
    rig.gives("unregister", 0, uffd.unregister(FAR, 8 * PAGE));
    uffd.watches(FAR, 8 * PAGE, Uffd.REGISTER_MISSING);
    uffd.copy(FAR + 3 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, FAR + 4 * PAGE, PAGE, 0, 0, PAGE);
    uffd.marks(FAR, 6, "P P P P P .");
    rig.has(FAR + 4 * PAGE, 0);
    rig.touch(FAR + 4 * PAGE);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.TMPFS, 5 * PAGE));
    long behind = FAR + 6 * PAGE;
    uffd.copy(behind, BYTES, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, behind, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    uffd.fill(Syscall.UFFDIO_POISON, behind, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    Looks.ends("behind the end", Kind.BUS_ADRERR, rig.mm.read(behind));
  }

  private static void minor(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    long fd = rig.mm.memfdCreate("m", 0);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 8 * PAGE));
    rig.gives("write", 4 * PAGE, rig.mm.syscall(Syscall.PWRITE64, fd, BYTES, 4 * PAGE, 0));
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED_FIXED, fd, 0));
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_MINOR);
    uffd.answers(24, 0x1bc);
    Looks.flags(rig, A, "sh ms ui");
    uffd.waits(A + 3, false);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_MINOR, A, 0);
    uffd.waits(A + PAGE, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_MINOR | Uffd.FAULT_WRITE, A + PAGE, 0);
    uffd.fill(Syscall.UFFDIO_CONTINUE, A, PAGE, 0, 0, PAGE);
    rig.has(A, 11);
    uffd.marks(A, 3, "Pf . .");
    uffd.fill(Syscall.UFFDIO_CONTINUE, A, 2 * PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.fill(Syscall.UFFDIO_CONTINUE, A + 6 * PAGE, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    uffd.fill(
        Syscall.UFFDIO_CONTINUE, A + PAGE, PAGE, Uffd.CONTINUE_WP, -Errno.EINVAL, -Errno.EINVAL);
    uffd.fill(Syscall.UFFDIO_CONTINUE, A + PAGE, PAGE, 4, -Errno.EINVAL, UffdBench.untouched());
    uffd.fill(Syscall.UFFDIO_CONTINUE, A + 2 * PAGE, 3 * PAGE, 0, -Errno.EAGAIN, 2 * PAGE);
    rig.put(A + 2 * PAGE, 77);
    rig.has(A + 3 * PAGE, 44);
    rig.touch(A + 4 * PAGE);
    uffd.silent();
    Looks.fails(rig, "not for writes", Errno.ENOENT, uffd.protect(A, PAGE, 1));
    rig.map(FAR, PAGE, RW);
    Looks.fails(rig, "anonymous", Errno.EINVAL, uffd.register(FAR, PAGE, Uffd.REGISTER_MINOR));
    uffd.watches(FAR, PAGE, Uffd.REGISTER_MISSING);
    uffd.fill(Syscall.UFFDIO_CONTINUE, FAR, PAGE, 0, -Errno.EINVAL, -Errno.EINVAL);
  }

  private static void poison(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(A, 8 * PAGE, RW);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_MISSING);
    uffd.fill(Syscall.UFFDIO_POISON, A, 3 * PAGE, 0, 0, 3 * PAGE);
    uffd.marks(A, 4, "s s s .");
    Looks.pages(rig, A, 8 * PAGE, "s3,.5");
    Looks.ends("a read", Kind.BUS_ADRERR, rig.mm.read(A));
    Looks.ends("a write", Kind.BUS_ADRERR, rig.mm.write(A, 1));
    uffd.silent();
    uffd.fill(Syscall.UFFDIO_POISON, A, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.fill(Syscall.UFFDIO_POISON, A, PAGE, 2, -Errno.EINVAL, UffdBench.untouched());
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, A, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    rig.gives("populate", -133, rig.mm.madvise(A, PAGE, 22));
    Looks.fails(rig, "mlock", Errno.ENOMEM, rig.mm.mlock(A, PAGE));
    rig.gives("munlock", 0, rig.mm.munlock(A, PAGE));
    Rig child = rig.fork();
    Looks.ends("the child's", Kind.BUS_ADRERR, child.mm.read(A));
    child.mm.exit();
    uffd.copy(A, BYTES, PAGE, 0, 0, PAGE);
    rig.has(A, 11);
    rig.gives("madvise", 0, rig.mm.madvise(A + PAGE, PAGE, DONTNEED));
    uffd.marks(A, 3, "P . s");
    uffd.waits(A + PAGE, false);
    rig.gives("guard", 0, rig.mm.madvise(A + 4 * PAGE, PAGE, 102));
    rig.gives("no guards", 0, rig.mm.madvise(A, 4 * PAGE, 103));
    uffd.marks(A, 5, "P . s . sg");
    uffd.fill(Syscall.UFFDIO_POISON, A + 4 * PAGE, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.copy(A + 4 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    rig.gives("unregister", 0, uffd.unregister(A, 8 * PAGE));
    Looks.ends("nobody's", Kind.BUS_ADRERR, rig.mm.read(A + 2 * PAGE));
    rig.unmap(A + 2 * PAGE, PAGE);
    rig.map(A + 2 * PAGE, PAGE, RW);
    rig.touch(A + 2 * PAGE);
  }

  private static void scan(Rig rig, long flags, long max, long mask, long end, String expected) {
    PagemapScan scan =
        new PagemapScan(
            0, 96, flags, A, A + 8 * PAGE, UffdBench.STRUCTS, 32, max, 0, mask, 0, 0x7f);
    PagemapScan.Found found = rig.mm.pagemapScan(scan);
    StringBuilder out = new StringBuilder();
    for (PagemapScan.Region r : found.regions()) {
      out.append(out.isEmpty() ? "" : " ").append((r.start() - A) / PAGE).append('-');
      out.append((r.end() - A) / PAGE).append(':').append(Long.toHexString(r.categories()));
    }
    RuleViolation.check(
        out.toString().equals(expected), "'" + expected + "' from PAGEMAP_SCAN", out.toString());
    rig.gives("the end of the walk", A + end * PAGE, found.walkEnd());
  }

  private static void writtenSince(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_ASYNC);
    long matching = PagemapScan.WP_MATCHING;
    long both = matching | PagemapScan.CHECK_WPASYNC;
    rig.map(A, 8 * PAGE, RW);
    rig.touch(A);
    rig.touch(A + 2 * PAGE);
    rig.gives(
        "unwatched",
        -Errno.EPERM,
        rig.mm.pagemapScan(PagemapScan.of(A, A + PAGE, 0).withFlags(2)).result());
    scan(rig, matching, 0, PagemapScan.WRITTEN, 8, "");
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_WP);
    scan(rig, 0, 0, 0, 8, "0-1:b 1-2:3 2-3:b 3-8:3");
    scan(rig, both, 0, PagemapScan.WRITTEN, 8, "0-1:b 1-2:3 2-3:b 3-8:3");
    uffd.marks(A, 8, "Pw sw Pw sw sw sw sw sw");
    scan(rig, both, 0, PagemapScan.WRITTEN, 8, "");
    rig.touch(A + PAGE);
    rig.touch(A + 2 * PAGE);
    uffd.silent();
    rig.has(A + 5 * PAGE, 0);
    uffd.marks(A, 8, "Pw P P sw sw Pw sw sw");
    scan(rig, both, 2, PagemapScan.WRITTEN, 8, "1-3:b");
    uffd.marks(A, 8, "Pw Pw Pw sw sw Pw sw sw");
    scan(rig, 0, 0, 0, 8, "0-3:9 3-5:11 5-6:29 6-8:11");
    rig.touch(A + 3 * PAGE);
    rig.touch(A + 4 * PAGE);
    scan(rig, 0, 0, PagemapScan.WRITTEN, 8, "3-5:b");
    scan(rig, matching, 1, PagemapScan.PRESENT, 1, "0-1:9");
    rig.gives("guard", 0, rig.mm.madvise(A + 6 * PAGE, PAGE, 102));
    scan(rig, matching, 0, PagemapScan.SWAPPED, 8, "6-7:13 7-8:11");
    uffd.marks(A, 8, "Pw Pw Pw P P Pw swg sw");
    Looks.ends("a guard", Kind.SEGV_MAPERR, rig.mm.read(A + 6 * PAGE));
    ofDisk(rig, uffd);
  }

  /** Files of disks can be watched for writes alone, if those are not told. */
  private static void ofDisk(Rig rig, UffdBench uffd) {
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 4 * PAGE, RW, SHARED_FIXED, CaseSetup.DISK, 0));
    Looks.fails(rig, "missing", Errno.EINVAL, uffd.register(FAR, 4 * PAGE, Uffd.REGISTER_MISSING));
    uffd.watches(FAR, 4 * PAGE, Uffd.REGISTER_WP);
    rig.touch(FAR);
    rig.gives("protect", 0, uffd.protect(FAR, 4 * PAGE, Uffd.WRITEPROTECT_WP));
    rig.mm.read(FAR + PAGE);
    rig.touch(FAR + PAGE);
    rig.mm.read(FAR + 2 * PAGE);
    uffd.marks(FAR, 4, "Pfw Pf Pfw sw");
    rig.gives("unregister", 0, uffd.unregister(FAR, 4 * PAGE));
    uffd.marks(FAR, 4, "Pf Pf Pf .");
  }
}
