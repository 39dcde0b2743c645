// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;

/** The rules PA-26 and on: everything that an allocator does is what the model does. */
public final class TwinRules {
  private TwinRules() {}

  /** All of them. */
  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new TwinRule(
            new RuleInfo(
                "PA-26",
                "as-linux",
                "Whatever is asked, block, lists, counters and events are those that Linux's"
                    + " decisions give.",
                "A machine that decides otherwise is another machine.",
                "mm/page_alloc.c get_page_from_freelist, rmqueue, __free_frozen_pages",
                "one decision of the page allocator is off; the first difference says which"),
            Grounds::any,
            Mixes::everyday),
        new TwinRule(
            new RuleInfo(
                "PA-27",
                "marks-as-linux",
                "Each request ends exactly where watermark, boost, protection and its rights say,"
                    + " in the right zone.",
                "A page too few in the reserve, and reclaim itself has no memory.",
                "mm/page_alloc.c zone_watermark_fast, gfp_to_alloc_flags",
                "a watermark is compared with one page more or less, or a flag counts for another"),
            Grounds::any,
            Mixes::marks),
        new TwinRule(
            new RuleInfo(
                "PA-28",
                "fallback-as-linux",
                "When a type has no free block, the right pageblock is claimed or the right block"
                    + " stolen, and the rest goes to the right list.",
                "Types that mix keep large blocks from ever coming back.",
                "mm/page_alloc.c __rmqueue_claim, try_to_claim_block, __rmqueue_steal",
                "the order of the search, the half that must fit, or the list of the rest"),
            Grounds::small,
            Mixes::fragmenting),
        new TwinRule(
            new RuleInfo(
                "PA-29",
                "per-cpu-lists-as-linux",
                "A refill and a drain move as many pages as Linux's tuning says, the oldest out"
                    + " first.",
                "Lists that are too long hide memory, too short ones cost a lock for each page.",
                "mm/page_alloc.c nr_pcp_alloc, nr_pcp_high, nr_pcp_free, free_pcppages_bulk",
                "alloc_factor, free_count or high moves at another time"),
            Grounds::small,
            Mixes::rows),
        new TwinRule(
            new RuleInfo(
                "PA-30",
                "highatomic-as-linux",
                "Pageblocks are reserved for high-order requests that cannot wait, up to one"
                    + " percent, used by nobody else, and given up when memory is out.",
                "A network card that needs order 3 in an interrupt finds nothing.",
                "mm/page_alloc.c reserve_highatomic_pageblock, unreserve_highatomic_pageblock",
                "the limit, who may use the reserve, or when one block of it is given up"),
            Grounds::reserving,
            Mixes::reserving),
        new TwinRule(
            new RuleInfo(
                "PA-31",
                "nodes-as-linux",
                "On several nodes each request is served by the nearest that may, and counted as"
                    + " hit, miss, foreign, local or other.",
                "Far memory is slow.",
                "mm/page_alloc.c build_zonelists, zone_statistics",
                "the order of nodes, or which zone is the preferred one"),
            Grounds::nodes,
            Mixes::everyday),
        new TwinRule(
            new RuleInfo(
                "PA-32",
                "contents-as-linux",
                "A block is cleared if asked and as it was if not; compound blocks are marked.",
                "Old contents would leak, and clearing costs.",
                "mm/page_alloc.c prep_new_page",
                "the flag is looked at on one path only"),
            Grounds::withBytes,
            Mixes::contents),
        new TwinRule(
            new RuleInfo(
                "PA-78",
                "masks-as-linux",
                "With a mask of nodes the zones of the others are passed over in every walk,"
                    + " wake-up and request to reclaimers; requests that are more than a user's get"
                    + " past it once the slow path begins.",
                "A task that is bound to nodes takes its neighbours' memory, or an interrupt finds"
                    + " none.",
                "mm/page_alloc.c first_zones_zonelist, __alloc_pages_slowpath (ALLOC_CPUSET)",
                "one walk forgets the mask, or a request keeps it that may go anywhere"),
            Grounds::nodes,
            Mixes::masked),
        new TwinRule(
            new RuleInfo(
                "PA-80",
                "last-resort-as-linux",
                "Where reclaim has failed for good, the last resort is asked for those requests for"
                    + " which Linux kills, as often as that frees something; each kill begins the"
                    + " count of rounds anew, and a request that must not fail may use everything"
                    + " then.",
                "A machine kills too early, too much, or not at all.",
                "mm/page_alloc.c __alloc_pages_may_oom; mm/oom_kill.c out_of_memory",
                "one condition is left out, or the count goes on where it was"),
            Grounds::any,
            Mixes::outOfMemory),
        new TwinRule(
            new RuleInfo(
                "PA-35",
                "kswapd-in-vain-as-linux",
                "kswapd that runs for a block which nobody can make is hopeless after 16 runs in a"
                    + " row without a page; a single page begins the count anew. A round that gave"
                    + " as much as was asked for tries no harder, and once enough for compaction"
                    + " has come single pages decide, in defrag_mode too.",
                "A reclaimer that finds little now may find much later.",
                "mm/vmscan.c balance_pgdat, shrink_node (kswapd_failures), pgdat_balanced",
                "a little is taken for nothing, or as much as was asked for, for less"),
            Grounds::plenty,
            Mixes::inVain),
        new TwinRule(
            new RuleInfo(
                "PA-36",
                "isolated-is-not-free",
                "While a range is being taken, free pages of its pageblocks, up to the largest"
                    + " block, are in no counter of free pages; afterwards they are again.",
                "A request would count on pages that it cannot have.",
                "mm/page_isolation.c move_freepages_block_isolate; mm/page_alloc.c"
                    + " account_freepages",
                "isolated pages stay in a counter, or come back twice"),
            Grounds::small,
            Mixes::ranging),
        new TwinRule(
            new RuleInfo(
                "PA-41",
                "used-up-reserve-as-linux",
                "A reserve of which every page is in use gives nothing up: who asks then tries as"
                    + " often as if there were none; what comes back of it is its own again.",
                "A request goes round for ever, or a pageblock in use changes its type.",
                "mm/page_alloc.c unreserve_highatomic_pageblock, should_reclaim_retry",
                "giving up is taken for progress although no page came of it"),
            Grounds::reservingLow,
            ReserveMixes::usedUp),
        TwinRule.together(
            new RuleInfo(
                "PA-33",
                "floors-together-as-linux",
                "Over the reference floors the allocator does what the model does over the naive"
                    + " ones.",
                "Floors that are right by themselves can be wrong together.",
                "mm/page_alloc.c; mm/sparse.c",
                "what was freed last is not what is handed out first, or mem_map is not kept up"),
            Grounds::small,
            Mixes::everyday));
  }
}
