// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.VmaInfo;
import java.util.List;

/** The process with which a recording begins: its header's limits, files and VMAs. */
record StartState(VmaSource reader, FileTable files) {
  /** Creates the address space. */
  AddressSpace build(ProcessFloor floor) {
    reader.header().options().forEach(floor::kernelOption);
    try {
      AddressSpace mm = floor.createAddressSpace(config(reader.header()));
      files.opens().forEach(mm::installFd);
      for (StateLine line : reader.start().lines()) {
        mm.loadVma(info(line));
      }
      return mm;
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "no process can start like that: " + e.getMessage(),
          "the header and start state of " + reader.header().id(),
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
        header.personality().contains("READ_IMPLIES_EXEC"));
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
