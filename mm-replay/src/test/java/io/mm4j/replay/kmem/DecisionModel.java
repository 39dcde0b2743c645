// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.FreeCounts;
import io.mm4j.testkit.pages.model.Fallback;
import io.mm4j.testkit.pages.model.Fallback.Candidate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The kit's model of whose blocks a request gets; models that are wrong in one thing extend it. */
class DecisionModel {
  /** The own list that serves, or null. */
  @Nullable Candidate own(FreeCounts counts, int order, int type) {
    return Fallback.own(counts, order, type);
  }

  /** The first other type with a block of this order, or null. */
  @Nullable Candidate first(FreeCounts counts, int order, int type) {
    return Fallback.first(counts, order, type);
  }

  /** What is tried to be claimed, in order. */
  List<Candidate> claims(FreeCounts counts, int order, int type) {
    return Fallback.claims(counts, order, type, false);
  }

  /** What is stolen, or null. */
  @Nullable Candidate steal(FreeCounts counts, int order, int type) {
    return Fallback.steal(counts, order, type);
  }

  /** Whether some number of movable pages lets the claim of a pageblock through. */
  boolean mayChangeHands(int type, int owner, int free) {
    int used = io.mm4j.api.memory.Pages.PAGEBLOCK_NR_PAGES - free;
    return Fallback.changesHands(free, Fallback.alike(type, owner, free, 0))
        || Fallback.changesHands(free, Fallback.alike(type, owner, free, used));
  }
}
