// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.memory.rules.MemoryOp.Kind;
import java.util.List;

/** The rules of physical memory. */
public final class MemoryRules {
  private MemoryRules() {}

  private static final Kind[] WRITES = {Kind.PUT_LONG, Kind.PUT_INT, Kind.PUT_BYTE};

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(
        rule(
            "PM-10",
            "frames-follow-the-map",
            "Owners at the beginning, and which frames are present, follow from the memory map.",
            "A hole that looks like memory is given out some day.",
            "mm/mm_init.c memmap_init; pfn_valid",
            "a partial page at the edge of a range is counted in",
            MemoryRules::present),
        rule(
            "PM-01",
            "zero-at-first",
            "Memory that was never written reads as zeroes, also where a machine that is closed, or"
                + " still open, has written.",
            "Page tables and user pages rely on it.",
            "lib/test_meminit.c test_pages",
            "memory is reused between machines without being cleared",
            MemoryRules::zeroWhenOpenedAnew),
        rule(
            "PM-02",
            "contents-kept",
            "What is written is read back, little-endian, by any width, and nothing else changes.",
            "Everything above lives in these bytes.",
            "x86 byte order; lib/test_meminit.c",
            "widths disagree about order or address",
            s -> {},
            WRITES),
        rule(
            "PM-03",
            "one-segment",
            "ram() shows the same bytes at the same addresses.",
            "Hot paths read the segment instead of calling.",
            "mm4j's contract of PhysicalMemory",
            "the segment is a copy, or begins elsewhere",
            MemoryRules::sameSegment,
            WRITES),
        rule(
            "PM-04",
            "clear-pages",
            "clearPages zeroes exactly the frames of its block.",
            "__GFP_ZERO hands out what it leaves.",
            "arch/x86/lib/clear_page_64.S; lib/test_meminit.c test_pages",
            "the order is used as a count of frames",
            s -> {},
            Kind.PUT_LONG,
            Kind.PUT_LONG,
            Kind.CLEAR),
        rule(
            "PM-05",
            "copy-page",
            "copyPage copies one whole frame and changes no other.",
            "Copy on write and migration.",
            "mm/memory.c __wp_page_copy_user",
            "source and destination are exchanged",
            s -> {},
            Kind.PUT_LONG,
            Kind.PUT_LONG,
            Kind.COPY),
        rule(
            "PM-06",
            "discard",
            "Discarded frames read as zeroes, their neighbours keep their bytes.",
            "Freed memory goes back to the host.",
            "madvise(MADV_DONTNEED)",
            "the range is rounded to the host's larger pages",
            s -> {},
            Kind.PUT_LONG,
            Kind.PUT_LONG,
            Kind.DISCARD),
        rule(
            "PM-07",
            "fields-independent",
            "Every field of every frame keeps what was written, whatever is written to others.",
            "struct page is many fields in few bits.",
            "include/linux/mm_types.h struct page",
            "two fields share bits, or two frames share a column",
            s -> {},
            Kind.OWNER,
            Kind.FLAGS,
            Kind.REFCOUNT,
            Kind.MAPCOUNT,
            Kind.ORDER,
            Kind.PRIVATE,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.LRU),
        rule(
            "PM-08",
            "prepare-and-release",
            "prepare and release set owner, order, flags and refcount of a whole block as"
                + " documented.",
            "Each allocation begins and ends with them.",
            "mm/page_alloc.c prep_new_page, free_pages_prepare",
            "the tails of a block keep something of their last life",
            s -> {},
            Kind.PREPARE,
            Kind.PREPARE,
            Kind.RELEASE,
            Kind.FLAGS,
            Kind.REFCOUNT,
            Kind.INDEX),
        rule(
            "PM-09",
            "move-a-frame",
            "move gives one frame all that another was, and empties that one.",
            "Migration.",
            "mm/migrate.c folio_migrate_flags",
            "a field that was added later is forgotten",
            s -> {},
            Kind.MOVE,
            Kind.FLAGS,
            Kind.MAPPING,
            Kind.INDEX,
            Kind.REFCOUNT,
            Kind.PRIVATE),
        new MemoryRule(
            new RuleInfo(
                "PM-11",
                "contents-off",
                "Without contents reads give 0, writes are dropped, and frames work all the same.",
                "Replays that only keep books run without the host's memory.",
                "mm4j's contract of PhysicalMemory",
                "a path writes to RAM without asking hasContents()"),
            Contents.NONE,
            s -> check(!s.memory.hasContents(), "hasContents() = false", "true"),
            Kind.PUT_LONG,
            Kind.PUT_BYTE,
            Kind.CLEAR,
            Kind.COPY,
            Kind.DISCARD,
            Kind.FLAGS,
            Kind.PREPARE),
        rule(
            "PM-12",
            "bounds",
            "An address outside RAM is refused with an exception, and nothing changes.",
            "RAM is host memory: outside of it lies the JVM.",
            "mm4j's contract of PhysicalMemory; KASAN page_alloc_oob_right",
            "the bounds are checked by frame and not by byte, or not at all",
            MemoryRules::bounds,
            Kind.PUT_LONG));
  }

  private static MemoryRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      MemoryRule.Check end,
      Kind... kinds) {
    return new MemoryRule(
        new RuleInfo(id, name, statement, why, behind, failure), Contents.ALL, end, kinds);
  }

  /** One machine after another, the next one opened before and after the last one is closed. */
  private static void zeroWhenOpenedAnew(MemorySubject s) {
    for (int round = 0; round < 3; round++) {
      PhysicalMemory dirty = s.another();
      PhysicalMemory beside = s.another();
      for (long paddr = 0; paddr < MemorySubject.BYTES; paddr += 8) {
        dirty.putLong(paddr, -1 - round);
      }
      zero(beside, "beside a machine that was written to");
      dirty.close();
      beside.close();
      PhysicalMemory anew = s.another();
      zero(anew, "after a machine that was written to was closed");
      anew.close();
    }
  }

  private static void zero(PhysicalMemory memory, String when) {
    for (long paddr = 0; paddr < MemorySubject.BYTES; paddr += 8) {
      if (memory.getLong(paddr) != 0) {
        checkEqual(0, memory.getLong(paddr), String.format("long at 0x%x %s", paddr, when));
      }
    }
  }

  private static void sameSegment(MemorySubject s) {
    var ram = s.memory.ram();
    checkEqual(MemorySubject.BYTES, ram.byteSize(), "bytes of ram()");
    for (int i = 0; i < MemorySubject.BYTES; i += 3) {
      if (s.bytes.get(i) != ram.get(JAVA_BYTE, i)) {
        checkEqual(s.bytes.get(i), ram.get(JAVA_BYTE, i), "byte of ram() at " + i);
      }
    }
  }

  private static void present(MemorySubject s) {
    checkEqual(MemorySubject.FRAMES, s.map.endPfn(), "endPfn()");
    for (long pfn = s.map.startPfn(); pfn < MemorySubject.FRAMES; pfn++) {
      check(
          s.model.isPresent(pfn) == s.map.isPresent(pfn),
          "isPresent(" + pfn + ") = " + s.model.isPresent(pfn),
          "" + s.map.isPresent(pfn));
    }
    check(!s.map.isPresent(MemorySubject.FRAMES), "no frame after the last", "one");
  }

  private static void bounds(MemorySubject s) {
    long end = MemorySubject.BYTES;
    refused("getLong at the end", () -> s.memory.getLong(end));
    refused("putLong at the end", () -> s.memory.putLong(end, -1));
    refused("getByte below 0", () -> s.memory.getByte(-1));
    refused("putByte at the end", () -> s.memory.putByte(end, (byte) 1));
    refused("getInt far outside", () -> s.memory.getInt(1L << 50));
    refused("clearPages over the end", () -> s.memory.clearPages(MemorySubject.FRAMES - 1, 1));
    refused("copyPage from outside", () -> s.memory.copyPage(1, MemorySubject.FRAMES));
    refused("discard over the end", () -> s.memory.discard(MemorySubject.FRAMES - 1, 2));
    for (int pfn = MemorySubject.FRAMES - 2; pfn < MemorySubject.FRAMES; pfn++) {
      s.compareBytes(pfn);
    }
  }

  private static void refused(String what, Runnable access) {
    try {
      access.run();
    } catch (MisuseException | IndexOutOfBoundsException e) {
      return;
    }
    throw new RuleViolation("an exception from " + what, "none");
  }
}
