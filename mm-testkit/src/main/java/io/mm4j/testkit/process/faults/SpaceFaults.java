// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.process.rules.Floors;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/** Process floors that are wrong on purpose, each in one way, above the kit's correct index. */
public final class SpaceFaults {
  private SpaceFaults() {}

  private static Fault<VmaIndexProvider> fault(
      String name, String what, UnaryOperator<AddressSpace> wrap, String... rules) {
    return floor(name, what, right -> DelegatingSpace.floor(right, wrap), rules);
  }

  public static List<Fault<VmaIndexProvider>> all() {
    List<Fault<VmaIndexProvider>> all = new ArrayList<>(calls());
    all.addAll(views());
    all.addAll(shares());
    all.addAll(floors());
    all.addAll(CaseFaults.advice());
    all.addAll(CaseFaults.pages());
    all.addAll(CaseFaults.limits());
    all.addAll(CaseFaults.places());
    all.addAll(CaseFaults.calls());
    all.addAll(SyscallFaults.all());
    all.addAll(EffectFaults.all());
    all.addAll(MountFaults.all());
    all.addAll(KeyFaults.all());
    all.addAll(TellingFaults.all());
    all.addAll(ModelFaults.all());
    all.addAll(PolicyFaults.all());
    all.addAll(TouchFaults.all());
    all.addAll(OtherProcessFaults.all());
    all.addAll(UffdFaults.all());
    all.add(
        new Fault<>(
            "lowest-in-gap",
            "The index gives the bottom of the highest gap.",
            List.of("AS-03", "AS-31"),
            new Floors.Wrong("lowest-in-gap", lowestInGap(), right -> right)));
    return all;
  }

  private static List<Fault<VmaIndexProvider>> shares() {
    return List.of(
        fault(
            "all-exclusive",
            "Pagemap says of every page that it is mapped once.",
            ShareFaults.AllExclusive::new,
            "AS-70"),
        fault(
            "whole-shares",
            "Pss counts a page as a whole, however many share it.",
            ShareFaults.WholeShares::new,
            "AS-71",
            "AS-72"),
        fault(
            "all-referenced",
            "What a child inherits counts as used by it.",
            ShareFaults.AllReferenced::new,
            "AS-72"),
        fault(
            "shared-is-clean",
            "Memory that a child has from its parent counts as never written.",
            ShareFaults.SharedIsClean::new,
            "AS-113"),
        fault(
            "no-huge-pages-in-smaps",
            "smaps counts huge pages as ordinary ones.",
            ShareFaults.NoHugePages::new,
            "AS-63"),
        fault(
            "remembers-frames",
            "Pagemap tells the frame that a page had at first.",
            ShareFaults.RemembersFrames::new,
            "AS-66"),
        fault(
            "loads-no-pages",
            "A state is loaded without its pages.",
            ShareFaults.LoadsNoPages::new,
            "AS-60",
            "AS-62"),
        fault(
            "shows-neighbours",
            "A part of maps has what begins where it ends.",
            ShareFaults.ShowsNeighbours::new,
            "AS-61"));
  }

  private static Fault<VmaIndexProvider> floor(
      String name, String what, UnaryOperator<ProcessFloor> floor, String... rules) {
    return new Fault<>(
        name, what, Arrays.asList(rules), new Floors.Wrong(name, VmaIndexSuite.correct(), floor));
  }

  private static List<Fault<VmaIndexProvider>> floors() {
    return List.of(
        floor(
            "promises-all",
            "vm.overcommit_memory is not looked at.",
            ConfigFaults.promisesAll(),
            "AS-05"),
        floor(
            "one-vma-more",
            "vm.max_map_count is kept with one VMA too many.",
            ConfigFaults.oneVmaMore(),
            "AS-04"),
        floor(
            "keeps-shared-charges",
            "Shared memory stays charged when its last mapping goes.",
            FloorFaults::keepsSharedCharges,
            "AS-05",
            "AS-29"),
        floor(
            "stays-open",
            "A floor that is closed keeps the pages of files.",
            FloorFaults::staysOpen,
            "AS-56"),
        floor("all-active", "Every page is active.", FloorFaults::allActive, "AS-67"),
        floor(
            "all-used", "Every page is referenced.", FloorFaults::allReferenced, "AS-67", "AS-F44"),
        floor(
            "one-huge-page-more",
            "The pool of huge pages has one more than was asked for.",
            FloorFaults::oneHugePageMore,
            "AS-68",
            "AS-103"),
        floor(
            "costs-more-and-more",
            "Each allocation costs more than the one before.",
            FloorFaults::costsMoreAndMore,
            "AS-73"),
        fault(
            "unmaps-what-fails",
            "A write for which there is no page takes its mapping along.",
            FrameFaults.UnmapsWhatFails::new,
            "AS-57",
            "AS-92"),
        fault(
            "forgets-where-it-failed",
            "A fork for which there is no memory takes the parent's first page along.",
            FrameFaults.ForgetsWhereItFailed::new,
            "AS-F96"),
        fault(
            "knows-its-forebears",
            "Each child has a list of all who came before it.",
            FrameFaults.KnowsItsForebears::new,
            "AS-91"),
        fault(
            "stacks-without-limit",
            "RLIMIT_STACK is taken, and not looked at.",
            FrameFaults.StacksWithoutLimit::new,
            "AS-93"),
        fault(
            "gives-up",
            "A write gives up when a page is reclaimed meanwhile.",
            FrameFaults.GivesUp::new,
            "AS-58"));
  }

  private static VmaIndexProvider lowestInGap() {
    return VmaIndexSuite.suite().faults().stream()
        .filter(fault -> fault.name().equals("lowest-in-gap"))
        .findFirst()
        .orElseThrow()
        .provider();
  }

  private static List<Fault<VmaIndexProvider>> calls() {
    return List.of(
        fault(
            "forgets-noreplace",
            "MAP_FIXED_NOREPLACE replaces.",
            CallFaults.ForgetsNoReplace::new,
            "AS-01"),
        fault(
            "half-munmap",
            "munmap unmaps up to the sealed page and fails then.",
            CallFaults.HalfMunmap::new,
            "AS-02"),
        fault(
            "ignores-the-limit",
            "RLIMIT_AS stays as it was.",
            CallFaults.IgnoresTheLimit::new,
            "AS-04"),
        fault(
            "rounds-the-break",
            "brk rounds the break to a page.",
            CallFaults.RoundsTheBreak::new,
            "AS-06"),
        fault(
            "protects-one-more",
            "mprotect changes the page behind its range.",
            CallFaults.ProtectsOneMore::new,
            "AS-11"),
        fault(
            "forgets-dontdump",
            "MADV_DONTDUMP does nothing.",
            CallFaults.ForgetsDontDump::new,
            "AS-12"),
        fault(
            "loses-a-page",
            "mremap loses the first page of what it moves.",
            CallFaults.LosesAPage::new,
            "AS-22",
            "AS-87",
            "AS-C38",
            "AS-C39",
            "AS-C40",
            "AS-C41",
            "AS-C42",
            "AS-C43",
            "AS-C46",
            "AS-C47"),
        fault(
            "says-moved",
            "mremap that is refused says that it was done.",
            CallFaults.SaysMoved::new,
            "AS-01",
            "AS-C35",
            "AS-C36",
            "AS-C37"),
        fault(
            "writes-read-only",
            "A write to a read-only page goes through.",
            CallFaults.WritesReadOnly::new,
            "AS-23"),
        fault(
            "discards-one-less",
            "MADV_DONTNEED leaves the last page.",
            CallFaults.DiscardsOneLess::new,
            "AS-24"),
        fault(
            "all-resident", "mincore says 1 of every page.", CallFaults.AllResident::new, "AS-25"),
        fault(
            "forks-all",
            "fork takes MADV_DONTFORK away before it copies.",
            CallFaults.ForksAll::new,
            "AS-26"),
        fault(
            "shares-the-break",
            "brk of a parent moves the break of its children.",
            CallFaults.SharesTheBreak::new,
            "AS-27"),
        fault(
            "forgets-the-seal",
            "mseal is shown and not kept.",
            CallFaults.ForgetsTheSeal::new,
            "AS-28"),
        fault(
            "seals-one-less",
            "mseal leaves the last page of its range without its seal, and shows it.",
            FloorFaults.SealsOneLess::new,
            "AS-28"),
        fault(
            "leaves-a-hole",
            "mmap with MAP_FIXED has unmapped a page when memory is out.",
            CallFaults.LeavesAHole::new,
            "AS-29"),
        fault(
            "never-tries-again",
            "mmap and mprotect that failed for want of memory fail ever after.",
            CallFaults.NeverTriesAgain::new,
            "AS-30",
            "AS-C12"),
        fault(
            "refuses-listeners",
            "munmap fails while somebody listens to reasons.",
            CallFaults.RefusesListeners::new,
            "AS-32"));
  }

  private static List<Fault<VmaIndexProvider>> views() {
    return List.of(
        fault(
            "reaches-too-far",
            "Every VMA is shown one page too long.",
            ViewFaults.ReachesTooFar::new,
            "AS-07",
            "AS-C04"),
        fault(
            "misses-the-last-page",
            "A look-up by the last page of a VMA does not find it.",
            ViewFaults.MissesTheLastPage::new,
            "AS-08"),
        fault(
            "counts-the-largest",
            "map_count never falls.",
            ViewFaults.CountsTheLargest::new,
            "AS-09"),
        fault(
            "keeps-the-cache",
            "mmap_cache names a VMA that was unmapped.",
            ViewFaults.KeepsTheCache::new,
            "AS-10"),
        fault(
            "never-merges",
            "Mappings stay apart at every border that a call has made.",
            ViewFaults.NeverMerges::new,
            "AS-13",
            "AS-C01",
            "AS-C02",
            "AS-C03",
            "AS-C05",
            "AS-C06",
            "AS-C08",
            "AS-C09",
            "AS-C10",
            "AS-C11",
            "AS-C13",
            "AS-C14",
            "AS-C15",
            "AS-C16",
            "AS-C17",
            "AS-C18",
            "AS-C19",
            "AS-C20",
            "AS-C21",
            "AS-C25",
            "AS-C26",
            "AS-C28",
            "AS-C29",
            "AS-C30",
            "AS-C31",
            "AS-C32",
            "AS-C33",
            "AS-C34",
            "AS-C44",
            "AS-C45"),
        fault(
            "merges-across-offsets",
            "VMAs of equal rights that touch are one.",
            ViewFaults.MergesAcrossOffsets::new,
            "AS-14",
            "AS-95",
            "AS-96",
            "AS-C07",
            "AS-C22",
            "AS-C23",
            "AS-C24",
            "AS-C27"),
        fault(
            "stands-still",
            "mapsGeneration() never changes.",
            ViewFaults.StandsStill::new,
            "AS-15"),
        fault(
            "counts-what-was-asked",
            "Sums change by what calls were asked for and not by what they changed.",
            ViewFaults.CountsWhatWasAsked::new,
            "AS-16",
            "AS-18",
            "AS-19"),
        fault(
            "exec-is-data",
            "Executable pages count as data, too.",
            ViewFaults.ExecIsData::new,
            "AS-17"),
        fault("peak-falls", "hiwater_vm follows total_vm.", ViewFaults.PeakFalls::new, "AS-20"),
        fault("rss-never-falls", "rss never falls.", ViewFaults.RssNeverFalls::new, "AS-21"));
  }
}
