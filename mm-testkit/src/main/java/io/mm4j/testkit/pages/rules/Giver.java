// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.page.Reclaimer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/** A reclaimer with so many pages, that gives so many when asked, and remembers what was asked. */
final class Giver implements Reclaimer {
  private final PageAllocator pages;
  private final Deque<Long> held = new ArrayDeque<>();
  private final List<ReclaimRequest> asked = new ArrayList<>();
  private final List<Integer> flags = new ArrayList<>();
  private final int most;
  private final boolean any;
  private final List<Long> gave = new ArrayList<>();
  private long given;
  private Consumer<ReclaimRequest> before = request -> {};

  /**
   * Creates it with nothing.
   *
   * @param most pages that it gives in one call; two at least if it may
   * @param any whether it gives pages of any zone, or only of the highest that was named
   */
  Giver(PageAllocator pages, int most, boolean any) {
    this.pages = pages;
    this.any = any;
    this.most = most;
  }

  /** Gives it a page of order 0. */
  void hold(long pfn) {
    held.add(pfn);
  }

  /** What to look at before it gives anything. */
  void beforeEach(Consumer<ReclaimRequest> look) {
    before = look;
  }

  /** How many pages it gave, by call. */
  List<Long> gave() {
    return gave;
  }

  /** What was asked, in order. */
  List<ReclaimRequest> asked() {
    return asked;
  }

  /** The flags of the CPU at each call. */
  List<Integer> flags() {
    return flags;
  }

  /** How many pages it still has. */
  int left() {
    return held.size();
  }

  /** How many it gave. */
  long given() {
    return given;
  }

  /** Whether a page is where memory is short. */
  private boolean fits(long pfn, ReclaimRequest request) {
    for (ManagedZone z : pages.zones()) {
      if (z.zone().contains(pfn)) {
        boolean there = any || z.zone().type() == request.highestZone();
        return there && request.wantsNode(z.zone().nodeId());
      }
    }
    return false;
  }

  @Override
  public long reclaim(ReclaimRequest request) {
    before.accept(request);
    asked.add(request);
    flags.add(request.cpu().flags());
    long now = 0;
    while (now < Math.min(most, Math.max(2, request.pages())) && !held.isEmpty()) {
      Long pfn = held.stream().filter(p -> fits(p, request)).findFirst().orElse(null);
      if (pfn == null) {
        break;
      }
      held.remove(pfn);
      pages.freePages(request.cpu(), pfn, 0);
      now++;
    }
    given += now;
    gave.add(now);
    return now;
  }
}
