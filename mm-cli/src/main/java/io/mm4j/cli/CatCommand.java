// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.cli.proc.ProcFiles;
import io.mm4j.cli.proc.Scene;
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
    description = {
      "Prints files of the machine's /proc and /sys, in the kernel's exact format. Without FILE it"
          + " says which there are.",
      "",
      "Of a process there are /proc/PID/maps, smaps, smaps_rollup, status, statm, limits, stat,"
          + " comm and cmdline. Before any workload, and beside a page trace, PID 1 lives: a small"
          + " static program that has just begun. After recorded system calls the recorded"
          + " processes live: p0 is PID 1, p1 is PID 2. Lines about what is not kept here (dirty"
          + " pages, page tables, signals ...) are left out. Device and inode numbers of files are"
          + " made up.",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm cat /proc/buddyinfo",
      "  mm cat /proc/buddyinfo --after tar_gzip",
      "  mm cat /proc/zoneinfo --memory 64G --cpus 8",
      "  mm cat /proc/1/maps",
      "  mm cat /proc/vmallocinfo --steps 'vmalloc 1M; ioremap 0xfebc0000 8K'",
      "  mm cat /proc/1/smaps --after RECORDING.vma.gz --at 17",
    })
final class CatCommand extends MmCommand {
  @Parameters(
      arity = "0..*",
      paramLabel = "FILE",
      description = "Paths such as /proc/buddyinfo or /proc/1/maps.")
  private List<String> files = new ArrayList<>();

  @Option(
      names = "--steps",
      paramLabel = "CALLS",
      order = 13,
      description = "Without --after. " + Steps.DESCRIPTION)
  private @Nullable String steps;

  @Mixin private SceneOptions scene = new SceneOptions();
  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (files.isEmpty()) {
      throw new InputException("no file is named", "mm cat FILE...", ProcFiles.allowed());
    }
    files.forEach(ProcFiles::check);
    boolean ofMachine = !files.stream().allMatch(ProcFiles::isOfProcess);
    if (files.stream().noneMatch(file -> file.endsWith("/limits")) && !scene.plays()) {
      scene.refuseLimits("no call is made that a limit could stop, and no limits are shown");
    }
    if (steps != null) {
      scene.steps(Steps.parse(steps));
    }
    scene.show(io, machine, ofMachine, false, shown -> print(io, shown));
    return Main.GOOD;
  }

  private void print(Io io, Scene shown) {
    files.forEach(f -> io.out().print(ProcFiles.read(f, shown)));
  }
}
