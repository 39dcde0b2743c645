// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.Userfaults;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** One ioctl of an open userfaultfd whose features are chosen (fs/userfaultfd.c, Linux 6.18). */
final class UffdIoctl {
  /** {@code UFFD_API_RANGE_IOCTLS_BASIC}, a bit for each number of an ioctl. */
  private static final long RANGE_BASIC = 0b1_1100_1100;

  /** {@code UFFD_API_RANGE_IOCTLS}. */
  private static final long RANGE_ALL = 0b1_1111_1100;

  /** By their numbers. */
  private static final List<String> IOCTLS =
      List.of(
          "REGISTER",
          "UNREGISTER",
          "WAKE",
          "COPY",
          "ZEROPAGE",
          "MOVE",
          "WRITEPROTECT",
          "CONTINUE",
          "POISON");

  private static final long ONLY_WP = 1 << 6;
  private static final long ONLY_MINOR = 1 << 7;
  private static final long REGISTER_MODES =
      Uffd.REGISTER_MISSING | Uffd.REGISTER_WP | Uffd.REGISTER_MINOR;

  private static final String CHANGING = "an event was not read yet (mmap_changing)";

  private static final int RANGE_BYTES = 16;
  private static final int RANGE_MODE_BYTES = 24;
  private static final int TWO_RANGES_BYTES = 32;

  /** The process that makes the call. */
  private final Mm caller;

  private final Touch touch;
  private final Userfaultfd watch;

  /** Whose memory it is about. */
  private final Mm owner;

  private final long arg;
  private final Fields fields;

  /** Fields of the struct by their places; what they are hangs on the call. */
  private record Fields(long first, long second, long third, long fourth) {}

  /**
   * One about to be made.
   *
   * @param a the descriptor, where the struct is, and its fields
   */
  UffdIoctl(Mm caller, Touch touch, Userfaults.Opened opened, long[] a) {
    this.caller = caller;
    this.touch = touch;
    this.watch = opened.watch();
    this.owner = opened.owner();
    this.arg = a[1];
    this.fields = new Fields(a[2], a[3], a[4], a[5]);
  }

  /** Makes it. */
  long make(Syscall call) {
    return switch (call) {
      case UFFDIO_REGISTER -> register();
      case UFFDIO_UNREGISTER -> unregister();
      case UFFDIO_WAKE -> wake();
      case UFFDIO_COPY -> copy();
      case UFFDIO_ZEROPAGE -> fill(UffdFill.What.ZERO, 0);
      case UFFDIO_CONTINUE -> fill(UffdFill.What.CONTINUE, Uffd.CONTINUE_WP);
      case UFFDIO_POISON -> fill(UffdFill.What.POISON, 0);
      case UFFDIO_WRITEPROTECT -> protect();
      case UFFDIO_MOVE -> move();
      default -> throw new IllegalArgumentException("call=" + call + " is no ioctl");
    };
  }

  private UffdStruct struct(int bytes) {
    return new UffdStruct(caller, touch, arg, bytes);
  }

  private long unreadable() {
    return caller.error(Errno.EFAULT, "the struct cannot be read");
  }

  private long register() {
    long start = fields.first;
    long len = fields.second;
    long mode = fields.third;
    UffdStruct struct = struct(RANGE_MODE_BYTES);
    if (!struct.isReadable()) {
      return unreadable();
    }
    boolean protects = owner.context.frames().format().bits().uffdWp() != 0;
    if (mode == 0 || (mode & ~REGISTER_MODES) != 0 || (!protects && mode > 1)) {
      return caller.error(Errno.EINVAL, "no mode, or an unknown one");
    }
    long error = UffdRange.check(owner, start, len);
    if (error != 0) {
      return error;
    }
    if (!owner.pages.exists()) {
      return caller.error(Errno.ENOMEM, "the process has ended");
    }
    error = new UffdRange(owner).register(watch, start, start + len, UffdRange.flags(mode));
    if (error != 0) {
      return error;
    }
    long ioctls = hasPool(start, start + len) ? RANGE_BASIC : RANGE_ALL;
    ioctls &= (mode & Uffd.REGISTER_WP) == 0 ? ~ONLY_WP : -1;
    ioctls &= (mode & Uffd.REGISTER_MINOR) == 0 ? ~ONLY_MINOR : -1;
    if (owner.explaining()) {
      owner.because("uffd", "for this range there are " + names(ioctls));
    }
    return struct.put(RANGE_MODE_BYTES, ioctls) ? 0 : unwritable();
  }

  private static String names(long ioctls) {
    return IntStream.range(0, IOCTLS.size())
        .filter(n -> (ioctls >>> n & 1) != 0)
        .mapToObj(n -> "UFFDIO_" + IOCTLS.get(n))
        .collect(Collectors.joining(", "));
  }

  private boolean hasPool(long start, long end) {
    for (Vma vma = owner.vmas.intersection(start, end);
        vma != null && vma.start < end;
        vma = owner.vmas.next(vma)) {
      if (vma.has(VmFlags.HUGETLB)) {
        return true;
      }
    }
    return false;
  }

  private long unwritable() {
    return caller.error(Errno.EFAULT, "the answer cannot be written");
  }

  private long unregister() {
    if (!struct(RANGE_BYTES).isReadable()) {
      return unreadable();
    }
    long error = UffdRange.check(owner, fields.first, fields.second);
    if (error != 0) {
      return error;
    }
    return owner.pages.exists()
        ? new UffdRange(owner).unregister(watch, fields.first, fields.first + fields.second)
        : caller.error(Errno.ENOMEM, "the process has ended");
  }

  private long wake() {
    if (!struct(RANGE_BYTES).isReadable()) {
      return unreadable();
    }
    long error = UffdRange.check(owner, fields.first, fields.second);
    if (error == 0) {
      watch.wake(fields.first, fields.second);
    }
    return error;
  }

  /** What an ioctl that brings pages looks at first: 0, or its error. */
  private long begun(UffdStruct struct, int answerAt) {
    if (watch.isChanging()) {
      long error = caller.error(Errno.EAGAIN, CHANGING);
      return struct.put(answerAt, error) ? error : unwritable();
    }
    return struct.isReadable() ? 0 : unreadable();
  }

  /** UFFDIO_COPY. */
  private long copy() {
    long dst = fields.first;
    long src = fields.second;
    long len = fields.third;
    long mode = fields.fourth;
    UffdStruct struct = struct(TWO_RANGES_BYTES);
    long error = begun(struct, TWO_RANGES_BYTES);
    if (error != 0) {
      return error;
    }
    error = UffdRange.checkUnaligned(owner, src, len);
    error = error == 0 ? UffdRange.check(owner, dst, len) : error;
    if (error != 0) {
      return error;
    }
    if ((mode & ~(Uffd.MODE_DONTWAKE | Uffd.COPY_WP)) != 0) {
      return caller.error(Errno.EINVAL, "unknown modes");
    }
    return brought(UffdFill.What.COPY, struct, TWO_RANGES_BYTES, (mode & Uffd.COPY_WP) != 0);
  }

  /** The ioctls of one range and a mode. */
  private long fill(UffdFill.What what, long protects) {
    UffdStruct struct = struct(RANGE_MODE_BYTES);
    long error = begun(struct, RANGE_MODE_BYTES);
    if (error != 0) {
      return error;
    }
    error = UffdRange.check(owner, fields.first, fields.second);
    if (error != 0) {
      return error;
    }
    if ((fields.third & ~(Uffd.MODE_DONTWAKE | protects)) != 0) {
      return caller.error(Errno.EINVAL, "unknown modes");
    }
    return brought(what, struct, RANGE_MODE_BYTES, (fields.third & protects) != 0);
  }

  private long brought(UffdFill.What what, UffdStruct struct, int answerAt, boolean protect) {
    boolean copies = what == UffdFill.What.COPY;
    long len = copies ? fields.third : fields.second;
    long mode = copies ? fields.fourth : fields.third;
    if (!owner.pages.exists()) {
      return ended();
    }
    long done =
        new UffdFill(caller, touch, owner).fill(what, fields.first, fields.second, len, protect);
    return answer(struct, answerAt, done, len, mode);
  }

  /** UFFDIO_WRITEPROTECT. */
  private long protect() {
    long start = fields.first;
    long len = fields.second;
    long mode = fields.third;
    if (watch.isChanging()) {
      return caller.error(Errno.EAGAIN, CHANGING);
    }
    if (!struct(RANGE_MODE_BYTES).isReadable()) {
      return unreadable();
    }
    long error = UffdRange.check(owner, start, len);
    if (error != 0) {
      return error;
    }
    boolean on = (mode & Uffd.WRITEPROTECT_WP) != 0;
    boolean dontWake = (mode & Uffd.WRITEPROTECT_DONTWAKE) != 0;
    if ((mode & ~(Uffd.WRITEPROTECT_WP | Uffd.WRITEPROTECT_DONTWAKE)) != 0 || (on && dontWake)) {
      return caller.error(Errno.EINVAL, "unknown modes, or protection that could wake somebody");
    }
    if (!owner.pages.exists()) {
      return ended();
    }
    error = new UffdProtect(owner).range(start, start + len, on);
    if (error == 0 && !on && !dontWake) {
      watch.wake(start, len);
    }
    return error;
  }

  private long ended() {
    return caller.error(Errno.ESRCH, "the process has ended");
  }

  /** UFFDIO_MOVE. */
  private long move() {
    long dst = fields.first;
    long src = fields.second;
    long len = fields.third;
    long mode = fields.fourth;
    UffdStruct struct = struct(TWO_RANGES_BYTES);
    long error = begun(struct, TWO_RANGES_BYTES);
    if (error != 0) {
      return error;
    }
    if (owner != caller) {
      return caller.error(Errno.EINVAL, "pages of another process do not move");
    }
    error = UffdRange.check(owner, dst, len);
    error = error == 0 ? UffdRange.check(owner, src, len) : error;
    if (error != 0) {
      return error;
    }
    if ((mode & ~(Uffd.MODE_DONTWAKE | Uffd.MOVE_ALLOW_SRC_HOLES)) != 0) {
      return caller.error(Errno.EINVAL, "unknown modes");
    }
    boolean holes = (mode & Uffd.MOVE_ALLOW_SRC_HOLES) != 0;
    long done = new UffdMove(owner).move(watch, dst, src, len, holes);
    return answer(struct, TWO_RANGES_BYTES, done, len, mode);
  }

  /** Who waits for what was brought is woken, and what is missing is -EAGAIN. */
  private long answer(UffdStruct struct, int answerAt, long done, long len, long mode) {
    if (!struct.put(answerAt, done)) {
      return unwritable();
    }
    if (done < 0) {
      return done;
    }
    if ((mode & Uffd.MODE_DONTWAKE) == 0) {
      watch.wake(fields.first, done);
    }
    return done == len ? 0 : caller.error(Errno.EAGAIN, "not all of it: see the struct's answer");
  }
}
