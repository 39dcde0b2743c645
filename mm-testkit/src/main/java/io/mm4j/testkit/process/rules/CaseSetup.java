// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MappedFile.Kind;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.OpenFile.Mode;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.testkit.process.naive.Bits;
import java.util.List;
import java.util.Set;

/**
 * An empty process for a case that wants another machine than the usual one. A case changes the
 * fields that it is about; everything else is as large as it can be.
 */
final class CaseSetup {
  /** Descriptors of {@link #opens()}. */
  static final int DISK = 1;

  static final int DISK_READ_ONLY = 2;
  static final int DISK_WRITE_ONLY = 3;
  static final int TMPFS = 4;
  static final int ZERO = 5;
  static final int PROC = 6;
  static final int DISK_UNKNOWN = 7;
  static final int HUGE = 8;
  static final int TINY = 9;
  static final int PATH = 10;

  /** Pages of the files on disk behind the first descriptors and {@link #DISK_UNKNOWN}. */
  static final int FILE_PAGES = 64;

  boolean topDown = true;
  boolean compat32;
  long taskSize = SpaceSetup.TASK_SIZE;
  long base = SpaceSetup.BASE;
  long startData = SpaceSetup.DATA;
  long endData = SpaceSetup.DATA;
  long asBytes = ResourceLimit.INFINITY;
  long dataBytes = ResourceLimit.INFINITY;
  long stackBytes = 8L << 20;
  long memlockBytes = 8L << 20;
  Set<Capability> capabilities = Set.of();
  int overcommit;
  int overcommitRatio = 50;
  long overcommitKbytes;
  int maxMapCount = 65530;
  long minAddr = 4096;
  long lsmMinAddr = 65536;
  long guardPages = 256;
  long ramKb = 16L << 20;
  long swapKb;
  ThpMode thp = ThpMode.NEVER;
  boolean readImpliesExec;
  long uid = 1000;
  long gid = 1000;

  /** The machine. */
  Ground machine = Ground.USUAL;

  /** A 32-bit process on a 64-bit kernel. */
  CaseSetup ia32() {
    compat32 = true;
    taskSize = 0xffffe000L;
    base = 0xf7fff000L;
    return this;
  }

  /** What fits the machine of the trial. */
  CaseSetup fitting(Ground ground) {
    if (!ground.isWide()) {
      taskSize = 0xc0000000L;
      base = 0xb7fff000L;
    }
    return this;
  }

  AddressSpace create(ProcessFloor floor) {
    MmLayout layout =
        new MmLayout(
            taskSize,
            base,
            topDown,
            compat32,
            0x401000,
            0x401040,
            startData,
            endData,
            SpaceSetup.BRK,
            SpaceSetup.BRK,
            taskSize - 0x2000,
            0,
            0,
            0,
            0);
    AddressSpace mm =
        floor.createAddressSpace(
            new AddressSpaceConfig(
                layout,
                asBytes,
                dataBytes,
                stackBytes,
                memlockBytes,
                capabilities,
                new MmSysctls(
                    overcommit,
                    overcommitRatio,
                    maxMapCount,
                    minAddr,
                    lsmMinAddr,
                    guardPages,
                    false,
                    overcommitKbytes),
                ramKb,
                swapKb,
                thp,
                readImpliesExec,
                uid,
                gid));
    List<OpenFile> opens = opens();
    for (int i = 0; i < opens.size(); i++) {
      mm.installFd(i + 1, opens.get(i));
    }
    return mm;
  }

  /** The byte that a file's page begins with. */
  static int byteOf(long page) {
    return (int) (page * 37 + 11 & 127);
  }

  private static List<OpenFile> opens() {
    MappedFile disk = known("F1", Kind.EXT4, FILE_PAGES * Bits.PAGE);
    return List.of(
        new OpenFile(disk, Mode.READ_WRITE),
        new OpenFile(disk, Mode.READ_ONLY),
        new OpenFile(disk, Mode.WRITE_ONLY),
        new OpenFile(known("F2", Kind.TMPFS, FILE_PAGES * Bits.PAGE), Mode.READ_WRITE),
        new OpenFile(new MappedFile("/dev/zero", Kind.DEV_ZERO, 0), Mode.READ_WRITE),
        new OpenFile(new MappedFile("/proc/stat", Kind.PROC, 0), Mode.READ_ONLY),
        new OpenFile(new MappedFile("F7", Kind.EXT4, FILE_PAGES * Bits.PAGE), Mode.READ_WRITE),
        new OpenFile(known("F8", Kind.EXT4, 3L << 21), Mode.READ_WRITE),
        new OpenFile(known("F9", Kind.EXT4, 5 * Bits.PAGE + 1), Mode.READ_WRITE),
        new OpenFile(disk, Mode.PATH));
  }

  private static MappedFile known(String name, Kind kind, long bytes) {
    return new MappedFile(name, kind, bytes, at -> byteOf(at >> 12));
  }
}
