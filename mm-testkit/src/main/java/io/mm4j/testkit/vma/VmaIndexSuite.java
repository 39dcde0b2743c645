// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.vma.faults.VmaIndexFaults;
import io.mm4j.testkit.vma.naive.NaiveVmaIndexes;
import io.mm4j.testkit.vma.rules.AllocationRule;
import io.mm4j.testkit.vma.rules.ChangeRules;
import io.mm4j.testkit.vma.rules.GrowthRule;
import io.mm4j.testkit.vma.rules.LookupRules;
import io.mm4j.testkit.vma.rules.ScaleCases;
import io.mm4j.testkit.vma.rules.TreeCases;
import io.mm4j.testkit.vma.rules.VmaIndexRule;
import io.mm4j.testkit.vma.rules.VmaSubject;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Everything about {@code vma-index}. */
public final class VmaIndexSuite {
  private VmaIndexSuite() {}

  /** The kit's simplest correct index. */
  public static VmaIndexProvider correct() {
    return new NaiveVmaIndexes();
  }

  /** The suite. */
  public static Suite<VmaIndexProvider> suite() {
    List<Rule<VmaIndexProvider>> rules = new ArrayList<>();
    // before the compiler knows the plugin, so that races within a call take their time
    rules.addAll(ScaleCases.all());
    rules.addAll(looking());
    rules.addAll(handles());
    rules.addAll(changing());
    rules.addAll(TreeCases.all());
    rules.add(noObjects());
    rules.add(new GrowthRule());
    return new Suite<>(Spi.VMA_INDEX, NaiveVmaIndexes.ofFew(), rules, VmaIndexFaults.all());
  }

  private static VmaIndexRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      Consumer<VmaSubject> check) {
    return new VmaIndexRule(
        new RuleInfo(id, name, statement, why, behind, failure), id.equals("VI-16"), check);
  }

  private static List<VmaIndexRule> looking() {
    return List.of(
        rule(
            "VI-01",
            "sorted",
            "A walk by next() meets every VMA once, in address order.",
            "/proc/PID/maps is such a walk.",
            "validate_mm",
            "a link or a leaf is lost when nodes are joined or split",
            LookupRules::sorted),
        rule(
            "VI-03",
            "find",
            "find() returns the lowest VMA that ends above the address, which is unsigned.",
            "Every page fault and every system call begins with it.",
            "find_vma",
            "the end of a VMA is taken for part of it, or a cached VMA is trusted too far",
            LookupRules::find),
        rule(
            "VI-04",
            "neighbours",
            "first, last, next and prev are the neighbours in address order, NONE at the ends.",
            "Merging looks at the neighbours.",
            "vma_next, vma_prev",
            "the ends of the list are not ends, or a neighbour in another node is missed",
            LookupRules::neighbours),
        rule(
            "VI-05",
            "gap-above",
            "gapAbove() returns the lowest free range of the length inside the window.",
            "mmap of a bottom-up process answers with it.",
            "unmapped_area, mas_empty_area",
            "a stored gap was not updated, or the window cuts a gap and the cut is not looked at",
            LookupRules::gapAbove),
        rule(
            "VI-06",
            "gap-below",
            "gapBelow() returns the highest free range of the length inside the window.",
            "mmap answers with it.",
            "unmapped_area_topdown, mas_empty_area_rev",
            "a stored gap was not updated, or the window cuts a gap and the cut is not looked at",
            LookupRules::gapBelow));
  }

  private static List<VmaIndexRule> handles() {
    return List.of(
        rule(
            "VI-07",
            "size",
            "size() counts the VMAs and contains() knows the handles in use, whatever it is asked.",
            "max_map_count is compared with it.",
            "mm->map_count",
            "a counter misses a path, or a free handle looks used",
            LookupRules::size),
        rule(
            "VI-08",
            "stable",
            "A handle names the same VMA, with its present bounds, until it is erased.",
            "All other fields of a VMA are kept by handle.",
            "the address of a vm_area_struct",
            "bounds are kept twice and one of them is stale",
            LookupRules::stable),
        rule(
            "VI-09",
            "dense",
            "Handles are below capacity(), and an erased one is used again before a new one.",
            "The arrays of a process that maps and unmaps for ever must not grow for ever.",
            "kmem_cache_alloc of vm_area_struct",
            "erased handles are not kept",
            LookupRules::dense));
  }

  private static VmaIndexRule noObjects() {
    return rule(
        "VI-16",
        "no-objects",
        "Look-ups, reserved inserts, erase and setRange allocate no Java object.",
        "A garbage collection in a page fault would be seen in every measurement.",
        "vma_iter_prealloc",
        "a boxed number, an iterator, or tables that reserve() should have made",
        AllocationRule::check);
  }

  private static List<VmaIndexRule> changing() {
    return List.of(
        rule(
            "VI-02",
            "overlap",
            "An insert that overlaps a VMA is refused and changes nothing.",
            "Two VMAs for one address is the worst that can happen to an address space.",
            "vma_iter_store_new",
            "only one end of the new range is looked at",
            ChangeRules::overlap),
        rule(
            "VI-10",
            "set-range",
            "setRange() moves bounds as far as the neighbours and not into them.",
            "Stacks grow and VMAs split and merge by it.",
            "vma_expand, vma_shrink",
            "a key or a gap of the neighbour is not updated",
            ChangeRules::setRange),
        rule(
            "VI-11",
            "copy",
            "A copy has the same VMAs under the same handles, and neither sees changes of the"
                + " other.",
            "fork copies the address space.",
            "dup_mmap, __mt_dup",
            "the copy shares a table",
            ChangeRules::copy),
        rule(
            "VI-12",
            "reserve",
            "Reserved inserts succeed, what cannot be promised or held is refused, and another"
                + " reservation, also a smaller one, takes no handle back.",
            "A call that fails half way must not leave half of its work.",
            "vma_iter_prealloc",
            "the limit is looked at in one of two places",
            ChangeRules::reserve),
        rule(
            "VI-13",
            "clear",
            "After clear() nothing is found and all can be used again from the beginning.",
            "exec replaces the address space.",
            "exit_mmap",
            "a cache, a counter or a free list survives",
            ChangeRules::clear),
        rule(
            "VI-14",
            "misuse",
            "Wrong ranges, handles and bounds are a MisuseException and change nothing.",
            "An error that goes on unseen shows far from its cause.",
            "VM_WARN_ON_VMG",
            "an argument is not looked at before the first change",
            ChangeRules::misuse),
        rule(
            "VI-15",
            "validate",
            "validate() finds nothing wrong after any operation.",
            "It is what says where a broken structure broke.",
            "validate_mm, mt_validate",
            "a summary that is kept for speed is not what a recount gives",
            ChangeRules::validate),
        rule(
                "VI-20",
                "full",
                "An index is made for 1 to as many VMAs as its plugin says. A full one refuses an"
                    + " insert and a reservation and changes nothing; where a VMA goes, another one"
                    + " can come.",
                "max_map_count is met by programs that map file after file.",
                "sysctl_max_map_count, vma_iter_prealloc",
                "the limit is looked at in one of two places, or is off by one",
                ChangeRules::full)
            .ofFew());
  }
}
