// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.Uffd;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaivePool;
import io.mm4j.testkit.process.naive.NaivePoolFile;
import io.mm4j.testkit.process.naive.NaivePoolFile.Page;
import io.mm4j.testkit.process.naive.NaivePoolFile.Place;
import io.mm4j.testkit.process.naive.NaivePoolFile.Space;
import io.mm4j.testkit.process.naive.NaivePoolFile.Touched;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Processes that map a file of huge pages, shared and private, and nobody's huge pages, of a small
 * pool in which nothing is promised, of which one watches parts by a userfaultfd, beside {@link
 * NaivePoolFile}.
 */
final class PoolFileBench extends StepRule.Bench {
  private static final long HUGE = NaivePool.HUGE;
  private static final long PAGE = Bits.PAGE;
  private static final long FROM = 0x40000000L;
  private static final int SLOTS = 8;
  private static final int MOST_PROCESSES = 3;
  private static final int MOST_PAGES = 5;
  private static final int WORD = 8;
  private static final int WRITE = 2;
  private static final int[] RIGHTS = {READ, WRITE, RW, RW | 4};
  private static final int FIXED_NORESERVE = 0x4010;
  private static final int HOLE = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;

  /** Where somebody reads the memory of somebody else: two vectors, and one byte. */
  private static final long BYTE = FAR + 100;

  private record Owner(AddressSpace mm, Space model) {}

  private final MemMap map = Floors.machine().memory().memMap();
  private final FrameAudit audit = new FrameAudit();
  private final List<Owner> processes = new ArrayList<>();
  private final NaivePoolFile model;
  private final UffdBench uffd;
  private final int fd;
  private final boolean exact;
  private final boolean signals;
  private final boolean usersOnly;

  PoolFileBench(ProcessFloor floor, Seeded random) {
    super(floor);
    int total = random.between(1, MOST_PAGES + 1);
    checkEqual(0, floor.resizeHugePool(HUGE, total), "nr_hugepages");
    model = new NaivePoolFile(total);
    CaseSetup setup = new CaseSetup();
    setup.capabilities = Set.of(Capability.SYS_PTRACE);
    AddressSpace mm = setup.create(floor);
    exact = random.oneIn(2);
    signals = random.oneIn(5);
    usersOnly = random.oneIn(4);
    long features = Uffd.MINOR_HUGETLBFS | Uffd.MISSING_HUGETLBFS;
    features |= (exact ? Uffd.EXACT_ADDRESS : 0) | (signals ? Uffd.SIGBUS : 0);
    long flags = Uffd.NONBLOCK | (usersOnly ? Uffd.USER_MODE_ONLY : 0);
    uffd = UffdBench.open(new Rig(floor, mm), flags, features);
    checkEqual(FAR, mm.mmap(FAR, PAGE, RW, 0x32, -1, 0), "mmap of a buffer");
    fd = (int) Looks.works("memfd_create", mm.memfdCreate("pool", Uapi.MFD_HUGETLB));
    processes.add(new Owner(mm, model.space()));
    resize(MOST_PAGES);
  }

  @Override
  public void validate() {
    processes.forEach(process -> process.mm.validate());
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    int which = random.oneIn(3) ? 0 : random.below(processes.size()); // the first is watched
    Owner process = processes.get(which);
    long at = FROM + random.below(SLOTS) * HUGE;
    for (int i = 0; i < SLOTS && place(process, at) == null && !random.oneIn(4); i++) {
      at = FROM + random.below(SLOTS) * HUGE;
    }
    switch (random.weighted(5, 1, 14, 2, 2, 4, 3, 1, 3, 1, 5)) {
      case 0 -> map(process, at, random);
      case 1 -> {
        tell("munmap at " + hex(at));
        model.unmap(process.model, at, 1);
        checkEqual(0, process.mm.munmap(at, HUGE), "munmap");
      }
      case 2 -> touch(process, at, random);
      case 3 -> rights(process, at, RIGHTS[random.below(RIGHTS.length)]);
      case 4 -> {
        if (place(process, at) != null) {
          tell("MADV_DONTNEED at " + hex(at));
          model.discard(process.model, at, 1);
          checkEqual(0, process.mm.madvise(at, HUGE, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
        }
      }
      case 5 -> bearOrEnd(which);
      case 6 -> resize(random.between(0, MOST_PAGES));
      case 7 -> punch(random);
      case 8 -> readBy(processes.get(random.below(processes.size())), process, at);
      case 9 -> peek(process, at);
      default -> watch(at, random);
    }
  }

  private static @Nullable Place place(Owner process, long at) {
    return process.model.places.get(at);
  }

  private void map(Owner process, long at, Seeded random) {
    boolean ofFile = !random.oneIn(4);
    boolean shared = ofFile && random.oneIn(2);
    int first = ofFile ? random.below(MOST_PAGES) : -1;
    int room = (int) ((FROM + SLOTS * HUGE - at) / HUGE);
    int pages = Math.min(room, random.oneIn(2) ? 1 : random.between(1, 3));
    pages = ofFile ? Math.min(pages, model.size() - first) : pages;
    if (pages <= 0) {
      return;
    }
    tell((shared ? "shared" : "private") + " mmap of " + pages + " from page " + first);
    tell("at " + hex(at));
    long flags = FIXED_NORESERVE | (shared ? Uapi.MAP_SHARED : Uapi.MAP_PRIVATE);
    flags |= ofFile ? 0 : Uapi.MAP_HUGETLB | Uapi.MAP_ANONYMOUS;
    long offset = ofFile ? first * HUGE : 0;
    long seen = process.mm.mmap(at, pages * HUGE, RW, flags, ofFile ? fd : -1, offset);
    checkEqual(at, seen, "mmap");
    model.map(process.model, at, pages, first, shared);
  }

  /** The places of a VMA. */
  private static List<Place> vma(Owner process, long at) {
    List<Place> all = new ArrayList<>();
    process.mm.forEachVma(
        at, at + 1, v -> all.addAll(process.model.places.subMap(v.start(), v.end()).values()));
    return all;
  }

  private void touch(Owner process, long at, Seeded random) {
    boolean write = random.oneIn(2);
    boolean user = random.oneIn(2);
    int value = 1 + random.below(120);
    long addr = at + random.below(2) * (HUGE / 2 + 5);
    String what = (user ? "" : "the kernel's ") + (write ? "write" : "read") + " at " + hex(addr);
    Place place = place(process, at);
    tell(what + ", " + place);
    TouchOutcome seen = process.mm.fault(addr, write, user, false);
    if (place == null || (write && !place.mayWrite)) {
      Looks.ends(what, place == null ? Kind.SEGV_MAPERR : Kind.SEGV_ACCERR, seen);
      return;
    }
    boolean fresh = place.page == null;
    Touched wanted = model.touch(place, write, vma(process, at));
    ends(what, addr, wanted, !user, seen);
    if (wanted.kind() == Kind.BUS_ADRERR && random.oneIn(2)) {
      bear(process); // who was refused a page has no more to leave than before
    }
    if (wanted.kind() == Kind.OK) {
      boolean through = Floors.letsWrite(process.mm, addr);
      check(
          through || !(write || (fresh && place.canBeWritten() && isShared(place))),
          "an entry" + " that lets writes through, from " + what,
          "another");
      if (write) {
        Looks.ends("a write at " + hex(at), Kind.OK, process.mm.write(at, value));
        page(place).value = value;
      } else {
        checkEqual(addr == at ? page(place).value : 0, seen.value(), "the byte of " + what);
      }
    }
  }

  private static boolean isShared(Place place) {
    return page(place).ofFile;
  }

  private static Page page(Place place) {
    return Objects.requireNonNull(place.page);
  }

  /** Who waits is told of, unless it gets a signal. */
  private void ends(String what, long addr, Touched wanted, boolean kernel, TouchOutcome seen) {
    Kind kind = wanted.kind();
    boolean tells = kind == null && !signals && !(kernel && usersOnly);
    Looks.ends(what, kind != null ? kind : tells ? Kind.UFFD_WAIT : Kind.BUS_ADRERR, seen);
    if (tells) {
      uffd.tells(Uffd.PAGEFAULT_MESSAGE, wanted.told(), exact ? addr : addr & -HUGE, 0);
    }
    uffd.silent();
  }

  private void rights(Owner process, long at, int prot) {
    Place place = place(process, at);
    if (place != null) {
      tell("mprotect to " + prot + " at " + hex(at));
      checkEqual(0, process.mm.mprotect(at, HUGE, prot), "mprotect");
      place.mayWrite = (prot & WRITE) != 0;
      place.mayRead = (prot & READ) != 0;
    }
  }

  private void bearOrEnd(int which) {
    Owner process = processes.get(which);
    if (processes.size() < MOST_PROCESSES) {
      bear(process);
    } else if (which > 0) {
      tell("exit of process " + which);
      Floors.unload();
      processes.remove(which);
      model.exit(process.model);
      process.mm.exit();
    }
  }

  private void bear(Owner process) {
    if (processes.size() < MOST_PROCESSES) {
      tell("fork");
      AddressSpace child = process.mm.fork();
      check(child != null, "a child", "none");
      processes.add(new Owner(Objects.requireNonNull(child), model.fork(process.model)));
    }
  }

  private AddressSpace first() {
    return processes.get(0).mm;
  }

  private void resize(int pages) {
    tell("ftruncate to " + pages + " pages");
    checkEqual(0, first().syscall(Syscall.FTRUNCATE, fd, pages * HUGE), "ftruncate");
    model.resize(pages);
  }

  private void punch(Seeded random) {
    int from = random.below(MOST_PAGES);
    int past = random.between(from + 1, MOST_PAGES);
    tell("a hole of pages " + from + " to " + past);
    long length = (past - from) * HUGE;
    checkEqual(0, first().syscall(Syscall.FALLOCATE, fd, HOLE, from * HUGE, length), "fallocate");
    model.punch(from, past);
  }

  /** process_vm_readv: who is read has a private page for its own from then on. */
  private void readBy(Owner reader, Owner process, long at) {
    Place place = place(process, at);
    if (reader.equals(process) || place == null || (place.mode != 0 && !signals)) {
      return; // of one that waits it is judged elsewhere
    }
    tell("process " + processes.indexOf(process) + " is read at " + hex(at) + ", " + place);
    long[] words = {BYTE, 1, at, 1};
    for (int i = 0; i < words.length * WORD; i++) {
      int part = (int) (words[i / WORD] >>> (i % WORD * Byte.SIZE)) & 255;
      check(reader.mm.write(FAR + i, part).ok(), "a write of a vector", "a signal");
    }
    long pid = process.mm.pid();
    long got = reader.mm.syscall(Syscall.PROCESS_VM_READV, pid, FAR, 1, FAR + 2L * WORD, 1, 0);
    boolean can = place.mayRead && model.pin(place, vma(process, at)).kind() == Kind.OK;
    checkEqual(can ? 1 : -Errno.EFAULT, got, "process_vm_readv");
    if (can) {
      checkEqual(page(place).value, reader.mm.read(BYTE).value(), "the byte at " + hex(at));
    }
  }

  /** A debugger looks: it does not wait, and nobody is told. */
  private void peek(Owner process, long at) {
    Place place = place(process, at);
    tell("a debugger looks at " + hex(at) + ", " + place);
    process.mm.peek(at, 1, 0);
    if (place != null) {
      Touched _ = model.touch(place, false, vma(process, at));
    }
    uffd.silent();
  }

  private void watch(long at, Seeded random) {
    Owner process = processes.get(0);
    Place place = place(process, at);
    if (place == null) {
      return;
    }
    if (random.oneIn(3)) {
      tell("nobody watches " + hex(at));
      checkEqual(0, uffd.unregister(at, HUGE), "UFFDIO_UNREGISTER");
      place.mode = 0;
      return;
    }
    long[] modes = {
      Uffd.REGISTER_MISSING, Uffd.REGISTER_MINOR, Uffd.REGISTER_MISSING | Uffd.REGISTER_MINOR
    };
    long mode = modes[random.below(modes.length)];
    tell("a userfaultfd watches " + hex(at) + " in mode " + mode);
    uffd.watches(at, HUGE, mode);
    place.mode = (place.mode & mode) == mode ? place.mode : mode;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    audit.fresh();
    checkEqual(model.free(), floor.hugePages().free(), "HugePages_Free");
    checkEqual(0, floor.hugePages().reserved(), "HugePages_Rsvd");
    Map<Page, Long> heads = new HashMap<>();
    for (Owner process : processes) {
      for (long at = FROM; at < FROM + SLOTS * HUGE; at += HUGE) {
        Place place = place(process, at);
        long head = head(process, at);
        boolean there = place != null && place.page != null;
        check(there == head >= 0, (there ? "a" : "no") + " page at " + hex(at), "pfn " + head);
        if (there) {
          judge(process, at, head, Objects.requireNonNull(place));
          @Nullable Long other = heads.putIfAbsent(page(place), head);
          check(other == null || other == head, "one frame for all, at " + hex(at), "another");
        }
      }
    }
    checkEqual(heads.size(), heads.values().stream().distinct().count(), "pages of their own");
  }

  private static long head(Owner process, long at) {
    long[] head = {-1};
    process.mm.pagemap(at, at + PAGE, (addr, entry) -> head[0] = Pagemap.pfn(entry));
    return head[0];
  }

  private void judge(Owner process, long at, long head, Place place) {
    String what = " of the page at " + hex(at) + " of process " + processes.indexOf(process);
    Page page = page(place);
    checkEqual(page.mapped, map.entireMapcount(head), "entries" + what);
    checkEqual(NaivePoolFile.references(page) + 1, map.refcount(head), "references" + what);
    int alone = page.ofFile || !page.exclusive ? 0 : PageFlags.PG_ANON_EXCLUSIVE;
    checkEqual(alone, floor.lruFlags(head) & PageFlags.PG_ANON_EXCLUSIVE, "PG_exclusive" + what);
    boolean writes = Floors.letsWrite(process.mm, at);
    check(!writes || place.canBeWritten(), "no writes to " + place, "an entry that lets them");
  }
}
