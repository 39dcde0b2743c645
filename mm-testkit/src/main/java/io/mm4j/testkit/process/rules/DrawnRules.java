// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;

/** Rules of segments, stacks and files whose steps are drawn, each against a model of its own. */
public final class DrawnRules {
  private DrawnRules() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new StepRule(
            new RuleInfo(
                "AS-90",
                "segments-in-any-order",
                "Segments that users of some groups and root make, attach, cut, detach, lock, give"
                    + " away and remove in any order answer each call as their modes, owners and"
                    + " limits say; IPC_STAT, SHM_STAT and SHM_INFO tell what a list of them tells,"
                    + " their bytes are the same for all who attach them, and the charge is that"
                    + " of those that are left.",
                "They outlive who made them, and others go on with them.",
                "newseg, do_shmat, ksys_shmdt, shmctl_down, shmctl_do_lock, shm_destroy"
                    + " (ipc/shm.c); ipcperms, ipc_addid (ipc/util.c)",
                "a right is looked at for the wrong one of three, or something is counted of the"
                    + " call and not of the segment"),
            60,
            SegmentOrderBench::new),
        new StepRule(
            new RuleInfo(
                "AS-93",
                "stacks-at-every-limit",
                "A touch, or a look by another process, below a mapping that grows down makes it"
                    + " reach to the touched page if RLIMIT_STACK, AS and MEMLOCK, the guard gap to"
                    + " what is accessible below and the overcommit rule allow it, to the byte and"
                    + " the page; else nothing changes.",
                "Recursion that goes too deep must end with a signal, not in another mapping.",
                "expand_downwards, acct_stack_growth (mm/vma.c)",
                "a limit is compared with what is there and not with what will be"),
            60,
            GrowthBench::new),
        new StepRule(
            new RuleInfo(
                "AS-97",
                "files-without-names",
                "Files of memfd_create, of pages or of huge pages, that several processes have open"
                    + " and mapped have the same bytes for all, zeroes where they were cut or"
                    + " punched and SIGBUS behind their end; one goes with its last descriptor and"
                    + " mapping, and then its pages are free.",
                "Memory is passed from process to process so.",
                "memfd_create, shmem_fault, hugetlb_fault, hugetlbfs_punch_hole,"
                    + " shmem_evict_inode, hugetlbfs_evict_inode",
                "a descriptor or a mapping of another process is not seen, or a page stays"),
            60,
            MemoryFileBench::new),
        new StepRule(
            new RuleInfo(
                "AS-105",
                "policies-of-any-nodes",
                "On a machine with any number of nodes, any mode and mask of nodes that mbind,"
                    + " set_mempolicy and set_mempolicy_home_node are given for parts of private"
                    + " and of shared memory is taken or refused, and then shown, told and kept"
                    + " apart, as a list of pages and of the file's pages says.",
                "A database binds its buffers and reads back where they are.",
                "do_mbind, mbind_range, mpol_new, mpol_set_nodemask, mpol_relative_nodemask,"
                    + " mpol_set_shared_policy, do_get_mempolicy, copy_nodes_to_user, mpol_to_str"
                    + " (mm/mempolicy.c)",
                "a range of nodes, or of pages of a file, is cut at the wrong one of its ends"),
            40,
            PolicyBench::new),
        new StepRule(
            new RuleInfo(
                "AS-106",
                "watched-pages-in-any-order",
                "Of private and shared memory that a userfaultfd watches part by part in any mode,"
                    + " each page that is brought, protected, poisoned, moved, discarded, inherited"
                    + " or touched, also where a frame is wanted and not had, is then what a list"
                    + " of the pages says: who waits, what is told and answered, what pagemap"
                    + " shows, the bytes, and the frames.",
                "Machines that move from host to host run on it.",
                "mfill_atomic, move_pages_pte, mwriteprotect_range (mm/userfaultfd.c),"
                    + " handle_userfault, userfaultfd_register (fs/userfaultfd.c),"
                    + " pte_marker_handle_uffd_wp (mm/memory.c)",
                "a marker is taken for nothing, or a page that goes keeps its frame"),
            60,
            UffdPagesBench::new),
        new StepRule(
            new RuleInfo(
                "AS-107",
                "pages-around-a-fault",
                "Whatever is mapped of a file on a disk or in memory, however it is cut: a read of"
                    + " a page that is not there maps what is in memory of its 16 pages, as far as"
                    + " its VMA, its page table and the file reach, also where it ends in SIGBUS; a"
                    + " write maps one page, or a copy; rss counts them, and mincore shows what has"
                    + " come into memory.",
                "Programs begin with less faults so, and who counts memory sees it.",
                "do_fault_around, filemap_map_pages, do_shared_fault, do_cow_fault, finish_fault,"
                    + " zap_pte_range; unmap_mapping_range",
                "a border of the window is one page off, or what is there is mapped again"),
            60,
            AroundBench::new),
        new StepRule(
            new RuleInfo(
                "AS-108",
                "huge-pages-of-relatives",
                "However processes fork, end, write to huge pages, read them in each other's memory"
                    + " and change rights: each sees its own bytes, a write goes through the entry"
                    + " it leaves, nobody may write to a frame that two map, the folio that was"
                    + " written to is one process's alone, and so is the page of who was read, and"
                    + " the last one keeps a huge page that it writes to.",
                "What a child may see of its parent, and how much memory both take, hang on it.",
                "do_huge_pmd_wp_page, wp_can_reuse_anon_folio, gup_must_unshare, do_wp_page with"
                    + " FAULT_FLAG_UNSHARE, copy_huge_pmd, __split_huge_pmd_locked",
                "an entry stays as fork left it, or a page is copied into a huge one"),
            40,
            List.of(Ground.USUAL, Ground.PAE),
            HugeShareBench::new),
        new StepRule(
            new RuleInfo(
                "AS-109",
                "faults-that-are-told",
                "Accesses to read, write and execute, of the process and of the kernel for it, end"
                    + " as the rights of the page say; who watches is told of exactly those that"
                    + " the CPU cannot make, with the error code that x86 gives: whether the page"
                    + " is there, and who wanted what.",
                "Tracepoints of faults are what profilers count.",
                "trace_page_fault_user, trace_page_fault_kernel (arch/x86/mm/fault.c),"
                    + " access_error; X86_PF_PROT and those beside it",
                "a fault of the kernel is taken for one of the process, or a right is turned"
                    + " round"),
            80,
            ToldFaultBench::new),
        new StepRule(
            new RuleInfo(
                "AS-114",
                "shared-memory-under-advice",
                "However a file of shared memory is written, read, collapsed to huge pages,"
                    + " reclaimed without swap, emptied and cut by several processes and mappings,"
                    + " its bytes are the same for all, mincore shows the pages that are there, and"
                    + " what somebody wrote, or a huge page was made of, stays.",
                "A database's shared buffers are advised while others use them.",
                "collapse_file, madvise_cold_or_pageout_pte_range, shrink_folio_list,"
                    + " shmem_writeout, shmem_undo_range, shmem_fault",
                "a folio that was made anew is taken for clean, and its bytes are lost"),
            60,
            (floor, random) -> new SharedAdviceBench(floor)),
        new StepRule(
            new RuleInfo(
                "AS-115",
                "quotas-that-come-back",
                "Whatever files of a hugetlbfs with size= and min_size= were used for - mapped"
                    + " shared and private, with promises and without, touched, moved, inherited,"
                    + " cut -, when nothing is mapped and they are empty the mount can promise all"
                    + " of its size once more and not a page above it, and the pool has what the"
                    + " mount does not keep; a promise that the pool cannot give is ENOMEM.",
                "A mount that loses a page each time is full after a day.",
                "hugepage_subpool_get_pages, hugepage_subpool_put_pages, free_huge_folio,"
                    + " hugetlb_vm_op_close, hugetlb_unreserve_pages",
                "a page of a private mapping is not given back to the mount"),
            60,
            List.of(Ground.USUAL, Ground.PAE),
            QuotaBench::new),
        new StepRule(
            new RuleInfo(
                "AS-116",
                "pages-of-a-locked-segment",
                "A page of a segment that comes into memory while SHM_LOCK holds the segment may"
                    + " not be reclaimed and is on no active list, whoever touches it, until"
                    + " SHM_UNLOCK; what was there before SHM_LOCK keeps its marks.",
                "A database locks its buffers, and counts what cannot go.",
                "shmem_lock, shmem_unlock_mapping, check_move_unevictable_folios, lru_add,"
                    + " folio_evictable",
                "a page stays unevictable for good, or never becomes so"),
            60,
            (floor, random) -> new LockedSegmentBench(floor)),
        new StepRule(
            new RuleInfo(
                "AS-117",
                "memory-over-page-directories",
                "A mapping over several GiB, of the pool or not, of which pages at the borders of"
                    + " page directories are used, moves whole to any place, is inherited, written"
                    + " to and emptied in part, and each process has its bytes there, and of the"
                    + " pool as many pages as it needs.",
                "Machines are given memory by the hundred GiB.",
                "move_page_tables, move_normal_pud, copy_hugetlb_page_range,"
                    + " move_hugetlb_page_tables, huge_pte_alloc, hugetlb_mask_last_page",
                "a table is looked for in the wrong directory, or what lies behind a hole is left"
                    + " out"),
            50,
            WideBench::new),
        new StepRule(
            new RuleInfo(
                "AS-118",
                "tmpfs-to-the-page",
                "Files of a tmpfs with a size, which may end within a page, take by faults, writes,"
                    + " fallocate and huge pages what the others leave, to the page: a fault of one"
                    + " more is SIGBUS, a write stops, fallocate is undone and ENOSPC,"
                    + " MADV_COLLAPSE is EINVAL; what a hole or a cut gives back can be had again.",
                "Containers live in file systems of a size.",
                "shmem_inode_acct_blocks, shmem_charge, shmem_fallocate, shmem_undo_range,"
                    + " collapse_file, shmem_parse_one (size=)",
                "what was taken in vain is not given back, or a part of a page counts as none"),
            60,
            TmpfsBench::new));
  }
}
