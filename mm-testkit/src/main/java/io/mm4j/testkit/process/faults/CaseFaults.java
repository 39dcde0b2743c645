// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MissingPages;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.process.faults.Tampered.Call;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.AdviceCases;
import io.mm4j.testkit.process.rules.Floors;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The faults of the cases about arguments, advice, huge pages, files, limits and places. */
final class CaseFaults {
  private CaseFaults() {}

  private static Fault<VmaIndexProvider> space(
      String name, String what, UnaryOperator<AddressSpace> wrap, String... rules) {
    return floor(name, what, right -> DelegatingSpace.floor(right, wrap), rules);
  }

  private static Fault<VmaIndexProvider> floor(
      String name, String what, UnaryOperator<ProcessFloor> floor, String... rules) {
    return new Fault<>(
        name, what, Arrays.asList(rules), new Floors.Wrong(name, VmaIndexSuite.correct(), floor));
  }

  /** Takes one piece of advice for another. */
  private static UnaryOperator<AddressSpace> advice(int given, int taken) {
    return Tampered.arguments(
        Call.MADVISE,
        args -> {
          args[2] = args[2] == given ? taken : args[2];
          return true;
        });
  }

  /** Does not see some bits of an argument. */
  private static UnaryOperator<AddressSpace> blind(Call call, int place, long bits) {
    return Tampered.arguments(
        call,
        args -> {
          args[place] &= ~bits;
          return true;
        });
  }

  static List<Fault<VmaIndexProvider>> advice() {
    return List.of(
        space("random-is-sequential", "MADV_RANDOM sets SEQ_READ.", advice(1, 2), "AS-C48"),
        space(
            "advises-all",
            "Memory that cannot take a piece of advice says that it has.",
            Tampered.error(Call.MADVISE, Errno.EINVAL, 0),
            "AS-C49"),
        space(
            "forgets-holes",
            "madvise does not report holes.",
            Tampered.error(Call.MADVISE, Errno.ENOMEM, 0),
            "AS-C50"),
        space(
            "takes-advice-on-sealed",
            "Sealed memory says that it was discarded.",
            Tampered.error(Call.MADVISE, Errno.EPERM, 0),
            "AS-C51"),
        space("frees-at-once", "MADV_FREE discards.", advice(8, 4), "AS-C52", "AS-C65"),
        space(
            "guards-nothing",
            "MADV_GUARD_INSTALL discards and no more.",
            advice(102, 4),
            "AS-C53",
            "AS-G01",
            "AS-G02",
            "AS-G03",
            "AS-G04",
            "AS-G05",
            "AS-G06",
            "AS-G07",
            "AS-G08",
            "AS-G09",
            "AS-G10",
            "AS-G11",
            "AS-G12",
            "AS-G13",
            "AS-G14",
            "AS-G15",
            "AS-G16",
            "AS-G17",
            "AS-G18"),
        space(
            "moves-no-guards",
            "mremap takes guard pages away.",
            inner ->
                new DelegatingSpace(inner, space -> space) {
                  @Override
                  public long mremap(long addr, long old, long bytes, long flags, long to) {
                    long result = super.mremap(addr, old, bytes, flags, to);
                    super.madvise(to, bytes, AdviceCases.GUARD_REMOVE);
                    return result;
                  }
                },
            "AS-48"),
        space("populates-by-reading", "MADV_POPULATE_WRITE reads.", advice(23, 22), "AS-C54"),
        space(
            "removes-from-one",
            "MADV_REMOVE discards what is mapped and leaves the file as it is.",
            advice(9, 4),
            "AS-C69",
            "AS-C70",
            "AS-C71"),
        space(
            "wipes-nothing", "MADV_WIPEONFORK is taken for MADV_NORMAL.", advice(18, 0), "AS-45"));
  }

  static List<Fault<VmaIndexProvider>> pages() {
    return List.of(
        space(
            "loses-what-came-meanwhile",
            "What is written while a write looks for memory is lost.",
            FrameFaults.LosesNested::new,
            "AS-D11",
            "AS-94"),
        space(
            "asks-nobody",
            "Nobody is asked for missing pages.",
            inner ->
                new DelegatingSpace(inner, space -> space) {
                  @Override
                  public void missingTo(@Nullable MissingPages listener) {
                    inner.missingTo(null);
                  }
                },
            "AS-D10"),
        space(
            "writes-through-forks",
            "What a child writes its parent has written, too.",
            FrameFaults.WritesThrough::new,
            "AS-D01",
            "AS-D02",
            "AS-D03",
            "AS-D04",
            "AS-D05",
            "AS-D06",
            "AS-D07",
            "AS-D08",
            "AS-D09"),
        space(
            "tables-by-pages",
            "Page tables are counted where pages are.",
            ViewFaults.TablesByPages::new,
            "AS-T01",
            "AS-T02",
            "AS-T03",
            "AS-T04"),
        floor(
            "never-huge",
            "There are no huge pages.",
            ConfigFaults.neverHuge(),
            "AS-C55",
            "AS-C58",
            "AS-C59",
            "AS-C60",
            "AS-C61",
            "AS-C62",
            "AS-C63",
            "AS-C64",
            "AS-C65",
            "AS-49",
            "AS-50",
            "AS-51"),
        space(
            "splits-at-once",
            "A huge page is split as soon as a part of it is unmapped.",
            Tampered.SplitsAtOnce::new,
            "AS-59"),
        floor(
            "huge-if-possible",
            "transparent_hugepage is always.",
            ConfigFaults.hugeIfPossible(),
            "AS-C56",
            "AS-C57"),
        space(
            "collapses-in-words",
            "MADV_COLLAPSE says that it was done and does nothing.",
            advice(25, 0),
            "AS-C97",
            "AS-C98",
            "AS-114"),
        space(
            "files-in-small",
            "Files are never mapped in huge pages.",
            inner -> new Tampered.AdvisesFiles(inner, 15),
            "AS-C66"),
        space(
            "sync-is-async",
            "MS_SYNC only starts to write.",
            Tampered.arguments(
                Call.MSYNC,
                args -> {
                  args[2] = args[2] == 4 ? 1 : args[2];
                  return true;
                }),
            "AS-C67"),
        space(
            "invalidates-locked",
            "MS_INVALIDATE says of locked memory that it was done.",
            Tampered.error(Call.MSYNC, Errno.EBUSY, 0),
            "AS-C68"),
        space(
            "reads-one-page",
            "Every file is read as if MADV_RANDOM had been given.",
            inner -> new Tampered.AdvisesFiles(inner, 1),
            "AS-C70"),
        space(
            "maps-none-behind",
            "A read of a file maps no page behind its own.",
            Tampered.MapsNoneBehind::new,
            "AS-C72"),
        floor(
            "charges-for-ever",
            "Shared memory stays charged when its last mapping goes.",
            FloorFaults::keepsSharedCharges,
            "AS-C73"));
  }

  static List<Fault<VmaIndexProvider>> limits() {
    return List.of(
        floor(
            "everybody-may",
            "Everybody has CAP_IPC_LOCK and CAP_SYS_RAWIO.",
            ConfigFaults.everybodyMay(),
            "AS-C74",
            "AS-C76",
            "AS-C90"),
        floor(
            "nobody-may",
            "Nobody has a capability.",
            ConfigFaults.nobodyMay(),
            "AS-C75",
            "AS-C84",
            "AS-C91"),
        space(
            "locks-or-enomem",
            "mlock says ENOMEM when memory is out.",
            Tampered.error(Call.MLOCK, Errno.EAGAIN, Errno.ENOMEM),
            "AS-C77"),
        space(
            "locks-all-now",
            "mlockall does not see MCL_ONFAULT.",
            blind(Call.MLOCKALL, 0, 4),
            "AS-C78"),
        floor(
            "without-data-segment",
            "RLIMIT_DATA does not count the data segment.",
            ConfigFaults.withoutDataSegment(),
            "AS-C79"),
        floor(
            "one-page-more",
            "RLIMIT_AS is kept with one page too many.",
            ConfigFaults.onePageMore(),
            "AS-C80"),
        floor(
            "always-overcommits",
            "vm.overcommit_memory is always 1.",
            ConfigFaults.promisesAll(),
            "AS-C81",
            "AS-C83"),
        floor(
            "guesses",
            "vm.overcommit_memory is always 0.",
            ConfigFaults.guesses(),
            "AS-C82",
            "AS-C83"),
        floor(
            "cuts-one-more",
            "vm.max_map_count is kept with one VMA too many.",
            ConfigFaults.oneVmaMore(),
            "AS-C85"));
  }

  static List<Fault<VmaIndexProvider>> places() {
    return List.of(
        floor(
            "other-way-round",
            "The search goes in the other direction.",
            ConfigFaults.otherWayRound(),
            "AS-C86",
            "AS-C87"),
        floor(
            "other-width",
            "A 64-bit process is taken for one of 32 bits, and the other way round.",
            ConfigFaults.otherWidth(),
            "AS-C88",
            "AS-C89"),
        floor(
            "without-gap",
            "Stacks have no guard gap.",
            ConfigFaults.withoutGap(),
            "AS-C92",
            "AS-C93"),
        space(
            "one-of-two",
            "VMAs of equal rights that touch are one, whoever faulted them.",
            ViewFaults.MergesAcrossOffsets::new,
            "AS-C94",
            "AS-C95",
            "AS-C96",
            "AS-47"));
  }

  static List<Fault<VmaIndexProvider>> calls() {
    return List.of(
        space(
            "wraps-offsets",
            "mmap lets offsets through that no file can have.",
            Tampered.error(Call.MMAP, Errno.EOVERFLOW, Errno.EINVAL),
            "AS-33"),
        space(
            "shares-unvalidated",
            "MAP_SHARED_VALIDATE is taken for MAP_SHARED.",
            Tampered.arguments(
                Call.MMAP,
                args -> {
                  args[3] = (args[3] & 15) == 3 ? args[3] & ~2 : args[3];
                  return true;
                }),
            "AS-34"),
        space(
            "populates-nothing",
            "mmap does not see MAP_POPULATE.",
            blind(Call.MMAP, 3, Bits.MAP_POPULATE),
            "AS-35"),
        space(
            "protects-from-here",
            "mprotect does not see PROT_GROWSDOWN.",
            blind(Call.MPROTECT, 2, 0x01000000),
            "AS-36"),
        floor(
            "keeps-exec-apart",
            "READ_IMPLIES_EXEC is not looked at.",
            ConfigFaults.keepsExecApart(),
            "AS-37"),
        space(
            "rounds-every-break",
            "brk rounds the break to a page.",
            CallFaults.RoundsTheBreak::new,
            "AS-38"),
        space("ignores-seal-flags", "mseal ignores flags.", blind(Call.MSEAL, 2, -1), "AS-39"),
        space(
            "everything-is-in-core",
            "mincore says 1 of every page.",
            CallFaults.AllResident::new,
            "AS-40"),
        space(
            "moves-in-words",
            "mremap that is refused says that it was done.",
            CallFaults.SaysMoved::new,
            "AS-41"),
        space(
            "vdso-stays",
            "A vdso that was moved is remembered where it was first.",
            Tampered.VdsoStays::new,
            "AS-42"),
        space(
            "clock-without-end",
            "Every page of the clock data exists.",
            Tampered.ClockWithoutEnd::new,
            "AS-43"),
        space(
            "never-exits",
            "A process stays as it was at its exit.",
            CallFaults.NeverExits::new,
            "AS-52"),
        space(
            "limits-are-shared",
            "A limit that a child sets is its parent's, too.",
            CallFaults.SharesLimits::new,
            "AS-53"),
        space(
            "child-of-nothing",
            "Whoever has advised against copying at fork has no child at all.",
            CallFaults.ChildOfNothing::new,
            "AS-55"),
        floor(
            "without-overcommit-kbytes",
            "vm.overcommit_kbytes is not looked at.",
            ConfigFaults.withoutOvercommitKbytes(),
            "AS-54"),
        floor(
            "allocates-once",
            "A call asks for memory once, whatever it needs.",
            FloorFaults::countsOne,
            "AS-46"),
        space(
            "peeks-at-nothing",
            "A debugger's read brings no page.",
            Tampered.PeeksAtNothing::new,
            "AS-44"));
  }
}
