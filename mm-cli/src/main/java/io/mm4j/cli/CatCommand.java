// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.Machine;
import io.mm4j.cli.proc.ProcFiles;
import io.mm4j.cli.proc.ZoneView;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code mm cat}. */
@Command(
    sortOptions = false,
    description = "Prints files of the machine's /proc and /sys, in the kernel's exact format.",
    footer = {
      "",
      "Examples:",
      "  mm cat /proc/buddyinfo",
      "  mm cat /proc/buddyinfo --memory 64G --plugin frame-allocator=bitmap",
    })
final class CatCommand extends MmCommand {
  @Parameters(arity = "0..*", paramLabel = "FILE", description = "Paths such as /proc/buddyinfo.")
  private List<String> files = new ArrayList<>();

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (files.isEmpty()) {
      throw new InputException(
          "no file is named", "mm cat FILE...", String.join(", ", ProcFiles.paths()));
    }
    files.forEach(ProcFiles::check);
    try (Machine booted = machine.config(machine.registry(io)).contents(false).boot()) {
      ZoneView view = new ZoneView(booted.layout().map(), booted.zones());
      for (String file : files) {
        io.out().print(ProcFiles.read(file, view));
      }
    }
    return Main.GOOD;
  }
}
