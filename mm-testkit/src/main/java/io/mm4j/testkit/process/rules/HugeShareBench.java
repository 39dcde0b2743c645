// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Huge pages that parents and children share, write to and read in each other, beside one byte for
 * each page that was written to: nobody writes to a frame that somebody else maps.
 */
final class HugeShareBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int AREAS = 2;
  private static final int[] PLACES = {0, 1, 7, 256, 510, 511};
  private static final int MOST_PROCESSES = 4;
  private static final int WORD = 8;

  /** Where somebody reads the memory of somebody else: two vectors, and one byte. */
  private static final long BYTE = FAR + 100;

  private static final class Owner {
    private final AddressSpace mm;
    private final Map<Long, Integer> bytes;

    Owner(AddressSpace mm, Map<Long, Integer> bytes) {
      this.mm = mm;
      this.bytes = bytes;
    }
  }

  private final List<Owner> processes = new ArrayList<>();
  private final FrameAudit audit = new FrameAudit();

  HugeShareBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup().fitting(Floors.ground());
    setup.thp = random.oneIn(4) ? ThpMode.NEVER : ThpMode.ALWAYS;
    AddressSpace mm = setup.create(floor);
    checkEqual(A, mm.mmap(A, AREAS * HUGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(FAR, mm.mmap(FAR, PAGE, RW, 0x32, -1, 0), "mmap of a buffer");
    processes.add(new Owner(mm, new HashMap<>()));
  }

  @Override
  public void validate() {
    processes.forEach(process -> process.mm.validate());
  }

  @Override
  void step(Seeded random) {
    Owner process = processes.get(random.below(processes.size()));
    long at = place(random);
    switch (random.weighted(8, 2, 4, 4, 5, 2, 3)) {
      case 0 -> write(process, at, random.between(1, 120));
      case 1 -> saw(process, at);
      case 2 -> fork(process);
      case 3 -> exit(process, random);
      case 4 -> readBy(processes.get(random.below(processes.size())), process, at);
      case 5 -> {
        tell("mprotect of all to read, and back");
        checkEqual(0, process.mm.mprotect(A, AREAS * HUGE, READ), "mprotect");
        checkEqual(0, process.mm.mprotect(A, AREAS * HUGE, RW), "mprotect");
      }
      default -> {
        boolean whole = random.oneIn(2);
        long from = whole ? at & -HUGE : at;
        long length = whole ? HUGE : PAGE;
        tell("MADV_DONTNEED of " + length + " bytes at " + hex(from));
        checkEqual(0, process.mm.madvise(from, length, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
        process.bytes.keySet().removeIf(addr -> addr >= from && addr < from + length);
      }
    }
  }

  private static long place(Seeded random) {
    return A + random.below(AREAS) * HUGE + PLACES[random.below(PLACES.length)] * PAGE;
  }

  /** Those that are looked at. */
  private static List<Long> pages() {
    List<Long> all = new ArrayList<>();
    for (long area = A; area < A + AREAS * HUGE; area += HUGE) {
      for (int place : PLACES) {
        all.add(area + place * PAGE);
      }
    }
    return all;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** The folio is the writer's alone afterwards; who is alone keeps a huge page. */
  private void write(Owner process, long at, int value) {
    tell("process " + processes.indexOf(process) + " writes " + value + " at " + hex(at));
    long before = huge(process);
    long stays = ownFrame(process, at);
    check(process.mm.write(at, value).ok(), "a write at " + hex(at), "a signal");
    process.bytes.put(at, value);
    check(Floors.letsWrite(process.mm, at), "an entry that let the write through", "another");
    MemMap map = Floors.machine().memory().memMap();
    check(
        stays < 0 || stays == frame(process, at),
        "the same frame of a folio that is the writer's alone, at " + hex(at),
        "a copy");
    long folio = map.head(frame(process, at));
    for (Owner other : processes) {
      for (long page : other == process ? List.<Long>of() : pages()) {
        long frame = frame(other, page);
        boolean none = frame < 0 || map.head(frame) != folio;
        check(none, "a folio that is the writer's alone, at " + hex(page), "one of two");
      }
    }
    long after = huge(process);
    if (processes.size() == 1) {
      check(after >= before, before + " KiB of huge pages or more, of a last process", "" + after);
    }
  }

  /** The frame of a page if its folio is private memory of nobody else; -1 if not. */
  private long ownFrame(Owner process, long at) {
    MemMap map = Floors.machine().memory().memMap();
    long frame = frame(process, at);
    boolean[] own = {isAnon(frame)};
    for (Owner other : own[0] ? processes : List.<Owner>of()) {
      if (other != process) {
        other.mm.pagemap(
            A,
            A + AREAS * HUGE,
            (addr, entry) -> {
              long theirs = Pagemap.pfn(entry);
              own[0] &= theirs < 0 || map.head(theirs) != map.head(frame);
            });
      }
    }
    return own[0] ? frame : -1;
  }

  private static long huge(Owner process) {
    return process.mm.usage(A).anonHugeKb();
  }

  private void fork(Owner process) {
    if (processes.size() < MOST_PROCESSES) {
      tell("process " + processes.indexOf(process) + " forks");
      AddressSpace child = process.mm.fork();
      check(child != null, "a child", "none");
      processes.add(new Owner(Objects.requireNonNull(child), new HashMap<>(process.bytes)));
    }
  }

  private void exit(Owner process, Seeded random) {
    boolean all = random.oneIn(2);
    for (Owner each : List.copyOf(processes)) {
      if (all ? each != process : each == process && processes.size() > 1) {
        tell("process " + processes.indexOf(each) + " ends");
        Floors.unload();
        processes.remove(each);
        each.mm.exit();
      }
    }
  }

  /**
   * process_vm_readv: who is read has the page for its own from then on, as a small one if others
   * mapped it, too.
   */
  private void readBy(Owner reader, Owner process, long at) {
    if (reader == process) {
      return;
    }
    tell("process " + processes.indexOf(process) + " is read at " + hex(at));
    long stays = ownFrame(process, at);
    long[] words = {BYTE, 1, at, 1};
    for (int i = 0; i < words.length * WORD; i++) {
      int part = (int) (words[i / WORD] >>> (i % WORD * Byte.SIZE)) & 255;
      check(reader.mm.write(FAR + i, part).ok(), "a write of a vector", "a signal");
    }
    long pid = process.mm.pid();
    long got = reader.mm.syscall(Syscall.PROCESS_VM_READV, pid, FAR, 1, FAR + 2L * WORD, 1, 0);
    checkEqual(1, got, "process_vm_readv");
    checkEqual(value(process, at), reader.mm.read(BYTE).value(), "the byte at " + hex(at));
    long frame = frame(process, at);
    check(stays < 0 || stays == frame, "the same frame of who is read at " + hex(at), "a copy");
    exclusive(process, at);
    for (Owner other : processes) {
      boolean own = other == process || !isAnon(frame) || frame(other, at) != frame;
      check(own, "a page of its own for who is read at " + hex(at), "one of two");
    }
  }

  /** Of a huge entry the mark is on the first frame; of the others of a folio nothing is told. */
  private void exclusive(Owner process, long at) {
    long frame = frame(process, at);
    long head = frame < 0 ? -1 : Floors.machine().memory().memMap().head(frame);
    boolean whole = Floors.entry(process.mm, at).level() > 1;
    if (isAnon(frame) && (whole || head == frame)) {
      boolean alone = (floor.lruFlags(head) & PageFlags.PG_ANON_EXCLUSIVE) != 0;
      check(alone, "PG_anon_exclusive of who is read at " + hex(at), "none");
    }
  }

  private static int value(Owner process, long at) {
    return process.bytes.getOrDefault(at, 0);
  }

  /** Whether a frame is private memory, and not the page of zeroes. */
  private static boolean isAnon(long frame) {
    MemMap map = Floors.machine().memory().memMap();
    return frame >= 0 && (map.mapping(map.head(frame)) & 1) != 0;
  }

  /** -1 if none is there. */
  private static long frame(Owner process, long at) {
    long[] frame = {-1};
    process.mm.pagemap(at, at + PAGE, (addr, entry) -> frame[0] = Pagemap.pfn(entry));
    return frame[0];
  }

  private static void saw(Owner process, long at) {
    checkEqual(value(process, at), process.mm.read(at).value(), "the byte at " + hex(at));
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    audit.fresh();
    audit.holds(processes.stream().map(owner -> owner.mm).toList());
    for (long at : pages()) {
      alone(at);
      for (Owner process : processes) {
        if (frame(process, at) >= 0) { // what is not there is not brought by looking
          saw(process, at);
        }
      }
    }
  }

  /** No frame that two map can be written to by one of them. */
  private void alone(long at) {
    Map<Long, Owner> owners = new HashMap<>();
    for (Owner process : processes) {
      long frame = frame(process, at);
      Owner other = isAnon(frame) ? owners.put(frame, process) : null;
      if (other != null) {
        boolean writes = Floors.letsWrite(process.mm, at) || Floors.letsWrite(other.mm, at);
        check(!writes, "a frame of two that nobody may write to, at " + hex(at), "one who may");
      }
    }
  }
}
