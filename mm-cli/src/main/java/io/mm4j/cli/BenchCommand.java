// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.text.Table;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code mm bench}: the project's benchmarks. They are a module of their own with JMH, which is not
 * on the module path of {@code mm}: each runs in a JVM of its own, on a class path that {@code
 * ./mm} names.
 */
@Command(
    sortOptions = false,
    description = {
      "Runs the project's benchmarks beside their peers and prints ratios: CPU time in rounds, in"
          + " which they and their peers take turns. docs/performance.md says how and has the"
          + " figures that were taken.",
      "",
      "They are built once, which takes minutes; peers in C need gcc.",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm bench --list",
      "  mm bench page",
      "  mm bench page vmalloc --rounds 3     (a round takes minutes)",
    })
final class BenchCommand extends MmCommand {
  /** The folders of the class path, which {@code ./mm} says. */
  private static final String CLASS_PATH = "mm.bench.classpath";

  /** Set by {@code ./mm} before it builds them: only the command line is looked at. */
  private static final String CHECKED = "mm.bench.check";

  private static final String SOURCES = "mm.bench.sources";
  private static final int MOST_ROUNDS = 1000;

  /**
   * One of them.
   *
   * @param report its class, below {@code io.mm4j.bench}
   * @param peer the source of its peer in C, or an empty text
   */
  private record Bench(String name, String report, String peer, String about) {}

  private static final List<Bench> ALL =
      List.of(
          new Bench("page", "page.PageReport", "", "pairs of pages beside a stack of ints"),
          new Bench("frame", "frame.FrameReport", "buddy.c", "frame allocators beside C"),
          new Bench("slab", "slab.SlabReport", "malloc.c", "kmalloc beside malloc, Netty, arenas"),
          new Bench("table", "table.TranslateReport", "", "translations beside a bare walk"),
          new Bench("vmalloc", "vmalloc.VmallocReport", "", "areas beside pages mapped singly"),
          new Bench("vma", "vma.VmaIndexReport", "", "VMA indexes beside java.util.TreeMap"),
          new Bench("mmap", "vma.MmapPairReport", "mmap_pair.c", "mmap + munmap beside Linux"),
          new Bench("fault", "fault.FaultReport", "fault_fork.c", "faults and fork beside Linux"),
          new Bench("trace", "trace.TraceReport", "", "each kind of tracing beside none"));

  @Parameters(arity = "0..*", paramLabel = "NAME", description = "Which; see --list.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--list", description = "Lists them.")
  private boolean list;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "How many rounds, 1 by default; what is printed is their median.")
  private @Nullable String rounds;

  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    if (list) {
      Table table =
          new Table(
              List.of(Table.column("name", "NAME"), Table.column("about", "WHAT IT MEASURES")));
      ALL.forEach(bench -> table.add(bench.name(), bench.about()));
      output.print(io, "benchmarks", table);
      return Main.GOOD;
    }
    if (output.json() || output.csv()) {
      throw new InputException(
          "reports are text", output.json() ? "--json" : "--csv", "with --list only");
    }
    if (names.isEmpty()) {
      throw new InputException("no benchmark is named", "mm bench", allowed());
    }
    List<Bench> chosen = names.stream().map(BenchCommand::find).toList();
    long count = rounds == null ? 1 : Sizes.parseNumber(rounds, "--rounds");
    if (count < 1 || count > MOST_ROUNDS) {
      throw new InputException(count + " rounds", "--rounds " + rounds, "1 to " + MOST_ROUNDS);
    }
    if (Boolean.getBoolean(CHECKED)) {
      return Main.GOOD;
    }
    String classPath = System.getProperty(CLASS_PATH, "");
    if (classPath.isEmpty()) {
      throw new InputException(
          "the benchmarks and JMH are no part of this image",
          "mm bench " + String.join(" ", names),
          "./mm bench in a clone, which builds them; --list");
    }
    String gap = "";
    for (Bench bench : chosen) {
      io.out().println(gap + bench.name() + ": " + bench.about());
      gap = System.lineSeparator();
      io.out().flush();
      int code = measured(bench, classPath, count);
      if (code != 0) {
        io.err().println("mm bench: " + bench.name() + " ended with exit code " + code);
        return Main.INTERNAL;
      }
    }
    return Main.GOOD;
  }

  private static String allowed() {
    return String.join(", ", ALL.stream().map(Bench::name).toList()) + "; --list";
  }

  private static Bench find(String name) {
    return ALL.stream()
        .filter(bench -> bench.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "there is no benchmark '"
                        + name
                        + "'"
                        + Nearest.hint(name, ALL.stream().map(Bench::name).toList()),
                    "mm bench " + name,
                    allowed()));
  }

  private static int measured(Bench bench, String classPath, long rounds) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(expanded(classPath));
    command.add("io.mm4j.bench." + bench.report());
    if (!bench.peer().isEmpty()) {
      command.add(Path.of(System.getProperty(SOURCES, ""), bench.peer()).toString());
    }
    command.add(Long.toString(rounds));
    try {
      return new ProcessBuilder(command).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw new InputException(
          "it cannot be started: " + WhyNot.of(e), "mm bench " + bench.name(), "a JDK");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Main.INTERNAL;
    }
  }

  /** JMH gives its class path to other JVMs as it is, so a folder of jars is written out. */
  private static String expanded(String classPath) {
    List<String> parts = new ArrayList<>();
    for (String part : classPath.split(File.pathSeparator, -1)) {
      Path folder = Path.of(part);
      parts.add(part);
      if (Files.isDirectory(folder)) {
        try (var jars = Files.list(folder)) {
          jars.map(Path::toString).filter(jar -> jar.endsWith(".jar")).sorted().forEach(parts::add);
        } catch (IOException e) {
          throw new InputException("it cannot be read: " + WhyNot.of(e), part, "a folder of jars");
        }
      }
    }
    return String.join(File.pathSeparator, parts);
  }
}
