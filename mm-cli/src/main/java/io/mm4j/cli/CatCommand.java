// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.proc.BinaryFiles;
import io.mm4j.cli.proc.ProcFiles;
import io.mm4j.cli.proc.Scene;
import java.io.IOException;
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
          + " numa_maps, comm, cmdline and pagemap. Before any workload, and beside a page trace,"
          + " PID 1 lives: a small static program that has just begun. After recorded system calls"
          + " the recorded processes live: p0 is PID 1, p1 is PID 2. Lines about what is not kept"
          + " here (signals, credentials ...) are left out. Device and inode numbers of files are"
          + " made up.",
      "",
      "/proc/PID/pagemap, /proc/kpageflags and /proc/kpagecount are 64-bit words, as the kernel's:"
          + " --decode prints them in words, --range a part. After recorded system calls the files"
          + " of the machine are those of the machine on whose frames the processes live; --memory"
          + " says how large it is.",
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
      "  mm cat /proc/1/pagemap --decode",
      "  mm cat /proc/kpageflags --decode --range 0x1000-0x1100",
      "  mm cat /proc/meminfo --after RECORDING.vma.gz --at 17",
    })
final class CatCommand extends MmCommand {
  @Parameters(
      arity = "0..*",
      paramLabel = "FILE",
      description = "Paths such as /proc/buddyinfo or /proc/1/maps.")
  private List<String> files = new ArrayList<>();

  @Option(names = "--decode", order = 14, description = "Prints files of 64-bit words in words.")
  private boolean decode;

  @Option(
      names = "--range",
      paramLabel = "FROM-END",
      order = 15,
      description =
          "Which part of a file of 64-bit words: addresses of a pagemap, frame numbers of the"
              + " others.")
  private @Nullable String range;

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
    boolean words = files.stream().anyMatch(BinaryFiles::isOne);
    if (!words && (decode || range != null)) {
      throw new InputException(
          "no file of 64-bit words is printed",
          decode ? "--decode" : "--range " + range,
          "with /proc/PID/pagemap, /proc/kpageflags or /proc/kpagecount");
    }
    BinaryFiles.Range part = range == null ? null : range(range);
    boolean chosen = machine.hasNodes() || machine.namesTables();
    boolean lives = chosen && files.stream().allMatch(ProcFiles::isOfProcess);
    scene.onMachine(lives || (words && files.stream().anyMatch(BinaryFiles::isOfFrames)));
    boolean ofMachine = !files.stream().allMatch(ProcFiles::isOfProcess);
    if (files.stream().noneMatch(file -> file.endsWith("/limits")) && !scene.plays()) {
      scene.refuseLimits("no call is made that a limit could stop, and no limits are shown");
    }
    if (steps != null) {
      scene.steps(Steps.parse(steps));
    }
    scene.show(io, machine, ofMachine, false, shown -> print(io, shown, part));
    return Main.GOOD;
  }

  private static BinaryFiles.Range range(String text) {
    String where = "--range " + text;
    int dash = text.indexOf('-', 1);
    if (dash < 0) {
      throw new InputException(
          "'" + text + "' is no range", where, "FROM-END, such as 0x1000-0x2000");
    }
    long from = Sizes.parseNumber(text.substring(0, dash).strip(), where);
    long end = Sizes.parseNumber(text.substring(dash + 1).strip(), where);
    if (from < 0 || end <= from) {
      throw new InputException("the range is empty", where, "FROM-END with FROM below END");
    }
    return new BinaryFiles.Range(from, end);
  }

  private void print(Io io, Scene shown, BinaryFiles.@Nullable Range part) {
    for (String file : files) {
      if (!BinaryFiles.isOne(file)) {
        io.out().print(ProcFiles.read(file, shown));
      } else if (decode) {
        io.out().print(BinaryFiles.decode(file, shown, part));
      } else {
        try {
          BinaryFiles.write(file, shown, part, io.out());
        } catch (IOException e) {
          throw new InputException(
              "cannot write: " + WhyNot.of(e), file, "a stdout that can be written");
        }
      }
    }
  }
}
