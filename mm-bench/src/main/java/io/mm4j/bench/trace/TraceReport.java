// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.trace.Checks;
import io.mm4j.trace.FaultKnobs;
import io.mm4j.trace.FtraceText;
import io.mm4j.trace.FunctionGraph;
import io.mm4j.trace.JfrEvents;
import io.mm4j.trace.KmemRecording;
import io.mm4j.trace.TraceAgent;
import io.mm4j.trace.TraceSink;
import io.mm4j.trace.Tracer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What each kind of tracing makes of a request: CPU time of the thread for a pair of pages, a pair
 * of objects, and a page that is mapped, touched and unmapped, without tracing and with it. The
 * kinds take turns in rounds, the least of each counts. Text goes nowhere, recordings to a folder
 * that is deleted. The function graph is measured if the JVM was started with the agent.
 */
public final class TraceReport {
  private static final int PAIRS = 2000;
  private static final int WARM_UP = 30;

  private TraceReport() {}

  /** Runs {@code args[0]} rounds, 5 without. */
  public static void main(String[] args) throws IOException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
    Map<String, Function<Path, @Nullable Tracer>> kinds = new LinkedHashMap<>();
    kinds.put("off", folder -> null);
    kinds.put("wrapped, nobody listens", folder -> Tracer.to(new TraceSink() {}));
    kinds.put("--inject, nothing fails", folder -> injecting());
    kinds.put("kmem", folder -> Tracer.to(new KmemRecording(folder.resolve("kmem"), "report")));
    kinds.put("jfr", folder -> Tracer.to(new JfrEvents(folder.resolve("report.jfr"))));
    kinds.put("ftrace", folder -> Tracer.to(new FtraceText(nowhere())));
    kinds.put("--check", folder -> Tracer.to(new Checks(finding -> {})));
    Map<String, double[]> best = new LinkedHashMap<>();
    for (int round = 1; round <= rounds; round++) {
      System.err.printf("round %d of %d%n", round, rounds);
      for (Map.Entry<String, Function<Path, @Nullable Tracer>> kind : kinds.entrySet()) {
        measured(kind.getKey(), kind.getValue(), WARM_UP, best);
      }
      if (TraceAgent.isThere()) {
        FunctionGraph graph = new FunctionGraph(nowhere(), 0, Set.of());
        try (TraceAgent.Installed _ = TraceAgent.graph(graph, Set.of())) {
          measured("function_graph", folder -> null, WARM_UP / 10, best);
        }
      }
    }
    print(best, System.out);
  }

  /** Both kinds of faults, which are asked for each time and come one time in 2^31. */
  private static Tracer injecting() {
    String never = "probability=100,interval=2147483647,times=1";
    return Tracer.to(new TraceSink() {})
        .failPageAlloc(FaultKnobs.parse("fail_page_alloc", never, 1))
        .failslab(FaultKnobs.parse("failslab", never, 1));
  }

  private static PrintStream nowhere() {
    return new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
  }

  private static MachineConfig config(PluginRegistry registry) {
    return new MachineConfig().memory(256L << 20).contents(Contents.TABLES).registry(registry);
  }

  private static void measured(
      String name, Function<Path, @Nullable Tracer> kind, int windows, Map<String, double[]> best)
      throws IOException {
    Path folder = Files.createTempDirectory("mm-trace");
    PluginRegistry found = PluginRegistry.discover();
    try (Tracer tracer = kind.apply(folder);
        Machine machine = config(tracer == null ? found : tracer.trace(found)).boot()) {
      double[] ns = best.computeIfAbsent(name, n -> new double[] {1e9, 1e9, 1e9});
      for (int i = 0; i < windows; i++) {
        ns[0] = Math.min(ns[0], pages(machine));
        ns[1] = Math.min(ns[1], objects(machine));
        ns[2] = Math.min(ns[2], touches(machine));
      }
    } finally {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static long cpuNs() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static double pages(Machine machine) {
    Cpu cpu = machine.cpus().get(0);
    PageAllocator pages = machine.pages();
    long start = cpuNs();
    for (int i = 0; i < PAIRS; i++) {
      pages.freePages(cpu, pages.allocPages(cpu, Gfp.GFP_KERNEL, 0), 0);
    }
    return (cpuNs() - start) / (double) PAIRS;
  }

  private static double objects(Machine machine) {
    Cpu cpu = machine.cpus().get(0);
    SlabAllocator slabs = machine.slabs();
    long start = cpuNs();
    for (int i = 0; i < PAIRS; i++) {
      slabs.kfree(cpu, slabs.kmalloc(cpu, 100, Gfp.GFP_KERNEL));
    }
    return (cpuNs() - start) / (double) PAIRS;
  }

  private static double touches(Machine machine) {
    AddressSpace space = machine.processes().spawn();
    long prot = Uapi.PROT_READ | Uapi.PROT_WRITE;
    long flags = Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS;
    long start = cpuNs();
    for (int i = 0; i < PAIRS / 4; i++) {
      long at = space.mmap(0, 4096, prot, flags, -1, 0);
      if (!space.write(at, 1).ok()) {
        throw new IllegalStateException("a touch failed: address=0x" + Long.toHexString(at));
      }
      var _ = space.munmap(at, 4096);
    }
    double ns = (cpuNs() - start) / (PAIRS / 4.0);
    space.exit();
    return ns;
  }

  private static void print(Map<String, double[]> best, PrintStream out) {
    double[] off = best.getOrDefault("off", new double[3]);
    out.printf(
        "%-24s %22s %22s %22s%n",
        "", "a page, out and back", "kmalloc + kfree", "map, touch, unmap");
    best.forEach(
        (name, ns) -> {
          out.printf("%-24s", name);
          for (int i = 0; i < ns.length; i++) {
            out.printf(" %22s", "%.0f ns %.1fx".formatted(ns[i], ns[i] / off[i]));
          }
          out.println();
        });
  }
}
