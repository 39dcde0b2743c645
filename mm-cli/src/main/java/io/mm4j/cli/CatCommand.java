// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.cli.proc.ProcFiles;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm cat}. */
@Command(
    sortOptions = false,
    description =
        "Prints files of the machine's /proc and /sys, in the kernel's exact format. Without FILE"
            + " it says which there are.",
    footer = {
      "",
      "Examples:",
      "  mm cat /proc/buddyinfo",
      "  mm cat /proc/buddyinfo --after tar_gzip",
      "  mm cat /proc/zoneinfo --memory 64G --cpus 8",
    })
final class CatCommand extends MmCommand {
  @Parameters(arity = "0..*", paramLabel = "FILE", description = "Paths such as /proc/buddyinfo.")
  private List<String> files = new ArrayList<>();

  @Option(
      names = "--after",
      paramLabel = "WORKLOAD",
      description = "Runs a recorded page trace first, on the recorded machine.")
  private @Nullable String after;

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (files.isEmpty()) {
      throw new InputException(
          "no file is named", "mm cat FILE...", String.join(", ", ProcFiles.paths()));
    }
    files.forEach(ProcFiles::check);
    MachineFiles.show(
        io, machine, after, view -> files.forEach(f -> io.out().print(ProcFiles.read(f, view))));
    return Main.GOOD;
  }
}
