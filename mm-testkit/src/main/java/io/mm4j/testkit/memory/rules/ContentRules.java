// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.memory.rules.ByteStep.Kind;
import io.mm4j.testkit.memory.rules.MachineShape.Size;
import java.util.List;

/** The rules about bytes: every one of a small machine, and a few of large ones. */
public final class ContentRules {
  private ContentRules() {}

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(
        new ByteRule(
            new RuleInfo(
                "PM-24",
                "clear-every-order",
                "clearPages zeroes a full block of any order, 0 to 10, to its last byte, and"
                    + " nothing beside it.",
                "Huge pages are cleared in one call.",
                "mm/memory.c folio_zero_user; arch/x86/lib/clear_page_64.S",
                "the end of the block is left, or the next frame cleared too"),
            Kind.CLEAR),
        new ByteRule(
            new RuleInfo(
                "PM-25",
                "copy-between-any-frames",
                "copyPage makes all 4096 bytes of a frame equal to those of another one, itself"
                    + " included, and nothing else.",
                "A copied page table with one old entry maps somebody else's memory.",
                "arch/x86/lib/copy_page_64.S",
                "part of the page is copied, or the frames beside it too"),
            Kind.COPY),
        new ByteRule(
            new RuleInfo(
                "PM-26",
                "discard-any-length",
                "discard empties any number of full frames, from any frame on, and nothing else.",
                "Memory goes back to the host in pieces of any size.",
                "mm/madvise.c madvise_dontneed_free",
                "a length in frames is taken for one in bytes, or the last frames are left"),
            Kind.DISCARD),
        new ByteRule(
            new RuleInfo(
                "PM-27",
                "any-width-anywhere",
                "Bytes, ints and longs that are written anywhere, to the last byte of RAM, read the"
                    + " same by every width.",
                "Page tables of 4 and of 8 bytes live in the same memory.",
                "x86 byte order; mm4j's contract of PhysicalMemory",
                "one width has another base or order, or the last bytes are out of bounds"),
            Kind.WRITE),
        new ByteRule(
            new RuleInfo(
                "PM-28",
                "misaligned-is-refused",
                "A long that is not aligned to 8 and an int that is not aligned to 4 are refused"
                    + " with an exception, and nothing changes.",
                "A page-table entry that straddles two words is read half old, half new.",
                "mm4j's contract of PhysicalMemory",
                "the access goes through unaligned"),
            Kind.MISALIGNED),
        new ByteRule(
            new RuleInfo(
                "PM-29",
                "nothing-outside",
                "Blocks and ranges that begin inside RAM and end outside are refused as a whole,"
                    + " as is everything outside.",
                "Outside of RAM lies the JVM.",
                "mm4j's contract of PhysicalMemory; KASAN page_alloc_oob_right",
                "the part inside is changed before the end is looked at"),
            Kind.OUTSIDE,
            Kind.OUTSIDE,
            Kind.WRITE),
        new SparseRule(
            new RuleInfo(
                "PM-30",
                "bytes-of-large-machines",
                "On machines of many sections, open at once, what was written anywhere is there and"
                    + " nowhere else; what is opened anew is empty.",
                "Most of a large machine is never touched, and any of it may be.",
                "mm4j's contract of PhysicalMemory",
                "an address is cut to 32 bits, or memory is used again as it was"),
            true,
            Size.SECTIONS,
            Size.TERA,
            Size.SECTIONS),
        new SparseRule(
            new RuleInfo(
                "PM-31",
                "contents-off-anywhere",
                "Without contents every read of any machine gives 0, writes are dropped, and ram()"
                    + " is empty.",
                "A recording of a large machine is replayed on a small one.",
                "mm4j's contract of PhysicalMemory",
                "one of the calls does not ask whether there are bytes"),
            false,
            Size.SECTIONS,
            Size.FAR),
        new ZonesRule(),
        new ZonesFromMapRule());
  }
}
