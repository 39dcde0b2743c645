// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/** First accesses to memory of every kind. */
final class Touches {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;

  private Touches() {}

  /**
   * An access, and what is there before it.
   *
   * @param does gives 0, or a negated errno; of an access {@link #FAILED} for a signal
   * @param errno what it gives without a frame
   * @param looks what is seen afterwards
   */
  record Touch(
      String name,
      Consumer<Rig> before,
      ToLongFunction<Rig> does,
      long errno,
      Consumer<Rig> looks) {}

  /** An access that ends with a signal. */
  private static final long FAILED = -1;

  private static Touch reads(String name, Consumer<Rig> before, long at, int value) {
    return new Touch(
        "a read of " + name,
        before,
        rig -> ends(rig.mm.read(at)),
        FAILED,
        rig -> rig.has(at, value));
  }

  private static Touch writes(String name, Consumer<Rig> before, long at) {
    return new Touch(
        "a write to " + name,
        before,
        rig -> ends(rig.mm.write(at, 7)),
        FAILED,
        rig -> {
          rig.has(at, 7);
          rig.has(at ^ 64, rig.mm.read(at ^ 128).value());
        });
  }

  private static long ends(TouchOutcome outcome) {
    boolean known = outcome.ok() || outcome.kind() == TouchOutcome.Kind.SEGV_MAPERR;
    check(known, "OK or SEGV_MAPERR", outcome.kind().toString());
    return outcome.ok() ? 0 : FAILED;
  }

  private static Consumer<Rig> anon(long bytes, int prot) {
    return rig -> rig.map(B, bytes, prot);
  }

  private static Consumer<Rig> file(int fd, int prot, int flags) {
    return rig -> rig.gives("mmap", B, rig.mm.mmap(B, TEN, prot, flags, fd, 0));
  }

  private static Consumer<Rig> huge(Consumer<Rig> then) {
    return rig -> {
      rig.map(FAR, HUGE, RW);
      AdviceCases.advise(rig, FAR, HUGE, Uapi.MADV_HUGEPAGE);
      then.accept(rig);
    };
  }

  private static Consumer<Rig> pool(int flags) {
    return rig -> {
      rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "2"));
      rig.gives("mmap", FAR, rig.mm.mmap(FAR, HUGE, RW, 0x40010 | flags, -1, 0));
    };
  }

  private static Consumer<Rig> kernels(String name, long pages) {
    return rig ->
        rig.mm.loadVma(new VmaInfo(B, B + pages * PAGE, "r--p", 0, name, null, List.of(), ""));
  }

  private static Consumer<Rig> brought(int prot) {
    return rig -> {
      rig.map(B, TEN, prot);
      rig.mm.missingTo((uaddr, write) -> offset -> 3 + (offset & 1));
    };
  }

  /** All of them, each by itself. */
  static List<Touch> all() {
    List<Touch> all = ofMemory();
    all.addAll(ofFiles());
    all.addAll(calls());
    return all;
  }

  /**
   * An access and another to the same.
   *
   * @param other what is made while the first one waits for memory, and is seen afterwards
   */
  record Meeting(Touch first, Touch other) {}

  /** Each with itself, and reads with writes to the same memory. */
  static List<Meeting> meetings() {
    List<Meeting> all = new ArrayList<>();
    all().forEach(touch -> all.add(new Meeting(touch, touch)));
    meets(all, "anonymous memory", anon(TEN, RW), B, 0);
    meets(all, "a huge page", huge(rig -> {}), FAR + PAGE, 0);
    for (int fd : new int[] {CaseSetup.DISK, CaseSetup.TMPFS}) {
      int third = CaseSetup.byteOf(2);
      meets(all, "a private file " + fd, file(fd, RW, PRIVATE), B + 2 * PAGE, third);
      meets(all, "a shared file " + fd, file(fd, RW, SHARED), B + 2 * PAGE, third);
    }
    return all;
  }

  private static void meets(
      List<Meeting> all, String what, Consumer<Rig> before, long at, int value) {
    all.add(new Meeting(reads(what, before, at, value), writes(what, before, at)));
  }

  private static List<Touch> ofMemory() {
    List<Touch> all = new ArrayList<>();
    all.add(reads("anonymous memory", anon(TEN, RW), B, 0));
    all.add(writes("anonymous memory", anon(TEN, RW), B + PAGE));
    all.add(writes("a zero page", anon(TEN, RW).andThen(rig -> rig.has(B, 0)), B));
    all.add(reads("a huge page", huge(rig -> {}), FAR + PAGE, 0));
    all.add(writes("a huge page", huge(rig -> {}), FAR + PAGE));
    all.add(writes("a huge zero page", huge(rig -> rig.has(FAR, 0)), FAR + PAGE));
    all.add(reads("[vvar]", kernels("[vvar]", 4), B + 2 * PAGE, TouchOutcome.UNKNOWN));
    all.add(reads("[vvar_vclock]", kernels("[vvar_vclock]", 2), B, TouchOutcome.UNKNOWN));
    all.add(reads("what somebody brings", brought(READ), B + 1, 4));
    all.add(writes("what somebody brings", brought(RW), B + 2));
    all.add(shared());
    all.add(writes("the first page below a stack", Touches::stack, B - PAGE));
    all.addAll(ofPool());
    return all;
  }

  private static List<Touch> ofFiles() {
    List<Touch> all = new ArrayList<>();
    for (int fd : new int[] {CaseSetup.DISK, CaseSetup.TMPFS}) {
      int third = CaseSetup.byteOf(2);
      String of = fd == CaseSetup.DISK ? " file on a disk" : " file in memory";
      all.add(reads("a private" + of, file(fd, RW, PRIVATE), B + 2 * PAGE, third));
      all.add(reads("a shared" + of, file(fd, RW, SHARED), B + 2 * PAGE, third));
      all.add(writes("a private" + of, file(fd, RW, PRIVATE), B + 2 * PAGE));
      all.add(writes("a shared" + of, file(fd, RW, SHARED), B + 2 * PAGE));
      all.add(
          writes(
              "a page of a private" + of,
              file(fd, RW, PRIVATE).andThen(rig -> rig.has(B + 2 * PAGE, third)),
              B + 2 * PAGE));
    }
    all.add(reads("a private /dev/zero", file(CaseSetup.ZERO, RW, PRIVATE), B, 0));
    all.add(writes("a shared /dev/zero", file(CaseSetup.ZERO, RW, SHARED), B));
    all.add(writes("a segment", Touches::segment, B));
    all.add(reads("a folio of 2 MiB", Touches::largeFolio, FAR + PAGE, 3));
    return all;
  }

  private static void largeFolio(Rig rig) {
    int fd = 20;
    MappedFile file = new MappedFile("/tmp/large", MappedFile.Kind.EXT4, 2 * HUGE, offset -> 3);
    rig.mm.installFd(fd, new OpenFile(file, OpenFile.Mode.READ_ONLY));
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, HUGE, READ, SHARED, fd, 0));
  }

  private static void segment(Rig rig) {
    long id = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0, TEN, 0600));
    rig.gives("shmat", B, rig.mm.syscall(Syscall.SHMAT, id, B, 0));
    rig.gives("IPC_RMID", 0, rig.mm.syscall(Syscall.SHMCTL, id, Uapi.IPC_RMID, 0));
  }

  /** A write to what a child has, too. */
  private static Touch shared() {
    List<Rig> children = new ArrayList<>();
    return new Touch(
        "a write to a page that a child has",
        rig -> {
          rig.map(B, TEN, RW);
          rig.touch(B);
          children.add(rig.fork());
        },
        rig -> ends(rig.mm.write(B, 7)),
        FAILED,
        rig -> {
          Rig child = children.removeLast();
          rig.has(B, 7);
          child.has(B, 1);
          child.mm.exit();
        });
  }

  private static void stack(Rig rig) {
    rig.gives("a stack", B, rig.mm.mmap(B, TEN, RW, 0x132, -1, 0));
  }

  /** Pages of the pool are there; a table for them may not be. */
  private static List<Touch> ofPool() {
    return List.of(
        reads("the pool", pool(0x22), FAR + PAGE, 0),
        writes("the pool", pool(0x22), FAR + PAGE),
        writes("shared memory of the pool", pool(0x21), FAR));
  }

  // ---------------------------------------------------------------- calls

  private static List<Touch> calls() {
    return List.of(
        new Touch(
            "MADV_POPULATE_READ",
            anon(PAGE, RW),
            rig -> rig.mm.madvise(B, PAGE, Uapi.MADV_POPULATE_READ),
            -Errno.ENOMEM,
            rig -> Looks.pages(rig, B, PAGE, "z1")),
        new Touch(
            "MADV_POPULATE_WRITE",
            anon(PAGE, RW),
            rig -> rig.mm.madvise(B, PAGE, Uapi.MADV_POPULATE_WRITE),
            -Errno.ENOMEM,
            rig -> Looks.pages(rig, B, PAGE, "A1")),
        new Touch(
            "MADV_POPULATE_READ of a file",
            file(CaseSetup.DISK, READ, SHARED),
            rig -> rig.mm.madvise(B, PAGE, Uapi.MADV_POPULATE_READ),
            -Errno.ENOMEM,
            rig -> rig.has(B, CaseSetup.byteOf(0))),
        new Touch(
            "a read to memory that was not touched",
            anon(TEN, RW).andThen(Touches::readOnce),
            rig -> full(rig.mm.syscall(Syscall.PREAD64, CaseSetup.TMPFS, B, 9, 0)),
            -Errno.EFAULT,
            rig -> rig.has(B + 8, CaseSetup.byteOf(0))),
        new Touch(
            "mincore to memory that was not touched",
            anon(TEN, RW).andThen(Touches::touchOnce),
            rig -> rig.mm.mincore(B, PAGE, FAR, value -> {}),
            -Errno.EFAULT,
            rig -> rig.has(FAR, 1)));
  }

  private static void touchOnce(Rig rig) {
    rig.touch(B);
    rig.map(FAR, PAGE, RW);
  }

  /** What is read is in memory then. */
  private static void readOnce(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.gives("pread64", 9, rig.mm.syscall(Syscall.PREAD64, CaseSetup.TMPFS, FAR, 9, 0));
  }

  /** 0 for a read of all. */
  private static long full(long result) {
    return result == 9 ? 0 : result;
  }
}
