// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.SegmentModel.Part;
import io.mm4j.testkit.process.rules.SegmentModel.Segment;
import io.mm4j.testkit.process.rules.SegmentModel.User;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * System V segments of some users and root, made, attached, changed and removed in any order,
 * against {@link SegmentModel}: what each call answers, and what the structures say that it writes.
 */
final class SegmentOrderBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;

  /** Where calls write what they tell: it ends with a page behind which nothing is. */
  private static final long TOLD = Act.SCRATCH + PAGE - 112;

  /** As much before the end as {@code struct shm_info} has bytes. */
  private static final long TOLD_OF_ALL = Act.SCRATCH + PAGE - 48;

  /** Where segments are attached: places apart from each other, if nothing is longer. */
  private static final long FIRST = 0x20000000L;

  private static final int PLACES = 6;
  private static final long APART = 8 * PAGE;

  /** No page of a fork is charged for it. */
  private static final int NORESERVE = 0x4032;

  private static final int MOST_PROCESSES = 6;

  /** Users and groups of root's children. */
  private static final long[] USERS = {0, 1000, 1001};

  private static final long[] GROUPS = {0, 100, 101};

  /** Where root is among the first processes, which do not end. */
  private static final int ROOT = 3;

  /** Places in {@code struct shmid64_ds}. */
  private static final int SIZE = 48;

  private static final int ATTACHED = 88;

  private record One(AddressSpace mm, User user, List<Part> parts) {}

  private final SegmentModel model = new SegmentModel();
  private final List<One> processes = new ArrayList<>();
  private final long charged;

  /** What the last step was about. */
  private @Nullable Segment last;

  SegmentOrderBench(ProcessFloor floor, Seeded random) {
    super(floor);
    long locked = random.between(1, 12) * PAGE;
    begin(new User(1000, 100, false, locked));
    begin(new User(1001, 100, false, random.oneIn(3) ? 0 : locked));
    begin(new User(1002, 101, false, locked));
    begin(new User(0, 0, true, locked));
    charged = floor.committedPages();
    for (int crowd = random.oneIn(3) ? random.between(40, 90) : 0; crowd > 0; crowd--) {
      Segment _ = make(processes.getFirst(), 0, PAGE, 0600);
    }
  }

  private void begin(User user) {
    CaseSetup setup = new CaseSetup();
    setup.uid = user.uid();
    setup.gid = user.gid();
    if (user.root()) {
      setup.capabilities = Set.of(Capability.IPC_OWNER, Capability.IPC_LOCK, Capability.SYS_ADMIN);
    }
    AddressSpace mm = setup.create(floor);
    checkEqual(0, mm.setrlimit(ResourceLimit.MEMLOCK, user.memlock(), 0), "setrlimit");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, 3, NORESERVE, -1, 0), "mmap");
    processes.add(new One(mm, user, new ArrayList<>()));
  }

  @Override
  public void validate() {
    processes.forEach(one -> one.mm.validate());
  }

  @Override
  void step(Seeded random) {
    One one = processes.get(random.below(processes.size()));
    switch (random.weighted(5, 2, 8, 3, 3, 3, 7, 3, 2, 2, 2, 2, 2)) {
      case 0 -> make(one, random);
      case 1 -> circle(one, random);
      case 2 -> attach(one, random);
      case 3 -> detach(one, random);
      case 4 -> remove(one, random);
      case 5 -> give(one, random);
      case 6 -> lock(one, random);
      case 7 -> stat(one, random);
      case 8 -> statAt(one, random);
      case 9 -> unmap(one, random);
      case 10 -> bearOrEnd(one, random);
      case 11 -> want(random);
      default -> write(one, random);
    }
  }

  private static long call(One one, Syscall call, long... args) {
    return one.mm.syscall(call, args);
  }

  /** Compares an answer; the process is named by its user. */
  private void gives(One one, String what, long wanted, long seen) {
    String text = what + " by user " + one.user.uid();
    tell(text);
    check(wanted == seen, new Act.Answer(wanted) + " from " + text, "" + new Act.Answer(seen));
  }

  // ---------------------------------------------------------------- making and removing

  private void make(One one, Seeded random) {
    long key = random.below(5);
    long bytes = random.oneIn(9) ? 0 : 1 + random.below(9 * (int) PAGE);
    long flags = random.oneIn(4) ? 0 : Uapi.IPC_CREAT | (random.oneIn(4) ? Uapi.IPC_EXCL : 0);
    flags |= new long[] {0, 0600, 0640, 0644, 0660, 0666, 0777, 0444}[random.below(8)];
    flags |= random.oneIn(4) ? Uapi.SHM_NORESERVE : 0;
    Segment _ = make(one, key, bytes, flags);
  }

  /** The new segment, or null if none was made. */
  private @Nullable Segment make(One one, long key, long bytes, long flags) {
    String what = "shmget of key " + key + ", " + bytes + " bytes, 0" + Long.toOctalString(flags);
    long seen = call(one, Syscall.SHMGET, key, bytes, flags);
    long wanted = model.get(one.user, key, bytes, flags);
    if (wanted != SegmentModel.NEW) {
      gives(one, what, wanted, seen);
      return null;
    }
    tell(what);
    check(seen >= 0 && model.find(seen) == null, "a new identifier from " + what, "" + seen);
    long asked = model.wanted();
    check(asked < 0 || seen == asked, asked + " from " + what + " after shm_next_id", "" + seen);
    Segment made = model.add(seen, one.user, key, bytes, flags);
    last = made;
    return made;
  }

  /** The next one shall have a certain identifier: any, or that of one that is there. */
  private void want(Seeded random) {
    Segment some = any(random);
    int id =
        some == null || random.oneIn(2)
            ? random.below(128) << 15 | random.below(200)
            : (int) some.id;
    tell("kernel.shm_next_id = " + id);
    checkEqual(0, floor.writeSysctl("shm_next_id", "" + id), "shm_next_id");
    model.wants(id);
  }

  /** Indexes go round: most are made and removed at once. */
  private void circle(One one, Seeded random) {
    for (int times = random.between(1, 30); times > 0; times--) {
      Segment made = make(one, 0, PAGE, 0600);
      if (!random.oneIn(8)) {
        remove(one, made, 0);
      }
    }
  }

  private @Nullable Segment any(Seeded random) {
    last =
        model.all().isEmpty() || random.oneIn(12)
            ? null
            : model.all().get(random.below(model.all().size()));
    return last;
  }

  private static long id(@Nullable Segment segment, Seeded random) {
    return segment == null ? (random.oneIn(2) ? -1 : 31_000) : segment.id;
  }

  private void remove(One one, Seeded random) {
    Segment segment = any(random);
    if (!one.parts.isEmpty() && random.oneIn(2)) {
      segment = one.parts.get(random.below(one.parts.size())).segment();
      last = segment;
    }
    remove(one, segment, id(segment, random));
  }

  private void remove(One one, @Nullable Segment segment, long otherwise) {
    long id = segment == null ? otherwise : segment.id;
    long wanted = segment == null ? -Errno.EINVAL : model.remove(one.user, segment);
    gives(one, "IPC_RMID of " + id, wanted, call(one, Syscall.SHMCTL, id, Uapi.IPC_RMID, 0));
    if (segment != null) {
      model.detached(segment, attachments(segment));
    }
  }

  // ---------------------------------------------------------------- attaching

  private static long place(Seeded random) {
    return FIRST + random.below(PLACES) * APART;
  }

  private void attach(One one, Seeded random) {
    Segment segment = any(random);
    long addr = random.oneIn(4) ? 0 : place(random) + (random.oneIn(5) ? 77 : 0);
    long flags = random.oneIn(3) ? Uapi.SHM_RDONLY : 0;
    if (!one.parts.isEmpty() && random.oneIn(4)) { // what may be the last attachment, once more
      Part part = one.parts.get(random.below(one.parts.size()));
      segment = part.segment();
      last = segment;
      addr = part.start();
      flags |= Uapi.SHM_REMAP;
    }
    long id = id(segment, random);
    flags |= random.oneIn(5) ? Uapi.SHM_EXEC : 0;
    flags |= random.oneIn(4) ? Uapi.SHM_REMAP : 0;
    flags |= random.oneIn(4) ? Uapi.SHM_RND : 0;
    long at = (flags & Uapi.SHM_RND) != 0 ? addr & -PAGE : addr;
    boolean remaps = (flags & Uapi.SHM_REMAP) != 0;
    long error = 0;
    if ((at & PAGE - 1) != 0 || (at == 0 && remaps) || segment == null) {
      error = -Errno.EINVAL;
    } else if (!segment.allows(one.user, SegmentModel.rights(flags))) {
      error = -Errno.EACCES;
    } else if (at != 0 && !remaps && overlaps(one, at, at + segment.pages() * PAGE)) {
      error = -Errno.EINVAL;
    }
    long seen = call(one, Syscall.SHMAT, id, addr, flags);
    String what = "shmat of " + id + " at " + Long.toHexString(addr);
    what += " flags 0" + Long.toOctalString(flags);
    if (error != 0 || segment == null) {
      gives(one, what, error, seen);
      return;
    }
    long wanted = at == 0 ? seen : at;
    gives(one, what, wanted, seen);
    long end = wanted + segment.pages() * PAGE;
    check((wanted & PAGE - 1) == 0 && wanted > 0, "the address of a page", "" + wanted);
    check(at != 0 || !overlaps(one, wanted, end), "a free place from " + what, "one in use");
    List<Part> before = List.copyOf(one.parts);
    cut(one.parts, wanted, end);
    String perms = "r" + ((flags & Uapi.SHM_RDONLY) != 0 ? "-" : "w");
    perms += ((flags & Uapi.SHM_EXEC) != 0 ? "x" : "-") + "s";
    one.parts.add(new Part(segment, new Object(), perms, wanted, wanted, end));
    detached(before);
    List<String> shown = new ArrayList<>();
    one.mm.forEachVma(wanted, end, vma -> shown.add(vma.start() + " " + vma.end() + vma.perms()));
    check(shown.equals(List.of(wanted + " " + end + perms)), perms + " by " + what, "" + shown);
  }

  private static boolean overlaps(One one, long start, long end) {
    return one.parts.stream().anyMatch(part -> part.start() < end && start < part.end());
  }

  /** Takes a range out of parts. */
  private static void cut(List<Part> parts, long start, long end) {
    List<Part> before = List.copyOf(parts);
    parts.clear();
    for (Part part : before) {
      if (part.start() < Math.min(part.end(), start)) {
        parts.add(part.between(part.start(), Math.min(part.end(), start)));
      }
      if (Math.max(part.start(), end) < part.end()) {
        parts.add(part.between(Math.max(part.start(), end), part.end()));
      }
    }
  }

  /** Segments that were removed go with the last of their parts. */
  private void detached(List<Part> parts) {
    parts.forEach(part -> model.detached(part.segment(), attachments(part.segment())));
  }

  private long attachments(Segment segment) {
    long count = 0;
    for (One one : processes) {
      count += one.parts.stream().filter(part -> part.segment() == segment).count();
    }
    return count;
  }

  private void detach(One one, Seeded random) {
    long addr =
        one.parts.isEmpty() || random.oneIn(4)
            ? place(random)
            : one.parts.get(random.below(one.parts.size())).base();
    if (random.oneIn(10)) {
      gives(one, "shmdt within a page", -Errno.EINVAL, call(one, Syscall.SHMDT, addr + 1));
      return;
    }
    Object attachment = null;
    long lowest = Long.MAX_VALUE;
    for (Part part : one.parts) {
      if (part.base() == addr && part.start() < lowest) {
        lowest = part.start();
        attachment = part.attachment();
      }
    }
    long wanted = attachment == null ? -Errno.EINVAL : 0;
    gives(one, "shmdt of " + Long.toHexString(addr), wanted, call(one, Syscall.SHMDT, addr));
    Object gone = attachment;
    List<Part> before = List.copyOf(one.parts);
    one.parts.removeIf(part -> part.attachment().equals(gone));
    detached(before);
  }

  private void unmap(One one, Seeded random) {
    long start = place(random) + random.below(4) * PAGE;
    long end = start + random.between(1, 12) * PAGE;
    gives(one, "munmap", 0, one.mm.munmap(start, end - start));
    List<Part> before = List.copyOf(one.parts);
    cut(one.parts, start, end);
    detached(before);
  }

  private void bearOrEnd(One one, Seeded random) {
    if (processes.size() < MOST_PROCESSES && random.oneIn(2)) {
      tell("fork by user " + one.user.uid());
      AddressSpace child = Objects.requireNonNull(one.mm.fork());
      User user = settle(child, one.user, random);
      processes.add(new One(child, user, new ArrayList<>(one.parts)));
    } else if (processes.size() > 4) {
      One last = processes.removeLast();
      tell("exit by user " + last.user.uid());
      last.mm.exit();
      detached(last.parts);
    }
  }

  /** What a child of root is turned into; others stay what they are. */
  private User settle(AddressSpace mm, User user, Seeded random) {
    if (!user.root()) {
      return user;
    }
    long uid = USERS[random.below(USERS.length)];
    long gid = GROUPS[random.below(GROUPS.length)];
    tell("setgid " + gid + " and setuid " + uid + " by root's child");
    checkEqual(0, mm.syscall(Syscall.SETGID, gid), "setgid");
    checkEqual(0, mm.syscall(Syscall.SETUID, uid), "setuid");
    return new User(uid, gid, uid == 0, user.memlock());
  }

  private void write(One one, Seeded random) {
    if (one.parts.isEmpty()) {
      return;
    }
    Part part = one.parts.get(random.below(one.parts.size()));
    long page = random.below((int) ((part.end() - part.start()) / PAGE));
    long at = part.start() + page * PAGE;
    long index = (at - part.base()) / PAGE;
    int value = 1 + random.below(100);
    tell("a write to page " + index + " of " + part.segment().id);
    boolean may = part.perms().charAt(1) == 'w';
    Looks.ends("a write", may ? Kind.OK : Kind.SEGV_ACCERR, one.mm.write(at, value));
    if (may) {
      part.segment().bytes.put(index, value);
    } else {
      int wanted = part.segment().bytes.getOrDefault(index, 0);
      checkEqual(wanted, one.mm.read(at).value(), "the byte of page " + index);
      part.segment().bytes.put(index, wanted);
    }
  }

  // ---------------------------------------------------------------- changing and telling

  private void give(One one, Seeded random) {
    Segment segment = any(random);
    long id = id(segment, random);
    long uid = random.oneIn(6) ? 0xffff_ffffL : 1000 + random.below(3);
    long gid = random.oneIn(9) ? 0xffff_ffffL : 100 + random.below(3);
    long mode = random.below(01000) | 0400;
    put(one, 4, uid);
    put(one, 8, gid);
    put(one, 20, mode | 0173000); // with SHM_DEST and SHM_LOCKED, which nobody sets so
    long wanted = segment == null ? -Errno.EINVAL : model.give(one.user, segment, uid, gid, mode);
    gives(one, "IPC_SET of " + id, wanted, call(one, Syscall.SHMCTL, id, Uapi.IPC_SET, TOLD));
  }

  private static void put(One one, int at, long value) {
    for (int i = 0; i < 4; i++) {
      check(
          one.mm.write(TOLD + at + i, (int) (value >>> (8 * i)) & 255).ok(), "a write", "a signal");
    }
  }

  private void lock(One one, Seeded random) {
    Segment segment = any(random);
    long id = id(segment, random);
    boolean on = !random.oneIn(3);
    long wanted = segment == null ? -Errno.EINVAL : model.lock(one.user, segment, on);
    long how = on ? Uapi.SHM_LOCK : Uapi.SHM_UNLOCK;
    gives(one, (on ? "SHM_LOCK" : "SHM_UNLOCK"), wanted, call(one, Syscall.SHMCTL, id, how, 0));
  }

  private void stat(One one, Seeded random) {
    Segment segment = any(random);
    long id = id(segment, random);
    long seen = call(one, Syscall.SHMCTL, id, Uapi.IPC_STAT, TOLD);
    long wanted = segment == null ? -Errno.EINVAL : segment.allows(one.user, 4) ? 0 : -Errno.EACCES;
    gives(one, "IPC_STAT of " + id, wanted, seen);
    if (segment != null && wanted == 0) {
      long behind = call(one, Syscall.SHMCTL, id, Uapi.IPC_STAT, TOLD + 1);
      gives(one, "IPC_STAT of " + id + " to the end of memory", -Errno.EFAULT, behind);
      seen = call(one, Syscall.SHMCTL, id, Uapi.IPC_STAT, TOLD);
      gives(one, "IPC_STAT of " + id, 0, seen);
      describes(one, segment);
    }
    gives(one, "a command 99", -Errno.EINVAL, call(one, Syscall.SHMCTL, id, 99, TOLD));
  }

  private void statAt(One one, Seeded random) {
    int index = random.below((int) model.highest() + 2);
    boolean any = random.oneIn(2);
    Segment segment = model.at(index);
    long how = any ? Uapi.SHM_STAT_ANY : Uapi.SHM_STAT;
    long seen = call(one, Syscall.SHMCTL, index, how, TOLD);
    long wanted =
        segment == null
            ? -Errno.EINVAL
            : any || segment.allows(one.user, 4) ? segment.id : -Errno.EACCES;
    gives(one, "SHM_STAT of index " + index, wanted, seen);
    if (segment != null && wanted >= 0) {
      describes(one, segment);
    }
  }

  private void describes(One one, Segment segment) {
    long mode = segment.mode | (segment.removed ? 01000 : 0) | (segment.lockedBy >= 0 ? 02000 : 0);
    told(one, TOLD, 4, segment.removed ? 0 : segment.key, "key");
    told(one, TOLD + 4, 4, segment.uid, "uid");
    told(one, TOLD + 8, 4, segment.gid, "gid");
    told(one, TOLD + 12, 4, segment.maker.uid(), "cuid");
    told(one, TOLD + 16, 4, segment.maker.gid(), "cgid");
    told(one, TOLD + 20, 4, mode, "mode");
    told(one, TOLD + SIZE, 8, segment.size, "shm_segsz");
    told(one, TOLD + ATTACHED, 8, attachments(segment), "shm_nattch");
  }

  private static void told(One one, long at, int bytes, long wanted, String what) {
    long seen = 0;
    for (int i = 0; i < bytes; i++) {
      seen |= (long) one.mm.read(at + i).value() << (8 * i);
    }
    checkEqual(wanted, seen, what);
  }

  @Override
  void holds() {
    together();
    Set<Segment> some = new HashSet<>();
    for (One one : processes) {
      one.parts.forEach(part -> some.add(part.segment()));
      one.parts.forEach(part -> bytes(one, part));
    }
    Segment latest = last;
    if (latest != null && model.find(latest.id) != null) {
      some.add(latest);
    }
    One root = processes.get(ROOT);
    for (Segment segment : some) {
      long seen = call(root, Syscall.SHMCTL, segment.id, Uapi.IPC_STAT, TOLD);
      checkEqual(0, seen, "IPC_STAT of " + segment.id + " by root");
      describes(root, segment);
    }
  }

  /** What has a page is the same for all who have attached it. */
  private static void bytes(One one, Part part) {
    part.segment()
        .bytes
        .forEach(
            (index, value) -> {
              long at = part.base() + index * PAGE;
              if (at >= part.start() && at < part.end()) {
                checkEqual(value, one.mm.read(at).value(), "the byte at 0x" + Long.toHexString(at));
              }
            });
  }

  /** What all segments have together; each is found by its index. */
  private void together() {
    One root = processes.get(ROOT);
    checkEqual(
        charged + model.charged(), floor.committedPages(), "pages that segments are charged");
    long highest = call(root, Syscall.SHMCTL, 0, Uapi.SHM_INFO, TOLD_OF_ALL);
    checkEqual(model.highest(), highest, "the highest index");
    told(root, TOLD_OF_ALL, 4, model.all().size(), "used_ids");
    told(root, TOLD_OF_ALL + 8, 8, model.pages(), "shm_tot");
    told(root, TOLD_OF_ALL + 16, 8, model.present(), "shm_rss");
    for (int i = 0; i <= highest + 1; i++) {
      Segment segment = model.at(i);
      long wanted = segment == null ? -Errno.EINVAL : segment.id;
      long seen = call(root, Syscall.SHMCTL, i, Uapi.SHM_STAT, TOLD);
      checkEqual(wanted, seen, "SHM_STAT of index " + i);
    }
  }
}
