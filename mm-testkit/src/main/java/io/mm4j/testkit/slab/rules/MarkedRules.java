// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.List;
import java.util.Set;

/** Caches with debug flags as mm/slub.c has them: which object comes next, and every byte. */
public final class MarkedRules {
  private static final List<String> LETTERS = List.of("FZPU", "FZU", "ZU", "FZ", "FPU", "U", "FZP");

  private MarkedRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-65",
                "objects-of-marked-caches",
                "Where slabs of a cache with debug flags are on lists of their node, each"
                    + " allocation gives the very object that mm/slub.c would give, frees and"
                    + " shrinks move slabs as there, the statistics say so, and every byte of the"
                    + " slabs but the tracks is what it writes: red zones, poison, padding, links,"
                    + " what was asked for.",
                "Who looks at a dump of such a slab must be able to read it.",
                "mm/slub.c alloc_single_from_partial, free_to_partial_list, init_object,"
                    + " setup_object_debug, __kmem_cache_do_shrink, __do_krealloc",
                "a zone is a byte too short, a slab goes to the wrong end, or one is kept too"
                    + " many"),
            Needs.DEBUG,
            Set.of(),
            MarkedRules::objects),
        SlabRule.anywhere(
            new RuleInfo(
                "SL-66",
                "what-is-found-of-marked-caches",
                "There whatever byte of a slab is written over, and whatever link of a free object,"
                    + " the next validation, free and allocation, and a shrink of an empty slab,"
                    + " find what mm/slub.c finds - the same kinds, objects and places, as many"
                    + " errors, a validation up to the first bad object of a slab -, leave the"
                    + " bytes as it mends them, and go on as it does.",
                "A corruption that is told wrongly is looked for in the wrong place.",
                "mm/slub.c check_object, on_freelist, validate_slab, slab_pad_check,"
                    + " alloc_consistency_checks, free_consistency_checks, __free_slab",
                "one zone is not looked at, or a list that goes round is followed for ever"),
            Needs.DEBUG,
            Set.of(),
            MarkedRules::findings));
  }

  private static void objects(SlabSubject s, Seeded random) {
    MarkedPlay own = MarkedPlay.own(s, random);
    if (own == null) {
      return;
    }
    own.steps(24, false);
    own.end();
    s.empty();
    try (SlabSubject booted = booted(s, random)) {
      MarkedPlay general = MarkedPlay.general(booted, random);
      if (general != null) {
        general.steps(16, false);
        general.end();
        booted.empty();
      }
    }
  }

  private static void findings(SlabSubject s, Seeded random) {
    MarkedPlay own = MarkedPlay.own(s, random);
    if (own == null) {
      return;
    }
    own.steps(24, true);
    own.takeLast();
    own.discardSpoiled();
    s.validate();
    try (SlabSubject booted = booted(s, random)) {
      MarkedPlay general = MarkedPlay.general(booted, random);
      if (general != null) {
        general.steps(16, true);
        general.takeLast();
        general.discardSpoiled();
        booted.validate();
      }
    }
  }

  private static SlabSubject booted(SlabSubject s, Seeded random) {
    String letters = LETTERS.get(random.below(LETTERS.size()));
    return s.twin("slub_debug=" + letters + ",kmalloc-*");
  }
}
