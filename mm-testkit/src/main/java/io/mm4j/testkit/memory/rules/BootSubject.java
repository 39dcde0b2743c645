// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.RangeBootAllocator;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A boot allocator beside a naive one of its kind, and the bytes that it clears. */
class BootSubject extends Subject {
  private static final byte DIRT = 0x5a;

  final PhysicalMemory memory;
  final BootAllocator boot;
  final BootAllocator model;
  final MemoryLayout layout;

  /** What was allocated: start and length by turns. */
  final List<Long> blocks = new ArrayList<>();

  /** All of RAM as it must be, or null without contents. */
  private final byte @Nullable [] bytes;

  BootSubject(
      PhysicalMemoryProvider provider,
      Options options,
      String kind,
      MemoryLayout layout,
      boolean contents) {
    this.layout = layout;
    memory = provider.create(layout, contents ? Contents.ALL : Contents.NONE, options);
    boot = memory.bootAllocator();
    model = NaiveMemories.boot(kind, layout, this::clear);
    if (contents) {
      bytes = new byte[Math.toIntExact(layout.endPfn() << Pages.PAGE_SHIFT)];
      Arrays.fill(bytes, DIRT);
      memory.ram().fill(DIRT);
    } else {
      bytes = null;
    }
  }

  private void clear(long start, long length) {
    if (bytes != null) {
      Arrays.fill(bytes, (int) start, (int) (start + length), (byte) 0);
    }
  }

  /** The calls that only ranges have; null if the allocator has none. */
  @Nullable RangeBootAllocator ranges() {
    return boot instanceof RangeBootAllocator ranges ? ranges : null;
  }

  RangeBootAllocator modelRanges() {
    return (RangeBootAllocator) model;
  }

  void allocated(long expected, long seen, long length) {
    checkEqual(expected, seen, "address");
    if (seen != BootAllocator.NONE) {
      blocks.add(seen);
      blocks.add(length);
    }
  }

  /** The ranges, where they can be seen, are those of the model. */
  void compareRanges() {
    RangeBootAllocator ranges = ranges();
    if (ranges != null && model instanceof RangeBootAllocator expected) {
      List<String> seen = new ArrayList<>();
      List<String> wanted = new ArrayList<>();
      ranges.forEachMemory((s, e, n, f) -> seen.add(text("memory", s, e, n, f)));
      expected.forEachMemory((s, e, n, f) -> wanted.add(text("memory", s, e, n, f)));
      ranges.forEachReserved((s, e, n, f) -> seen.add(text("reserved", s, e, n, f)));
      expected.forEachReserved((s, e, n, f) -> wanted.add(text("reserved", s, e, n, f)));
      compareLists(wanted, seen);
    }
  }

  private static String text(String what, long start, long end, int node, int flags) {
    return String.format("%s 0x%x-0x%x node %d flags %d", what, start, end, node, flags);
  }

  /** What is handed over at the end. */
  void compareHandOver() {
    List<String> seen = new ArrayList<>();
    List<String> wanted = new ArrayList<>();
    boot.handOver((start, end) -> seen.add("frames " + start + " to " + end));
    model.handOver((start, end) -> wanted.add("frames " + start + " to " + end));
    compareLists(wanted, seen);
  }

  private static void compareLists(List<String> wanted, List<String> seen) {
    for (int i = 0; i < Math.max(wanted.size(), seen.size()); i++) {
      String one = i < wanted.size() ? wanted.get(i) : "no more";
      String other = i < seen.size() ? seen.get(i) : "no more";
      check(one.equals(other), one, other);
    }
  }

  /** All bytes. */
  void compareBytes() {
    compareBytes(0, layout.endPfn() << Pages.PAGE_SHIFT);
  }

  /** The bytes of a block, if there is one, and the pages around it. */
  void compareBlock(long start, long length) {
    if (start != BootAllocator.NONE) {
      long end = layout.endPfn() << Pages.PAGE_SHIFT;
      compareBytes(
          Math.max(0, start - Pages.PAGE_SIZE), Math.min(end, start + length + Pages.PAGE_SIZE));
    }
  }

  private void compareBytes(long from, long to) {
    if (bytes != null) {
      MemorySegment expected = MemorySegment.ofArray(bytes).asSlice(from, to - from);
      long at = memory.ram().asSlice(from, to - from).mismatch(expected);
      if (at >= 0) {
        throw new RuleViolation(
            "byte at " + (from + at) + " cleared by an allocation, and by nothing else", "not so");
      }
    }
  }

  @Override
  public void validate() {
    memory.validate();
  }

  @Override
  public void close() {
    memory.close();
  }
}
