// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.process.naive.Bits;

/**
 * A process that does nothing, with every second frame of a row: frames that others get next lie
 * between its own, and what is written too far shows in its bytes.
 */
final class Bystander {
  private static final long PAGE = Bits.PAGE;
  private static final long START = 0x20000000L;
  private static final int PAGES = 96;
  private static final int FIRST = 0x5a;
  private static final int LAST = 0x3c;

  /** Its memory. */
  final AddressSpace mm;

  /** Before the process that is judged has any page. */
  Bystander(ProcessFloor floor) {
    CaseSetup setup = new CaseSetup().fitting(Floors.ground());
    setup.overcommit = 1;
    mm = setup.create(floor);
    checkEqual(START, mm.mmap(START, PAGES * PAGE, 3, 0x4032, -1, 0), "mmap of a bystander");
    for (long at = START; at < START + PAGES * PAGE; at += PAGE) {
      boolean wrote = mm.write(at, FIRST).ok() && mm.write(at + PAGE - 1, LAST).ok();
      check(wrote, "writes of a bystander", "a signal");
    }
    for (int i = 1; i < PAGES; i += 2) {
      long gone = mm.madvise(START + i * PAGE, PAGE, Uapi.MADV_DONTNEED);
      checkEqual(0, gone, "madvise of a bystander");
    }
  }

  /** Nobody has written to its memory. */
  void keeps() {
    for (int i = 0; i < PAGES; i += 2) {
      long at = START + i * PAGE;
      checkEqual(FIRST, mm.read(at).value(), "the first byte of somebody else's page " + i);
      checkEqual(LAST, mm.read(at + PAGE - 1).value(), "the last byte of its page " + i);
    }
  }
}
