// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;

/** PM-54: a table of states says what the calls say. */
final class StatesRule {
  private static final int FRAMES = 40;

  private StatesRule() {}

  static Rule<PhysicalMemoryProvider> rule() {
    return new BenchRule(
        new RuleInfo(
            "PM-54",
            "table-of-states",
            "If states() has frames, a word of it says owner, order, flags and references of its"
                + " frame, what is written there is what the calls read, and the page allocator's"
                + " tag stays while the frame is held, shared, moved and dropped.",
            "Fast paths look there and nowhere else.",
            "mm4j's contract of FrameStates",
            "a copy is kept, or a call rebuilds the word and forgets the tag"),
        FRAMES,
        (bench, random) -> frame(bench.map, bench.pick(random.next()), random));
  }

  private static void frame(MemMap map, long pfn, Seeded random) {
    FrameStates states = map.states();
    if (states.isEmpty()) {
      return;
    }
    int tag = 1 + random.below(PageState.TAGS - 1);
    states.words(pfn)[states.at(pfn)] =
        PageState.withOwner(PageState.plain(0, tag), FrameOwner.KERNEL);
    same(map, pfn, tag, "written");
    checkEqual(1, map.refcount(pfn), "refcount of frame " + pfn + " as written");
    map.hold(pfn, 0, FrameOwner.ANON, PageFlags.PG_DIRTY, 5, 6);
    same(map, pfn, tag, "held");
    map.get(pfn);
    map.setFlags(pfn, PageFlags.PG_LOCKED);
    map.setOwner(pfn, FrameOwner.FILE);
    same(map, pfn, tag, "shared");
    long other = pfn == 0 ? 1 : pfn - 1;
    map.release(other, 0, FrameOwner.PCP);
    map.prepare(other, 0, FrameOwner.KERNEL);
    map.move(other, pfn);
    same(map, other, 0, "moved to");
    same(map, pfn, tag, "moved from");
    map.move(pfn, other);
    map.drop(pfn, 0);
    same(map, pfn, tag, "shared by one less");
    map.drop(pfn, 0);
    long word = PageState.withOwner(PageState.plain(0, tag), FrameOwner.KERNEL);
    checkEqual(word, states.get(pfn), "word of frame " + pfn + ", dropped");
    map.release(pfn, 0, FrameOwner.PCP);
    checkEqual(FrameOwner.PCP.code(), states.get(pfn), "word of frame " + pfn + ", released");
  }

  private static void same(MemMap map, long pfn, int tag, String when) {
    long word = map.states().get(pfn);
    String of = " of frame " + pfn + ", " + when;
    checkEqual(tag, PageState.tag(word), "tag" + of);
    checkEqual(map.owner(pfn).code(), PageState.owner(word).code(), "owner" + of);
    checkEqual(map.flags(pfn), PageState.flags(word), "flags" + of);
    checkEqual(map.refcount(pfn), PageState.refcount(word), "refcount" + of);
    checkEqual(map.order(pfn), PageState.order(word), "order" + of);
    checkEqual(map.isHeld(pfn) ? 1 : 0, (word & PageState.HELD) != 0 ? 1 : 0, "held" + of);
  }
}
