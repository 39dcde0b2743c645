// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.memory.naive.NaiveMemMap;

/** Everything that is kept of a frame, compared with the model. */
final class FrameFields {
  private FrameFields() {}

  /** Throws at the first field that is not the model's. */
  static void compare(NaiveMemMap model, MemMap map, long pfn) {
    FrameOwner owner = model.owner(pfn);
    if (owner != map.owner(pfn)) {
      throw new RuleViolation("owner of frame " + pfn + " = " + owner, "" + map.owner(pfn));
    }
    same(pfn, "flags", model.flags(pfn), map.flags(pfn));
    same(pfn, "refcount", model.refcount(pfn), map.refcount(pfn));
    same(pfn, "mapcount", model.mapcount(pfn), map.mapcount(pfn));
    same(pfn, "entire mapcount", model.entireMapcount(pfn), map.entireMapcount(pfn));
    same(pfn, "held", model.isHeld(pfn) ? 1 : 0, map.isHeld(pfn) ? 1 : 0);
    same(pfn, "order", model.order(pfn), map.order(pfn));
    same(pfn, "private", model.privateData(pfn), map.privateData(pfn));
    same(pfn, "mapping", model.mapping(pfn), map.mapping(pfn));
    same(pfn, "index", model.index(pfn), map.index(pfn));
    same(pfn, "lru.next", model.lruNext(pfn), map.lruNext(pfn));
    same(pfn, "lru.prev", model.lruPrev(pfn), map.lruPrev(pfn));
  }

  /** Compares one number of a frame. */
  static void same(long pfn, String field, long expected, long seen) {
    if (expected != seen) {
      checkEqual(expected, seen, field + " of frame " + pfn);
    }
  }
}
