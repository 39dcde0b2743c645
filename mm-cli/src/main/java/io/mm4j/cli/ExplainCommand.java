// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.explain.BootExplainer;
import io.mm4j.cli.explain.CallExplainer;
import io.mm4j.cli.explain.CallScript;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.explain.PageExplainer;
import io.mm4j.cli.explain.RecordedCalls;
import io.mm4j.cli.explain.SlabExplainer;
import io.mm4j.cli.explain.SortedCalls;
import io.mm4j.cli.explain.SpaceExplainer;
import io.mm4j.cli.explain.TaskExplainer;
import io.mm4j.cli.proc.Scene;
import io.mm4j.cli.shell.FloorsCheck;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.process.ProcessReplay;
import io.mm4j.replay.report.GfpText;
import io.mm4j.replay.report.KernelVersion;
import io.mm4j.replay.report.MemoryReport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
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
      "Operations on pages, on a machine that has just booted, or --after a page trace, a copy of"
          + " buddyinfo, pagetypeinfo or zoneinfo, or a failure report (whose request is taken if"
          + " none is named):",
      "  alloc_pages, __get_free_pages, __get_dma_pages GFP ORDER   alloc_page, get_zeroed_page"
          + " GFP",
      "  alloc_pages_node NODE GFP ORDER   free_pages $N ORDER",
      "Requests to the slab allocator of a machine that has just booted:",
      "  kmalloc, kzalloc SIZE [GFP]   krealloc ADDR SIZE [GFP]   kfree ADDR",
      "  vmalloc, vzalloc, vmalloc_32, vmalloc_huge, kvmalloc SIZE   vfree ADDR",
      "  ioremap PADDR SIZE [MODE]   iounmap ADDR   dma_alloc_coherent SIZE [MASK]",
      "  kmap, kmap_local, kunmap PFN",
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
      "  read ADDR, write ADDR [VALUE], exec ADDR, touch or fault ADDR [read|write|exec]",
      "Calls about files, where FD is a number, or $N of the call that gave it:",
      "  sys_read, sys_write FD [BUFFER] LEN   pread64, pwrite64 FD BUFFER LEN [OFF]",
      "  ftruncate FD LEN   fallocate FD FLAGS OFF LEN   lseek FD OFF [WHENCE]",
      "  fadvise64 FD OFF LEN ADVICE   readahead FD OFF LEN   fsync, close FD",
      "  memfd_create, memfd_secret [FLAGS]   fcntl FD COMMAND [SEALS]",
      "  pipe2 [BUFFER [FLAGS]]   creat, unlink FD (of a file on a mount)",
      "  mount tmpfs|hugetlbfs|hugetlbfs_1g [SIZE [MIN_SIZE]] (opens a new file on it)",
      "Protection keys, with --plugin process=linux:pkeys=true:",
      "  pkey_alloc [FLAGS [RIGHTS]]   pkey_mprotect ADDR LEN PROT [PKEY]   pkey_free PKEY",
      "  wrpkru PKRU   rdpkru",
      "Faults that a program answers itself:",
      "  userfaultfd [FLAGS]   uffdio_api FD [FEATURES]",
      "  uffdio_register FD ADDR LEN [MODE]   uffdio_unregister, uffdio_wake FD ADDR LEN",
      "  uffdio_copy, uffdio_move FD ADDR SRC LEN [MODE]",
      "  uffdio_zeropage, uffdio_continue, uffdio_poison FD ADDR LEN [MODE]",
      "  uffdio_writeprotect FD ADDR LEN [MODE]   sys_read FD [BUFFER] 32 (a message)",
      "Others, of which `mm explain NAME` says how they are typed:",
      "  shmget, shmat, shmdt, shmctl, remap_file_pages, mbind, set_mempolicy, get_mempolicy,",
      "  set_mempolicy_home_node, migrate_pages, move_pages, prctl, process_madvise,",
      "  process_vm_readv, process_vm_writev, pagemap_scan, clear_refs, setuid, setgid",
      "Tasks, with what fork, exec, exit and a context switch do to address spaces and counts:",
      "  fork, vfork   execve FILE [ARG...]   exit   wait [PID]   kthread NAME",
      "  switch PID (goes on in that one)   in PID CALL (makes one call there)",
      "",
      "Several calls are made one after the other: quote each, or put ; between them. Flags are in"
          + " the kernel's spelling. An ADDR or LEN is a sum of numbers (4096, 0x1000, 8K, 2M),"
          + " NULL, $1 or r1 (the first call's result), brk, and [heap], [stack], [vdso] (where"
          + " that mapping starts): '$1+4K', brk+64K. Calls may also be pasted as strace prints"
          + " them: results are compared, and addresses in them mean what was placed here. - reads"
          + " the calls from stdin, @FILE from a file, one a line.",
      "",
      "The process is a small static program that has just begun, with /data/file open as 3 (and"
          + " read-only as 4), /dev/shm/file as 5, /dev/zero as 6, /data/file by O_PATH as 7; with"
          + " --maps that of a dump; or, with --after, a recorded one, whose open files are called"
          + " D1, D2 ...",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm explain alloc_pages GFP_KERNEL 3",
      "  mm explain 'kmalloc 100 GFP_KERNEL' 'kfree $1'",
      "  mm explain 'vmalloc 1M' 'vfree $1'",
      "  mm explain boot --memory 1G --cmdline 'mem=512M kernelcore=50%%'",
      "  mm explain boot 'memblock_reserve 16M 32M' 'memblock_alloc 64K 4K 0 16M'",
      "  mm explain mmap 2M",
      "  mm explain 'mmap 12K' 'mprotect $1+4K 4K PROT_READ' 'munmap $1 4K'",
      "  mm explain 'brk brk+64K; touch brk-1; munmap [stack] 4K'",
      "  mm explain 'mmap 8K; fault $1; fork; fault $1'",
      "  mm explain 'fork; in $1 mmap 8K; switch $1; execve /bin/true; exit; switch 1; wait'",
      "  mm explain 'userfaultfd UFFD_USER_MODE_ONLY; uffdio_api $1; mmap 8K;"
          + " uffdio_register $1 $3 8K; read $3; uffdio_zeropage $1 $3 4K; read $3'",
      "  mm explain setrlimit RLIMIT_AS 1M ';' mmap 2M",
      "  mm explain mmap 1G --cmdline 'vm.overcommit_memory=2' --memory 512M",
      "  mm explain munmap 0x7ffff7ff0000 4K --after RECORDING.vma.gz --at 17 --pid 2",
      "  mm explain --after RECORDING.vma.gz --calls 15-17",
      "  mm explain mmap 1G --maps PROCESS.maps --rlimit AS=4G",
      "  mm explain 'alloc_pages GFP_KERNEL 3; free_pages $1 3' --markdown",
      "  mm explain alloc_pages GFP_ATOMIC 4 --after buddyinfo.txt",
      "  mm explain --after dmesg-with-page-allocation-failure.txt",
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
      description =
          "Makes it a process of root: CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_ADMIN, CAP_SYS_NICE,"
              + " CAP_SYS_PTRACE, CAP_SYS_RAWIO and CAP_SYS_RESOURCE.")
  private boolean privileged;

  @Option(
      names = "--calls",
      paramLabel = "A[-[B]]",
      order = 11,
      description =
          "With recorded system calls: explains calls A to B of the recording itself; 20 for one,"
              + " 20- for all from there.")
  private @Nullable String recorded;

  @Mixin private ExplanationForm form = new ExplanationForm();
  @Mixin private SceneOptions scene = new SceneOptions();
  @Mixin private MachineOptions machine = new MachineOptions();

  /** Negative numbers are arguments of calls, not options. */
  @Override
  String[] arguments(String... args) {
    return Arrays.stream(args).map(a -> a.matches("-[0-9].*") ? " " + a : a).toArray(String[]::new);
  }

  @Override
  int run(Io io) {
    form.check();
    List<CallScript.Typed> calls = script();
    if (recorded != null) {
      return recorded(io, recorded, calls);
    }
    if (calls.isEmpty()) {
      calls = reported();
    }
    String first = calls.getFirst().name();
    if (first.equals(BootExplainer.OPERATION)) {
      boot(io, calls);
      return Main.GOOD;
    }
    if (SlabExplainer.knows(first)) {
      onBooted(
          io,
          "requests to the slab allocator",
          calls,
          SlabExplainer::check,
          booted -> new SlabExplainer(booted)::explain);
      return Main.GOOD;
    }
    if (SpaceExplainer.knows(first)) {
      onBooted(
          io,
          "requests for the kernel's own mappings",
          calls,
          SpaceExplainer::check,
          booted -> new SpaceExplainer(booted)::explain);
      return Main.GOOD;
    }
    List<CallScript.Typed> known = calls;
    boolean pages = known.stream().anyMatch(call -> PageExplainer.knows(call.name()));
    boolean others = known.stream().anyMatch(call -> !PageExplainer.knows(call.name()));
    if (pages && !others) {
      pages(io, known);
      return Main.GOOD;
    }
    return calls(io, known);
  }

  /** The calls of a recording. */
  private int recorded(Io io, String range, List<CallScript.Typed> typed) {
    if (!typed.isEmpty() || pid != null || privileged) {
      throw new InputException(
          "--calls explains the recording's own calls, made by its own processes",
          "--calls " + range,
          "without OPERATION, --pid and --privileged");
    }
    String where = "--calls " + range;
    int dash = range.indexOf('-');
    long first = Sizes.parseNumber(dash < 0 ? range : range.substring(0, dash), where);
    String end = dash < 0 ? range : range.substring(dash + 1);
    long last = end.isEmpty() ? ProcessReplay.AT_END : Sizes.parseNumber(end, where);
    if (first < 1 || last < first) {
      throw new InputException("there are no such calls", where, "A-B with 1 <= A <= B");
    }
    List<Explanation> explanations = new ArrayList<>();
    RecordedCalls watcher = new RecordedCalls(first, last, explanations::add);
    scene.watch(io, machine, first, last, watcher);
    String workload = String.valueOf(scene.workload());
    print(io, "calls of " + workload, Map.of("after", workload), explanations);
    return watcher.differs() ? Main.DIFFERENT : Main.GOOD;
  }

  /** What was typed; {@code -} is standard input, {@code @FILE} a file. */
  private List<CallScript.Typed> script() {
    if (words.size() == 1 && (words.getFirst().equals("-") || words.getFirst().startsWith("@"))) {
      String name = words.getFirst();
      String text = Texts.all(name.equals("-") ? name : name.substring(1), "mm explain " + name);
      return CallScript.lines(text);
    }
    if (words.size() == 1) {
      Operations.refuseFile(words.getFirst());
    }
    return CallScript.split(words);
  }

  /** Nothing was typed: the request of a failure report. */
  private List<CallScript.Typed> reported() {
    Workload after = scene.find();
    if (after instanceof Workload.Report report && report.report().order() >= 0) {
      return List.of(request(report.report()));
    }
    throw Operations.noneNamed(after);
  }

  private static boolean isOf(MemoryReport report, CallScript.Typed call) {
    return report.order() >= 0 && call.words().equals(request(report).words());
  }

  private static CallScript.Typed request(MemoryReport report) {
    int gfp = GfpText.parse(report.mode(), report.version(), "the report");
    int served = report.onItsZones(gfp);
    String flags = served == gfp ? report.mode() : Gfp.format(served);
    return new CallScript.Typed(
        List.of(PageExplainer.OPERATION, flags, Integer.toString(Math.max(0, report.order()))),
        null,
        false);
  }

  private void boot(Io io, List<CallScript.Typed> calls) {
    String operation = BootExplainer.OPERATION;
    refuseProcess(
        operation + " begins with a machine that is not there yet, for no process",
        operation + " without");
    machine
        .given()
        .refuse(
            "boot is shown by its books: no byte is looked at, and no CPU has pages yet",
            "--contents",
            "--cpus",
            "--cpu-nodes");
    machine.given().refuseSeed();
    BootExplainer explainer = new BootExplainer(words(calls));
    MachineConfig config = machine.config(io, machine.registry(io));
    boolean processes = machine.parameters().fillHugePools();
    print(io, "", Map.of(), List.of(explainer.explain(config, processes)));
  }

  private void pages(Io io, List<CallScript.Typed> typed) {
    if (pid != null || privileged) {
      throw new InputException(
          "requests for pages are made by no process",
          pid != null ? "--pid" : "--privileged",
          "without --pid and --privileged");
    }
    scene.refuseLimits("requests for pages are made by no process");
    MemoryReport report = scene.find() instanceof Workload.Report found ? found.report() : null;
    KernelVersion version = report == null ? null : report.version();
    List<CallScript.Typed> calls = new ArrayList<>();
    for (CallScript.Typed call : typed) {
      boolean alone = call.words().size() == 1 && call.name().equals(PageExplainer.OPERATION);
      calls.add(alone && report != null && report.order() >= 0 ? request(report) : call);
    }
    List<Integer> flags =
        calls.stream().map(call -> PageExplainer.check(call.words(), version)).toList();
    scene.showMachine(
        io,
        machine,
        flags.getFirst(),
        booted -> {
          PageExplainer explainer = new PageExplainer(booted, version, new ArrayList<>());
          List<Explanation> explanations = new ArrayList<>();
          for (int i = 0; i < calls.size(); i++) {
            boolean first = i == 0 && report != null && isOf(report, calls.getFirst());
            MemoryReport own = first ? report : null;
            NodeMask nodes = own == null ? null : own.nodes(flags.getFirst());
            Explanation one = explainer.explain(calls.get(i).words(), nodes);
            if (own != null) {
              // The same request as the report's: if it is served here, that needs a reason.
              boolean served = !one.result().equals(PageExplainer.NO_PAGE);
              one = served ? one.because(own.whyRefused(flags.getFirst())) : one;
            }
            explanations.add(one);
          }
          print(io, title(report), Map.of(), explanations);
          if (scene.workload() == null) {
            FloorsCheck.all(booted);
          } else {
            booted.validate(); // a report's sums need not agree with each other
          }
        });
  }

  /**
   * Requests of one kind, on a machine that has just booted.
   *
   * @param kind in words
   * @param check throws if a request is wrong
   * @param explainer what explains them on a machine
   */
  private void onBooted(
      Io io,
      String kind,
      List<CallScript.Typed> typed,
      Consumer<List<String>> check,
      Function<Machine, Function<List<String>, Explanation>> explainer) {
    refuseProcess(kind + " are made on a machine that has just booted, by no process", "without");
    machine.given().refuseSeed();
    List<List<String>> calls = words(typed);
    calls.forEach(check);
    try (Machine booted = machine.withKernelBytes(io, machine.registry(io)).boot()) {
      Function<List<String>, Explanation> explains = explainer.apply(booted);
      List<Explanation> explanations = new ArrayList<>();
      for (List<String> call : calls) {
        explanations.add(explains.apply(call));
      }
      print(io, "", Map.of(), explanations);
      FloorsCheck.all(booted);
    }
  }

  private static List<List<String>> words(List<CallScript.Typed> calls) {
    return calls.stream().map(CallScript.Typed::words).toList();
  }

  /** For operations that no process asks for. */
  private void refuseProcess(String why, String without) {
    if (scene.given() || pid != null || privileged) {
      throw new InputException(
          why, "mm explain", without + " --after, --at, --maps, --rlimit, --pid and --privileged");
    }
  }

  private String title(@Nullable MemoryReport report) {
    String workload = scene.workload();
    if (workload == null) {
      return "";
    }
    String of =
        report == null || report.order() < 0
            ? ""
            : ", whose request failed with order " + report.order() + " and " + report.mode();
    String release = report == null ? "" : report.release();
    String zones = report == null || report.order() < 0 ? "" : otherZone(report);
    return "after " + workload + of + (release.isEmpty() ? "" : ", " + release) + zones;
  }

  private static String otherZone(MemoryReport report) {
    int gfp = GfpText.parse(report.mode(), report.version(), "the report");
    return report.onItsZones(gfp) == gfp
        ? ""
        : "; its kernel has no zone "
            + Gfp.highestZone(gfp).procName()
            + ", so its lowest zone serves instead";
  }

  private int calls(Io io, List<CallScript.Typed> typed) {
    SortedCalls calls = SortedCalls.of(typed, scene.workload() != null);
    if (!calls.passedOver().isEmpty()) {
      io.warn("pasted calls that are not explained: " + String.join(", ", calls.passedOver()));
    }
    calls.check();
    String asked = pid == null ? "1" : pid.strip();
    long number = Sizes.parseNumber(asked.replaceFirst("^p", ""), "--pid " + asked);
    long wanted = asked.startsWith("p") ? number + 1 : number;
    if (privileged && scene.workload() != null) {
      throw new InputException(
          "a recorded process has the capabilities that it was recorded with",
          "--privileged",
          "without --after and --maps");
    }
    // Policies name the machine's nodes, and its page tables say which addresses there are.
    scene.onMachine(machine.hasNodes() || machine.namesTables());
    boolean[] differs = new boolean[1];
    scene.show(
        io, machine, false, privileged, shown -> differs[0] = explain(io, calls, shown, wanted));
    return differs[0] ? Main.DIFFERENT : Main.GOOD;
  }

  private boolean explain(Io io, SortedCalls calls, Scene shown, long wanted) {
    RunningProcess process = shown.process(wanted, pid == null ? "--pid" : "--pid " + pid);
    String workload = scene.workload();
    String title =
        String.format(
            "process %d: %s, %d VMAs",
            process.pid(),
            workload == null ? "a static program that has just begun" : "after " + workload,
            process.mm().fields().mapCount());
    List<Long> results = new ArrayList<>();
    CallExplainer explainer = new CallExplainer(shown.processes(), process, results);
    TaskExplainer tasks =
        calls.ofTasks() ? new TaskExplainer(process, results, Texts.path("/", "/")) : null;
    Machine booted = scene.machine();
    PageExplainer pages = booted == null ? null : new PageExplainer(booted, null, results);
    List<Explanation> explanations = new ArrayList<>();
    for (CallScript.Typed call : calls.calls()) {
      try {
        explanations.add(
            PageExplainer.knows(call.name())
                ? pages(pages, call)
                : tasks == null ? explainer.explain(call) : tasks.explain(call));
      } catch (InputException e) {
        if (form.isText() && !explanations.isEmpty()) {
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
    if (booted != null) {
      FloorsCheck.all(booted);
    }
    return tasks == null ? explainer.differs() : tasks.differs();
  }

  private static Explanation pages(@Nullable PageExplainer pages, CallScript.Typed call) {
    if (pages == null) {
      throw new InputException(
          "recorded processes have no machine whose pages could be asked for",
          String.join(" ", call.words()),
          "requests for pages without --after a recording of system calls");
    }
    return pages.explain(call.words());
  }

  /** Prints them; several that were typed have numbers, by which calls name earlier results. */
  private void print(
      Io io, String title, Map<String, Object> data, List<Explanation> explanations) {
    boolean numbered = explanations.size() > 1 && recorded == null;
    form.print(io, title, data, explanations, numbered);
  }
}
