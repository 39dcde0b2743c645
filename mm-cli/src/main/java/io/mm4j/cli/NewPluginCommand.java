// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.cli.project.PluginProject;
import io.mm4j.cli.project.Start;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm new-plugin}: a plugin project to start from. */
@Command(
    sortOptions = false,
    description =
        "Writes a Maven project with a plugin that passes the test kit: the simplest one that mm4j"
            + " has of that SPI (frame-allocator, page-allocator, slab, vmalloc, vma-index), under"
            + " your names, with its provider, module-info, service file, and one test class that"
            + " applies every rule.",
    footer = {
      "",
      "Examples:",
      "  mm new-plugin next-fit --spi frame-allocator my-plugin",
      "  mm new-plugin vma-index skip-list my-index --package org.example.skiplist",
      "",
      "then, with mm4j's artifacts in your local repository (docs/writing-a-plugin.md):",
      "  mvn -B verify -f my-plugin",
      "  mm check frame-allocator=next-fit --plugins-path my-plugin/target",
    })
final class NewPluginCommand extends MmCommand {
  @Parameters(
      arity = "0..*",
      paramLabel = "NAME DIR",
      description = "The plugin's name and a new folder; or, without --spi, SPI NAME DIR.")
  private List<String> words = new ArrayList<>();

  @Option(names = "--spi", paramLabel = "SPI", description = "What it is a plugin of.")
  private @Nullable String spi;

  @Option(
      names = "--package",
      paramLabel = "NAME",
      description = "Its Java package and module; the group and the name by default.")
  private @Nullable String packageName;

  @Option(
      names = "--group",
      paramLabel = "ID",
      description = "The group of its Maven coordinates, org.example by default.")
  private String group = "org.example";

  @Override
  int run(Io io) {
    List<String> rest = new ArrayList<>(words);
    String wanted = spi;
    if (wanted == null && rest.size() == 3) {
      wanted = rest.removeFirst();
    }
    if (wanted == null || rest.size() != 2) {
      throw new InputException(
          words.isEmpty()
              ? "no plugin is named"
              : "name, SPI and folder of a plugin are three words, and these are "
                  + (spi == null ? words.size() : words.size() + 1),
          spi == null
              ? "mm new-plugin " + String.join(" ", words)
              : "mm new-plugin --spi " + spi + " " + String.join(" ", words),
          "NAME --spi SPI DIR, or SPI NAME DIR");
    }
    Start start = Start.of(wanted, spi == null ? "mm new-plugin " + wanted : "--spi " + spi);
    String name = rest.getFirst();
    String inPackage =
        packageName == null ? PluginProject.defaultPackage(group, name) : packageName;
    PluginProject project = new PluginProject(start, name, group, inPackage, Commands.typed());
    refuseTaken(start, name);
    Path folder = Path.of(rest.getLast());
    int files = project.write(folder);
    io.out().println(folder + ": " + files + " files, from mm4j's own " + start.plugin());
    io.out().println();
    io.out().println("  mvn -B verify -f " + folder + "    builds it and runs every rule on it");
    io.out()
        .println(
            "  "
                + Commands.typed()
                + " check "
                + wanted
                + "="
                + name
                + " --plugins-path "
                + folder
                + "/target");
    if (!start.compare().isEmpty()) {
      io.out()
          .println(
              "  "
                  + Commands.typed()
                  + " "
                  + start.compare()
                  + name
                  + " --plugins-path "
                  + folder
                  + "/target");
    }
    return Main.GOOD;
  }

  /** Two plugins of one name cannot be told apart. */
  private static void refuseTaken(Start start, String name) {
    List<String> taken =
        PluginRegistry.discover().plugins(start.spi()).stream().map(PluginInfo::name).toList();
    if (taken.contains(name)) {
      throw new InputException(
          "mm4j has a " + start.spi() + " plugin '" + name + "'",
          "NAME",
          "a name other than " + String.join(", ", taken));
    }
  }
}
