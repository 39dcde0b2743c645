// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.ResourceLimit;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The System V segments of a floor ({@code ipc_ids} and {@code ipc_namespace}, ipc/shm.c and
 * ipc/util.c of Linux 6.18). A segment that was removed lives until its last mapping goes, and can
 * be attached until then; its key is free at once.
 *
 * <p>An identifier is an index, and above it a number that grows each time that the indexes begin
 * anew.
 */
public final class Segments {
  /** {@code IPC_PRIVATE}. */
  public static final long PRIVATE = 0;

  /** {@code IPCMNI}: the most that {@link #most} can be. */
  public static final int MOST_EVER = 1 << 15;

  /** {@code IPCMNI_SHIFT}: bits of an identifier that are its index. */
  private static final int INDEX_BITS = 15;

  /** {@code ipcid_seq_max}. */
  private static final int SEQUENCES = Integer.MAX_VALUE >> INDEX_BITS;

  /** {@code SHMMAX} and {@code SHMALL}. */
  private static final long NO_LIMIT = -1L - (1L << 24);

  /** {@code ipc_min_cycle}. */
  private static final int LEAST_CIRCLE = 64;

  /**
   * One segment.
   *
   * @param id its identifier
   * @param key by which it is found, {@link #PRIVATE} for none
   * @param bytes its size as it was asked for
   * @param perm whose it is, which changes
   * @param chargedPages what it has charged
   * @param use when it was used and by whom, which changes
   */
  public record Segment(
      long id,
      long key,
      long bytes,
      IpcPerm perm,
      long chargedPages,
      MappedFile file,
      SegmentUse use) {}

  private final Map<Long, Segment> byId = new HashMap<>();
  private final Map<Long, Segment> byKey = new HashMap<>();

  /** By index, of which a new one gets the next that is free ({@code idr_alloc_cyclic}). */
  private final TreeMap<Integer, Segment> byIndex = new TreeMap<>();

  private int nextIndex;
  private int lastIndex = -1;
  private long sequence;

  /** {@code shm_next_id}: what the next one shall be called, -1 for no matter. */
  private int wantedId = -1;

  private long mostBytes = NO_LIMIT;
  private long mostPages = NO_LIMIT;
  private int most = 4096;

  /**
   * {@code shm_rmid_forced}: what nobody maps is removed, once it was mapped or its maker ended.
   */
  private boolean forced;

  /** {@code shm_tot}. */
  private long pagesOfAll;

  /** Pages of segments that each user has locked. */
  private final Map<Long, Long> lockedPages = new HashMap<>();

  /** Who has locked a segment, by its identifier. */
  private final Map<Long, Long> lockedBy = new HashMap<>();

  /** What is being attached, whose last mapping may go meanwhile. */
  private @Nullable Segment attaching;

  private final FloorContext context;

  Segments(FloorContext context) {
    this.context = context;
  }

  /** Whether there can be no more of them. */
  public boolean isFull() {
    return byId.size() >= most;
  }

  /** Whether all of them together would have too many pages with so many bytes more. */
  public boolean isTooMuch(long bytes) {
    long pages = pagesOf(bytes);
    boolean wraps = Long.compareUnsigned(pages << 12, bytes) < 0;
    return wraps || Long.compareUnsigned(pagesOfAll + pages, mostPages) > 0;
  }

  /** {@code shmmax}: bytes of the largest, unsigned. */
  public long mostBytes() {
    return mostBytes;
  }

  /** {@code shmall}: pages of all, unsigned. */
  public long mostPages() {
    return mostPages;
  }

  /** {@code shmmni}: how many there can be. */
  public int most() {
    return most;
  }

  /**
   * Writes a file under /proc/sys/kernel ({@code ipc_sysctls}, ipc/ipc_sysctl.c).
   *
   * @return 0 or a negated errno; {@code ENOENT} for a name that is not about segments
   */
  long writeSysctl(String name, String text) {
    long highest =
        switch (name) {
          case "shmmax", "shmall" -> -1L;
          case "shmmni" -> MOST_EVER;
          case "shm_next_id" -> Integer.MAX_VALUE;
          case "shm_rmid_forced" -> 1;
          default -> 0;
        };
    if (highest == 0) {
      return -Errno.ENOENT;
    }
    long value;
    try {
      value = Sizes.parseSysctl(text, name);
    } catch (InputException e) {
      return -Errno.EINVAL;
    }
    if (Long.compareUnsigned(value, highest) > 0) {
      return -Errno.EINVAL;
    }
    switch (name) {
      case "shmmax" -> mostBytes = value;
      case "shmall" -> mostPages = value;
      case "shmmni" -> most = (int) value;
      case "shm_next_id" -> wantedId = (int) value;
      default -> {
        forced = value == 1;
        removeOrphans();
      }
    }
    return 0;
  }

  /** Reads one of them; empty for a name that is not about segments. */
  Optional<String> readSysctl(String name) {
    return switch (name) {
      case "shmmax" -> Optional.of(Long.toUnsignedString(mostBytes));
      case "shmall" -> Optional.of(Long.toUnsignedString(mostPages));
      case "shmmni" -> Optional.of(Integer.toString(most));
      case "shm_next_id" -> Optional.of(Integer.toString(wantedId));
      case "shm_rmid_forced" -> Optional.of(forced ? "1" : "0");
      default -> Optional.empty();
    };
  }

  /** {@code shm_close()}: a mapping of it is gone. */
  private void unmapped(long id) {
    Segment segment = byId.get(id);
    if (segment != null) {
      mayGo(segment);
    }
  }

  /** {@code shm_destroy_orphaned()}: those of whose maker lives no more. */
  private void removeOrphans() {
    List.copyOf(byIndex.values()).stream()
        .filter(segment -> context.process(segment.use().creator()) == null)
        .forEach(segment -> unmapped(segment.id()));
  }

  /** {@code exit_shm()}: a process has ended; what it made goes only if removal is forced. */
  void exited(int pid) {
    if (!forced) {
      return;
    }
    List.copyOf(byIndex.values()).stream()
        .filter(segment -> segment.use().creator() == pid)
        .forEach(segment -> unmapped(segment.id()));
  }

  /** The segment of an identifier, or null. */
  public @Nullable Segment get(long id) {
    return byId.get(id);
  }

  /** The segment of a key, or null. */
  public @Nullable Segment find(long key) {
    return key == PRIVATE ? null : byKey.get(key);
  }

  /**
   * The key that leads to it, {@link #PRIVATE} for none: one that was removed has none any more.
   */
  public long keyOf(Segment segment) {
    return segment.equals(find(segment.key())) ? segment.key() : PRIVATE;
  }

  /** The file of a new one. */
  public static MappedFile file(long key, MappedFile.Kind kind, long bytes) {
    return MappedFile.sparse(String.format("/SYSV%08x (deleted)", (int) key), kind, bytes);
  }

  /** A new one, whose pages are charged or promised. */
  public Segment add(
      long key, long bytes, IpcPerm perm, long chargedPages, MappedFile file, int creator) {
    long id = newId();
    SegmentUse use = new SegmentUse(context, creator, () -> unmapped(id));
    Segment made = new Segment(id, key, bytes, perm, chargedPages, file, use);
    byId.put(id, made);
    byIndex.put((int) id & MOST_EVER - 1, made);
    pagesOfAll += pages(made);
    if (key != PRIVATE) {
      byKey.put(key, made);
    }
    context.files.of(file).segment(use);
    return made;
  }

  /** {@code ipc_idr_alloc}. */
  private long newId() {
    int wanted = wantedId;
    wantedId = -1;
    if (wanted < 0) {
      int index = freeIndex();
      sequence = index <= lastIndex ? (sequence + 1) % SEQUENCES : sequence;
      lastIndex = index;
      return (sequence << INDEX_BITS) + index;
    }
    int index = wanted & MOST_EVER - 1;
    while (byIndex.containsKey(index)) {
      index++;
    }
    return ((long) (wanted >> INDEX_BITS) << INDEX_BITS) + index;
  }

  /** The next index in a circle of 64 or more that nobody has. */
  private int freeIndex() {
    int circle = Math.min(MOST_EVER, Math.max(LEAST_CIRCLE, byIndex.size() * 3 / 2));
    int index = nextIndex >= circle ? 0 : nextIndex;
    while (byIndex.containsKey(index)) {
      index = index + 1 == circle ? 0 : index + 1;
    }
    nextIndex = index + 1;
    return index;
  }

  /** The segment of an index, or null. */
  public @Nullable Segment at(int index) {
    return byIndex.get(index);
  }

  /** {@code ipc_get_maxidx()}: the highest index, 0 where there is none. */
  public int highestIndex() {
    return byIndex.isEmpty() ? 0 : byIndex.lastKey();
  }

  /** All that there are. */
  public Collection<Segment> all() {
    return byIndex.values();
  }

  /** {@code IPC_RMID}: it goes with its last mapping, now if there is none. */
  public void remove(Segment segment) {
    byKey.remove(segment.key(), segment); // another may have the key by now
    segment.perm().mark(IpcPerm.DEST, true);
    context.files.of(segment.file()).whenUnmapped(() -> mayGo(segment));
    mayGo(segment);
  }

  /**
   * Maps a segment as {@code do_shmat()} does: it counts the attachment before, so that a segment
   * that was removed stays if the mapping replaces the last one, and goes if there is none then.
   *
   * @param map makes the mapping, and gives an address or a negated errno, which is handed on
   */
  public long attach(Segment segment, LongSupplier map) {
    attaching = segment;
    try {
      return map.getAsLong();
    } finally {
      attaching = null;
      mayGo(segment);
    }
  }

  /** {@code shm_may_destroy()}, and what follows. */
  private void mayGo(Segment segment) {
    boolean unwanted = forced || segment.perm().has(IpcPerm.DEST);
    if (unwanted
        && byId.containsKey(segment.id()) // nobody has destroyed it before
        && !segment.equals(attaching)
        && context.files.of(segment.file()).vmas().size() == 0) {
      destroy(segment);
    }
  }

  /**
   * {@code shmem_lock()}: what a user has locked counts against RLIMIT_MEMLOCK of each of his
   * processes.
   *
   * @return false if the process may not lock so much
   */
  public boolean lock(Segment segment, Mm mm) {
    if (segment.perm().has(IpcPerm.LOCKED)) {
      return true;
    }
    long pages = pages(segment);
    long now = lockedPages.getOrDefault(mm.uid, 0L) + pages;
    if (Long.compareUnsigned(now, mm.limitPages(ResourceLimit.MEMLOCK)) > 0
        && !mm.capable(Capability.IPC_LOCK)) {
      return false;
    }
    lockedPages.put(mm.uid, now);
    lockedBy.put(segment.id(), mm.uid);
    segment.perm().mark(IpcPerm.LOCKED, true);
    context.files.of(segment.file()).unevictable(true);
    return true;
  }

  /** The contrary, by whomever. */
  public void unlock(Segment segment) {
    Long user = lockedBy.remove(segment.id());
    if (user != null) {
      lockedPages.merge(user, -pages(segment), Long::sum);
      segment.perm().mark(IpcPerm.LOCKED, false);
      context.files.of(segment.file()).unevictable(false);
    }
  }

  /** Pages that it can have. */
  public static long pages(Segment segment) {
    return pagesOf(segment.bytes());
  }

  private static long pagesOf(long bytes) {
    return (bytes + Mm.PAGE - 1) >>> 12;
  }

  private void destroy(Segment segment) {
    unlock(segment);
    segment.use().destroyed();
    byKey.remove(segment.key(), segment); // another may have the key by now
    byId.remove(segment.id());
    byIndex.values().remove(segment);
    pagesOfAll -= pages(segment);
    context.files.dispose(segment.file(), segment.chargedPages());
  }
}
