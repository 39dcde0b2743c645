// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.cli.proc.BinaryFiles;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.cli.proc.ProcFiles;
import io.mm4j.cli.proc.Scene;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mm proc}: the tree on disk, for tools that read it. */
@Command(
    sortOptions = false,
    description =
        "Writes the machine's /proc and /sys files below a folder, DIR/proc and DIR/sys, so that"
            + " the usual tools can read them; with the files of its processes. A pagemap is a file"
            + " with holes, up to 256 GiB long and as large as what is mapped: copy it with tools"
            + " that keep holes. kpageflags and kpagecount have 8 bytes a frame, and are left out"
            + " for machines of more than 64 GiB.",
    footer = {
      "",
      "Examples:",
      "  mm proc --export /tmp/machine --memory 64G",
      "  mm proc --export /tmp/processes --after RECORDING.vma.gz",
      "  unshare -m sh -c 'mount --bind /tmp/machine/proc /proc && free -h && vmstat -s'",
      "  unshare -rm sh -c 'mount --bind /tmp/machine/proc /proc && slabtop -o'",
      "  unshare -m sh -c 'mount --bind /tmp/machine/proc /proc && pmap -X 1'",
      "  unshare -mpf sh -c 'mount --bind /tmp/machine/proc /proc && exec ps -ef'",
    })
final class ProcCommand extends MmCommand {
  @Option(
      names = "--export",
      paramLabel = "DIR",
      order = 9,
      description = "Where to write; made if it is not there.")
  private @Nullable Path export;

  /** Which files were written, so that the next export can remove them. */
  private static final String LIST = ".mm-export";

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
    Path folder = export;
    if (folder == null) {
      throw new InputException("nothing to do", "mm proc", "--export DIR");
    }
    if (steps != null) {
      scene.steps(Steps.parse(steps));
    }
    scene.onMachine(true);
    scene.show(io, machine, true, false, shown -> write(io, folder, shown));
    return Main.GOOD;
  }

  private static void write(Io io, Path folder, Scene shown) {
    List<String> paths = new ArrayList<>();
    MachineView view = shown.machine();
    if (view == null) {
      io.warn("all processes have ended before anybody looked: nothing of a machine is written");
    } else {
      paths.addAll(ProcFiles.paths(view));
      if (view.managesMoreThan(BinaryFiles.MOST_EXPORTED)) {
        io.warn("the machine has more than 64 GiB: kpageflags and kpagecount are not written");
        paths.removeIf(BinaryFiles::isOfFrames);
      }
    }
    paths.addAll(ProcFiles.processPaths(shown));
    forget(folder);
    for (String path : paths) {
      Path file = folder.resolve(path.substring(1));
      String text = BinaryFiles.isOne(path) ? null : ProcFiles.read(path, shown);
      try {
        Path parent = file.getParent();
        if (parent != null) {
          Files.createDirectories(parent);
        }
        if (text == null) {
          BinaryFiles.export(path, shown, file);
        } else {
          Files.writeString(file, text, StandardCharsets.UTF_8);
        }
      } catch (IOException e) {
        throw new InputException(
            "cannot write: " + WhyNot.of(e), "--export " + file, "a folder to write in");
      }
    }
    try {
      Files.write(folder.resolve(LIST), paths, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InputException(
          "cannot write: " + WhyNot.of(e), "--export " + folder, "a folder to write in");
    }
    self(folder, shown);
    io.warn("wrote " + paths.size() + " files below " + folder);
  }

  /** {@code /proc/self}, which procps asks for first: the first process. */
  private static void self(Path folder, Scene shown) {
    if (shown.processes().isEmpty()) {
      return;
    }
    Path link = folder.resolve("proc/self");
    try {
      if (Files.isSymbolicLink(link)) {
        Files.delete(link);
      }
      Files.createSymbolicLink(link, Path.of(Integer.toString(shown.processes().getFirst().pid())));
    } catch (IOException | UnsupportedOperationException e) {
      throw new InputException(
          "cannot write: " + WhyNot.of(e),
          "--export " + link,
          "a folder that can have symbolic links");
    }
  }

  /** Removes what an earlier export wrote: files of a machine that had more nodes or processes. */
  private static void forget(Path folder) {
    Path list = folder.resolve(LIST);
    if (!Files.isRegularFile(list)) {
      return;
    }
    try {
      for (String path : Files.readAllLines(list, StandardCharsets.UTF_8)) {
        Path file = folder.resolve(path.replaceFirst("^/+", "")).normalize();
        if (file.startsWith(folder.normalize()) && Files.isRegularFile(file)) {
          Files.delete(file);
        }
      }
    } catch (IOException e) {
      throw new InputException(
          "cannot remove files of an earlier export: " + e,
          "--export " + folder,
          "a folder to write in");
    }
  }
}
