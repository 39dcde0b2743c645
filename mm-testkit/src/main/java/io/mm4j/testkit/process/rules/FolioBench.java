// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveFolios;
import java.util.BitSet;

/**
 * The folios of a clean file on a disk. A write makes them as large as what remains of it, each on
 * a border of its size; a hole or a new end within one splits it: the half that has the page goes
 * on being halved, the other stays. Which pages are one folio shows itself by a read of one byte,
 * after which all of them are referenced.
 */
final class FolioBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int FD = 7;
  private static final int MOST = 128;
  private static final int HOLE = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;

  private final AddressSpace mm;
  private final MappedFile file;

  private final NaiveFolios folios;
  private int size;
  private int looked;
  private boolean tells = true;

  FolioBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    size = random.between(2, MOST);
    file = new MappedFile("folios", MappedFile.Kind.EXT4, size * PAGE, at -> 5);
    folios = new NaiveFolios(MOST + 1, size);
    checkEqual(A, mm.mmap(A, MOST * PAGE, READ, 0x11, open(), 0), "mmap");
    checkEqual(FAR, mm.mmap(FAR, PAGE, RW, 0x32, -1, 0), "mmap");
  }

  private long open() {
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    return FD;
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    checkEqual(0, mm.syscall(Syscall.FSYNC, FD), "fsync");
    looked = random.below(size);
    if (random.oneIn(3) && size > 2) {
      cut(random.between(1, size - 1));
    } else {
      int from = random.below(size);
      punch(from, Math.min(size, from + random.between(1, 12)));
    }
  }

  private void punch(int from, int to) {
    tell("a hole from page " + from + " to " + to + " of " + size);
    checkEqual(
        0, mm.syscall(Syscall.FALLOCATE, FD, HOLE, from * PAGE, (to - from) * PAGE), "fallocate");
    BitSet _ = folios.punch(from, to, size);
  }

  /** The file ends with a page. */
  private void cut(int to) {
    tell("the file has " + to + " pages");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, to * PAGE), "ftruncate");
    BitSet _ = folios.cut(to);
    size = to;
    looked %= size;
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    for (int i = 0; i < 4 && tells; i++) {
      look((looked + i * 13) % size);
    }
  }

  private void look(int page) {
    if (!folios.has(page)) {
      return;
    }
    for (int each = 0; each < size; each++) {
      if (folios.has(each)) { // mapped, so that clear_refs is about it
        check(mm.read(A + each * PAGE).ok(), "a read of the mapping", "a signal");
      }
    }
    checkEqual(0, mm.clearRefs(1), "clear_refs");
    checkEqual(1, mm.syscall(Syscall.PREAD64, open(), FAR, 1, page * PAGE), "pread64");
    BitSet wanted = new BitSet();
    wanted.set(folios.first(page), Math.min(size, folios.past(page)));
    BitSet seen = new BitSet();
    mm.pagemap(A, A + size * PAGE, (at, entry) -> see(seen, (int) ((at - A) / PAGE), entry));
    check(
        seen.equals(wanted) || !tells,
        "pages " + wanted + " referenced by a read of page " + page,
        seen.toString());
  }

  private void see(BitSet seen, int page, long entry) {
    long pfn = Pagemap.pfn(entry);
    int flags = pfn < 0 ? 0 : floor.lruFlags(pfn);
    tells &= pfn < 0 || flags != 0;
    if ((flags & PageFlags.PG_REFERENCED) != 0) {
      seen.set(page);
    }
  }
}
