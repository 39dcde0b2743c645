// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Subject;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** The RAM of large machines, open at once, beside a map of the longs that were written. */
final class SparseSubject extends Subject {
  private final PhysicalMemoryProvider provider;
  private final Options options;
  private final boolean contents;
  private final List<Ram> rams = new ArrayList<>();

  SparseSubject(
      PhysicalMemoryProvider provider,
      Options options,
      boolean contents,
      List<MemoryLayout> layouts) {
    this.provider = provider;
    this.options = options;
    this.contents = contents;
    layouts.forEach(this::open);
  }

  private void open(MemoryLayout layout) {
    try {
      rams.add(
          new Ram(
              provider.create(layout, contents ? Contents.ALL : Contents.NONE, options),
              layout,
              contents));
    } catch (InputException e) {
      check(layout.endPfn() > 1L << 24, "endPfn=" + layout.endPfn() + " accepted", "" + e);
    }
  }

  int size() {
    return rams.size();
  }

  Ram ram(int i) {
    return rams.get(i);
  }

  /** All is as written; what is closed and opened again is empty. */
  void compareAndReopen() {
    rams.forEach(Ram::compareAll);
    List<Ram> old = List.copyOf(rams);
    rams.clear();
    for (Ram ram : old) {
      ram.memory().close();
      open(ram.layout());
    }
    for (int i = 0; i < rams.size(); i++) {
      rams.get(i).compareEmpty(old.get(i));
    }
  }

  @Override
  public void validate() {
    rams.forEach(ram -> ram.memory().validate());
  }

  @Override
  public void close() {
    rams.forEach(ram -> ram.memory().close());
  }

  /**
   * One of them.
   *
   * @param contents whether it has bytes; without, everything reads as 0
   */
  record Ram(
      PhysicalMemory memory,
      MemoryLayout layout,
      boolean contents,
      NavigableMap<Long, Long> written) {
    Ram(PhysicalMemory memory, MemoryLayout layout, boolean contents) {
      this(memory, layout, contents, new TreeMap<>());
      check(memory.hasContents() == contents, "hasContents() = " + contents, "" + !contents);
    }

    long ramBytes() {
      return contents ? layout.endPfn() << Pages.PAGE_SHIFT : 0;
    }

    /** A frame, each end of the machine and of its sections more often. */
    long pick(long number) {
      long end = layout.endPfn();
      long any = Long.remainderUnsigned(number >>> 4, end);
      return switch ((int) (number & 7)) {
        case 0 -> end - 1;
        case 1 -> Math.min(end - 1, any | Pages.PAGES_PER_SECTION - 1);
        case 2 -> any & -(long) Pages.PAGES_PER_SECTION;
        case 3 -> 0;
        default -> any;
      };
    }

    void put(long paddr, long value) {
      if (contents) {
        written.put(paddr, value);
      }
    }

    void zero(long pfn) {
      written.subMap(pfn << Pages.PAGE_SHIFT, (pfn + 1) << Pages.PAGE_SHIFT).clear();
    }

    void copy(long destination, long source) {
      var page = written.subMap(source << Pages.PAGE_SHIFT, (source + 1) << Pages.PAGE_SHIFT);
      List<Long> at = List.copyOf(page.keySet());
      List<Long> values = List.copyOf(page.values());
      zero(destination);
      for (int i = 0; i < at.size(); i++) {
        written.put(at.get(i) + ((destination - source) << Pages.PAGE_SHIFT), values.get(i));
      }
    }

    void compare(long pfn) {
      long from = pfn << Pages.PAGE_SHIFT;
      for (long at = from; at < from + Pages.PAGE_SIZE; at += 8) {
        long expected = written.getOrDefault(at, 0L);
        if (memory.getLong(at) != expected) {
          checkEqual(expected, memory.getLong(at), String.format("long at 0x%x", at));
        }
      }
      checkEqual((byte) (long) written.getOrDefault(from, 0L), memory.getByte(from), "getByte");
      checkEqual(written.getOrDefault(from, 0L) << 32 >> 32, memory.getInt(from), "getInt");
    }

    void compareAll() {
      written.keySet().forEach(paddr -> compare(paddr >>> Pages.PAGE_SHIFT));
    }

    void compareEmpty(Ram before) {
      before.written.keySet().forEach(paddr -> compare(paddr >>> Pages.PAGE_SHIFT));
    }
  }
}
