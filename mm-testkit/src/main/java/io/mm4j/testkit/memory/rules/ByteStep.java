// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.List;
import java.util.Locale;

/**
 * One change of bytes, in the memory and in the array beside it; what it touches is full before.
 */
record ByteStep(Kind kind, long where, int order, long value) implements Operation<ByteSubject> {
  /** The changes. */
  enum Kind {
    CLEAR,
    COPY,
    DISCARD,
    WRITE,
    MISALIGNED,
    OUTSIDE
  }

  static ByteStep any(Seeded random, Kind... kinds) {
    Kind kind = kinds[random.below(kinds.length)];
    int order = random.oneIn(3) ? random.below(Pages.MAX_PAGE_ORDER + 1) : random.order(5);
    return new ByteStep(kind, random.next(), order, random.next());
  }

  @Override
  public void apply(ByteSubject s) {
    int fits = order;
    while (1L << fits > s.frames) {
      fits--;
    }
    long blocks = s.frames >>> fits;
    long block = Long.remainderUnsigned(where, blocks) << fits;
    switch (kind) {
      case CLEAR -> {
        s.fill(block, 1L << fits, value);
        s.memory.clearPages(block, fits);
        s.zero(block, 1L << fits);
        s.compare(block, 1L << fits);
      }
      case COPY -> copy(s);
      case DISCARD -> discard(s);
      case WRITE -> write(s);
      case MISALIGNED -> misaligned(s);
      case OUTSIDE -> outside(s);
    }
  }

  private void copy(ByteSubject s) {
    long source = Long.remainderUnsigned(where, s.frames);
    long destination = Long.remainderUnsigned(value, s.frames);
    s.fill(source, 1, value);
    s.fill(destination, 1, where);
    s.memory.copyPage(destination, source);
    if (destination != source) {
      int from = (int) (source << Pages.PAGE_SHIFT);
      int to = (int) (destination << Pages.PAGE_SHIFT);
      System.arraycopy(s.bytes, from, s.bytes, to, (int) Pages.PAGE_SIZE);
    }
    s.compare(source, 1);
    s.compare(destination, 1);
  }

  private void discard(ByteSubject s) {
    long pfn = Long.remainderUnsigned(where, s.frames);
    long pages = Math.min(s.frames - pfn, 1 + (value >>> 3) % (1L << order));
    s.fill(pfn, pages, value);
    s.memory.discard(pfn, pages);
    s.zero(pfn, pages);
    s.compare(pfn, pages);
  }

  /** Every width, at any place that is aligned to it; the first and the last more often. */
  private void write(ByteSubject s) {
    long bytes = s.bytes.length;
    long at =
        switch ((int) (value >>> 60) & 3) {
          case 0 -> 0;
          case 1 -> bytes - 8;
          default -> Long.remainderUnsigned(where, bytes) & -8;
        };
    switch (order % 3) {
      case 0 -> {
        s.memory.putLong(at, value);
        s.put(at, littleEndian(value, 8));
      }
      case 1 -> {
        at += 4 * (where & 1);
        s.memory.putInt(at, (int) value);
        s.put(at, littleEndian(value, 4));
        checkEqual(value << 32 >> 32, s.memory.getInt(at), "getInt");
      }
      default -> {
        at += where & 7;
        s.memory.putByte(at, (byte) value);
        s.put(at, littleEndian(value, 1));
        checkEqual((byte) value, s.memory.getByte(at), "getByte");
      }
    }
    s.compare(at >>> Pages.PAGE_SHIFT, 1);
    long word = at & -8;
    checkEqual(s.bytes[(int) word], s.memory.getByte(word), "first byte of the word");
    checkEqual(s.modelLong(word) << 32 >> 32, s.memory.getInt(word), "lower half of the word");
    checkEqual(s.modelLong(word) >> 32, s.memory.getInt(word + 4), "upper half of the word");
  }

  private static byte[] littleEndian(long value, int bytes) {
    byte[] result = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      result[i] = (byte) (value >>> (8 * i));
    }
    return result;
  }

  private void misaligned(ByteSubject s) {
    long word = Long.remainderUnsigned(where, s.bytes.length - 16) & -8;
    s.fill(word >>> Pages.PAGE_SHIFT, 1, value);
    long off = 1 + (value >>> 40) % 7;
    refused("getLong at " + (word + off), () -> s.memory.getLong(word + off));
    refused("putLong at " + (word + off), () -> s.memory.putLong(word + off, value));
    if (off % 4 != 0) {
      refused("getInt at " + (word + off), () -> s.memory.getInt(word + off));
      refused("putInt at " + (word + off), () -> s.memory.putInt(word + off, (int) value));
    }
    s.compare(word >>> Pages.PAGE_SHIFT, 1);
  }

  /** Blocks that begin inside and end outside, and all that is outside altogether. */
  private void outside(ByteSubject s) {
    long last = s.frames - 1;
    long end = s.bytes.length;
    s.fill(last, 1, value);
    s.fill(0, 1, value);
    int up = 1 + order % Pages.MAX_PAGE_ORDER;
    long far = end + (Long.remainderUnsigned(where, 1L << 50) & -8);
    refused("clearPages over the end", () -> s.memory.clearPages(last, up));
    refused("clearPages outside", () -> s.memory.clearPages(s.frames, 0));
    refused("clearPages below 0", () -> s.memory.clearPages(-1, 0));
    refused("copyPage to outside", () -> s.memory.copyPage(s.frames, 0));
    refused("copyPage from outside", () -> s.memory.copyPage(0, s.frames));
    refused("copyPage from below 0", () -> s.memory.copyPage(0, -1));
    refused("discard over the end", () -> s.memory.discard(last, 1L + up));
    refused("discard outside", () -> s.memory.discard(s.frames + 1, 1));
    for (long at : new long[] {end, far, -8, Long.MIN_VALUE}) {
      refused("getLong at " + at, () -> s.memory.getLong(at));
      refused("putLong at " + at, () -> s.memory.putLong(at, value));
      refused("getInt at " + at, () -> s.memory.getInt(at));
      refused("putInt at " + at, () -> s.memory.putInt(at, (int) value));
      refused("getByte at " + at, () -> s.memory.getByte(at));
      refused("putByte at " + at, () -> s.memory.putByte(at, (byte) value));
    }
    s.compare(last, 1);
    s.compare(0, 1);
  }

  private static void refused(String what, Runnable access) {
    boolean thrown = false;
    try {
      access.run();
    } catch (IllegalArgumentException | IndexOutOfBoundsException | io.mm4j.api.MisuseException e) {
      thrown = true;
    }
    check(thrown, "an exception from " + what, "none");
  }

  @Override
  public List<ByteStep> simpler() {
    return order == 0 ? List.of() : List.of(new ByteStep(kind, where, order - 1, value));
  }

  @Override
  public String toString() {
    return String.format(
        "%s (0x%x, order %d, 0x%x)", kind.name().toLowerCase(Locale.ROOT), where, order, value);
  }
}
