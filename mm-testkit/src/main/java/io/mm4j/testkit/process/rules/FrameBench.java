// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/**
 * The same calls as those of {@link ByteBench}, and some more that leave all bytes alone; after
 * each of them frames, tables and the TLB are audited.
 */
final class FrameBench extends ByteBench {
  private final FrameAudit audit;
  private Seeded looks;

  FrameBench(ProcessFloor floor, Seeded random) {
    this(floor, random, new FrameAudit());
  }

  private FrameBench(ProcessFloor floor, Seeded random, FrameAudit audit) {
    super(floor, random);
    this.audit = audit;
    looks = random;
  }

  @Override
  void step(Seeded random) {
    looks = random;
    AddressSpace mm = spaces().get(random.below(spaces().size()));
    long at = place(random);
    long[] end = {at};
    mm.forEachVma(at, at + 1, vma -> end[0] = Math.min(vma.end(), at + length(random)));
    long bytes = end[0] - at;
    switch (bytes == 0 ? 9 : random.below(10)) {
      case 0 -> {
        tell("mprotect of " + bytes / PAGE + " pages at 0x" + Long.toHexString(at) + " and back");
        checkEqual(0, mm.mprotect(at, bytes, READ), "mprotect");
        audit.fresh();
        audit.holds(spaces());
        checkEqual(0, mm.mprotect(at, bytes, RW), "mprotect");
      }
      case 1 -> {
        tell("mlock of " + bytes / PAGE + " pages at 0x" + Long.toHexString(at) + " and back");
        long _ = mm.mlock(at, Math.min(bytes, HUGE)); // a guard refuses it
        audit.fresh();
        audit.holds(spaces());
        checkEqual(0, mm.munlock(at, bytes), "munlock");
      }
      case 2 -> {
        long wanted = random.oneIn(2) ? 1 + random.below(600) : 1 << 20;
        tell("reclaim of " + wanted + " frames");
        long free = Floors.freeFrames();
        long freed = Floors.reclaim(wanted);
        checkEqual(free + freed, Floors.freeFrames(), "free frames after " + freed + " came back");
        if (freed < wanted) {
          audit.nothingWaits();
        }
      }
      default -> super.step(random);
    }
  }

  @Override
  void holds() {
    audit.fresh();
    super.holds();
    audit.holds(spaces());
    List<AddressSpace> all = spaces();
    List<Long> places = new ArrayList<>(looked());
    for (int i = 0; i < 10; i++) {
      places.add(place(looks));
    }
    audit.translates(all.get(looks.below(all.size())), looks, places);
  }
}
