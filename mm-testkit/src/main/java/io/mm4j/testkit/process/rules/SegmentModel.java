// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * System V segments as a list: who owns them, who may do what, which index they have (ipc/util.c,
 * ipc/shm.c of Linux 6.18). What is attached where, {@link SegmentOrderBench} knows.
 */
final class SegmentModel {
  /** The answer of {@link #get} where a new segment is to be made. */
  static final long NEW = Long.MIN_VALUE;

  private static final int LEAST_CIRCLE = 64;
  private static final int INDEXES = 1 << 15;

  /** Somebody: who all capabilities that count here has is root. */
  record User(long uid, long gid, boolean root, long memlock) {}

  /**
   * A VMA of an attachment.
   *
   * @param attachment which one
   * @param perms how maps shows it
   * @param base where that began
   */
  record Part(Segment segment, Object attachment, String perms, long base, long start, long end) {
    Part between(long from, long to) {
      return new Part(segment, attachment, perms, base, from, to);
    }
  }

  /** A segment. */
  static final class Segment {
    final long id;
    final int index;
    final long key;
    final long size;
    final User maker;
    final long charged;

    /** The bytes that its pages begin with; of others there is no page. */
    final Map<Long, Integer> bytes = new HashMap<>();

    long uid;
    long gid;
    long mode;
    boolean removed;

    /** The user whose limit it counts against, -1 for none. */
    long lockedBy = -1;

    Segment(long id, int index, long key, long size, User maker, long flags) {
      this.id = id;
      this.index = index;
      this.key = key;
      this.size = size;
      this.maker = maker;
      charged = (flags & Uapi.SHM_NORESERVE) != 0 ? 0 : (size + Bits.PAGE - 1) / Bits.PAGE;
      uid = maker.uid();
      gid = maker.gid();
      mode = flags & 0777;
    }

    long pages() {
      return (size + Bits.PAGE - 1) / Bits.PAGE;
    }

    boolean belongsTo(User user) {
      return user.uid() == uid || user.uid() == maker.uid();
    }

    /** Whether somebody has rights: 4 to read, 2 to write, 1 to execute. */
    boolean allows(User user, long rights) {
      boolean inGroup = user.gid() == gid || user.gid() == maker.gid();
      long granted = belongsTo(user) ? mode >> 6 : inGroup ? mode >> 3 : mode;
      return user.root() || (rights & 7 & ~granted) == 0;
    }
  }

  private final List<Segment> segments = new ArrayList<>();
  private final Map<Long, Long> lockedPages = new HashMap<>();
  private int nextIndex;

  /** What shm_next_id asks for, for the next one only; -1 for nothing. */
  private int wantedId = -1;

  /** All of them, in the order in which they were made. */
  List<Segment> all() {
    return segments;
  }

  @Nullable Segment find(long id) {
    return segments.stream().filter(s -> s.id == id).findFirst().orElse(null);
  }

  @Nullable Segment at(int index) {
    return segments.stream().filter(s -> s.index == index).findFirst().orElse(null);
  }

  long highest() {
    return segments.stream().mapToLong(s -> s.index).max().orElse(0);
  }

  long pages() {
    return segments.stream().mapToLong(Segment::pages).sum();
  }

  long present() {
    return segments.stream().mapToLong(s -> s.bytes.size()).sum();
  }

  long charged() {
    return segments.stream().mapToLong(s -> s.charged).sum();
  }

  /** The rights that attaching with these flags needs. */
  static long rights(long flags) {
    long write = (flags & Uapi.SHM_RDONLY) != 0 ? 0 : 2;
    return 4 | write | ((flags & Uapi.SHM_EXEC) != 0 ? 1 : 0);
  }

  /** shmget: an identifier, a negated errno, or {@link #NEW}. */
  long get(User user, long key, long size, long flags) {
    Segment found =
        segments.stream()
            .filter(s -> key != 0 && s.key == key && !s.removed)
            .findFirst()
            .orElse(null);
    boolean makes = (flags & Uapi.IPC_CREAT) != 0;
    if (found == null) {
      return key != 0 && !makes ? -Errno.ENOENT : size == 0 ? -Errno.EINVAL : NEW;
    }
    if (makes && (flags & Uapi.IPC_EXCL) != 0) {
      return -Errno.EEXIST;
    }
    if (size > found.size) {
      return -Errno.EINVAL;
    }
    return found.allows(user, flags | flags >> 3 | flags >> 6) ? found.id : -Errno.EACCES;
  }

  /** kernel.shm_next_id is written. */
  void wants(int id) {
    wantedId = id;
  }

  /**
   * What the next one is called if that was asked for, else -1: with the next index that is free.
   */
  long wanted() {
    int index = wantedId & INDEXES - 1;
    while (wantedId >= 0 && at(index) != null) {
      index++;
    }
    return wantedId < 0 ? -1 : wantedId / INDEXES * (long) INDEXES + index;
  }

  /** A new one gets the next index of a circle that grows with how many there are. */
  Segment add(long id, User maker, long key, long size, long flags) {
    if (wantedId >= 0) {
      wantedId = -1;
      Segment made = new Segment(id, (int) (id & INDEXES - 1), key, size, maker, flags);
      segments.add(made);
      return made;
    }
    int circle = Math.max(LEAST_CIRCLE, segments.size() * 3 / 2);
    int index = nextIndex < circle ? nextIndex : 0;
    while (at(index) != null) {
      index = (index + 1) % circle;
    }
    nextIndex = index + 1;
    Segment made = new Segment(id, index, key, size, maker, flags);
    segments.add(made);
    return made;
  }

  /** IPC_RMID of one that is not attached, or is it. */
  long remove(User user, Segment segment) {
    if (!segment.belongsTo(user) && !user.root()) {
      return -Errno.EPERM;
    }
    segment.removed = true;
    return 0;
  }

  /** One of a segment's VMAs has gone, and maybe the segment with it. */
  void detached(Segment segment, long attachments) {
    if (segment.removed && attachments == 0 && segments.remove(segment)) {
      unlock(segment);
    }
  }

  /** IPC_SET. */
  long give(User user, Segment segment, long uid, long gid, long mode) {
    if (!segment.belongsTo(user) && !user.root()) {
      return -Errno.EPERM;
    }
    if (uid == 0xffff_ffffL || gid == 0xffff_ffffL) {
      return -Errno.EINVAL;
    }
    segment.uid = uid;
    segment.gid = gid;
    segment.mode = mode & 0777;
    return 0;
  }

  /** SHM_LOCK and SHM_UNLOCK. */
  long lock(User user, Segment segment, boolean on) {
    if (!user.root() && (!segment.belongsTo(user) || (on && user.memlock() == 0))) {
      return -Errno.EPERM;
    }
    if (!on) {
      unlock(segment);
      return 0;
    }
    if (segment.lockedBy >= 0) {
      return 0;
    }
    long pages = lockedPages.getOrDefault(user.uid(), 0L) + segment.pages();
    if (pages > user.memlock() / Bits.PAGE && !user.root()) {
      return -Errno.ENOMEM;
    }
    lockedPages.put(user.uid(), pages);
    segment.lockedBy = user.uid();
    return 0;
  }

  private void unlock(Segment segment) {
    if (segment.lockedBy >= 0) {
      long _ = lockedPages.merge(segment.lockedBy, -segment.pages(), Long::sum);
      segment.lockedBy = -1;
    }
  }
}
