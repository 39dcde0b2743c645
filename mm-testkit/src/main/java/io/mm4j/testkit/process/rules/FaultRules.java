// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.ArrayList;
import java.util.List;

/** What faults of any kind leave, beside models. */
public final class FaultRules {
  private FaultRules() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    List<Rule<VmaIndexProvider>> all = new ArrayList<>(PopulateCases.all());
    all.addAll(UffdModeCases.all());
    all.addAll(UffdMoveCases.all());
    all.addAll(models());
    return all;
  }

  private static List<Rule<VmaIndexProvider>> models() {
    return List.of(
        new StepRule(
            new RuleInfo(
                "AS-110",
                "folios-around-a-fault",
                "Of a file on a disk whose folios are of any size, however it is mapped, cut, given"
                    + " back and written to: a fault maps of each folio around it the whole or what"
                    + " lies in its window, with one entry where 2 MiB fit and no page table is"
                    + " there; a write lets all of its folio be written to, or maps a copy; what is"
                    + " split, cut off or synced shows it.",
                "A program begins with one fault in place of hundreds, and none goes behind the end"
                    + " of its file.",
                "filemap_map_pages, filemap_map_pmd, finish_fault, set_pte_range, do_set_pmd,"
                    + " do_cow_fault, __split_huge_pmd_locked, folio_mkclean",
                "a folio is mapped over the end of a mapping or a table, or its pages are of"
                    + " another one"),
            40,
            FilePlacesBench::new),
        new StepRule(
            new RuleInfo(
                "AS-111",
                "files-of-huge-pages",
                "Of a file of huge pages that processes map shared and privately, beside nobody's"
                    + " pages, from a pool in which nothing is promised: each fault maps the page"
                    + " of the file, one of its own, a copy, or ends in SIGBUS or with a"
                    + " userfaultfd that is told of it, and what is inherited, read by others,"
                    + " protected, cut and punched is as a list of the pages says, with its"
                    + " entries, references, bytes and who may write to it.",
                "Virtual machines and databases share such files, and one wrong page is another's.",
                "hugetlb_fault, hugetlb_no_page, hugetlb_wp with FAULT_FLAG_UNSHARE,"
                    + " copy_hugetlb_page_range, hugetlb_change_protection,"
                    + " hugetlb_vmdelete_list; handle_userfault",
                "a private page is taken for the file's, or a fault of the kernel for one of the"
                    + " process"),
            150,
            PoolFileBench::new),
        new StepRule(
            new RuleInfo(
                "AS-112",
                "memory-before-a-wait",
                "Before somebody waits for a page that a userfaultfd is to bring, as many frames"
                    + " are asked for as the fault would need - tables, a page, or a huge page with"
                    + " its table - and the page is given back; if one is not there the access"
                    + " fails, and nobody is told. Behind the end of a file nobody waits.",
                "Who waits for memory must not be told that a page would come.",
                "do_huge_pmd_anonymous_page, __do_huge_pmd_anonymous_page, do_anonymous_page,"
                    + " do_cow_fault, __do_fault, shmem_get_folio_gfp, handle_userfault",
                "a page that was asked for is lost, or a table is made where a huge page would"
                    + " fit"),
            60,
            WaitMemoryBench::new));
  }
}
