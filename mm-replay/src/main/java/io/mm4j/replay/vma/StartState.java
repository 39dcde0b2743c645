// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes address spaces as they are when a program begins.
 *
 * @param header the machine, limits and owner
 */
record StartState(VmaHeader header, FileTable files, ProcessFloor floor) {
  private static final long MDWE_NO_INHERIT = 2;

  /** The process with which the recording begins. */
  AddressSpace first(List<StateLine> lines) {
    header.options().forEach(floor::kernelOption);
    return build(config(header), lines);
  }

  /**
   * One whose program begins later.
   *
   * @param from whose limits it has, and what prctl has set there; null for the limits of the first
   *     process
   */
  AddressSpace later(VmaEvent.Began began, @Nullable AddressSpace from) {
    VmaHeader limits = header;
    if (from != null) {
      Map<String, Long> now = new HashMap<>();
      for (ResourceLimit limit : ResourceLimit.values()) {
        now.put(limit.name(), from.softLimit(limit));
      }
      limits = header.withLimits(now);
    }
    AddressSpace mm = build(config(limits).layout(began.layout()), began.lines());
    if (from != null) {
      keepSettings(from, mm);
    }
    return mm;
  }

  /** What exec leaves of prctl: {@code mm_init()} of kernel/fork.c, Linux 6.18. */
  private static void keepSettings(AddressSpace from, AddressSpace mm) {
    long thp = from.syscall(Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE);
    if (thp > 0) {
      long _ = mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, 1, thp & ~1);
    }
    long mdwe = from.syscall(Syscall.PRCTL, Uapi.PR_GET_MDWE);
    if (mdwe > 0 && (mdwe & MDWE_NO_INHERIT) == 0) {
      long _ = mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MDWE, mdwe);
    }
  }

  private AddressSpace build(AddressSpaceConfig config, List<StateLine> lines) {
    try {
      AddressSpace mm = floor.createAddressSpace(config);
      files.opens().forEach(mm::installFd);
      for (StateLine line : lines) {
        mm.loadVma(info(line));
      }
      return mm;
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "no process can start like that: " + e.getMessage(),
          "the header and start state of " + header.id(),
          "a layout and VMAs that fit together");
    }
  }

  private static AddressSpaceConfig config(VmaHeader header) {
    return new AddressSpaceConfig(
        header.layout(),
        header.asBytes(),
        header.dataBytes(),
        header.stackBytes(),
        header.memlockBytes(),
        header.capabilities(),
        header.sysctls(),
        header.totalRamKb(),
        header.swapKb(),
        header.thp(),
        header.personality().contains("READ_IMPLIES_EXEC"),
        header.uid(),
        header.gid());
  }

  private VmaInfo info(StateLine line) {
    MapsLine maps = line.maps();
    OpenFile open = maps.backed() ? files.atStart(maps.name()) : null;
    return new VmaInfo(
        maps.start(),
        maps.end(),
        maps.perms(),
        maps.offsetBytes(),
        maps.name().equals("-") ? "" : maps.name(),
        open,
        line.flags().isEmpty() ? List.of() : List.of(line.flags().split(",")),
        line.pages());
  }
}
