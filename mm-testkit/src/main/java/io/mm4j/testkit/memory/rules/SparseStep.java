// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;

/** One write somewhere in the RAM of a large machine; nearly all of it stays untouched. */
record SparseStep(Kind kind, int machine, long where, long value)
    implements Operation<SparseSubject> {
  /** The writes. */
  enum Kind {
    WRITE,
    CLEAR,
    COPY,
    DISCARD
  }

  static SparseStep any(Seeded random, int machines) {
    Kind kind = random.oneIn(2) ? Kind.WRITE : Kind.values()[random.below(4)];
    return new SparseStep(kind, random.below(machines), random.next(), random.next());
  }

  @Override
  public void apply(SparseSubject s) {
    if (s.size() == 0) {
      return;
    }
    SparseSubject.Ram ram = s.ram(machine % s.size());
    long pfn = ram.pick(where);
    long other = ram.pick(value);
    switch (kind) {
      case WRITE -> {
        long paddr = (pfn << Pages.PAGE_SHIFT) + (value & 0xff8);
        ram.memory().putLong(paddr, value);
        ram.put(paddr, value);
      }
      case CLEAR -> {
        ram.memory().clearPages(pfn, 0);
        ram.zero(pfn);
      }
      case COPY -> {
        ram.memory().copyPage(other, pfn);
        ram.copy(other, pfn);
      }
      case DISCARD -> {
        ram.memory().discard(pfn, 1);
        ram.zero(pfn);
      }
    }
    ram.compare(pfn);
    ram.compare(other);
    checkEqual(ram.ramBytes(), ram.memory().ram().byteSize(), "bytes of ram()");
  }
}
