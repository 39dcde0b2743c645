// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import java.lang.foreign.MemorySegment;

/** Every byte of a machine of some MiB beside an array. */
class ByteSubject extends Subject {
  final PhysicalMemory memory;
  final long frames;
  final byte[] bytes;
  private final MemorySegment model;

  ByteSubject(PhysicalMemoryProvider provider, Options options, MemoryLayout layout) {
    memory = provider.create(layout, Contents.ALL, options);
    frames = layout.endPfn();
    bytes = new byte[Math.toIntExact(frames << Pages.PAGE_SHIFT)];
    model = MemorySegment.ofArray(bytes);
  }

  long modelLong(long paddr) {
    return model.get(JAVA_LONG_UNALIGNED, paddr);
  }

  void put(long paddr, byte[] what) {
    MemorySegment.copy(what, 0, model, JAVA_BYTE, paddr, what.length);
  }

  /** Writes something everywhere in these frames, and in those beside them. */
  void fill(long pfn, long pages, long seed) {
    Seeded random = new Seeded(seed);
    long from = Math.max(0, pfn - 1) << Pages.PAGE_SHIFT;
    long to = Math.min(frames, pfn + pages + 1) << Pages.PAGE_SHIFT;
    for (long paddr = from; paddr < to; paddr += 8) {
      long value = random.next() | 0x0101_0101_0101_0101L;
      memory.putLong(paddr, value);
      model.set(JAVA_LONG_UNALIGNED, paddr, value);
    }
  }

  /** Zeroes in the model. */
  void zero(long pfn, long pages) {
    model.asSlice(pfn << Pages.PAGE_SHIFT, pages << Pages.PAGE_SHIFT).fill((byte) 0);
  }

  /** Compares these frames and those beside them, by reading and in the segment. */
  void compare(long pfn, long pages) {
    long from = Math.max(0, pfn - 1) << Pages.PAGE_SHIFT;
    long to = Math.min(frames, pfn + pages + 1) << Pages.PAGE_SHIFT;
    for (long paddr = from; paddr < to; paddr += 8) {
      long expected = modelLong(paddr);
      long seen = memory.getLong(paddr);
      if (seen != expected) {
        checkEqual(expected, seen, String.format("long at 0x%x", paddr));
      }
    }
    compareSegment(from, to);
  }

  /** Compares all of RAM. */
  void compareAll() {
    checkEqual(bytes.length, memory.ram().byteSize(), "bytes of ram()");
    compareSegment(0, bytes.length);
  }

  private void compareSegment(long from, long to) {
    long at = memory.ram().asSlice(from, to - from).mismatch(model.asSlice(from, to - from));
    if (at >= 0) {
      throw new RuleViolation(
          String.format("byte of ram() at 0x%x = %d", from + at, bytes[(int) (from + at)]),
          "" + memory.ram().get(JAVA_BYTE, from + at));
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
