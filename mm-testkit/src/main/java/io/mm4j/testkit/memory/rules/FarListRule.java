// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.MemMap;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.memory.rules.MachineShape.Size;
import java.util.ArrayList;
import java.util.List;

/** PM-52: lists of frames on machines of any size. */
final class FarListRule extends BenchRule {
  private static final int STEPS = 200;

  FarListRule() {
    super(
        new RuleInfo(
            "PM-52",
            "lists-on-any-machine",
            "A list of frames from anywhere in a machine, up to 64 TiB, reads the same from both"
                + " ends as what was put on it and not taken off, and a frame that was taken off"
                + " has no links.",
            "LRU lists lead from one end of memory to the other.",
            "include/linux/list.h; include/linux/mm_types.h struct list_head lru",
            "a link loses the upper bits of a frame number above 16 TiB"),
        1,
        random -> random.oneIn(3) ? Size.SECTIONS : Size.FAR,
        FarListRule::lists);
  }

  private static void lists(Bench bench, Seeded random) {
    FrameList list = new FrameList(bench.map);
    List<Long> model = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      long pfn = bench.pick(random.next());
      boolean first = random.oneIn(2);
      if (model.remove(Long.valueOf(pfn))) {
        list.remove(pfn);
        check(
            bench.map.lruNext(pfn) == -1 && bench.map.lruPrev(pfn) == -1,
            "no links of frame " + pfn + ", which is on no list",
            bench.map.lruNext(pfn) + ", " + bench.map.lruPrev(pfn));
      } else if (first) {
        list.addFirst(pfn);
        model.addFirst(pfn);
      } else {
        list.addLast(pfn);
        model.add(pfn);
      }
    }
    compare(bench.map, list, model);
  }

  private static void compare(MemMap map, FrameList list, List<Long> model) {
    List<Long> forward = new ArrayList<>();
    for (long p = list.first(); p != FrameList.NONE && forward.size() <= STEPS; p = list.next(p)) {
      forward.add(p);
    }
    check(forward.equals(model), "frames from the first on: " + model, "" + forward);
    List<Long> back = new ArrayList<>();
    for (long p = list.last(); p != FrameList.NONE && back.size() <= STEPS; p = map.lruPrev(p)) {
      back.addFirst(p);
    }
    check(back.equals(model), "frames from the last one back: " + model, "" + back);
  }
}
