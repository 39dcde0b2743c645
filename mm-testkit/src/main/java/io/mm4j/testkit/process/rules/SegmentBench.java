// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * System V segments of a few keys that processes of several users make, attach, cut, give away and
 * remove, beside a list of them. The first process is root's and looks at all of them after each
 * step.
 */
final class SegmentBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int SLOTS = 6;
  private static final long SLOT = 16 * PAGE;
  private static final int MOST_PROCESSES = 4;
  private static final int MOST_SEGMENTS = 12;
  private static final long BUFFER = Act.SCRATCH;
  private static final int[] MODES = {0600, 0640, 0666, 0460, 0604, 0777, 0};
  private static final long[] SIZES = {0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE};
  private static final long[] USERS = {0, 1000, 2000};
  private static final int DEST = 01000;
  private static final int LOCKED = 02000;

  /** Places of the fields of {@code struct shmid64_ds}. */
  private static final int UID = 4;

  private static final int MODE = 20;
  private static final int BYTES = 48;
  private static final int ATTACHED = 88;

  /** No segment has it: so many are never made. */
  private static final long NO_ID = 30000;

  /** Of the largest segment. */
  private static final int MOST_PAGES = 3;

  private static final class Segment {
    final long id;
    final long bytes;
    final long creatorUid;
    final long creatorGid;
    final int[] pages;
    long key;
    long uid;
    long gid;
    long mode;

    Segment(long id, long key, long bytes, User maker, long mode) {
      this.id = id;
      this.key = key;
      this.bytes = bytes;
      this.mode = mode & 0777;
      creatorUid = maker.uid;
      creatorGid = maker.gid;
      uid = maker.uid;
      gid = maker.gid;
      pages = new int[(int) ((bytes + PAGE - 1) / PAGE)];
    }

    boolean isOf(User user) {
      return user.uid == uid || user.uid == creatorUid;
    }

    /** Whether a user lacks one of these rights: 4 to read, 2 to write, 1 to execute. */
    boolean denies(User user, long rights) {
      boolean group = user.gid == gid || user.gid == creatorGid;
      long granted = isOf(user) ? mode >> 6 : group ? mode >> 3 : mode;
      return !user.isRoot() && (rights & ~granted & 7) != 0;
    }
  }

  /** One shmat. */
  private record Attachment(Segment segment, boolean readOnly) {
    @Override
    public boolean equals(@Nullable Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  /** A page of an attachment. */
  private record Piece(Attachment of, int index) {}

  /** A process, and what it has attached where. */
  private static final class User {
    final AddressSpace mm;
    final TreeMap<Long, Piece> pieces = new TreeMap<>();
    long uid;
    long gid;

    User(AddressSpace mm) {
      this.mm = mm;
    }

    boolean isRoot() {
      return uid == 0;
    }

    boolean isTaken(long at, Segment segment) {
      return !pieces.subMap(at, at + segment.pages.length * PAGE).isEmpty();
    }

    /** How many VMAs show a segment. */
    long shows(Segment segment) {
      long vmas = 0;
      for (Map.Entry<Long, Piece> each : pieces.entrySet()) {
        Piece now = each.getValue();
        Piece before = pieces.get(each.getKey() - PAGE);
        boolean goesOn =
            before != null && before.of.equals(now.of) && before.index + 1 == now.index;
        vmas += now.of.segment == segment && !goesOn ? 1 : 0;
      }
      return vmas;
    }
  }

  private final List<User> users = new ArrayList<>();
  private final List<Segment> segments = new ArrayList<>();
  private final Set<Long> known = new HashSet<>();
  private final long charged;

  SegmentBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    setup.uid = 0;
    setup.gid = 0;
    setup.capabilities = Set.copyOf(EnumSet.complementOf(EnumSet.of(Capability.SYS_RESOURCE)));
    User root = new User(setup.create(floor));
    users.add(root);
    checkEqual(BUFFER, root.mm.mmap(BUFFER, PAGE, RW, 0x31, -1, 0), "mmap of the buffer");
    charged = floor.committedPages();
  }

  @Override
  public void validate() {
    users.forEach(user -> user.mm.validate());
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    User user = users.get(random.below(users.size()));
    switch (random.weighted(5, 6, 3, 2, 2, 2, 1, 3, 3, 2)) {
      case 0 -> get(user, random);
      case 1 -> attach(user, random);
      case 2 -> detach(user, random);
      case 3 -> remove(user, random);
      case 4 -> change(user, random);
      case 5 -> describe(user, random);
      case 6 -> lock(user, random);
      case 7 -> touch(user, random);
      case 8 -> bearOrEnd(user, random);
      default -> unmap(user, random);
    }
  }

  private static long call(User user, Syscall call, long... args) {
    return user.mm.syscall(call, args);
  }

  /** Makes a call of which the answer is known. */
  private void gives(long expected, User user, Syscall call, long... args) {
    tell(call + Arrays.toString(args) + " by uid " + user.uid + " gid " + user.gid);
    long seen = call(user, call, args);
    check(
        seen == expected,
        new Act.Answer(expected) + " from " + call + Arrays.toString(args) + " by " + user.uid,
        "" + new Act.Answer(seen));
  }

  private @Nullable Segment some(Seeded random) {
    return segments.isEmpty() || random.oneIn(12)
        ? null
        : segments.get(random.below(segments.size()));
  }

  private void get(User user, Seeded random) {
    long key = random.below(5);
    long bytes = SIZES[random.below(SIZES.length)];
    long mode = MODES[random.below(MODES.length)];
    long flags =
        mode | (random.oneIn(4) ? 0 : Uapi.IPC_CREAT) | (random.oneIn(4) ? Uapi.IPC_EXCL : 0);
    Segment found = key == 0 ? null : find(key);
    if (found != null) {
      long both = Uapi.IPC_CREAT | Uapi.IPC_EXCL;
      long rights = (flags >> 6 | flags >> 3 | flags) & 7;
      long expected =
          (flags & both) == both
              ? -Errno.EEXIST
              : bytes > found.bytes
                  ? -Errno.EINVAL
                  : found.denies(user, rights) ? -Errno.EACCES : found.id;
      gives(expected, user, Syscall.SHMGET, key, bytes, flags);
    } else if (key != 0 && (flags & Uapi.IPC_CREAT) == 0) {
      gives(-Errno.ENOENT, user, Syscall.SHMGET, key, bytes, flags);
    } else if (bytes == 0) {
      gives(-Errno.EINVAL, user, Syscall.SHMGET, key, bytes, flags);
    } else if (segments.size() < MOST_SEGMENTS) {
      long id = Looks.works("shmget", call(user, Syscall.SHMGET, key, bytes, flags));
      tell("shmget of key " + key + " and " + bytes + " bytes = " + id);
      check(known.add(id), "an identifier that nobody had", "" + id);
      segments.add(new Segment(id, key, bytes, user, mode));
    }
  }

  private @Nullable Segment find(long key) {
    for (Segment segment : segments) {
      if (segment.key == key) {
        return segment;
      }
    }
    return null;
  }

  private void attach(User user, Seeded random) {
    Segment segment = some(random);
    long id = segment == null ? NO_ID : segment.id;
    boolean odd = random.oneIn(6);
    boolean readOnly = random.oneIn(3);
    boolean anywhere = random.oneIn(4);
    long at = anywhere ? 0 : A + random.below(SLOTS) * SLOT + random.below(2) * PAGE;
    long flags =
        (readOnly ? Uapi.SHM_RDONLY : 0)
            | (random.oneIn(3) ? Uapi.SHM_REMAP : 0)
            | (random.oneIn(3) ? Uapi.SHM_RND : 0)
            | (random.oneIn(8) ? Uapi.SHM_EXEC : 0);
    long given = at + (odd ? random.oneIn(2) ? 1 : 77 : 0);
    long rights = 4 | (readOnly ? 0 : 2) | ((flags & Uapi.SHM_EXEC) != 0 ? 1 : 0);
    boolean remap = (flags & Uapi.SHM_REMAP) != 0;
    long refused =
        (odd && (flags & Uapi.SHM_RND) == 0) || (remap && at == 0) || segment == null
            ? -Errno.EINVAL
            : segment.denies(user, rights)
                ? -Errno.EACCES
                : at != 0 && !remap && user.isTaken(at, segment) ? -Errno.EINVAL : 0;
    if (refused != 0 || segment == null) {
      gives(refused, user, Syscall.SHMAT, id, given, flags);
      return;
    }
    // Rounded down to 0 it is an address all the same, which may be mapped by nobody but root.
    if (at == 0 && odd) {
      return;
    }
    long seen = at;
    if (at == 0) {
      seen = Looks.works("shmat", call(user, Syscall.SHMAT, id, 0, flags));
    } else {
      gives(at, user, Syscall.SHMAT, id, given, flags);
    }
    Attachment made = new Attachment(segment, readOnly);
    for (int i = 0; i < segment.pages.length; i++) {
      user.pieces.put(seen + i * PAGE, new Piece(made, i));
    }
    gone();
  }

  /** All that is left of the first attachment that would begin at an address. */
  private void detach(User user, Seeded random) {
    long at = A + random.below(SLOTS) * SLOT + random.below(2) * PAGE;
    if (!user.pieces.isEmpty() && !random.oneIn(3)) {
      List<Long> all = List.copyOf(user.pieces.keySet());
      at = all.get(random.below(all.size()));
    }
    if (random.oneIn(10)) {
      gives(-Errno.EINVAL, user, Syscall.SHMDT, at + 1);
      return;
    }
    Attachment found = null;
    for (int i = 0; i < MOST_PAGES; i++) {
      Piece piece = user.pieces.get(at + i * PAGE);
      if (piece != null && piece.index == i && (found == null || found.equals(piece.of))) {
        found = piece.of;
        user.pieces.remove(at + i * PAGE);
      }
    }
    gives(found == null ? -Errno.EINVAL : 0, user, Syscall.SHMDT, at);
    gone();
  }

  private void unmap(User user, Seeded random) {
    if (!user.pieces.isEmpty()) {
      List<Long> all = List.copyOf(user.pieces.keySet());
      long at = all.get(random.below(all.size()));
      tell("munmap of a page at 0x" + Long.toHexString(at));
      checkEqual(0, user.mm.munmap(at, PAGE), "munmap");
      user.pieces.remove(at);
      gone();
    }
  }

  private void remove(User user, Seeded random) {
    Segment segment = some(random);
    if (segment == null) {
      gives(-Errno.EINVAL, user, Syscall.SHMCTL, NO_ID, Uapi.IPC_RMID, 0);
      return;
    }
    boolean may = segment.isOf(user) || user.isRoot();
    gives(may ? 0 : -Errno.EPERM, user, Syscall.SHMCTL, segment.id, Uapi.IPC_RMID, 0);
    if (may) {
      segment.key = 0;
      segment.mode |= DEST;
      gone();
    }
  }

  private void change(User user, Seeded random) {
    Segment segment = some(random);
    long uid = random.oneIn(8) ? -1 : USERS[random.below(USERS.length)];
    long gid = random.oneIn(8) ? -1 : USERS[random.below(USERS.length)];
    long mode = MODES[random.below(MODES.length)] | (random.oneIn(4) ? DEST | LOCKED : 0);
    put(UID, uid);
    put(UID + 4, gid);
    put(MODE, mode);
    if (segment == null) {
      gives(-Errno.EINVAL, user, Syscall.SHMCTL, NO_ID, Uapi.IPC_SET, BUFFER);
      return;
    }
    boolean may = segment.isOf(user) || user.isRoot();
    boolean good = uid >= 0 && gid >= 0;
    long expected = !may ? -Errno.EPERM : good ? 0 : -Errno.EINVAL;
    gives(expected, user, Syscall.SHMCTL, segment.id, Uapi.IPC_SET, BUFFER);
    if (expected == 0) {
      segment.uid = uid;
      segment.gid = gid;
      segment.mode = (segment.mode & ~0777) | (mode & 0777);
    }
  }

  private void put(int at, long value) {
    for (int i = 0; i < Integer.BYTES; i++) {
      TouchOutcome done = root().mm.write(BUFFER + at + i, (int) (value >>> (i * 8)) & 255);
      check(done.ok(), "a write to the buffer", "a signal");
    }
  }

  private void describe(User user, Seeded random) {
    Segment segment = some(random);
    long id = segment == null ? NO_ID : segment.id;
    long expected = segment == null ? -Errno.EINVAL : segment.denies(user, 4) ? -Errno.EACCES : 0;
    gives(expected, user, Syscall.SHMCTL, id, Uapi.IPC_STAT, BUFFER);
    if (segment != null && expected == 0) {
      gives(-Errno.EFAULT, user, Syscall.SHMCTL, id, Uapi.IPC_STAT, BUFFER + PAGE - 111);
    }
    gives(-Errno.EINVAL, user, Syscall.SHMCTL, -1, Uapi.IPC_STAT, BUFFER);
    gives(-Errno.EINVAL, user, Syscall.SHMAT, -1, 0, 0);
    gives(-Errno.EINVAL, user, Syscall.SHMCTL, id, 99, BUFFER);
  }

  private void lock(User user, Seeded random) {
    Segment segment = some(random);
    boolean on = random.oneIn(2);
    long id = segment == null ? NO_ID : segment.id;
    boolean may = segment != null && (segment.isOf(user) || user.isRoot());
    long expected = segment == null ? -Errno.EINVAL : may ? 0 : -Errno.EPERM;
    gives(expected, user, Syscall.SHMCTL, id, on ? Uapi.SHM_LOCK : Uapi.SHM_UNLOCK, 0);
    if (may && segment != null) {
      segment.mode = on ? segment.mode | LOCKED : segment.mode & ~LOCKED;
    }
  }

  private void touch(User user, Seeded random) {
    if (user.pieces.isEmpty()) {
      return;
    }
    List<Long> all = List.copyOf(user.pieces.keySet());
    long at = all.get(random.below(all.size()));
    Piece piece = Objects.requireNonNull(user.pieces.get(at));
    int value = 1 + random.below(120);
    tell("a write of " + value + " at 0x" + Long.toHexString(at) + " by uid " + user.uid);
    TouchOutcome.Kind wanted =
        piece.of.readOnly ? TouchOutcome.Kind.SEGV_ACCERR : TouchOutcome.Kind.OK;
    Looks.ends("a write at " + Long.toHexString(at), wanted, user.mm.write(at + 9, value));
    if (!piece.of.readOnly) {
      piece.of.segment.pages[piece.index] = value;
    }
  }

  private void bearOrEnd(User user, Seeded random) {
    if (users.size() == MOST_PROCESSES) {
      User last = users.removeLast();
      tell("exit of a process of uid " + last.uid);
      last.mm.exit();
      last.pieces.clear();
      gone();
      return;
    }
    AddressSpace mm = user.mm.fork();
    check(mm != null, "a child", "none");
    User child = new User(Objects.requireNonNull(mm));
    child.pieces.putAll(user.pieces);
    child.uid = user.uid;
    child.gid = user.gid;
    users.add(child);
    if (user.isRoot()) {
      child.gid = USERS[random.below(USERS.length)];
      gives(0, child, Syscall.SETGID, child.gid);
      child.uid = USERS[random.below(USERS.length)];
      gives(0, child, Syscall.SETUID, child.uid);
    }
  }

  /** What was removed goes with its last mapping. */
  private void gone() {
    segments.removeIf(segment -> (segment.mode & DEST) != 0 && attached(segment) == 0);
  }

  private long attached(Segment segment) {
    return users.stream().mapToLong(user -> user.shows(segment)).sum();
  }

  // ---------------------------------------------------------------- looking

  private User root() {
    return users.getFirst();
  }

  private long number(int at, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) Math.max(0, root().mm.read(BUFFER + at + i).value()) << (i * 8);
    }
    return value;
  }

  private void field(Segment segment, String what, long expected, int at, int bytes) {
    checkEqual(expected, number(at, bytes), what + " of segment " + segment.id);
  }

  @Override
  void holds() {
    long pages = 0;
    for (Segment segment : segments) {
      gives(0, root(), Syscall.SHMCTL, segment.id, Uapi.IPC_STAT, BUFFER);
      field(segment, "key", segment.key, 0, 4);
      field(segment, "uid", segment.uid, UID, 4);
      field(segment, "gid", segment.gid, UID + 4, 4);
      field(segment, "cuid", segment.creatorUid, UID + 8, 4);
      field(segment, "cgid", segment.creatorGid, UID + 12, 4);
      field(segment, "mode", segment.mode, MODE, 4);
      field(segment, "segsz", segment.bytes, BYTES, 8);
      field(segment, "nattch", attached(segment), ATTACHED, 8);
      pages += segment.pages.length;
    }
    checkEqual(charged + pages, floor.committedPages(), "charged pages, with all segments");
    together(pages);
    for (User user : users) {
      user.pieces.forEach(
          (at, piece) ->
              checkEqual(
                  piece.of.segment.pages[piece.index],
                  user.mm.read(at + 9).value(),
                  "the byte at 0x" + Long.toHexString(at) + " of a process of uid " + user.uid));
    }
  }

  /** SHM_INFO and SHM_STAT lead to the same ones. */
  private void together(long pages) {
    long highest = call(root(), Syscall.SHMCTL, 0, Uapi.SHM_INFO, BUFFER);
    checkEqual(segments.size(), number(0, 4), "used_ids");
    checkEqual(pages, number(8, 8), "shm_tot");
    Set<Long> seen = new HashSet<>();
    for (long i = 0; i <= highest; i++) {
      long id = call(root(), Syscall.SHMCTL, i, Uapi.SHM_STAT, BUFFER);
      check(id >= 0 || id == -Errno.EINVAL, "an identifier or EINVAL of index " + i, "" + id);
      if (id >= 0) {
        seen.add(id);
      }
      check(i < highest || id >= 0 || segments.isEmpty(), "one at the highest index", "" + id);
    }
    checkEqual(segments.size(), seen.size(), "segments that SHM_STAT finds");
    segments.forEach(each -> check(seen.contains(each.id), "SHM_STAT of " + each.id, "" + seen));
    gives(-Errno.EINVAL, root(), Syscall.SHMCTL, highest + 1, Uapi.SHM_STAT, BUFFER);
  }
}
