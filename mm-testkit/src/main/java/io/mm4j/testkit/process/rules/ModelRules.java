// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;

/** Calls in any order beside a model of what they are about. */
public final class ModelRules {
  private ModelRules() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new StepRule(
            new RuleInfo(
                "AS-83",
                "pool-beside-a-table",
                "Total, free, reserved and surplus pages of the pool, which touches end in SIGBUS,"
                    + " the bytes, and the references and marks of their frames are what a table of"
                    + " pages and promises gives, whatever is mapped, touched, discarded, moved,"
                    + " inherited and unmapped, and however the pool is resized meanwhile.",
                "A promise that is lost shows itself as SIGBUS in another program.",
                "hugetlb_reserve_pages, hugetlb_acct_memory, alloc_hugetlb_folio, hugetlb_wp,"
                    + " unmap_ref_private, restore_reserve_on_error, set_max_huge_pages",
                "a promise stays when its mapping goes, or a page is counted as free while a file"
                    + " has it"),
            70,
            List.of(Ground.USUAL, Ground.PAE),
            PoolBench::new),
        new StepRule(
            new RuleInfo(
                "AS-84",
                "scans-of-any-request",
                "Any request of PAGEMAP_SCAN - categories wanted, one of them wanted, turned round,"
                    + " told, with any room and any number of pages - finds the regions that going"
                    + " from page to page gives, and says where it came to; in the memory of a"
                    + " process that asks about itself there is the same.",
                "Collectors of garbage go on from where the last request ended.",
                "do_pagemap_scan, pagemap_scan_is_interesting_page, pagemap_scan_output,"
                    + " pagemap_scan_push_range, pagemap_scan_flush_buffer",
                "a region is cut at a table, or the end of the walk is that of the last region"),
            30,
            ScanBench::new),
        new StepRule(
            new RuleInfo(
                "AS-85",
                "places-of-any-values",
                "PR_SET_MM takes a field, or all at once, exactly if it is an address, every end"
                    + " then lies behind its start, heap and data are within RLIMIT_DATA, and the"
                    + " process may; else nothing changes. The names [heap] and [stack] follow.",
                "Who restores a process sets them one by one.",
                "prctl_set_mm, prctl_set_mm_map, validate_prctl_map_addr, check_data_rlimit",
                "a field is stored at the place of its neighbour, or checked before it is set"),
            60,
            PlacesBench::new),
        new StepRule(
            new RuleInfo(
                "AS-87",
                "bytes-of-huge-pages",
                "What is written to private memory with huge pages, of a file or of none, is read"
                    + " there until it is discarded or unmapped, wherever its page is moved, split,"
                    + " collapsed, inherited, paged out or migrated to; a guard lets nobody read.",
                "Nothing else matters to a program.",
                "do_huge_pmd_wp_page, __split_huge_pmd_locked, __folio_split, collapse_huge_page,"
                    + " move_page_tables, copy_page_range, deferred_split_scan, migrate_folio",
                "a page within a huge one is taken for its head, or a table is moved one too far"),
            50,
            ByteBench::new),
        new StepRule(
            new RuleInfo(
                "AS-100",
                "frames-counted-anew",
                "After the same calls on machines with two, three or four levels of tables, and"
                    + " after changes of rights, locks and shortage, each frame has as many entries"
                    + " and references, and each process as many tables and huge pages, as going"
                    + " through the tables in RAM gives; no anonymous frame is left that nobody"
                    + " maps, and no CPU has a translation that the tables do not have any more.",
                "A reference too few is a page that two programs write to.",
                "folio_add_rmap_ptes, folio_remove_rmap_pmd, __split_huge_pmd_locked,"
                    + " flush_tlb_mm_range, smaps_pmd_entry; kpagecount",
                "a reference or a flush is left out, or a level of the tables is taken for"
                    + " another"),
            50,
            List.of(Ground.USUAL, Ground.PAE, Ground.NARROW),
            FrameBench::new),
        new StepRule(
            new RuleInfo(
                "AS-88",
                "places-in-any-layout",
                "In a process of any layout - 64 bits or 32, from the top or a legacy one that was"
                    + " randomized or not, with any base, guard gap and lowest address - mappings"
                    + " of any kind and length, of the pool, of files, with any hint and of only"
                    + " the low or the high addresses, go where a list of what is taken says.",
                "Recordings come from machines of all kinds.",
                "arch_get_unmapped_area_topdown, arch_get_unmapped_area, vm_unmapped_area,"
                    + " hugetlb_get_unmapped_area, thp_get_unmapped_area_vmflags, mmap_base",
                "a border of a search, an alignment or a guard gap is off in one of the layouts"),
            40,
            PlaceBench::new),
        new StepRule(
            new RuleInfo(
                "AS-F44",
                "shape-of-folios",
                "The folios that a write has made of a file on a disk, and those into which holes"
                    + " and new ends split clean ones, are as large as Linux makes them: halves"
                    + " stay but where the page lies.",
                "What is referenced, dirty and written out is told of a folio as a whole.",
                "__filemap_get_folio, truncate_inode_partial_folio, folio_split (Linux 6.18)",
                "a folio is split at another page, or into single ones"),
            12,
            FolioBench::new));
  }
}
