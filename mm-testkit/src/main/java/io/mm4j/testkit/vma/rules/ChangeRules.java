// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import static io.mm4j.testkit.vma.rules.LookupRules.same;
import static io.mm4j.testkit.vma.rules.LookupRules.sameOrder;

import io.mm4j.api.MisuseException;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;
import io.mm4j.testkit.vma.rules.VmaOp.Clear;
import io.mm4j.testkit.vma.rules.VmaOp.Copy;
import io.mm4j.testkit.vma.rules.VmaOp.Fill;
import io.mm4j.testkit.vma.rules.VmaOp.Probe;

/** The rules that try changes; each leaves the run as it was. */
public final class ChangeRules {
  private static final int NONE = VmaIndex.NONE;
  private static final long MAX = VmaIndex.MAX_ADDRESS;

  private ChangeRules() {}

  /** Does what must be refused, and looks whether anything changed. */
  private static void refused(VmaSubject run, String what, Runnable misuse) {
    try {
      misuse.run();
    } catch (MisuseException expected) {
      same("size after a refused " + what, run.index().size(), run.model().size());
      sameOrder("after a refused " + what, run.index(), run.model());
      return;
    } catch (RuntimeException other) {
      throw RuleViolation.wrongException("MisuseException from " + what, other);
    }
    throw new RuleViolation("MisuseException from " + what, "none");
  }

  public static void overlap(VmaSubject run) {
    if (!(run.last() instanceof Probe(long addr, long length)) || run.model().size() == 0) {
      return;
    }
    VmaIndex model = run.model();
    int found = model.find(addr);
    int vma = found == NONE ? model.last() : found;
    long start = model.start(vma);
    long end = model.end(vma);
    long[][] ranges = {
      {start, end},
      {start, start + 1},
      {end - 1, end},
      {Math.max(0, start - length), start + 1},
      {end - 1, Math.min(MAX, end + length)},
      {Math.max(0, start - 1), Math.min(MAX, end + 1)}
    };
    for (long[] range : ranges) {
      refused(
          run,
          "insert [0x%x, 0x%x) over %s".formatted(range[0], range[1], run.text(vma)),
          () -> run.index().insert(range[0], range[1]));
    }
  }

  public static void setRange(VmaSubject run) {
    if (!(run.last() instanceof Probe(long addr, long length)) || run.model().size() == 0) {
      return;
    }
    VmaIndex index = run.index();
    VmaIndex model = run.model();
    int found = model.find(addr);
    int vma = found == NONE ? model.last() : found;
    int handle = run.handle(vma);
    int prev = model.prev(vma);
    int next = model.next(vma);
    long start = model.start(vma);
    long end = model.end(vma);
    long low = prev == NONE ? 0 : model.end(prev);
    long high = next == NONE ? MAX : model.start(next);
    for (long[] range :
        new long[][] {{low, end}, {low, high}, {start, high}, {low, low + 1}, {high - 1, high}}) {
      index.setRange(handle, range[0], range[1]);
      model.setRange(vma, range[0], range[1]);
      sameOrder("after setRange", index, model);
      same("find after setRange", index.find(range[0]), handle);
      same("find after setRange", index.find(range[1] - 1), handle);
      same("gap after setRange", index.gapAbove(low, high, 1), model.gapAbove(low, high, 1));
      same("gap after setRange", index.gapAbove(0, MAX, length), model.gapAbove(0, MAX, length));
      same("gap after setRange", index.gapBelow(0, high, length), model.gapBelow(0, high, length));
    }
    index.setRange(handle, start, end);
    model.setRange(vma, start, end);
    if (prev != NONE) {
      refused(run, "setRange into the VMA below", () -> index.setRange(handle, low - 1, end));
    }
    if (next != NONE) {
      refused(run, "setRange into the VMA above", () -> index.setRange(handle, start, high + 1));
      refused(run, "setRange past the VMA above", () -> index.setRange(handle, MAX - 1, MAX));
    }
  }

  public static void copy(VmaSubject run) {
    if (!(run.last() instanceof Probe || run.last() instanceof Copy)) {
      return;
    }
    VmaIndex index = run.index();
    VmaIndex copy = index.copy();
    NaiveVmaIndex expected = new NaiveVmaIndex(run.model());
    sameOrder("copy", copy, expected);
    for (int vma = run.model().first(); vma != NONE; vma = run.model().next(vma)) {
      same("copy: start of the same handle", copy.start(run.handle(vma)), run.model().start(vma));
    }
    for (int i = 0; i < 3 && expected.size() > 0; i++) {
      copy.erase(i == 1 ? copy.last() : copy.first());
      expected.erase(i == 1 ? expected.last() : expected.first());
    }
    long gap = expected.gapAbove(0, MAX, 2);
    if (gap != VmaIndex.NONE_ADDR) {
      copy.insert(gap, gap + 2);
      expected.insert(gap, gap + 2);
    }
    sameOrder("changed copy", copy, expected);
    copy.validate();
    sameOrder("original of a changed copy", index, run.model());
    index.validate();
    VmaIndex still = index.copy();
    if (run.model().size() > 0) {
      int vma = index.first();
      long start = index.start(vma);
      long end = index.end(vma);
      index.setRange(vma, start, start + 1);
      index.setRange(vma, start, end);
      sameOrder("copy of a changed original", still, run.model());
    }
  }

  public static void reserve(VmaSubject run) {
    VmaIndex index = run.index();
    int room = run.maxVmas - run.model().size();
    if (run.last() instanceof Fill || room == 0) {
      int capacity = index.capacity();
      if (index.reserve(room + 1)) {
        throw new RuleViolation(
            "reserve(" + (room + 1) + ") = false with room for " + room, "true");
      }
      same("capacity after a reserve that was refused", index.capacity(), capacity);
      if (!index.reserve(0) || !index.reserve(Math.min(room, 50))) {
        throw new RuleViolation("reserve() = true with room for " + room, "false");
      }
      int reserved = index.capacity();
      if (!index.reserve(room / 2) || index.capacity() < reserved) {
        throw new RuleViolation(
            "capacity() of " + reserved + " or more after another reserve", "" + index.capacity());
      }
      sameOrder("after reserve", index, run.model());
    }
    long gap = run.model().gapBelow(0, MAX, 1);
    if (room == 0 && gap != VmaIndex.NONE_ADDR) {
      same("insert into a full index", index.insert(gap, gap + 1), NONE);
      sameOrder("after insert into a full index", index, run.model());
      index.validate();
    }
  }

  /** An index is made for 1 VMA up to as many as its plugin says, and for no others. */
  static void limits(VmaIndexProvider provider, Options options) {
    int most = provider.capabilities().maxVmas();
    for (int max : new int[] {Integer.MIN_VALUE, -1, 0, most + 1}) {
      if (max > most || max < 1) { // most + 1 may be the least int
        try {
          provider.create(max, options);
        } catch (MisuseException e) {
          continue;
        }
        throw new RuleViolation("MisuseException from create for maxVmas=" + max, "an index");
      }
    }
    VmaIndex one = provider.create(1, options);
    same("the only VMA of an index for 1", one.insert(0, MAX) == NONE ? 0 : 1, 1);
    same("an index for as many as there may be", provider.create(most, options).size(), 0);
  }

  /** What a full index refuses, and that it goes on where a VMA has gone. */
  public static void full(VmaSubject run) {
    VmaIndex index = run.index();
    same("size", index.size(), run.model().size());
    reserve(run);
    sameOrder("after " + run.last(), index, run.model());
    if (run.model().size() < run.maxVmas) {
      return;
    }
    VmaIndex again = index.copy();
    int gone = again.first();
    long start = again.start(gone);
    long end = again.end(gone);
    same("reserve in a full index", again.reserve(1) ? 1 : 0, 0);
    again.erase(gone);
    same("reserve where one has gone", again.reserve(1) ? 1 : 0, 1);
    int vma = again.insert(start, end);
    same("the handle of the VMA that has gone", vma, gone);
    sameOrder("after a VMA has gone and come", again, run.model());
    again.validate();
  }

  public static void clear(VmaSubject run) {
    if (!(run.last() instanceof Clear || run.last() instanceof Copy)) {
      return;
    }
    VmaIndex cleared = run.index().copy();
    cleared.reserve(Math.min(20, run.maxVmas - cleared.size())); // which is forgotten, too
    cleared.clear();
    int promised = Math.min(3000, run.maxVmas);
    same("reserve after clear", cleared.reserve(promised) ? 1 : 0, 1);
    if (promised == 3000) {
      forgotten("a copy has no reservation", cleared.copy());
      cleared.clear();
      forgotten("clear gives reservations back", cleared);
    }
    same("size after clear", cleared.size(), 0);
    same("first after clear", cleared.first(), NONE);
    same("last after clear", cleared.last(), NONE);
    same("find after clear", cleared.find(0), NONE);
    same("gapAbove after clear", cleared.gapAbove(1, MAX, MAX - 1), 1);
    same("gapBelow after clear", cleared.gapBelow(0, MAX, 5), MAX - 5);
    cleared.validate();
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < Math.min(150, run.maxVmas); i++) {
        int vma = cleared.insert(10L * i, 10L * i + 5);
        same("handle found after clear", cleared.find(10L * i), vma);
        if (vma >= cleared.capacity() || (round == 0 && vma > i + 1)) {
          throw new RuleViolation("handles that begin again after clear", "vma=" + vma);
        }
      }
      cleared.validate();
      while (cleared.size() > 0) { // all that came after clear can go again
        cleared.erase(cleared.size() % 2 == 0 ? cleared.first() : cleared.last());
      }
      cleared.validate();
    }
  }

  private static void forgotten(String what, VmaIndex empty) {
    if (empty.capacity() >= 3000) {
      throw new RuleViolation(what + ": capacity() below 3000", "" + empty.capacity());
    }
  }

  public static void misuse(VmaSubject run) {
    if (!(run.last() instanceof Probe(long addr, long length))) {
      return;
    }
    VmaIndex index = run.index();
    long gap = run.model().gapAbove(0, MAX, 2);
    if (gap != VmaIndex.NONE_ADDR) {
      refused(run, "insert of an empty range", () -> index.insert(gap, gap));
      refused(run, "insert of a reversed range", () -> index.insert(gap + 1, gap));
    }
    refused(run, "insert below 0", () -> index.insert(-4096, 4096));
    refused(run, "insert above MAX_ADDRESS", () -> index.insert(MAX - 1, MAX + 1));
    refused(run, "reserve(-1)", () -> index.reserve(-1));
    refused(run, "gapAbove from below 0", () -> index.gapAbove(-1, MAX, 1));
    refused(run, "gapBelow to above MAX_ADDRESS", () -> index.gapBelow(0, MAX + 1, 1));
    refused(run, "gapAbove of nothing", () -> index.gapAbove(0, MAX, 0));
    refused(run, "gapBelow of less", () -> index.gapBelow(0, MAX, -length));
    for (int vma : new int[] {NONE, Integer.MAX_VALUE, run.lastErased()}) {
      refused(run, "erase of vma=" + vma, () -> index.erase(vma));
      refused(run, "setRange of vma=" + vma, () -> index.setRange(vma, MAX - 2, MAX - 1));
    }
    int vma = run.handle(run.model().first());
    if (vma != NONE) {
      refused(
          run,
          "setRange to nothing",
          () -> index.setRange(vma, index.start(vma), index.start(vma)));
      refused(run, "setRange below 0", () -> index.setRange(vma, -1, index.end(vma)));
    }
  }

  public static void validate(VmaSubject run) {
    run.index().validate();
  }
}
