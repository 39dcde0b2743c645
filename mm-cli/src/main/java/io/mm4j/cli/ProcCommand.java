// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.cli.proc.ProcFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mm proc}: the tree on disk, for tools that read it. */
@Command(
    sortOptions = false,
    description =
        "Writes the machine's /proc and /sys files below a folder: DIR/proc and DIR/sys, so that"
            + " the usual tools can read them.",
    footer = {
      "",
      "Examples:",
      "  mm proc --export /tmp/machine --memory 64G",
      "  unshare -m sh -c 'mount --bind /tmp/machine/proc /proc && free -h && vmstat -s'",
    })
final class ProcCommand extends MmCommand {
  @Option(
      names = "--export",
      paramLabel = "DIR",
      description = "Where to write; made if it is not there.")
  private @Nullable Path export;

  @Option(
      names = "--after",
      paramLabel = "WORKLOAD",
      description = "Runs a recorded page trace first, on the recorded machine.")
  private @Nullable String after;

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    Path folder = export;
    if (folder == null) {
      throw new InputException("nothing to do", "mm proc", "--export DIR");
    }
    MachineFiles.show(io, machine, after, view -> write(folder, view));
    io.warn("wrote " + ProcFiles.paths().size() + " files below " + folder);
    return Main.GOOD;
  }

  private static void write(Path folder, MachineView view) {
    for (String path : ProcFiles.paths()) {
      Path file = folder.resolve(path.substring(1));
      String text = ProcFiles.read(path, view);
      try {
        Path parent = file.getParent();
        if (parent != null) {
          Files.createDirectories(parent);
        }
        Files.writeString(file, text, StandardCharsets.US_ASCII);
      } catch (IOException e) {
        throw new InputException("cannot write: " + e, "--export " + file, "a folder to write in");
      }
    }
  }
}
