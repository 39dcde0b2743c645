// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;

/**
 * One file that is written, cut, grown, emptied and mapped twice, beside an array of its bytes and
 * the copies of a private mapping.
 */
final class FileBench extends StepRule.Bench {
  private static final int PAGE = (int) Bits.PAGE;
  private static final int FD = 7;
  private static final int BUFFER = 5 * PAGE;
  private static final long SHARED = A;
  private static final long PRIVATE = A + (1L << 24);

  /** Bytes of the largest folio. */
  private static final int FOLIO = 1 << 21;

  /** The most bytes that the file may have: of large ones a folio may be. */
  private final int most;

  /** A file was written at once, or so many bytes at a time. */
  private static final long[] PIECES = {0, PAGE, 5000, 3 * PAGE};

  /** What nobody knows is read so. */
  private static final byte UNKNOWN = TouchOutcome.UNKNOWN;

  private final AddressSpace mm;
  private final boolean disk;

  /** Of a file in memory: which pages are in the cache, and which only have a frame. */
  private final BitSet cached = new BitSet();

  private final BitSet allocated = new BitSet();

  /** The file's bytes; zero behind its end. */
  private final byte[] bytes;

  /** The buffer's bytes. */
  private final byte[] buffer = new byte[BUFFER];

  /** Pages of the buffer that cannot be accessed. */
  private final boolean[] closed = new boolean[BUFFER / PAGE];

  /** Pages of the private mapping that were written to. */
  private final Map<Integer, byte[]> copies = new TreeMap<>();

  private int size;

  /** Where something changed: looked at on both sides. */
  private int changedFrom;

  private int changedTo;
  private Seeded looks = new Seeded(0);
  private final FrameAudit audit = new FrameAudit();
  private final Bystander bystander;

  FileBench(ProcessFloor floor, Seeded random) {
    super(floor);
    bystander = new Bystander(floor);
    mm = new CaseSetup().create(floor);
    disk = random.oneIn(2);
    boolean large = random.oneIn(8);
    most = large ? FOLIO + 48 * PAGE : 48 * PAGE;
    bytes = new byte[most + BUFFER];
    size = large ? FOLIO + random.below(20 * PAGE) : random.between(1, most / 2);
    for (int i = 0; i < size; i++) {
      bytes[i] = (byte) (i * 7 + i / PAGE & 127);
    }
    boolean known = !random.oneIn(3);
    if (!known) {
      size = pages() * PAGE;
      Arrays.fill(bytes, 0, size, UNKNOWN);
    }
    cached.set(0, pages());
    byte[] first = Arrays.copyOf(bytes, size);
    MappedFile file =
        new MappedFile(
            "changing",
            disk ? MappedFile.Kind.EXT4 : MappedFile.Kind.TMPFS,
            size,
            known ? at -> first[(int) at] : null,
            PIECES[random.below(PIECES.length)]);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    checkEqual(SHARED, mm.mmap(SHARED, most, RW, 0x11, FD, 0), "mmap");
    checkEqual(PRIVATE, mm.mmap(PRIVATE, most, RW, 0x12, FD, 0), "mmap");
    checkEqual(FAR, mm.mmap(FAR, BUFFER, RW, 0x32, -1, 0), "mmap");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    looks = random;
    int at = place(random);
    changedFrom = at;
    changedTo = at;
    switch (random.weighted(8, 6, 8, 4, 6, 6, 2, 4, 3, 3, 3, 4)) {
      case 0 -> write(at, random);
      case 1 -> resize(at);
      case 2 -> allocate(at, random);
      case 3 -> read(at, 1 + random.below(BUFFER));
      case 4 -> store(SHARED, at, random.below(128));
      case 5 -> store(PRIVATE, at, random.below(128));
      case 6 -> {
        checkEqual(0, mm.syscall(Syscall.FSYNC, FD), "fsync");
        checkEqual(0, disk ? dirty() : 0, "dirty bytes after fsync");
      }
      case 7 -> changeBuffer(random.below(BUFFER / PAGE), random.below(4));
      case 8 -> forget(random.oneIn(2) ? SHARED : PRIVATE);
      case 9 -> drop(random);
      case 10 -> populate(random.oneIn(2) ? SHARED : PRIVATE, at / PAGE, random);
      default -> shift(random.below(Math.max(1, Math.min(size, most) / PAGE - 1)), random);
    }
  }

  /** What is not mapped any more comes back from the file, or as the copy that it is not. */
  private void forget(long from) {
    checkEqual(0, mm.madvise(from, most, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
    if (from == PRIVATE) {
      copies.clear();
    }
    tell("MADV_DONTNEED");
  }

  /** All pages of a range are made present as by reads or by writes, up to the end of the file. */
  private void populate(long map, int first, Seeded random) {
    int past = Math.min(most / PAGE, first + random.between(1, 5));
    boolean write = random.oneIn(2);
    tell((write ? "MADV_POPULATE_WRITE" : "MADV_POPULATE_READ") + " of " + first + "-" + past);
    int advice = write ? Uapi.MADV_POPULATE_WRITE : Uapi.MADV_POPULATE_READ;
    long seen = mm.madvise(map + (long) first * PAGE, (long) (past - first) * PAGE, advice);
    checkEqual(past <= pages() ? 0 : -Errno.EFAULT, seen, "madvise of what is there or not");
    for (int page = first; page < Math.min(past, pages()); page++) {
      boolean lets = !write || Floors.letsWrite(mm, map + (long) page * PAGE);
      check(lets, "an entry that lets writes to page " + page + " through", "another");
      if (map == SHARED || !copies.containsKey(page)) {
        cached.set(page);
      }
      if (map == PRIVATE && write) {
        byte[] _ = copies.computeIfAbsent(page, this::page);
      }
      check(!write || map == PRIVATE || dirty() > 0, "a dirty page", "none");
    }
    changedTo = past * PAGE;
  }

  /** Pages leave memory: what was written to them is on the disk. */
  private void drop(Seeded random) {
    forget(SHARED);
    forget(PRIVATE);
    if (random.oneIn(2)) {
      checkEqual(0, mm.syscall(Syscall.FSYNC, FD), "fsync");
    }
    int from = random.oneIn(2) ? 0 : place(random);
    int length = random.oneIn(2) ? 0 : 1 + random.below(most);
    tell("POSIX_FADV_DONTNEED of " + length + " at " + from);
    long error = mm.syscall(Syscall.FADVISE64, FD, from, length, Uapi.POSIX_FADV_DONTNEED);
    checkEqual(0, error, "POSIX_FADV_DONTNEED");
  }

  /** Blocks are taken out of the file, or made room for: what lies behind them moves. */
  private void shift(int page, Seeded random) {
    int pages = random.between(1, 6);
    int at = page * PAGE;
    int length = pages * PAGE;
    boolean out = random.oneIn(2);
    boolean fits = out ? at + length < size : at < size && size + length <= most;
    if (!disk || !fits) {
      return;
    }
    tell((out ? "COLLAPSE" : "INSERT") + "_RANGE of " + pages + " pages at page " + page);
    int mode = out ? Uapi.FALLOC_FL_COLLAPSE_RANGE : Uapi.FALLOC_FL_INSERT_RANGE;
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, mode, at, length), "fallocate " + mode);
    if (out) {
      System.arraycopy(bytes, at + length, bytes, at, size - at - length);
      Arrays.fill(bytes, size - length, size, (byte) 0);
      size -= length;
    } else {
      System.arraycopy(bytes, at, bytes, at + length, size - at);
      Arrays.fill(bytes, at, at + length, (byte) 0);
      size += length;
    }
    copies.keySet().removeIf(copy -> copy >= page);
    changedTo = at + length;
  }

  /** Anywhere, at borders of pages, or where the file ends. */
  private int place(Seeded random) {
    return switch (random.below(4)) {
      case 0 -> Math.max(0, random.below(most / PAGE) * PAGE + random.between(-1, 1));
      case 1 -> Math.min(size, most - 1);
      case 2 -> random.below(size + 1) % most;
      default -> random.below(most);
    };
  }

  private int pages() {
    return (size + PAGE - 1) / PAGE;
  }

  /** A page of the buffer is emptied, closed or opened. */
  private void changeBuffer(int page, int how) {
    long at = FAR + (long) page * PAGE;
    tell("page " + page + " of the buffer is " + (how > 1 ? "emptied" : how > 0 ? "shut" : "open"));
    if (how > 1) {
      checkEqual(0, mm.madvise(at, PAGE, Uapi.MADV_DONTNEED), "MADV_DONTNEED of the buffer");
      Arrays.fill(buffer, page * PAGE, page * PAGE + PAGE, (byte) 0);
    } else {
      closed[page] = how > 0;
      checkEqual(0, mm.mprotect(at, PAGE, how > 0 ? 0 : RW), "mprotect of the buffer");
    }
  }

  /** So much of the buffer can be accessed in a row, from a place in it on. */
  private int open(int from, int length) {
    for (int page = from / PAGE; page * PAGE < from + length; page++) {
      if (closed[page]) {
        return Math.max(0, page * PAGE - from);
      }
    }
    return length;
  }

  /** A place in the buffer with room for so many bytes. */
  private static int room(int length, Seeded random) {
    return random.oneIn(2) ? 0 : random.below(BUFFER - length + 1);
  }

  private void write(int at, Seeded random) {
    int length = random.oneIn(3) ? PAGE : 1 + random.below(BUFFER);
    int from = room(length, random);
    for (int i = 0; i < 4; i++) {
      int in = from + (i == 0 ? 0 : i == 1 ? length - 1 : random.below(length));
      if (!closed[in / PAGE]) {
        buffer[in] = (byte) (1 + random.below(126));
        check(mm.write(FAR + in, buffer[in]).ok(), "a write to the buffer", "a signal");
      }
    }
    int done = open(from, length);
    long expected = done > 0 ? done : -Errno.EFAULT;
    tell("pwrite64 of " + length + " at " + at + ", of which " + done + " can be read");
    checkEqual(expected, mm.syscall(Syscall.PWRITE64, FD, FAR + from, length, at), "pwrite64");
    System.arraycopy(buffer, from, bytes, at, done);
    size = Math.max(size, at + done); // also where a write began and nothing could be read
    cached.set(at / PAGE, (at + (done < length ? done : done - 1)) / PAGE + 1);
    changedTo = at + done;
  }

  private void resize(int to) {
    tell("ftruncate to " + to);
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, to), "ftruncate to " + to);
    if (to < size) {
      Arrays.fill(bytes, to, size, (byte) 0);
    }
    boolean cuts =
        to <= size; // memory that lies behind the end of a file that grows is still there
    size = to;
    if (cuts) {
      cached.clear(pages(), Integer.MAX_VALUE);
      allocated.clear(pages(), Integer.MAX_VALUE);
    }
    copies.keySet().removeIf(page -> page >= pages());
  }

  private void allocate(int at, Seeded random) {
    int length = random.oneIn(3) ? PAGE : 1 + random.below(BUFFER);
    int mode =
        switch (random.below(disk ? 6 : 4)) {
          case 0 -> 0;
          case 1 -> Uapi.FALLOC_FL_KEEP_SIZE;
          case 2, 3 -> Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
          case 4 -> Uapi.FALLOC_FL_ZERO_RANGE;
          default -> Uapi.FALLOC_FL_ZERO_RANGE | Uapi.FALLOC_FL_KEEP_SIZE;
        };
    int cachedNext = cached.nextSetBit(at / PAGE); // whose frame may be made when it is needed
    boolean bare = cachedNext < 0 || cachedNext * PAGE >= at + length;
    if (!disk && mode < 2 && bare && random.oneIn(2)) {
      runsOut(at, length, mode, random.below(4));
      return;
    }
    tell("fallocate mode " + mode + " of " + length + " at " + at);
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, mode, at, length), "fallocate " + mode);
    if ((mode & (Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_ZERO_RANGE)) != 0) {
      Arrays.fill(bytes, at, at + length, (byte) 0);
      int first = (at + PAGE - 1) / PAGE;
      cached.clear(first, Math.max(first, (at + length) / PAGE));
      allocated.clear(first, Math.max(first, (at + length) / PAGE));
    } else {
      for (int page = at / PAGE; page * PAGE < at + length; page++) {
        cached.set(page, cached.get(page) || allocated.get(page));
        allocated.set(page);
      }
    }
    if ((mode & Uapi.FALLOC_FL_KEEP_SIZE) == 0) {
      size = Math.max(size, at + length);
    }
    changedTo = at + length;
  }

  /** Memory is out after some pages: what the call has added goes, what was there is filled. */
  private void runsOut(int at, int length, int mode, int frames) {
    int first = at / PAGE;
    int past = (at + length + PAGE - 1) / PAGE;
    int left = frames;
    int page = first;
    BitSet filled = new BitSet();
    while (page < past && (allocated.get(page) || left-- > 0)) {
      filled.set(page, allocated.get(page));
      page++;
    }
    tell("fallocate mode " + mode + " of " + length + " at " + at + " with " + frames + " frames");
    Floors.hook().leave(frames);
    long seen = mm.syscall(Syscall.FALLOCATE, FD, mode, at, length);
    Floors.hook().leave(Long.MAX_VALUE);
    checkEqual(page < past ? -Errno.ENOMEM : 0, seen, "fallocate");
    cached.or(filled);
    if (page == past) {
      allocated.set(first, past);
      size = mode == 0 ? Math.max(size, at + length) : size;
      changedTo = at + length;
    }
  }

  private void read(int at, int length) {
    int left = Math.max(0, Math.min(length, size - at));
    int from = room(length, looks);
    int wanted = open(from, left);
    long expected = left > 0 && wanted == 0 ? -Errno.EFAULT : wanted;
    tell("pread64 of " + length + " at " + at + " = " + expected);
    long seen = mm.syscall(Syscall.PREAD64, FD, FAR + from, length, at);
    checkEqual(expected, seen, "pread64 at " + at);
    System.arraycopy(bytes, at, buffer, from, wanted);
    for (int i = 0; i < 8; i++) {
      int in = i == 0 ? from : i == 1 ? from + wanted : i == 2 ? from - 1 : looks.below(BUFFER);
      if (in >= 0 && in < BUFFER && !closed[in / PAGE]) {
        checkEqual(buffer[in], mm.read(FAR + in).value(), "byte " + in + " of the buffer");
      }
    }
  }

  /** A write by a mapping, within the file or to a page that it does not have. */
  private void store(long map, int place, int value) {
    int at = place < size || place / PAGE >= pages() ? place : size - 1;
    tell((map == SHARED ? "shared" : "private") + " write of " + value + " at " + at);
    Kind wanted = at / PAGE < pages() ? Kind.OK : Kind.BUS_ADRERR;
    Kind seen = mm.write(map + at, value).kind();
    check(seen == wanted, wanted + " from a write at " + at + " of " + size, "" + seen);
    boolean through = wanted != Kind.OK || Floors.letsWrite(mm, map + at);
    check(through, "an entry that let the write at " + at + " through", "another");
    if (wanted == Kind.OK && !(map == PRIVATE && copies.containsKey(at / PAGE))) {
      cached.set(at / PAGE);
    }
    check(wanted != Kind.OK || map == PRIVATE || dirty() > 0, "a dirty page after a write", "none");
    if (wanted == Kind.OK && map == SHARED) {
      bytes[at] = (byte) value;
    } else if (wanted == Kind.OK) {
      copies.computeIfAbsent(at / PAGE, page -> page(page))[at % PAGE] = (byte) value;
    }
    changedFrom = at;
    changedTo = at + 1;
  }

  /** What smaps says of the shared mapping. */
  private long dirty() {
    MemSizeStats sizes = mm.sizes(SHARED);
    return sizes.privateDirty() + sizes.sharedDirty();
  }

  private byte[] page(int page) {
    return Arrays.copyOfRange(bytes, page * PAGE, page * PAGE + PAGE);
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    bystander.keeps();
    audit.fresh();
    checkEqual(size, mm.syscall(Syscall.LSEEK, FD, 0, 2), "the size of the file");
    int last = size - 1;
    for (int at :
        new int[] {
          changedFrom - 1,
          changedFrom,
          changedTo - 1,
          changedTo,
          last,
          last + 1,
          last + PAGE,
          (changedFrom & -PAGE) - 1,
          (changedTo & -PAGE) + PAGE
        }) {
      look(at);
    }
    for (int i = 0; i < 6; i++) {
      look(looks.below(most));
    }
    checkEqual(
        -Errno.EINVAL, mm.syscall(Syscall.FTRUNCATE, FD, -1), "ftruncate to less than nothing");
    translates();
    if (!disk) {
      StringBuilder wanted = new StringBuilder();
      for (int page = 0; page < most / PAGE; page++) {
        wanted.append(cached.get(page) ? '1' : '0');
      }
      StringBuilder seen = new StringBuilder();
      checkEqual(0, mm.mincore(SHARED, most, Act.SCRATCH, seen::append), "mincore");
      check(wanted.compareTo(seen) == 0, wanted + " in the cache", seen.toString());
    }
  }

  /** Something of both mappings is known to a CPU when the next step begins. */
  private void translates() {
    for (long from : new long[] {SHARED, PRIVATE}) {
      audit.translates(mm, looks, from, most);
      audit.translates(mm, looks, from + (changedFrom & -PAGE), PAGE);
    }
  }

  private void look(int at) {
    if (at < 0 || at >= most) {
      return;
    }
    byte[] copy = copies.get(at / PAGE);
    saw(SHARED, at, bytes[at]);
    saw(PRIVATE, at, copy == null ? bytes[at] : copy[at % PAGE]);
  }

  private void saw(long map, int at, int value) {
    TouchOutcome seen = mm.read(map + at);
    String where = (map == SHARED ? "shared" : "private") + " byte " + at + " of " + size;
    if (at / PAGE < pages()) {
      check(seen.ok() && seen.value() == value, value + " as " + where, seen.toString());
      if (map == SHARED || !copies.containsKey(at / PAGE)) {
        cached.set(at / PAGE);
      }
    } else {
      check(seen.kind() == Kind.BUS_ADRERR, "SIGBUS of " + where, seen.toString());
    }
  }
}
