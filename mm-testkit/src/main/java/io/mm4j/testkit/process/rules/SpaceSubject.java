// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.process.naive.Area;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveProcess;
import io.mm4j.testkit.process.naive.NaiveSpace;
import io.mm4j.testkit.process.rules.Act.Answer;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Address spaces under test and their models, driven by the same calls. */
public final class SpaceSubject extends Subject {
  private static final int MAX_PROCESSES = 3;
  private static final int[] ADVICE = {
    0, 1, 2, 3, 4, 4, 4, 4, 5, 8, 9, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 23,
    23, 24, 26, 102, 102, 103
  };
  private static final long[] LIMIT_PAGES = {0, 8, 40, 120, 400, 2048};

  /** What is counted of frames and tables; begun before there is a process. */
  final FrameAudit audit = FrameAudit.ofAnyAdvice();

  /** A process: the floor's and the model's. */
  record Pair(AddressSpace mm, NaiveProcess model) {}

  final SpaceSetup setup;
  final Supplier<ProcessFloor> floors;
  final List<OpenFile> opens = SpaceSetup.opens();

  /** What all processes come from. */
  final ProcessFloor floor;

  /** Pages promised to all before the last call. */
  long committedBefore;

  /** All processes that live. */
  final List<Pair> processes = new ArrayList<>();

  /** All calls so far, the last one included. */
  final List<Act> history = new ArrayList<>();

  /** The last call, what the model and what the floor answered; null at the beginning. */
  private @Nullable Act act;

  private Answer expected = new Answer(0);
  private Answer seen = new Answer(0);

  /** The same calls on another floor, for the rules that compare two. */
  @Nullable Replay twin;

  /** Where states of this one are loaded; made when it is first asked for. */
  private @Nullable ProcessFloor beside;

  /** How each process looked before the last call. */
  final List<View> before = new ArrayList<>();

  SpaceSubject(SpaceSetup setup, Supplier<ProcessFloor> floors) {
    this.setup = setup;
    this.floors = floors;
    floor = floors.get();
    processes.add(new Pair(setup.create(floor, opens), setup.model(opens)));
    committedBefore = floor.committedPages();
  }

  @Nullable Act act() {
    return act;
  }

  Answer expected() {
    return expected;
  }

  Answer seen() {
    return seen;
  }

  /** The process of the last call. */
  Pair actor() {
    return processes.get(act == null || act.process() >= processes.size() ? 0 : act.process());
  }

  /** Another floor of the same kind, on the same machine. */
  ProcessFloor beside() {
    ProcessFloor now = beside;
    if (now == null) {
      now = floors.get();
      beside = now;
    }
    return now;
  }

  @Override
  public void validate() {
    processes.forEach(p -> p.mm.validate());
  }

  /** Makes one call in both. */
  void play(SpaceOp op) {
    play(resolve(op));
  }

  /** Makes one call in both. */
  void play(Act call) {
    act = call;
    history.add(call);
    before.clear();
    committedBefore = floor.committedPages();
    processes.forEach(p -> before.add(View.of(p.mm)));
    Pair process = processes.get(call.process());
    if (call.kind() == Kind.FORK) {
      fork(process);
    } else if (call.kind() == Kind.EXIT) {
      Floors.unload();
      processes.remove(call.process());
      process.mm.exit();
      process.model.space.exit();
      expected = new Answer(0);
      seen = expected;
    } else {
      expected = call.on(process.model);
      seen = call.on(process.mm);
    }
    for (Pair each : processes) {
      NaiveSpace space = each.model.space;
      space.hiwater = Math.max(space.hiwater, space.totalPages());
    }
    if (telling()) {
      tell(call + " = " + seen + (seen.equals(expected) ? "" : " and not " + expected));
    }
  }

  private void fork(Pair parent) {
    NaiveSpace child = parent.model.space.fork();
    AddressSpace mm = parent.mm.fork();
    expected = new Answer(child == null ? -Errno.ENOMEM : 0);
    seen = new Answer(mm == null ? -Errno.ENOMEM : 0);
    if (child != null && mm != null) {
      processes.add(new Pair(mm, new NaiveProcess(child)));
    } else if (mm != null) {
      mm.exit();
    } else if (child != null) {
      child.exit();
    }
  }

  // ---------------------------------------------------------------- from steps to calls

  private Act resolve(SpaceOp op) {
    int process = op.process() % processes.size();
    NaiveSpace space = processes.get(process).model.space;
    long addr = address(space, op.at());
    int d = op.detail();
    long len = (long) op.pages() * Bits.PAGE;
    Area within = space.areas.at(addr);
    if (within != null && (d >> 22 & 1) == 0 && op.kind() != Kind.MMAP) {
      len = Math.min(len, within.end - addr);
    }
    Kind kind = op.kind();
    if ((kind == Kind.FORK && processes.size() == MAX_PROCESSES)
        || (kind == Kind.EXIT && processes.size() == 1)) {
      kind = Kind.READ;
    }
    return switch (kind) {
      case MMAP -> mmap(process, op, addr, len);
      case MREMAP -> mremap(process, space, op, addr);
      case MPROTECT -> {
        long prot = d & 7;
        prot |= (d >> 3 & 31) == 0 ? Bits.PROT_SEM : 0;
        prot |= (d >> 8 & 15) == 0 ? Bits.PROT_GROWSDOWN : 0;
        prot |= (d >> 9 & 127) == 0 ? Bits.PROT_GROWSUP : 0;
        yield new Act(kind, process, odd(addr, d), len, 0, prot, 0, 0);
      }
      case MADVISE ->
          new Act(kind, process, odd(addr, d), len, 0, ADVICE[(d & 1023) % ADVICE.length], 0, 0);
      case MLOCK -> new Act(kind, process, addr, len, 0, 0, (d & 7) == 0 ? 1 : 0, 0);
      case MLOCKALL -> new Act(kind, process, 0, 0, 0, 0, d & 7, 0);
      case BRK -> {
        long far = SpaceSetup.BRK + (d & 0xffff);
        yield new Act(kind, process, (d >> 16 & 15) == 0 ? 0 : far, 0, 0, 0, 0, 0);
      }
      case SETRLIMIT -> new Act(kind, process, 0, limit(space, d), 0, d & 3, 0, 0);
      case WRITE -> new Act(kind, process, far(addr, d), 0, d & 127, 0, 0, 0);
      case READ, EXEC -> new Act(kind, process, far(addr, d), 0, 0, 0, 0, 0);
      case MUNLOCKALL, FORK, EXIT -> new Act(kind, process, addr, 0, 0, 0, 0, 0);
      case MSEAL -> new Act(kind, process, odd(addr, d), len, 0, 0, (d >> 3 & 15) == 0 ? 1 : 0, 0);
      case MSYNC -> new Act(kind, process, odd(addr, d), len, 0, 0, d >> 3 & 7, 0);
      case MINCORE -> {
        // What is mapped nowhere is asked for now and then.
        Area some = within != null || (d & 7) == 0 ? null : space.areas.first(addr, Long.MAX_VALUE);
        yield some == null
            ? new Act(kind, process, odd(addr, d), len, 0, 0, 0, 0)
            : new Act(kind, process, some.start, Math.min(len, some.end - some.start), 0, 0, 0, 0);
      }
      case MUNMAP, MUNLOCK -> new Act(kind, process, odd(addr, d), len, 0, 0, 0, 0);
    };
  }

  /** Now and then an address that is not a page's. */
  private static long odd(long addr, int detail) {
    return (detail >> 12 & 63) == 0 ? addr + 17 : addr;
  }

  /** Now and then an address that no page table can translate, or one of the kernel. */
  private static long far(long addr, int detail) {
    return switch (detail >> 12 & 63) {
      case 0 -> 1L << ((detail >> 18 & 1) + 47) | addr;
      case 1 -> 1L << 63 | addr;
      case 2 -> -1L << 47 | addr;
      default -> addr;
    };
  }

  /** A page of the window, or one near the border of an area. */
  private static long address(NaiveSpace space, int at) {
    if (at < 96) {
      return SpaceSetup.WINDOW + at * Bits.PAGE;
    }
    List<Area> areas = space.areas.all();
    if (areas.isEmpty()) {
      return SpaceSetup.WINDOW;
    }
    Area area = areas.get((at - 96) * 5 % areas.size());
    int where = at >> 3 & 3;
    if (area.end <= Act.SCRATCH + Bits.PAGE || area.end >= SpaceSetup.STACK) {
      return SpaceSetup.WINDOW + (at & 31) * Bits.PAGE;
    }
    return switch (where) {
      case 0, 1 -> area.start;
      case 2 -> area.start - Bits.PAGE;
      default -> area.end - Bits.PAGE;
    };
  }

  private static Act mmap(int process, SpaceOp op, long addr, long len) {
    int d = op.detail();
    int prot = (d & 3) == 0 ? d >> 2 & 7 : 3;
    boolean shared = (d >> 5 & 7) == 0;
    boolean file = (d >> 8 & 3) == 0;
    long flags = shared ? Bits.MAP_SHARED : Bits.MAP_PRIVATE;
    flags |= file ? 0 : Bits.MAP_ANONYMOUS;
    long where = addr;
    switch (d >> 10 & 7) {
      case 0 -> where = 0;
      case 1 -> where = addr; // a hint
      case 2 -> flags |= Bits.MAP_FIXED_NOREPLACE;
      default -> flags |= Bits.MAP_FIXED;
    }
    flags |=
        switch (d >> 13 & 63) {
          case 0, 1 -> Bits.MAP_GROWSDOWN;
          case 2 -> Bits.MAP_LOCKED;
          case 3, 4 -> Bits.MAP_NORESERVE;
          case 5 -> Bits.MAP_POPULATE;
          case 6 -> Bits.MAP_STACK;
          case 7, 8 -> Bits.MAP_32BIT;
          default -> 0;
        };
    long fd = file ? 1 + (op.to() & 7) % 6 : -1;
    long offset = file ? (long) (op.to() >> 3) * Bits.PAGE : 0;
    if (file && (d >> 19 & 3) != 0) {
      offset = (addr - SpaceSetup.WINDOW) & 0xffffL * Bits.PAGE;
    }
    long bytes = (d >> 19 & 31) == 31 ? len - 5 : len;
    boolean free = (flags & (Bits.MAP_FIXED | Bits.MAP_FIXED_NOREPLACE)) == 0;
    if (free && (d >> 3 & 1) == 0) {
      // Long enough to be put on a border of 2 MiB, if it is of a kind that is.
      bytes = ((1L + (op.to() & 1)) << 21) + ((op.to() & 6) == 0 ? Bits.PAGE : 0);
    }
    return new Act(Kind.MMAP, process, where, Math.max(0, bytes), offset, prot, flags, fd);
  }

  private static Act mremap(int process, NaiveSpace space, SpaceOp op, long addr) {
    int d = op.detail();
    long oldLen = op.pages() * Bits.PAGE;
    Area area = space.areas.at(addr);
    if (area != null && (d & 3) != 0) {
      oldLen = Math.min(area.end - addr, 64 * Bits.PAGE);
    }
    long newLen = (d >> 2 & 1) == 0 ? oldLen : (1 + (op.to() & 15)) * Bits.PAGE;
    long other = SpaceSetup.WINDOW + op.to() % 96 * Bits.PAGE;
    long flags =
        switch (d >> 3 & 7) {
          case 0 -> 0;
          case 1, 2 -> Bits.MREMAP_MAYMOVE;
          case 3 -> Bits.MREMAP_MAYMOVE | Bits.MREMAP_DONTUNMAP;
          case 4 -> Bits.MREMAP_MAYMOVE | Bits.MREMAP_DONTUNMAP | Bits.MREMAP_FIXED;
          default -> Bits.MREMAP_MAYMOVE | Bits.MREMAP_FIXED;
        };
    if ((d >> 6 & 15) == 0) {
      oldLen = 0;
    }
    return new Act(Kind.MREMAP, process, odd(addr, d), oldLen, newLen, 0, flags, other);
  }

  /** A limit near to what is in use, or one of a few. */
  private static long limit(NaiveSpace space, int d) {
    if ((d >> 2 & 3) == 0) {
      return -1L >>> (d >> 4 & 1);
    }
    long used =
        switch (d & 3) {
          case 0 -> space.totalPages();
          case 1 -> space.dataPages();
          case 2 -> 33;
          default -> space.lockedPages();
        };
    long more = LIMIT_PAGES[(d >> 5 & 1023) % LIMIT_PAGES.length];
    return ((d >> 16 & 1) == 0 ? used + (d >> 17 & 15) : used + more) * Bits.PAGE;
  }
}
