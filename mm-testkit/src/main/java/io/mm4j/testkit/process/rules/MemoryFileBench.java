// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Files without a name, of memory and of the pool of huge pages, which some processes have open and
 * mapped: their bytes are the same for all, and a file and its pages go with the last who has it.
 */
final class MemoryFileBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final long FIRST = 0x20000000L;
  private static final long APART = 8 * HUGE;
  private static final int PLACES = 6;
  private static final int MOST_PROCESSES = 4;
  private static final int MOST_FILES = 6;
  private static final int MOST_PAGES = 4;
  private static final int FIRST_COPY = 40;
  private static final int POOL = 30;

  private static final class File {
    final long unit;
    long pages;

    /** The first byte of each page that is there. */
    final Map<Long, Integer> bytes = new HashMap<>();

    File(long unit) {
      this.unit = unit;
    }

    boolean isHuge() {
      return unit == HUGE;
    }
  }

  private record Mapping(File file, long first, long pages) {}

  private record One(AddressSpace mm, Map<Integer, File> open, TreeMap<Long, Mapping> mapped) {}

  private final List<One> processes = new ArrayList<>();
  private final boolean pool;
  private final long free;
  private final long charged;

  MemoryFileBench(ProcessFloor floor, Seeded random) {
    super(floor);
    pool = !floor.hugePools().isEmpty();
    if (pool) {
      checkEqual(0, floor.writeSysctl("nr_hugepages", "" + POOL), "nr_hugepages");
    }
    begin();
    free = Floors.freeFrames();
    charged = floor.committedPages();
  }

  private void begin() {
    AddressSpace mm = new CaseSetup().create(floor);
    processes.add(new One(mm, new TreeMap<>(), new TreeMap<>()));
  }

  @Override
  public void validate() {
    processes.forEach(one -> one.mm.validate());
  }

  @Override
  void step(Seeded random) {
    One one = processes.get(random.below(processes.size()));
    switch (random.weighted(4, 2, 3, 6, 3, 8, 3, 2, 2, 1)) {
      case 0 -> make(one, random.oneIn(2) && pool ? HUGE : PAGE, random);
      case 1 -> copy(one, random);
      case 2 -> close(one, random);
      case 3 -> map(one, random);
      case 4 -> unmap(one, random);
      case 5 -> touch(one, random);
      case 6 -> resize(one, random);
      case 7 -> punch(one, random);
      case 8 -> bearOrEnd(random);
      default -> endAll();
    }
  }

  private Set<File> files() {
    Set<File> all = new HashSet<>();
    for (One one : processes) {
      all.addAll(one.open.values());
      one.mapped.values().forEach(mapping -> all.add(mapping.file()));
    }
    return all;
  }

  private static int any(Map<Integer, File> open, Seeded random) {
    return List.copyOf(open.keySet()).get(random.below(open.size()));
  }

  private void make(One one, long unit, Seeded random) {
    if (files().size() < MOST_FILES) {
      File file = new File(unit);
      file.pages = random.between(1, MOST_PAGES);
      int flags = file.isHuge() ? Uapi.MFD_HUGETLB : 0;
      int fd = (int) one.mm.memfdCreate("file", flags);
      check(fd >= 0 && !one.open.containsKey(fd), "a new descriptor", "" + fd);
      tell("memfd_create of " + file.pages + " pages of " + unit + " bytes: " + fd);
      checkEqual(0, one.mm.syscall(Syscall.FTRUNCATE, fd, file.pages * unit), "ftruncate");
      one.open.put(fd, file);
    }
  }

  private void copy(One one, Seeded random) {
    if (!one.open.isEmpty()) {
      int fd = any(one.open, random);
      int to = FIRST_COPY + random.below(3);
      tell("dup2 of " + fd + " to " + to);
      checkEqual(to, one.mm.syscall(Syscall.DUP2, fd, to), "dup2");
      one.open.put(to, Objects.requireNonNull(one.open.get(fd)));
    }
  }

  private void close(One one, Seeded random) {
    if (!one.open.isEmpty()) {
      int fd = any(one.open, random);
      tell("close of " + fd);
      checkEqual(0, one.mm.syscall(Syscall.CLOSE, fd), "close");
      one.open.remove(fd);
    }
  }

  private void map(One one, Seeded random) {
    long at = FIRST + random.below(PLACES) * APART;
    if (one.open.isEmpty() || one.mapped.containsKey(at)) {
      return;
    }
    int fd = any(one.open, random);
    File file = Objects.requireNonNull(one.open.get(fd));
    long first = random.below(MOST_PAGES);
    // Huge pages behind the end of their file are promised, too: there is enough for all.
    long pages = random.between(1, MOST_PAGES);
    pages = file.isHuge() ? Math.max(1, Math.min(pages, file.pages - first)) : pages;
    tell("mmap of " + fd + " from page " + first + ", " + pages + " pages");
    long seen = one.mm.mmap(at, pages * file.unit, 3, 0x11, fd, first * file.unit);
    checkEqual(at, seen, "mmap");
    one.mapped.put(at, new Mapping(file, first, pages));
    if (file.isHuge()) {
      file.pages = Math.max(file.pages, first + pages); // hugetlbfs_file_mmap: i_size_write
    }
  }

  private void unmap(One one, Seeded random) {
    if (!one.mapped.isEmpty()) {
      long at = List.copyOf(one.mapped.keySet()).get(random.below(one.mapped.size()));
      Mapping mapping = Objects.requireNonNull(one.mapped.remove(at));
      tell("munmap");
      checkEqual(0, one.mm.munmap(at, mapping.pages * mapping.file.unit), "munmap");
    }
  }

  private void touch(One one, Seeded random) {
    for (Map.Entry<Long, Mapping> each : one.mapped.entrySet()) {
      Mapping mapping = each.getValue();
      File file = mapping.file;
      long page = random.below((int) mapping.pages);
      long at = each.getKey() + page * file.unit;
      long index = mapping.first + page;
      boolean writes = random.oneIn(2);
      int value = random.between(1, 99);
      tell((writes ? "write to page " : "read of page ") + index);
      TouchOutcome seen = writes ? one.mm.write(at, value) : one.mm.read(at);
      boolean within = index < file.pages;
      TouchOutcome.Kind wanted = within ? TouchOutcome.Kind.OK : TouchOutcome.Kind.BUS_ADRERR;
      check(seen.kind() == wanted, wanted + " at page " + index, seen.kind().toString());
      if (within) {
        int before = file.bytes.getOrDefault(index, 0);
        file.bytes.put(index, writes ? value : before);
        checkEqual(writes ? value : before, one.mm.read(at).value(), "the byte of page " + index);
      }
    }
  }

  private void resize(One one, Seeded random) {
    if (!one.open.isEmpty()) {
      int fd = any(one.open, random);
      File file = Objects.requireNonNull(one.open.get(fd));
      file.pages = random.between(0, MOST_PAGES);
      tell("ftruncate of " + fd + " to " + file.pages + " pages");
      checkEqual(0, one.mm.syscall(Syscall.FTRUNCATE, fd, file.pages * file.unit), "ftruncate");
      file.bytes.keySet().removeIf(page -> page >= file.pages);
    }
  }

  private void punch(One one, Seeded random) {
    if (!one.open.isEmpty()) {
      int fd = any(one.open, random);
      File file = Objects.requireNonNull(one.open.get(fd));
      long first = random.below(MOST_PAGES);
      long past = random.between((int) first + 1, MOST_PAGES + 2);
      tell("a hole in " + fd + " from page " + first + " to " + past);
      long mode = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
      long bytes = (past - first) * file.unit;
      checkEqual(
          0, one.mm.syscall(Syscall.FALLOCATE, fd, mode, first * file.unit, bytes), "fallocate");
      file.bytes.keySet().removeIf(page -> page >= first && page < past);
    }
  }

  private void bearOrEnd(Seeded random) {
    if (processes.size() < MOST_PROCESSES && random.oneIn(2)) {
      One parent = processes.get(random.below(processes.size()));
      tell("fork");
      AddressSpace child = parent.mm.fork();
      check(child != null, "a child", "none");
      processes.add(
          new One(
              Objects.requireNonNull(child),
              new TreeMap<>(parent.open),
              new TreeMap<>(parent.mapped)));
    } else if (processes.size() > 1) {
      tell("exit");
      processes.remove(random.below(processes.size())).mm.exit();
    }
  }

  /** Nobody has any file: every frame and every promise is back. */
  private void endAll() {
    tell("exit of all");
    processes.forEach(one -> one.mm.exit());
    processes.clear();
    checkEqual(charged, floor.committedPages(), "charged pages when all have ended");
    begin();
    checkEqual(free, Floors.freeFrames(), "free frames with a new process alone");
    if (pool) {
      checkEqual(0, floor.hugePages().reserved(), "huge pages that are promised to nobody");
    }
  }

  @Override
  void holds() {
    if (pool) {
      long used = files().stream().filter(File::isHuge).mapToLong(f -> f.bytes.size()).sum();
      checkEqual(POOL - used, floor.hugePages().free(), "free huge pages");
    }
  }
}
