// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.List;

/** What is still in use when the allocator is closed. */
final class LeakCase {
  private LeakCase() {}

  static void run(SlabSubject s, Seeded random) {
    Cache cache = CaseRules.cache(s, random, "leaky");
    List<Live> objects = CaseRules.some(s, cache, random.between(20, 200));
    boolean leaks = random.oneIn(2);
    for (Live object : objects) {
      if (!leaks || !object.equals(objects.getFirst())) {
        s.free(random.below(2), object);
      }
    }
    s.slabs.close();
    check(!s.machine.pressure().canReclaim(), "nobody who reclaims once it is closed", "somebody");
    LeakReport report = s.machine.framesInUse();
    if (!leaks) {
      check(report.isEmpty(), "no frame in use when all was freed", report.toString());
      return;
    }
    long pfn = objects.getFirst().paddr() >>> 12;
    FrameOwner owner = s.machine.memory().memMap().owner(pfn);
    check(owner == FrameOwner.SLAB, "the live object's frame owned by SLAB", "" + owner);
    long most = (objects.getFirst().bytes() >>> 12) + 8L;
    long pages = report.pages();
    check(pages > 0 && pages <= most, "frames of one slab in use", report.toString());
  }
}
