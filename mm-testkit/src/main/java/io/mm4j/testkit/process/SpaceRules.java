// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process;

import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.process.rules.Act.Kind;
import io.mm4j.testkit.process.rules.FailureRules;
import io.mm4j.testkit.process.rules.FrameRules;
import io.mm4j.testkit.process.rules.PageRules;
import io.mm4j.testkit.process.rules.ShapeRules;
import io.mm4j.testkit.process.rules.ShareRules;
import io.mm4j.testkit.process.rules.SpaceRule;
import io.mm4j.testkit.process.rules.SpaceSubject;
import io.mm4j.testkit.process.rules.StateRules;
import io.mm4j.testkit.process.rules.SumRules;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** What holds of whole address spaces after any calls, of which a model or a recount says it. */
final class SpaceRules {
  private static final int OPERATIONS = 100;

  /** Each is made again from the beginning for each of its allocations. */
  private static final int FAILING_OPERATIONS = 25;

  private SpaceRules() {}

  static List<SpaceRule> all() {
    return Stream.of(answers(), shapes(), sums(), pages(), shares(), states(), again())
        .flatMap(List::stream)
        .toList();
  }

  private static List<SpaceRule> shares() {
    return List.of(
        rule(
                "AS-70",
                "pagemap",
                "Pagemap has an entry for each page that is there, for each guard and for nothing"
                    + " else: present, of a file, mapped once, as the VMA's letters say.",
                "Debuggers and checkpoint tools read it.",
                "pte_to_pagemap_entry, pagemap_pmd_range",
                "a guard looks like a page in swap space, or a zero page like one of a file",
                ShareRules::pagemap)
            .about(Kind.WRITE, Kind.FORK, Kind.MADVISE),
        rule(
                "AS-71",
                "smaps-shares",
                "Pss, shared and private sums of a VMA are what counting its frames in the"
                    + " pagemaps of all processes gives.",
                "The sum of Pss over all processes is what memory they really take.",
                "smaps_account, smaps_page_accumulate",
                "a mapping that comes or goes is counted of the folio and not of its page",
                ShareRules::sums)
            .about(Kind.WRITE, Kind.FORK));
  }

  private static List<SpaceRule> states() {
    return List.of(
        rule(
            "AS-60",
            "saved-and-loaded",
            "A process that is loaded from what another shows has the same VMAs with the same"
                + " flags and names, the same pages, and the sums of a recount; its pages do what"
                + " they did, and nobody knows the bytes of its anonymous ones.",
            "A recording begins with a state, and so does a machine that was saved.",
            "show_map_vma, show_smap_vma_flags; mm4j's contract of AddressSpace.loadVma",
            "a flag, a letter or an offset is not read, or a sum is not added to",
            StateRules::loaded),
        rule(
            "AS-61",
            "maps-in-full-and-in-part",
            "maps names files, the heap and the stack, by where these are now; a part of it is"
                + " what overlaps the range, and flags are in smaps only.",
            "Debuggers find the heap and the stack by these names.",
            "get_vma_name, vma_is_initial_heap, vma_is_initial_stack, m_next",
            "a border is included, or a name stays with what was the heap once",
            StateRules::maps));
  }

  private static List<SpaceRule> again() {
    return List.of(
        rule(
            "AS-29",
            "failing-allocations",
            "If any single allocation of a call fails, the call says that memory is out or is"
                + " done all the same; every page is as before or as after, and what works in one"
                + " step is undone. Nothing is charged when all processes have gone.",
            "Error paths run once in a thousand boots.",
            "lib/fault-inject.c failslab; tools/testing/vma vmi_prealloc_fail",
            "something is changed before the last allocation, or a charge is not given back",
            FAILING_OPERATIONS,
            FailureRules::undoneOrDone),
        rule(
            "AS-30",
            "try-again",
            "A call that was undone because memory was out gives its answer when it is made again.",
            "Programs try again.",
            "lib/fault-inject.c failslab",
            "a flag, a link or a place that was taken for the first try is not given back",
            FAILING_OPERATIONS,
            FailureRules::again),
        rule(
            "AS-31",
            "same-with-every-index",
            "Answers, maps and sums are those that the kit's sorted list gives in place of the"
                + " plugin.",
            "An index is structure and never policy.",
            "mm4j's contract of VmaIndex",
            "the index finds another gap or another neighbour",
            OPERATIONS,
            FailureRules::sameWithEveryIndex),
        rule(
            "AS-32",
            "explained",
            "Answers, maps and sums are the same when somebody listens to the reasons.",
            "Who looks closer must see the same thing.",
            "mm4j's contract of AddressSpace.explainTo",
            "a decision is taken inside the code that explains it",
            OPERATIONS,
            FailureRules::explained),
        rule(
            "AS-56",
            "frames-come-back",
            "Processes take frames; when they and their floor have gone, as many are free as"
                + " before.",
            "A frame that is lost is missing for ever.",
            "exit_mmap, free_pgtables, truncate_inode_pages_final",
            "a table, a page of a file, a deposited table or a copy is left behind",
            OPERATIONS,
            FrameRules::comeBack),
        rule(
                "AS-66",
                "frames-move",
                "An anonymous page whose frame somebody wants moves, wherever it is mapped: another"
                    + " frame has its bytes, and entries, sums and letters are as before.",
                "Huge pages are made of the room that moved pages leave.",
                "alloc_contig_range, migrate_folio, remove_migration_ptes",
                "one of several mappings leads to the old frame, or a bit of the entry is lost",
                FrameRules::moved)
            .about(Kind.WRITE, Kind.FORK),
        rule(
                "AS-104",
                "frames-of-any-calls",
                "After each call every frame of a process or a file has as many entries and"
                    + " references, and each process as many tables and huge pages, as going"
                    + " through the tables in RAM gives, and no CPU has a translation that they do"
                    + " not have any more.",
                "A reference too few is a page that two programs write to.",
                "folio_add_rmap_ptes, folio_remove_rmap_ptes, free_pgtables, flush_tlb_mm_range",
                "a reference, a table or a flush is left out",
                FrameRules::counted)
            .about(Kind.WRITE, Kind.FORK, Kind.MREMAP),
        rule(
            "AS-57",
            "frames-are-refused",
            "If there is no frame for any single allocation of a call, for a page or a table, the"
                + " call says that memory is out or is done all the same, everything contradicts"
                + " nothing, and every frame comes back.",
            "Error paths run once in a thousand boots.",
            "mm/fail_page_alloc.c; VM_FAULT_OOM, copy_page_range, move_page_tables",
            "a page is mapped whose table is missing, or a reference is kept on the way out",
            FAILING_OPERATIONS,
            FrameRules::refused),
        rule(
                "AS-58",
                "reclaim-in-between",
                "When pages that can be had again are taken away in the middle of any allocation of"
                    + " a call, its answer and what is mapped are the same, and everything"
                    + " contradicts nothing.",
                "Whoever waits for memory is the one who reclaims it.",
                "mm4j's rule: allocate first, walk after; do_anonymous_page, wp_page_copy look"
                    + " again",
                "an entry that was read before the allocation is believed after it",
                FAILING_OPERATIONS,
                FrameRules::reclaimed)
            .about(Kind.READ, Kind.WRITE));
  }

  private static SpaceRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      Consumer<SpaceSubject> check) {
    return rule(id, name, statement, why, behind, failure, OPERATIONS, check);
  }

  private static SpaceRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      int operations,
      Consumer<SpaceSubject> check) {
    return new SpaceRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        operations,
        operations == FAILING_OPERATIONS,
        check);
  }

  private static List<SpaceRule> answers() {
    return List.of(
        rule(
            "AS-01",
            "answers",
            "Every call gives the address, value or errno that Linux 6.18 gives.",
            "Programs act on what calls return.",
            "the recorded calls of a real kernel; mm/mmap.c, mm/vma.c, mm/mremap.c",
            "a check is missing, in the wrong order, or gives another errno",
            PageRules::answers),
        rule(
            "AS-02",
            "errors-undo",
            "A call that fails changes what Linux lets it change and nothing else: borders that"
                + " were cut, what lay below the failure, what MAP_FIXED removed.",
            "A program that goes on after an error has the memory that it thinks it has.",
            "do_mprotect_pkey, vms_gather_munmap_vmas, do_mremap",
            "a step is done before the last check, or an error path does not undo one",
            ShapeRules::unchangedByErrors),
        rule(
            "AS-03",
            "placement",
            "A mapping whose place is not fixed goes where a search through every gap puts it.",
            "Layouts repeat from run to run, and guard gaps keep stacks apart.",
            "__get_unmapped_area, unmapped_area_topdown, unmapped_area, thp_get_unmapped_area",
            "the gap search of the index, the guard gap or the alignment for huge pages is off",
            PageRules::placement),
        rule(
                "AS-04",
                "limits",
                "No call takes a process above RLIMIT_AS, DATA, MEMLOCK or vm.max_map_count, and"
                    + " none is refused below them.",
                "Limits protect all other processes.",
                "may_expand_vm, mlock_future_ok, can_do_mlock, sysctl_max_map_count",
                "the comparison is off by one, or uses a sum that is stale",
                SumRules::limits)
            .about(Kind.SETRLIMIT),
        rule(
            "AS-05",
            "overcommit",
            "What is promised to all processes, shared memory included, is what a recount gives;"
                + " with vm.overcommit_memory 2 it is no more than there is.",
            "Nobody is killed for memory that was promised.",
            "__vm_enough_memory, security_vm_enough_memory_mm",
            "a call makes memory writable, or copies it, without charging it; shared memory keeps"
                + " its charge",
            SumRules::overcommit),
        rule(
            "AS-06",
            "heap",
            "brk moves the break as far as limits and neighbours allow, else leaves it.",
            "malloc lives there.",
            "SYSCALL brk, do_brk_flags",
            "the break is moved before the area is, or rounded",
            SumRules::heap));
  }

  private static List<SpaceRule> shapes() {
    return List.of(
        rule(
            "AS-07",
            "sorted",
            "The list of VMAs is sorted, of whole pages, without overlap, inside user space.",
            "/proc/PID/maps is this list.",
            "validate_mm",
            "a bound is moved into a neighbour, or a length is not rounded",
            ShapeRules::sorted),
        rule(
            "AS-08",
            "list-is-tree",
            "What is found by address is what the walk shows; mmap and mm_rb name VMAs of it.",
            "Faults look up by address, everything else walks.",
            "validate_mm, find_vma, mas_find",
            "the index is not told of a changed bound",
            ShapeRules::listIsTree),
        rule(
            "AS-09",
            "map-count",
            "map_count is the number of VMAs in the list.",
            "vm.max_map_count is compared with it.",
            "validate_mm: map_count",
            "a merge or a split forgets to count",
            ShapeRules::mapCount),
        rule(
            "AS-10",
            "cache",
            "mmap_cache names the VMA that was found last, or none; never one that has gone.",
            "The next fault would believe it.",
            "find_vma before Linux 3.15 (mmap_cache), vmacache after it",
            "unmapping, or moving a start, leaves the cache behind",
            ShapeRules::cache),
        rule(
            "AS-11",
            "mapped",
            "Every page is mapped with the rights, file and offset that the calls gave it.",
            "It is what the process asked for.",
            "mmap_region, mprotect_fixup, copy_vma",
            "a page at an edge of a range is left out or taken in",
            ShapeRules::mapped),
        rule(
            "AS-12",
            "flags",
            "Every page has the VmFlags that the calls gave it.",
            "Locking, sealing, advice and accounting are read from them.",
            "vm_flags, show_smap_vma_flags",
            "a merge keeps the flags of one part, or a call sets them on the whole VMA",
            ShapeRules::flags),
        rule(
            "AS-13",
            "merged",
            "Borders that a call changed are gone where both sides agree in flags (guard marks"
                + " aside), open file, offsets and anon_vma; a border that no call touched stays.",
            "A process that maps page by page would reach vm.max_map_count.",
            "vma_merge_new_range, vma_merge_existing_range, vma_merge_extend; selftests merge.c",
            "one of the three merges (below, above, both) is not tried",
            ShapeRules::merged),
        rule(
            "AS-14",
            "kept-apart",
            "No VMA spans a border at which flags, open file, offset or anon_vma differ.",
            "Pages would be read from the wrong place of a file, or escape reverse mapping.",
            "can_vma_merge_before, can_vma_merge_after, is_mergeable_anon_vma",
            "an attribute is not compared, or that of the third VMA is not",
            ShapeRules::keptApart),
        rule(
            "AS-15",
            "generation",
            "mapsGeneration() changes whenever maps shows something new.",
            "Whoever compares maps after every call reads only what may have changed.",
            "mm4j's contract of AddressSpace",
            "a call changes a VMA in place without saying so",
            ShapeRules::generation));
  }

  private static List<SpaceRule> sums() {
    return List.of(
        rule(
            "AS-16",
            "total-vm",
            "total_vm is what a recount of the list gives.",
            "RLIMIT_AS is compared with it.",
            "vm_stat_account",
            "a call counts the pages that it was asked for and not those that changed",
            SumRules::total),
        rule(
            "AS-17",
            "data-exec-stack",
            "data_vm, exec_vm and stack_vm are what a recount of the list gives.",
            "RLIMIT_DATA is compared with data_vm; /proc/PID/status shows all three.",
            "vm_stat_account, is_data_mapping, is_exec_mapping, is_stack_mapping",
            "mprotect moves pages from one sum to another and counts them with the old flags",
            SumRules::kinds),
        rule(
            "AS-18",
            "locked-vm",
            "locked_vm is what a recount of the list gives, with the pages that MREMAP_DONTUNMAP"
                + " unlocked at their old place, which Linux goes on to count.",
            "RLIMIT_MEMLOCK is compared with it.",
            "mlock_fixup, vrm_stat_account, dontunmap_complete",
            "locking what is locked counts twice, or unmapping does not uncount",
            SumRules::locked),
        rule(
            "AS-19",
            "committed",
            "The pages that a process has charged are those of its VMAs with VM_ACCOUNT.",
            "A leak here makes the machine refuse memory that nobody has.",
            "vm_acct_memory, vm_unacct_memory",
            "an error path keeps the charge, or a move charges twice",
            SumRules::committed),
        rule(
            "AS-20",
            "high-water",
            "hiwater_vm is the largest total_vm that a call has left.",
            "VmPeak in /proc/PID/status.",
            "update_hiwater_vm, move_vma",
            "the moment in which a move has both places mapped is counted",
            SumRules::highWater),
        rule(
            "AS-21",
            "usage",
            "rss is the sum of what all VMAs show as present, and what one shows as locked is"
                + " locked.",
            "smaps and rss are read by the same people.",
            "smaps_account, add_mm_counter",
            "a page is counted when it is mapped and not when it goes",
            SumRules::usage));
  }

  private static List<SpaceRule> pages() {
    return List.of(
        rule(
            "AS-22",
            "contents",
            "A byte that was written is read again, wherever mremap has moved its page, until its"
                + " page is unmapped or discarded; then it is zero or the file's.",
            "It is what memory is for.",
            "move_page_tables, zap_page_range; selftests mremap_test.c",
            "a page is lost where page tables are moved, or survives munmap",
            PageRules::contents),
        rule(
            "AS-23",
            "touches",
            "A touch goes through, or gives the signal that Linux gives: by rights, guard pages,"
                + " the end of the file, stacks that grow.",
            "Programs catch these signals.",
            "do_user_addr_fault, handle_mm_fault, expand_downwards",
            "a right is taken from a neighbour, or the stack grows past its limit",
            PageRules::touches),
        rule(
                "AS-24",
                "pages",
                "Anonymous pages, zero pages and guard pages are where touches and advice put"
                    + " them.",
                "Reclaim and /proc/PID/pagemap see them there.",
                "do_anonymous_page, madvise_guard_install, zap_page_range",
                "a range of pages is one too long or too short",
                PageRules::pages)
            .about(Kind.MADVISE, Kind.WRITE),
        rule(
            "AS-25",
            "mincore",
            "mincore says 1 of every page that is present or in the page cache, 0 of others, and"
                + " fails on holes.",
            "Databases plan by it.",
            "do_mincore, mincore_page",
            "a guard page, or a page of shared memory that nobody touched, counts as present",
            PageRules::mincore),
        rule(
            "AS-26",
            "fork",
            "A child has its parent's VMAs but for MADV_DONTFORK, nothing locked, the same break;"
                + " the parent is as it was.",
            "It is the meaning of fork.",
            "dup_mmap",
            "a flag is copied that should not be, or the parent's VMA is changed with the copy",
            PageRules::fork),
        rule(
            "AS-27",
            "separate",
            "No call of one process changes VMAs or sums of another.",
            "Processes are apart after a fork.",
            "dup_mmap, copy_page_range",
            "parent and child share a table",
            PageRules::separate),
        rule(
                "AS-28",
                "sealed",
                "Sealed memory keeps its place and its rights whatever is called.",
                "It is sealed against attackers who can make calls.",
                "do_mseal, can_modify_vma; selftests mseal_test.c",
                "one of the calls does not look at the seal of every VMA of its range",
                PageRules::sealed)
            .about(Kind.MSEAL));
  }
}
