// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.trace.Checks;
import io.mm4j.trace.FaultKnobs;
import io.mm4j.trace.FtraceText;
import io.mm4j.trace.FunctionGraph;
import io.mm4j.trace.JfrEvents;
import io.mm4j.trace.KmemRecording;
import io.mm4j.trace.Sinks;
import io.mm4j.trace.TraceAgent;
import io.mm4j.trace.TraceSink;
import io.mm4j.trace.Tracer;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm trace}: any other command, with its events. */
@Command(
    sortOptions = false,
    description =
        "Runs another command on plugins that are watched at their SPI, whoever wrote them, and"
            + " writes what they do: ftrace (the kernel's tracepoints as text), function_graph (the"
            + " calls inside them), kmem (a recording for mm replay), jfr (for JMC and jfr print)."
            + " Events go to stdout and the command's own output to stderr; with -o events go to"
            + " the file, or folder for kmem, and the output stays where it was.",
    footer = {
      "",
      "Examples:",
      "  mm trace explain 'alloc_pages GFP_KERNEL 3; free_pages $1 3'",
      "  mm trace --format function_graph explain 'kmalloc 100'",
      "  mm trace --format kmem -o my-run run frag_pipe --memory 2G --plugin frame-allocator=buddy",
      "  mm replay my-run",
      "  mm trace --format jfr -o run.jfr run frag_pipe --memory 2G",
      "  mm trace --inject fail_page_alloc=probability=1,times=-1 --check run frag_pipe --memory"
          + " 2G",
    })
final class TraceCommand extends MmCommand {
  private static final List<String> FORMATS = List.of("ftrace", "function_graph", "kmem", "jfr");
  private static final List<String> WITHOUT_MACHINE =
      List.of("trace", "new-plugin", "plugins", "bench");

  /** Of one defect there may be thousands. */
  private static final int MOST_FINDINGS = 20;

  @Option(
      names = "--format",
      paramLabel = "FORM",
      description = "ftrace (default), function_graph, kmem or jfr.")
  private String format = "ftrace";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where events go; a new folder for kmem. Needed for kmem and jfr.")
  private @Nullable Path file;

  @Option(
      names = "--inject",
      paramLabel = "FAULT=KNOBS",
      description =
          "failslab or fail_page_alloc with the kernel's knobs, as its boot parameter"
              + " (INTERVAL,PROBABILITY,SPACE,TIMES) or by name (probability=, interval=, times=,"
              + " space=, min-order=, ignore-gfp-wait=, ignore-gfp-highmem=, verbose=, nth=,"
              + " cache-filter=CACHE, require=FUNCTION, reject=FUNCTION, stacktrace-depth=)."
              + " Once for each.")
  private List<String> injections = new ArrayList<>();

  @Option(
      names = "--check",
      description =
          "Looks whether blocks, pages, objects and kernel addresses are given out or freed twice,"
              + " and says at the end who holds those that are left.")
  private boolean check;

  @Option(
      names = "--graph-function",
      split = ",",
      paramLabel = "NAME",
      description = "Of function_graph: only these functions and what they call.")
  private List<String> roots = new ArrayList<>();

  @Option(
      names = "--max-depth",
      paramLabel = "N",
      description = "Of function_graph: how deep calls are shown; 0 (default) for all.")
  private String depth = "0";

  @Option(
      names = "--packages",
      split = ",",
      paramLabel = "NAME",
      description = "Of function_graph: packages of other plugins, whose calls are shown, too.")
  private List<String> packages = new ArrayList<>();

  @Option(names = "--seed", paramLabel = "N", description = "Seed of --inject, 1 by default.")
  private String seed = "1";

  @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "A command with its options.")
  private List<String> command = new ArrayList<>();

  @Override
  boolean takesCommand() {
    return true;
  }

  @Override
  int run(Io io) {
    checkArguments();
    FaultKnobs pages = knobs(io, "fail_page_alloc");
    FaultKnobs slab = knobs(io, "failslab");
    Path to = file;
    boolean text = format.equals("ftrace") || format.equals("function_graph");
    try (PrintStream opened = text && to != null ? open(to) : null) {
      PrintStream events = opened == null ? io.out() : opened;
      int code = traced(io, events, text && to == null, pages, slab);
      if (opened != null && opened.checkError()) {
        throw new InputException(
            "the events cannot be written", "-o " + to, "a file on a disk with room");
      }
      events.flush();
      return code;
    }
  }

  private void checkArguments() {
    if (!FORMATS.contains(format)) {
      throw new InputException(
          "there is no format '" + format + "'", "--format", String.join(", ", FORMATS));
    }
    if (command.isEmpty() || WITHOUT_MACHINE.contains(command.getFirst())) {
      throw new InputException(
          command.isEmpty() ? "no command is named" : command.getFirst() + " boots no machine",
          "mm trace",
          "another command with its options: explain, run, replay, cat, translate ...");
    }
    Commands.Entry _ = Commands.find(command.getFirst());
    if (file == null && (format.equals("kmem") || format.equals("jfr"))) {
      throw new InputException(
          "nobody says where it goes",
          "--format " + format,
          format.equals("kmem") ? "-o FOLDER, a new one" : "-o FILE");
    }
    boolean graph = format.equals("function_graph");
    if (!graph && (!roots.isEmpty() || !packages.isEmpty() || !depth.equals("0"))) {
      throw new InputException(
          "--graph-function, --max-depth and --packages have no effect here",
          "--format " + format,
          "them with --format function_graph");
    }
    if (graph && !TraceAgent.isThere()) {
      throw new InputException(
          "the calls inside plugins are seen by a Java agent, and there is none",
          "--format function_graph",
          "./mm, which starts it; or java -javaagent:mm-trace.jar");
    }
    if (!seed.equals("1") && injections.isEmpty()) {
      throw new InputException("--seed has no effect here", "--seed", "it with --inject");
    }
  }

  private static PrintStream open(Path path) {
    try {
      return new PrintStream(Files.newOutputStream(path), false, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InputException(
          "it cannot be written: " + WhyNot.of(e), "-o " + path, "a file that can be written");
    }
  }

  private int traced(
      Io io,
      PrintStream events,
      boolean apart,
      @Nullable FaultKnobs pages,
      @Nullable FaultKnobs slab) {
    AtomicLong told = new AtomicLong();
    Checks checks =
        check
            ? new Checks(
                finding -> {
                  if (told.getAndIncrement() < MOST_FINDINGS) {
                    io.warn("trace: " + finding);
                  }
                })
            : null;
    List<TraceSink> sinks = new ArrayList<>();
    FtraceText ftrace = new FtraceText(events);
    if (checks != null) {
      sinks.add(checks);
    }
    switch (format) {
      case "ftrace" -> sinks.add(ftrace);
      case "kmem" -> sinks.add(new KmemRecording(to(), "mm " + String.join(" ", command)));
      case "jfr" -> sinks.add(new JfrEvents(to()));
      default -> {
        // function_graph has an agent instead
      }
    }
    int code;
    try (Tracer tracer = Tracer.to(new Sinks(sinks)).failPageAlloc(pages).failslab(slab)) {
      boolean wraps = !sinks.isEmpty() || pages != null || slab != null;
      Io inner =
          new Io(
              apart ? io.err() : io.out(),
              io.err(),
              io.terminal(),
              registry -> wraps ? tracer.trace(registry) : registry);
      code = format.equals("function_graph") ? graphed(inner, events) : commandOf(inner);
    }
    if (format.equals("ftrace") && code != Main.WRONG_INPUT && code != Main.INTERNAL) {
      ftrace.header(); // of a trace without events, too
    }
    tell(io, "fail_page_alloc", pages);
    tell(io, "failslab", slab);
    if (checks != null) {
      checks.held().forEach(held -> io.err().println("trace: held: " + held));
      if (checks.findings() > MOST_FINDINGS) {
        io.warn("trace: " + (checks.findings() - MOST_FINDINGS) + " more findings are not shown");
      }
      if (checks.findings() > 0) {
        return Main.DIFFERENT;
      }
    }
    return code;
  }

  private static void tell(Io io, String fault, @Nullable FaultKnobs knobs) {
    if (knobs != null) {
      String failed = knobs.failed() + " of " + knobs.asked();
      io.warn("trace: " + fault + ": " + failed + " allocations failed on purpose");
      String met = String.join(", ", knobs.metCaches());
      for (String cache : knobs.unmetCaches()) {
        io.warn(
            String.format(
                "trace: %s: cache-filter=%s: nobody asked for an object of such a cache; they were"
                    + " of %s",
                fault, cache, met.isEmpty() ? "none" : met));
      }
    }
  }

  private int graphed(Io inner, PrintStream events) {
    long most = Sizes.parseNumber(depth, "--max-depth");
    FunctionGraph graph =
        new FunctionGraph(events, (int) Math.min(most, Integer.MAX_VALUE), Set.copyOf(roots));
    try (TraceAgent.Installed _ = TraceAgent.graph(graph, Set.copyOf(packages))) {
      return commandOf(inner);
    }
  }

  private int commandOf(Io inner) {
    return Main.run(inner, command.toArray(String[]::new));
  }

  private Path to() {
    Path path = file;
    if (path == null) {
      throw new IllegalStateException("checkArguments has passed without -o");
    }
    return path;
  }

  private @Nullable FaultKnobs knobs(Io io, String name) {
    FaultKnobs found = null;
    for (String injection : injections) {
      int eq = injection.indexOf('=');
      String fault = eq < 0 ? injection : injection.substring(0, eq);
      if (!List.of("failslab", "fail_page_alloc").contains(fault) || eq < 0) {
        throw new InputException(
            "'" + injection + "' injects nothing", "--inject", "failslab=..., fail_page_alloc=...");
      }
      if (fault.equals(name)) {
        if (found != null) {
          throw new InputException(fault + " is said twice", "--inject", "each of the two once");
        }
        long first = Sizes.parseNumber(seed, "--seed");
        found = FaultKnobs.parse(name, injection.substring(eq + 1), first);
        found.logTo(text -> io.warn("trace: " + text));
      }
    }
    return found;
  }
}
