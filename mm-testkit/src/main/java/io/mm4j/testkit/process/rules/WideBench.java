// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * A mapping over several GiB, of the pool or not, of which few pages are used, at the borders of
 * page directories: it moves, is inherited, written to and emptied in part.
 */
final class WideBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int SLOTS = 5 * 512;
  private static final long BYTES = SLOTS * HUGE;

  /** Places of the mapping, on a border of page directories, and beside one. */
  private static final long[] BASES = {
    1L << 36, 1L << 39, (1L << 37) + 3 * HUGE, (1L << 38) - 7 * HUGE
  };

  private static final int[] PLACES = {0, 1, 7, 510, 511, 512, 515, 516, 1024, 1536, 2047, 2559};
  private static final int POOL = 40;
  private static final int MOST_PROCESSES = 3;

  private final class Owner {
    private final AddressSpace mm;
    private final TreeMap<Integer, Integer> bytes;
    private long base;

    Owner(AddressSpace mm, Map<Integer, Integer> bytes, long base) {
      this.mm = mm;
      this.bytes = new TreeMap<>(bytes);
      this.base = base;
    }

    long at(int slot) {
      return base + slot * HUGE + within;
    }
  }

  private final boolean pool;

  /** Where in its 2 MiB a page is used. */
  private final long within;

  private final List<Owner> processes = new ArrayList<>();

  WideBench(ProcessFloor floor, Seeded random) {
    super(floor);
    pool = random.oneIn(2);
    within = pool || random.oneIn(2) ? 0 : random.below(512) * PAGE;
    CaseSetup setup = new CaseSetup();
    setup.thp = random.oneIn(3) ? ThpMode.ALWAYS : ThpMode.NEVER;
    AddressSpace mm = setup.create(floor);
    checkEqual(0, pool ? floor.resizeHugePool(HUGE, POOL) : 0, "nr_hugepages");
    long flags = 0x32 | (pool ? Uapi.MAP_HUGETLB : 0) | Uapi.MAP_NORESERVE;
    checkEqual(BASES[0], mm.mmap(BASES[0], BYTES, RW, flags, -1, 0), "mmap");
    processes.add(new Owner(mm, Map.of(), BASES[0]));
  }

  @Override
  public void validate() {
    processes.forEach(process -> process.mm.validate());
  }

  @Override
  void step(Seeded random) {
    Owner process = processes.get(random.below(processes.size()));
    int slot = PLACES[random.below(PLACES.length)];
    switch (random.weighted(8, 3, 2, 2, 2, 1)) {
      case 0 -> write(process, slot, random.between(1, 120));
      case 1 -> read(process, slot);
      case 2 -> move(process, BASES[random.below(BASES.length)]);
      case 3 -> bearOrEnd(process);
      case 4 -> {
        tell("mprotect of all to read, and back");
        checkEqual(0, process.mm.mprotect(process.base, BYTES, 1), "mprotect");
        checkEqual(0, process.mm.mprotect(process.base, BYTES, RW), "mprotect");
      }
      default -> discard(process, slot, Math.min(SLOTS, slot + random.between(1, 600)));
    }
  }

  private void write(Owner process, int slot, int value) {
    tell("process " + processes.indexOf(process) + " writes " + value + " to slot " + slot);
    Looks.ends("a write to slot " + slot, Kind.OK, process.mm.write(process.at(slot), value));
    process.bytes.put(slot, value);
  }

  private void read(Owner process, int slot) {
    tell("process " + processes.indexOf(process) + " reads slot " + slot);
    TouchOutcome seen = process.mm.read(process.at(slot));
    Looks.ends("a read of slot " + slot, Kind.OK, seen);
    checkEqual(process.bytes.getOrDefault(slot, 0), seen.value(), "the byte of slot " + slot);
    process.bytes.putIfAbsent(slot, 0);
  }

  private void move(Owner process, long to) {
    if (to != process.base) {
      tell("mremap to 0x" + Long.toHexString(to));
      checkEqual(to, process.mm.mremap(process.base, BYTES, BYTES, 3, to), "mremap");
      int slot = process.bytes.isEmpty() ? 0 : process.bytes.firstKey();
      Kind seen = process.mm.read(process.at(slot)).kind();
      check(seen == Kind.SEGV_MAPERR, "nothing where it was", seen.toString());
      process.base = to;
    }
  }

  private void bearOrEnd(Owner process) {
    if (processes.size() == MOST_PROCESSES) {
      tell("exit of process " + processes.indexOf(process));
      Floors.unload();
      processes.remove(process);
      process.mm.exit();
    } else {
      tell("fork of process " + processes.indexOf(process));
      AddressSpace child = process.mm.fork();
      check(child != null, "a child", "none");
      processes.add(new Owner(Objects.requireNonNull(child), process.bytes, process.base));
    }
  }

  private void discard(Owner process, int first, int past) {
    tell("MADV_DONTNEED of slots " + first + " to " + past);
    long bytes = (past - first) * HUGE;
    long at = process.base + first * HUGE;
    checkEqual(0, process.mm.madvise(at, bytes, Uapi.MADV_DONTNEED), "madvise");
    process.bytes.subMap(first, past).clear();
  }

  /** Each has its bytes; no more pages are in use than all have together. */
  @Override
  void holds() {
    long all = 0;
    for (Owner process : processes) {
      process.bytes.forEach(
          (slot, value) ->
              checkEqual(value, process.mm.read(process.at(slot)).value(), "byte of slot " + slot));
      all += process.bytes.size();
    }
    if (!pool) {
      return;
    }
    long used = POOL - floor.hugePages().free();
    int least = processes.stream().mapToInt(process -> process.bytes.size()).max().orElse(0);
    check(used <= all && used >= least, "pages in use, " + least + " to " + all, "" + used);
    checkEqual(0, floor.hugePages().reserved(), "HugePages_Rsvd without promises");
  }
}
