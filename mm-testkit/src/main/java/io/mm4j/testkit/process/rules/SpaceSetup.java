// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Area;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveMachine;
import io.mm4j.testkit.process.naive.NaiveProcess;
import io.mm4j.testkit.process.naive.NaiveSpace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The small 64-bit process that a trial begins with: one page of data that is mapped from a file, a
 * heap that can begin behind it, a stack, a page for answers of mincore, and five descriptors.
 *
 * @param topDown whether free ranges are searched downwards
 * @param maxMapCount {@code vm.max_map_count}
 * @param overcommit {@code vm.overcommit_memory}
 * @param ramKb memory of the machine
 * @param guardPages stack guard gap
 * @param memlockPages soft RLIMIT_MEMLOCK
 * @param ipcLock whether the process has CAP_IPC_LOCK
 */
public record SpaceSetup(
    boolean topDown,
    int maxMapCount,
    int overcommit,
    long ramKb,
    long guardPages,
    long memlockPages,
    boolean ipcLock) {
  static final long BASE = 0x7ffff7fff000L;
  public static final long TASK_SIZE = 0x7ffffffff000L;
  static final long DATA = 0x403000;
  static final long BRK = 0x407000;
  static final long STACK = 0x7ffffffde000L;

  /** Where scripts map at given addresses. */
  static final long WINDOW = 0x20000000L;

  private static final long FILE_BYTES = 16 * Bits.PAGE - 100;

  /** The usual one. */
  static SpaceSetup usual() {
    return new SpaceSetup(true, 65530, 0, 16L << 20, 256, 2048, false);
  }

  /** One that a seed chooses, to meet limits. */
  static SpaceSetup random(long seed) {
    Seeded random = new Seeded(seed * 7 + 3);
    boolean promises = random.oneIn(5);
    return new SpaceSetup(
        !random.oneIn(4),
        random.oneIn(4) ? random.between(12, 30) : 65530,
        promises ? 2 : random.oneIn(8) ? 1 : 0,
        promises ? 4L * (4096 + random.between(160, 1200)) : 16L << 20,
        random.oneIn(2) ? 4 : 256,
        random.oneIn(2) ? random.between(0, 40) : 2048,
        random.oneIn(6));
  }

  /** The same without a limit on the number of VMAs: borders that a failed call leaves may stay. */
  SpaceSetup withManyVmas() {
    return new SpaceSetup(topDown, 65530, overcommit, ramKb, guardPages, memlockPages, ipcLock);
  }

  AddressSpaceConfig config() {
    MmLayout layout =
        new MmLayout(
            TASK_SIZE,
            BASE,
            topDown,
            false,
            0x401000,
            0x401040,
            DATA,
            BRK,
            BRK,
            BRK,
            0x7fffffffee20L,
            0,
            0,
            0,
            0);
    return new AddressSpaceConfig(
        layout,
        ResourceLimit.INFINITY,
        ResourceLimit.INFINITY,
        8L << 20,
        memlockPages * Bits.PAGE,
        ipcLock ? Set.of(Capability.IPC_LOCK) : Set.of(),
        new MmSysctls(overcommit, 50, maxMapCount, 4096, 65536, guardPages, false),
        ramKb,
        0,
        ThpMode.NEVER,
        false);
  }

  /** The opens behind descriptors 1, 2, 3, 4, 5; shared by all that is compared. */
  static List<OpenFile> opens() {
    MappedFile disk =
        new MappedFile(
            "F1", MappedFile.Kind.EXT4, FILE_BYTES, at -> (int) ((at >> 12) * 37 + 11 & 127));
    MappedFile memory =
        new MappedFile(
            "F2", MappedFile.Kind.TMPFS, FILE_BYTES, at -> (int) ((at >> 12) * 29 + 7 & 127));
    return List.of(
        new OpenFile(disk, OpenFile.Mode.READ_WRITE),
        new OpenFile(disk, OpenFile.Mode.READ_WRITE),
        new OpenFile(memory, OpenFile.Mode.READ_ONLY),
        new OpenFile(memory, OpenFile.Mode.READ_WRITE),
        new OpenFile(disk, OpenFile.Mode.WRITE_ONLY));
  }

  private static List<Area> areas(OpenFile data) {
    long rw = Bits.READ | Bits.WRITE | Bits.MAY_ACCESS | Bits.ACCOUNT;
    List<Area> areas = new ArrayList<>();
    areas.add(new Area(DATA, BRK, 0, rw, data));
    areas.add(new Area(Act.SCRATCH, Act.SCRATCH + 4096, Act.SCRATCH >> 12, rw, null));
    areas.add(new Area(STACK, TASK_SIZE, STACK >> 12, rw | Bits.GROWSDOWN, null));
    return areas;
  }

  private static VmaInfo info(Area area) {
    @Nullable OpenFile file = area.file;
    String name = file != null ? file.file().name() : area.has(Bits.GROWSDOWN) ? "[stack]" : "";
    return new VmaInfo(
        area.start, area.end, Bits.perms(area.flags), 0, name, file, Bits.letters(area.flags), "");
  }

  AddressSpace create(ProcessFloor floor, List<OpenFile> opens) {
    AddressSpace mm = floor.createAddressSpace(config());
    areas(opens.getLast()).forEach(area -> mm.loadVma(info(area)));
    for (int i = 0; i < opens.size(); i++) {
      mm.installFd(i + 1, opens.get(i));
    }
    return mm;
  }

  NaiveProcess model(List<OpenFile> opens) {
    NaiveSpace space = new NaiveSpace(new NaiveMachine(), config());
    areas(opens.getLast()).forEach(space.areas::add);
    for (int i = 0; i < opens.size(); i++) {
      space.descriptors.put(i + 1, opens.get(i));
    }
    space.hiwater = space.totalPages();
    return new NaiveProcess(space);
  }

  @Override
  public String toString() {
    return (topDown ? "top-down" : "bottom-up")
        + ", at most "
        + maxMapCount
        + " VMAs, overcommit "
        + overcommit
        + " of "
        + ramKb
        + " kB, guard gap "
        + guardPages
        + " pages, RLIMIT_MEMLOCK "
        + memlockPages
        + " pages"
        + (ipcLock ? ", CAP_IPC_LOCK" : "");
  }
}
