// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.testkit.RuleViolation;

/** Frames without bytes beside frames with bytes: every width, copies, and what is outside. */
final class DroppedCheck {
  private static final int PAGE = 4096;
  private static final long FIRST = 0x108;

  private DroppedCheck() {}

  static void run(MemorySubject s) {
    PhysicalMemory memory = s.memory;
    for (long pfn = FIRST; pfn < FIRST + 8; pfn++) {
      for (int at = 0; at < PAGE; at += 4) {
        int place = (int) (pfn * PAGE) + at;
        String where = " at 0x" + Integer.toHexString(place);
        boolean kept = s.hasBytes(pfn);
        checkEqual(kept ? s.bytes.getInt(place) : 0, memory.getInt(place), "int" + where);
        checkEqual(kept ? s.bytes.get(place + 3) : 0, memory.getByte(place + 3L), "byte" + where);
      }
    }
    copies(s);
    long last = MemorySubject.FRAMES - 1;
    s.map.setOwners(last, 0, FrameOwner.KERNEL);
    memory.putLong(last * PAGE, -1);
    refused("a block that ends outside", () -> memory.clearPages(MemorySubject.FRAMES - 1, 1));
    refused("a copy from outside", () -> memory.copyPage(FIRST, MemorySubject.FRAMES));
    refused("a copy to outside", () -> memory.copyPage(MemorySubject.FRAMES, FIRST));
    refused("a long outside", () -> memory.getLong((long) MemorySubject.FRAMES * PAGE));
    checkEqual(-1, memory.getLong(last * PAGE), "last frame, of which a part was to be cleared");
  }

  /** A copy of a frame without bytes is zeroes, and nothing is beside it. */
  private static void copies(MemorySubject s) {
    PhysicalMemory memory = s.memory;
    s.map.setOwners(FIRST, 0, FrameOwner.FILE);
    for (long pfn = FIRST + 1; pfn < FIRST + 4; pfn++) {
      s.map.setOwners(pfn, 0, FrameOwner.KERNEL);
      memory.putLong(pfn * PAGE, -1);
      memory.putLong(pfn * PAGE + PAGE - 8, -1);
    }
    memory.copyPage(FIRST + 2, FIRST);
    for (long pfn = FIRST + 1; pfn < FIRST + 4; pfn++) {
      long wanted = pfn == FIRST + 2 ? 0 : -1;
      checkEqual(wanted, memory.getLong(pfn * PAGE), "first word of frame " + pfn);
      checkEqual(wanted, memory.getLong(pfn * PAGE + PAGE - 8), "last word of frame " + pfn);
    }
  }

  private static void refused(String what, Runnable call) {
    try {
      call.run();
    } catch (IllegalArgumentException | IndexOutOfBoundsException | io.mm4j.api.MisuseException e) {
      return;
    }
    throw new RuleViolation("an exception from " + what, "none");
  }
}
