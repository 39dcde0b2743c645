// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.RangeBootAllocator;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.List;
import java.util.Locale;

/** One call on a boot allocator and on the model. */
record BootStep(Kind kind, long size, long where, long value) implements Operation<BootSubject> {
  private static final int NODES = 4;
  private static final long TAIL = 6;

  /** Cuts of memory that many ranges have at least: more than memblock has room for at first. */
  private static final long MANY_AT_LEAST = 150;

  private static final long PIECE = 64;

  /** The calls; those from RAW on only ranges have. */
  enum Kind {
    ALLOC,
    RESERVE,
    NOTHING,
    FREE_BLOCK,
    FREE_RANGE,
    REFILL,
    WINDOW,
    RAW,
    EXACT,
    DIRECTION,
    LIMIT,
    ADD,
    REMOVE,
    TO_THE_END,
    MANY
  }

  static BootStep any(Seeded random, Kind... kinds) {
    return new BootStep(
        kinds[random.below(kinds.length)], random.next(), random.next(), random.next());
  }

  @Override
  public void apply(BootSubject s) {
    long length = length(s);
    switch (kind) {
      case ALLOC -> alloc(s, length);
      case RESERVE -> {
        // Some firmware lies behind all of RAM.
        long behind = (value & 31) == 7 ? Pages.PAGE_SIZE + (value >>> 44) : 0;
        long start =
            behind > 0 ? (s.layout.endPfn() << Pages.PAGE_SHIFT) + behind : address(s, where);
        s.boot.reserve(start, length);
        s.model.reserve(start, length);
      }
      case NOTHING -> {
        if ((value & 1) == 0) {
          s.boot.reserve(address(s, where), 0);
          s.model.reserve(address(s, where), 0);
        } else {
          s.boot.free(address(s, where), 0);
          s.model.free(address(s, where), 0);
        }
      }
      case FREE_BLOCK -> freeBlock(s);
      case FREE_RANGE -> freeRange(s);
      case REFILL -> refill(s);
      case WINDOW -> window(s);
      default -> {
        RangeBootAllocator ranges = s.ranges();
        if (ranges != null) {
          ofRanges(s, ranges, length);
        }
      }
    }
    s.compareRanges();
  }

  private void ofRanges(BootSubject s, RangeBootAllocator ranges, long length) {
    RangeBootAllocator model = s.modelRanges();
    long start = address(s, where);
    switch (kind) {
      case RAW ->
          s.allocated(
              model.allocRaw(length, align(), min(s), max(s), node()),
              ranges.allocRaw(length, align(), min(s), max(s), node()),
              length);
      case EXACT ->
          s.allocated(
              model.allocExact(length, align(), min(s), max(s), node()),
              ranges.allocExact(length, align(), min(s), max(s), node()),
              length);
      case DIRECTION -> {
        ranges.setBottomUp((value & 1) == 0);
        model.setBottomUp((value & 1) == 0);
      }
      case LIMIT -> {
        long limit = (value & 3) == 0 ? s.layout.endPfn() << Pages.PAGE_SHIFT : address(s, where);
        ranges.setCurrentLimit(limit);
        model.setCurrentLimit(limit);
      }
      case ADD -> {
        ranges.addNode(start, length, node(), (int) (value & 1));
        model.addNode(start, length, node(), (int) (value & 1));
      }
      case REMOVE -> {
        ranges.remove(start, length);
        model.remove(start, length);
      }
      case TO_THE_END -> {
        long most = Long.MAX_VALUE - Long.remainderUnsigned(size, TAIL);
        if ((value & 3) == 0) {
          ranges.reserve(start, most);
          model.reserve(start, most);
        } else {
          ranges.free(start, most);
          model.free(start, most);
        }
      }
      case MANY -> {
        many(s, ranges);
        many(s, model);
      }
      default -> throw new IllegalStateException("no call of ranges: kind=" + kind);
    }
  }

  /**
   * Memory and reservations in hundreds of ranges, from below or from above: a little memory in
   * each step belongs to another node or has flags, and a little is reserved.
   */
  private void many(BootSubject s, RangeBootAllocator to) {
    long count = MANY_AT_LEAST + Long.remainderUnsigned(size, MANY_AT_LEAST);
    long step = (s.layout.endPfn() << Pages.PAGE_SHIFT) / (count + 1) & -PIECE;
    for (long i = 0; i < count; i++) {
      long at = ((value & 1) == 0 ? i : count - 1 - i) * step;
      to.remove(at, PIECE);
      to.addNode(at, PIECE / 2, (int) (i % NODES), (int) (i / NODES & 1));
      to.reserve(at + Long.remainderUnsigned(where, step), 1 + i % PIECE);
    }
  }

  private void alloc(BootSubject s, long length) {
    if (s.telling()) {
      s.tell(
          String.format(
              "alloc(0x%x, align 0x%x, min 0x%x, max 0x%x, node %d)",
              length, align(), min(s), max(s), node()));
    }
    long expected = s.model.alloc(length, align(), min(s), max(s), node());
    s.allocated(expected, s.boot.alloc(length, align(), min(s), max(s), node()), length);
    s.compareBlock(expected, length);
  }

  /** A block that was allocated, the whole of it or a part. */
  private void freeBlock(BootSubject s) {
    int count = s.blocks.size() / 2;
    if (count == 0) {
      return;
    }
    int at = 2 * (int) Long.remainderUnsigned(where, count);
    long start = s.blocks.get(at);
    long length = s.blocks.get(at + 1);
    if ((value & 3) == 0) {
      start += length / 3;
      length -= length / 2;
    }
    s.boot.free(start, length);
    s.model.free(start, length);
  }

  /** A block is freed, and one of exactly its length asked for where it was. */
  private void refill(BootSubject s) {
    int count = s.blocks.size() / 2;
    if (count == 0) {
      return;
    }
    int at = 2 * (int) Long.remainderUnsigned(where, count);
    long start = s.blocks.get(at);
    long length = s.blocks.get(at + 1);
    s.boot.free(start, length);
    s.model.free(start, length);
    long min = (value & 1) == 0 ? 0 : start;
    long max = (value & 2) == 0 ? 0 : start + length;
    long expected = s.model.alloc(length, 1, min, max, BootAllocator.ANY_NODE);
    s.allocated(expected, s.boot.alloc(length, 1, min, max, BootAllocator.ANY_NODE), length);
  }

  /** Low memory is freed up to some byte, and a block asked for that just fits below it, or not. */
  private void window(BootSubject s) {
    MemoryMap.Range low = s.layout.map().ranges().getFirst();
    long max = 3 * Pages.PAGE_SIZE + Long.remainderUnsigned(where, low.end() - 3 * Pages.PAGE_SIZE);
    RangeBootAllocator ranges = s.ranges();
    if (ranges != null && (value & 1 << 8) == 0) {
      // The first page is memory, and yet nobody is given a byte of it.
      ranges.addNode(0, Pages.PAGE_SIZE, BootAllocator.ANY_NODE, 0);
      s.modelRanges().addNode(0, Pages.PAGE_SIZE, BootAllocator.ANY_NODE, 0);
    }
    s.boot.free(low.start(), low.bytes());
    s.model.free(low.start(), low.bytes());
    if (ranges != null) {
      long byteAt = s.model.alloc(1, 1, 0, Pages.PAGE_SIZE, BootAllocator.ANY_NODE);
      s.allocated(byteAt, s.boot.alloc(1, 1, 0, Pages.PAGE_SIZE, BootAllocator.ANY_NODE), 1);
    }
    long length = max - Pages.PAGE_SIZE + Long.remainderUnsigned(value, 3) - 1;
    long expected = s.model.alloc(length, 1, 0, max, BootAllocator.ANY_NODE);
    s.allocated(expected, s.boot.alloc(length, 1, 0, max, BootAllocator.ANY_NODE), length);
  }

  /** Some memory, whoever had it; what is no memory is not given to an allocator that trusts. */
  private void freeRange(BootSubject s) {
    List<MemoryMap.Range> usable =
        s.layout.map().ranges().stream().filter(r -> r.type() == MemoryMap.Type.USABLE).toList();
    MemoryMap.Range range = usable.get((int) Long.remainderUnsigned(where, usable.size()));
    long start = range.start() + Long.remainderUnsigned(value, range.bytes());
    long length = Math.min(length(s), range.end() - start);
    s.boot.free(start, length);
    s.model.free(start, length);
  }

  /** A few bytes, some pages, or a part of memory. */
  private long length(BootSubject s) {
    long end = s.layout.endPfn() << Pages.PAGE_SHIFT;
    long any = size >>> 8;
    return switch ((int) (size & 7)) {
      case 0, 1, 2 -> 1 + any % 300;
      case 3 -> Pages.PAGE_SIZE * (1 + any % 3);
      case 4, 5 -> 1 + any % (8 * Pages.PAGE_SIZE);
      case 6 -> Pages.PAGE_SIZE * (1 + any % 600);
      default -> 1 + any % (end / 3);
    };
  }

  private long align() {
    int shift = (int) (size >>> 3 & 15);
    return switch (shift) {
      case 0, 1 -> 0;
      case 14 -> 1L << 16;
      case 15 -> 1L << 21;
      default -> 1L << shift;
    };
  }

  private long min(BootSubject s) {
    return (value & 24) == 0 ? 0 : (value & 24) == 8 ? address(s, where) : address(s, value) / 2;
  }

  private long max(BootSubject s) {
    return (value & 96) == 0 ? address(s, value ^ where) : 0;
  }

  private int node() {
    return (int) (value >>> 32 & 7) < NODES ? (int) (value >>> 32 & 3) : BootAllocator.ANY_NODE;
  }

  /** An address up to the end of RAM, near the ends of ranges more often. */
  private static long address(BootSubject s, long number) {
    List<MemoryMap.Range> ranges = s.layout.map().ranges();
    long end = s.layout.endPfn() << Pages.PAGE_SHIFT;
    long any = Long.remainderUnsigned(number >>> 3, end);
    MemoryMap.Range range = ranges.get((int) (any % ranges.size()));
    long found =
        switch ((int) (number & 7)) {
          case 0 -> range.start() + (number >>> 3) % TAIL;
          case 1 -> Math.max(0, range.end() - (number >>> 3) % TAIL);
          case 2, 3 -> any & -Pages.PAGE_SIZE;
          case 4 -> (range.start() + range.end()) / 2;
          default -> any;
        };
    return Math.min(found, end);
  }

  @Override
  public String toString() {
    return String.format(
        "%s (0x%x, 0x%x, 0x%x)",
        kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), size, where, value);
  }
}
