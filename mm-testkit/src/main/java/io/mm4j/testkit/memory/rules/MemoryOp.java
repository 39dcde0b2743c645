// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.Arrays;
import java.util.Locale;

/** One write to the memory under test and to the model. */
record MemoryOp(Kind kind, int pfn, int other, long value) implements Operation<MemorySubject> {
  /** What is written. */
  enum Kind {
    PUT_LONG,
    PUT_INT,
    PUT_BYTE,
    CLEAR,
    COPY,
    DISCARD,
    OWNER,
    FLAGS,
    REFCOUNT,
    MAPCOUNT,
    ORDER,
    PRIVATE,
    MAPPING,
    INDEX,
    LRU,
    PREPARE,
    RELEASE,
    MOVE
  }

  static MemoryOp any(Seeded random, Kind... kinds) {
    return new MemoryOp(
        kinds[random.below(kinds.length)], frame(random), frame(random), random.next());
  }

  /** Any frame; every second time one of a few, so that what one call did meets the next one. */
  private static int frame(Seeded random) {
    return random.oneIn(2) ? 0x108 + random.below(8) : 1 + random.below(MemorySubject.FRAMES - 1);
  }

  @Override
  public void apply(MemorySubject s) {
    int order = other % 4;
    int block = pfn & -(1 << order);
    int in = (int) (value & 0xff8);
    int at = (pfn << Pages.PAGE_SHIFT) + in;
    byte[] array = s.bytes.array();
    switch (kind) {
      case PUT_LONG -> {
        s.memory.putLong(at, value);
        if (s.hasBytes(pfn)) {
          s.bytes.putLong(at, value);
        }
      }
      case PUT_INT -> {
        s.memory.putInt(at + 4, (int) (value >>> 20));
        if (s.hasBytes(pfn)) {
          s.bytes.putInt(at + 4, (int) (value >>> 20));
        }
      }
      case PUT_BYTE -> {
        s.memory.putByte(at + other % 8, (byte) (value >>> 30));
        if (s.hasBytes(pfn)) {
          s.bytes.put(at + other % 8, (byte) (value >>> 30));
        }
      }
      case CLEAR -> {
        fill(s, block, 1 << order);
        s.memory.clearPages(block, order);
        for (int p = block; p < block + (1 << order); p++) {
          zero(array, p, s.hasBytes(p) ? 1 : 0);
        }
      }
      case COPY -> {
        s.memory.copyPage(other, pfn);
        if (s.hasBytes(other)) {
          int to = other << Pages.PAGE_SHIFT;
          if (s.hasBytes(pfn)) {
            System.arraycopy(array, pfn << Pages.PAGE_SHIFT, array, to, 1 << Pages.PAGE_SHIFT);
          } else {
            zero(array, other, 1);
          }
        }
      }
      case DISCARD -> {
        int pages = Math.min(1 + (int) (value & 15), MemorySubject.FRAMES - pfn);
        s.memory.discard(pfn, pages);
        zero(array, pfn, pages);
      }
      default -> {
        frame(s.map, order, block);
        frame(s.model, order, block);
      }
    }
    if (kind == Kind.CLEAR) {
      for (int p = block; p < block + (1 << order); p++) {
        s.compareBytes(p);
      }
    }
    s.compareBytes(pfn);
    s.compareBytes(other);
    s.compareFrame(pfn);
    s.compareFrame(other);
  }

  /** Every byte of a block is something before it is cleared. */
  private void fill(MemorySubject s, int block, int pages) {
    int end = (block + pages) << Pages.PAGE_SHIFT;
    for (int at = block << Pages.PAGE_SHIFT; at < end; at += 8) {
      s.memory.putLong(at, value | 0x0101_0101_0101_0101L);
      if (s.hasBytes(at >> Pages.PAGE_SHIFT)) {
        s.bytes.putLong(at, value | 0x0101_0101_0101_0101L);
      }
    }
  }

  private void frame(MemMap map, int order, int block) {
    int small = (int) (value & 0x3ff);
    long wide = value >>> 20;
    FrameOwner[] owners = {FrameOwner.KERNEL, FrameOwner.ANON, FrameOwner.FILE};
    FrameOwner owner = owners[small % 3];
    switch (kind) {
      case OWNER -> map.setOwner(pfn, owner);
      case FLAGS -> map.setFlags(pfn, small);
      case REFCOUNT -> map.setRefcount(pfn, small);
      case MAPCOUNT -> map.setMapcount(pfn, small);
      case ORDER -> map.setOrder(pfn, small % 11);
      case PRIVATE -> map.setPrivateData(pfn, wide);
      case MAPPING -> map.setMapping(pfn, wide);
      case INDEX -> map.setIndex(pfn, wide);
      case LRU -> map.setLru(pfn, other, small % 2 == 0 ? -1 : small);
      case PREPARE -> map.prepare(block, order, owner);
      case RELEASE -> map.release(block, order, FrameOwner.FREE);
      case MOVE -> {
        if (pfn != other) {
          map.move(other, pfn);
        }
      }
      default -> throw new IllegalStateException("not of a frame: kind=" + kind);
    }
  }

  private static void zero(byte[] array, int pfn, int pages) {
    int from = pfn << Pages.PAGE_SHIFT;
    Arrays.fill(array, from, from + (pages << Pages.PAGE_SHIFT), (byte) 0);
  }

  @Override
  public String toString() {
    return String.format(
        "%s frame 0x%x (0x%x, 0x%x)",
        kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), pfn, other, value);
  }
}
