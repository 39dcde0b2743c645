// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.explain.BootExplainer;
import io.mm4j.cli.explain.CallExplainer;
import io.mm4j.cli.explain.CallScript;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.explain.PageExplainer;
import io.mm4j.cli.explain.SlabExplainer;
import io.mm4j.cli.proc.Scene;
import io.mm4j.cli.text.Json;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm explain}: picks the explainer of the named operation. */
@Command(
    sortOptions = false,
    description = {
      "Does an operation step by step, with the reason for each step: which zone and which block,"
          + " where a mapping is placed and why, what merges with what and why not, which limit"
          + " decided.",
      "",
      "Operations on pages, on a machine that has just booted:",
      "  alloc_pages GFP ORDER",
      "Requests to the slab allocator of such a machine:",
      "  kmalloc, kzalloc SIZE [GFP]   krealloc ADDR SIZE [GFP]   kfree ADDR",
      "  kmem_cache_create NAME SIZE [ALIGN]   kmem_cache_alloc CACHE [GFP]",
      "  kmem_cache_free CACHE ADDR   kmem_cache_shrink, kmem_cache_destroy CACHE",
      "The boot of the machine, with what early code may do before memory goes to the zones:",
      "  boot   memblock_reserve, memblock_phys_free START SIZE",
      "  memblock_alloc SIZE [ALIGN [MIN [MAX [NODE]]]]",
      "Calls and touches on the address space of a process:",
      "  mmap [ADDR] LEN [PROT [FLAGS [FD [OFF]]]]   brk [ADDR]",
      "  mremap ADDR OLD_LEN NEW_LEN [FLAGS [NEW_ADDR]]",
      "  munmap, mlock, munlock ADDR LEN   mprotect ADDR LEN PROT   madvise ADDR LEN ADVICE",
      "  mlock2, mseal, msync ADDR LEN [FLAGS]   mlockall [FLAGS]   munlockall",
      "  mincore ADDR LEN [VEC]   setrlimit RESOURCE LIMIT",
      "  read ADDR, write ADDR [VALUE], exec ADDR, touch ADDR [read|write|exec]",
      "",
      "Several calls are made one after the other: quote each, or put ; between them. Flags are in"
          + " the kernel's spelling. An ADDR or LEN is a sum of numbers (4096, 0x1000, 8K, 2M),"
          + " NULL, $1 or r1 (the first call's result), brk, and [heap], [stack], [vdso] (where"
          + " that mapping starts): '$1+4K', brk+64K. A call may also be pasted as strace prints"
          + " it.",
      "",
      "The process is a small static program that has just begun, with /data/file open as 3 (and"
          + " read-only as 4), /dev/shm/file as 5, /dev/zero as 6; or, with --after, a recorded"
          + " one, whose open files are called D1, D2 ...",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm explain alloc_pages GFP_KERNEL 3",
      "  mm explain 'kmalloc 100 GFP_KERNEL' 'kfree $1'",
      "  mm explain boot --memory 1G --cmdline 'mem=512M kernelcore=50%'",
      "  mm explain boot 'memblock_reserve 16M 32M' 'memblock_alloc 64K 4K 0 16M'",
      "  mm explain mmap 2M",
      "  mm explain 'mmap 12K' 'mprotect $1+4K 4K PROT_READ' 'munmap $1 4K'",
      "  mm explain 'brk brk+64K; touch brk-1; munmap [stack] 4K'",
      "  mm explain setrlimit RLIMIT_AS 1M ';' mmap 2M",
      "  mm explain mmap 1G --cmdline 'vm.overcommit_memory=2' --memory 512M",
      "  mm explain munmap 0x7ffff7ff0000 4K --after RECORDING.vma.gz --at 17 --pid 2",
    })
final class ExplainCommand extends MmCommand {
  @Parameters(arity = "0..*", paramLabel = "OPERATION", description = "See above.")
  private List<String> words = new ArrayList<>();

  @Option(
      names = "--pid",
      paramLabel = "PID",
      order = 12,
      description = "Which process; 1 by default. Process p0 of a recording is 1, p1 is 2.")
  private @Nullable String pid;

  @Option(
      names = "--privileged",
      order = 13,
      description = "Gives the process CAP_IPC_LOCK, CAP_SYS_ADMIN and CAP_SYS_RAWIO.")
  private boolean privileged;

  @Option(names = "--json", order = 14, description = "Prints JSON.")
  private boolean json;

  @Mixin private SceneOptions scene = new SceneOptions();
  @Mixin private MachineOptions machine = new MachineOptions();

  /** Negative numbers are arguments of calls, not options. */
  @Override
  String[] arguments(String... args) {
    return Arrays.stream(args).map(a -> a.matches("-[0-9].*") ? " " + a : a).toArray(String[]::new);
  }

  @Override
  int run(Io io) {
    List<List<String>> calls = CallScript.split(words);
    if (calls.isEmpty()) {
      throw new InputException(
          "no operation is named",
          "mm explain",
          PageExplainer.FORM
              + ", "
              + BootExplainer.FORM
              + ", "
              + String.join(", ", SlabExplainer.forms())
              + ", "
              + String.join(", ", CallExplainer.forms()));
    }
    if (calls.getFirst().getFirst().equals(PageExplainer.OPERATION)) {
      pages(io, calls);
    } else if (calls.getFirst().getFirst().equals(BootExplainer.OPERATION)) {
      boot(io, calls);
    } else if (SlabExplainer.knows(calls.getFirst().getFirst())) {
      slabs(io, calls);
    } else {
      calls(io, calls);
    }
    return Main.GOOD;
  }

  private void ofMachine(String operation) {
    if (scene.workload() != null || pid != null || privileged) {
      throw new InputException(
          operation + " is done on a machine that has just booted, for no process",
          "mm explain",
          operation + " without --after, --pid and --privileged");
    }
  }

  private void boot(Io io, List<List<String>> calls) {
    ofMachine(BootExplainer.OPERATION);
    BootExplainer explainer = new BootExplainer(calls);
    print(io, "", Map.of(), List.of(explainer.explain(machine.config(io, machine.registry(io)))));
  }

  private void pages(Io io, List<List<String>> calls) {
    ofMachine(PageExplainer.OPERATION);
    List<PageExplainer> explainers = new ArrayList<>();
    for (List<String> call : calls) {
      if (!call.getFirst().equals(PageExplainer.OPERATION)) {
        throw new InputException(
            "'" + call.getFirst() + "' does not go with alloc_pages",
            "mm explain",
            "operations of one kind at once: " + PageExplainer.FORM);
      }
      explainers.add(new PageExplainer(call));
    }
    try (Machine booted = machine.config(io, machine.registry(io)).boot()) {
      List<Explanation> explanations = new ArrayList<>();
      explainers.forEach(e -> explanations.add(e.explain(booted)));
      print(io, "", Map.of(), explanations);
    }
  }

  private void slabs(Io io, List<List<String>> calls) {
    ofMachine(calls.getFirst().getFirst());
    calls.forEach(SlabExplainer::check);
    try (Machine booted = machine.configWithKernelBytes(io, machine.registry(io)).boot()) {
      SlabExplainer explainer = new SlabExplainer(booted);
      List<Explanation> explanations = new ArrayList<>();
      for (List<String> call : calls) {
        explanations.add(explainer.explain(call));
      }
      print(io, "", Map.of(), explanations);
    }
  }

  private void calls(Io io, List<List<String>> calls) {
    calls.forEach(CallExplainer::check);
    String typed = pid == null ? "1" : pid.strip();
    long number = Sizes.parseNumber(typed.replaceFirst("^p", ""), "--pid " + typed);
    long wanted = typed.startsWith("p") ? number + 1 : number;
    if (privileged && scene.workload() != null) {
      throw new InputException(
          "a recorded process has the capabilities that it was recorded with",
          "--privileged",
          "without --after");
    }
    scene.show(io, machine, false, privileged, shown -> explain(io, calls, shown, wanted));
  }

  private void explain(Io io, List<List<String>> calls, Scene shown, long wanted) {
    RunningProcess process = shown.process(wanted, pid == null ? "--pid" : "--pid " + pid);
    String workload = scene.workload();
    String title =
        String.format(
            "process %d: %s, %d VMAs",
            process.pid(),
            workload == null ? "a static program that has just begun" : "after " + workload,
            process.mm().fields().mapCount());
    CallExplainer explainer = new CallExplainer(process);
    List<Explanation> explanations = new ArrayList<>();
    for (List<String> call : calls) {
      try {
        explanations.add(explainer.explain(call));
      } catch (InputException e) {
        if (!json && !explanations.isEmpty()) {
          print(io, title, Map.of(), explanations);
        }
        throw e;
      }
    }
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("pid", process.pid());
    if (workload != null) {
      data.put("after", workload);
    }
    print(io, title, data, explanations);
  }

  private void print(
      Io io, String title, Map<String, Object> data, List<Explanation> explanations) {
    if (json) {
      Map<String, Object> object = new LinkedHashMap<>(data);
      object.put("calls", explanations.stream().map(Explanation::toMap).toList());
      io.out().println(Json.write(object));
      return;
    }
    if (!title.isEmpty()) {
      io.out().println(title);
    }
    for (int i = 0; i < explanations.size(); i++) {
      String number = explanations.size() == 1 ? "" : "$" + (i + 1) + "  ";
      if (i > 0 || !title.isEmpty()) {
        io.out().println();
      }
      io.out().print(number + explanations.get(i).toText());
    }
  }
}
