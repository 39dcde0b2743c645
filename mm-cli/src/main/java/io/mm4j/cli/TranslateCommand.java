// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.explain.SpaceExplainer;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.translate.Translation;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm translate}. */
@Command(
    sortOptions = false,
    description = {
      "Shows each step from a logical address to a physical one: the segment, every entry of the"
          + " page tables with the frame that holds its table, the physical address and who has"
          + " its frame.",
      "",
      "The tables are those of a machine that has just booted: the kernel's, which map its RAM and"
          + " what --steps puts there, or those of a new process, which share the kernel's half and"
          + " have nothing else but what --map puts there. With --after a recording of system"
          + " calls, or --maps a dump of /proc/PID/maps, they are those of that process.",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm translate 0xffff888000100000",
      "  mm translate 0xc0100000 --machine x86-32",
      "  mm translate 0x8048123 --map 0x8048000 --machine x86-pae --json",
      "  mm translate 0xff11000000000000 --plugin page-table=la57",
      "  mm translate '$1' --steps 'vmalloc 1M'",
      "  mm translate r1 r2 --steps 'kmap 0x40000; vmalloc 4K' --machine x86-32",
      "  mm translate 0x7fffffffe000 --after RECORDING.vma.gz --at 17 --pid 2",
      "  mm translate 0x401000 --maps PROCESS.maps",
    })
final class TranslateCommand extends MmCommand {
  private static final String KERNEL = "kernel";
  private static final String PROCESS = "process";

  @Parameters(arity = "0..*", paramLabel = "ADDR", description = "Addresses, 0x.. or decimal.")
  private List<String> addresses = new ArrayList<>();

  @Option(
      names = "--root",
      paramLabel = "ROOT",
      order = 10,
      description =
          "kernel, or process: a new one. By default the kernel's for its own addresses, else the"
              + " process's.")
  private @Nullable String rootName;

  @Option(
      names = "--map",
      paramLabel = "ADDR",
      order = 11,
      description = "Maps a page into the process first, readable and writable; repeatable.")
  private List<String> maps = new ArrayList<>();

  @Option(
      names = "--steps",
      paramLabel = "CALLS",
      order = 12,
      description = Steps.DESCRIPTION + " ADDR may be $1 or r1, the result of the first.")
  private @Nullable String steps;

  @Option(names = "--json", order = 12, description = "Prints JSON.")
  private boolean json;

  @Option(
      names = "--pid",
      paramLabel = "PID",
      order = 12,
      description =
          "With --after or --maps: which process; 1 by default. Process p0 of a recording is 1.")
  private @Nullable String pid;

  @Mixin private SceneOptions scene = new SceneOptions();
  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (addresses.isEmpty()) {
      throw new InputException("no address is named", "mm translate ADDR...", "0x.. or decimal");
    }
    if (rootName != null && !rootName.equals(KERNEL) && !rootName.equals(PROCESS)) {
      throw new InputException(
          "there is no root '" + rootName + "'", "--root", KERNEL + ", " + PROCESS);
    }
    if (KERNEL.equals(rootName) && !maps.isEmpty()) {
      throw new InputException("a page is mapped into a process", "--map", "--root " + PROCESS);
    }
    Steps first = steps == null ? Steps.NONE : Steps.parse(steps);
    if (scene.given()) {
      if (steps != null) {
        throw new InputException(
            "steps are made of a machine that has just booted",
            "--steps",
            "--steps without --after and --maps");
      }
      ofProcess(io, addresses.stream().mapToLong(a -> parse(a, "ADDR " + a)).toArray());
      return Main.GOOD;
    }
    addresses.stream()
        .filter(a -> first.isEmpty() || !SpaceExplainer.isResult(a))
        .forEach(a -> parse(a, "ADDR " + a));
    if (pid != null) {
      throw new InputException(
          "there is one new process, which has no number",
          "--pid " + pid,
          "--pid with --after a recording of system calls, or --maps a dump of maps");
    }
    machine.given().refuseSeed();
    try (Machine booted = machine.withKernelBytes(io, machine.registry(io)).boot()) {
      Cpu cpu = booted.cpus().get(0);
      PageTables tables = booted.pageTables();
      long kernel = made(tables.kernelRoot(cpu));
      long process = made(tables.newRoot(cpu));
      maps.forEach(map -> map(booted, cpu, process, map));
      SpaceExplainer made = first.isEmpty() ? null : first.make(io, booted);
      List<Map<String, Object>> all = new ArrayList<>();
      for (String typed : addresses) {
        long address =
            made != null && SpaceExplainer.isResult(typed)
                ? made.result(typed, "ADDR " + typed)
                : parse(typed, "ADDR " + typed);
        String name = rootName;
        if (name == null) {
          name = tables.format().kernel().contains(address) ? KERNEL : PROCESS;
        }
        boolean ofKernel = name.equals(KERNEL);
        Translation shown =
            new Translation(
                booted,
                ofKernel ? "the kernel" : "a process",
                ofKernel ? kernel : process,
                address);
        add(io, all, shown);
      }
      finish(io, all);
    }
    return Main.GOOD;
  }

  private void add(Io io, List<Map<String, Object>> all, Translation shown) {
    all.add(shown.toMap());
    if (!json) {
      io.out().print((all.size() > 1 ? System.lineSeparator() : "") + shown.toText());
    }
  }

  private void finish(Io io, List<Map<String, Object>> all) {
    if (json) {
      Map<String, Object> object = new LinkedHashMap<>();
      object.put("translations", all);
      io.out().println(Json.write(object));
    }
  }

  /** Of a recorded process, or one that a dump shows. */
  private void ofProcess(Io io, long[] wanted) {
    if (!maps.isEmpty()) {
      throw new InputException(
          "a page is mapped into a new process; this one has its own",
          "--map " + maps.getFirst(),
          "--map without --after and --maps");
    }
    String asked = pid == null ? "1" : pid.strip();
    long number = Sizes.parseNumber(asked.replaceFirst("^p", ""), "--pid " + asked);
    long one = asked.startsWith("p") ? number + 1 : number;
    scene.show(
        io,
        machine,
        false,
        false,
        shown -> {
          RunningProcess process = shown.process(one, "--pid " + asked);
          List<Map<String, Object>> all = new ArrayList<>();
          boolean alike = true;
          for (long address : wanted) {
            alike &= isKernels(process.machine().pageTables(), address);
            add(io, all, translation(process, address));
          }
          finish(io, all);
          if (alike) {
            io.warn(
                "--after and --maps change nothing: the kernel's addresses are alike everywhere");
          }
        });
  }

  private boolean isKernels(PageTables tables, long address) {
    return rootName == null ? tables.format().kernel().contains(address) : KERNEL.equals(rootName);
  }

  private Translation translation(RunningProcess process, long address) {
    Machine booted = process.machine();
    PageTables tables = booted.pageTables();
    if (isKernels(tables, address)) {
      long root = made(tables.kernelRoot(booted.cpus().get(0)));
      return new Translation(booted, "the kernel", root, address);
    }
    long root = process.mm().fields().pgd() >>> Pages.PAGE_SHIFT;
    return new Translation(booted, "process " + process.pid(), root, address)
        .in(mapping(process, address));
  }

  /** In which mapping an address lies. */
  private static String mapping(RunningProcess process, long address) {
    StringBuilder found = new StringBuilder();
    process
        .mm()
        .forEachVma(
            address,
            address + 1,
            vma ->
                found.append(
                    String.format(
                        "%x-%x %s %s", vma.start(), vma.end(), vma.perms(), process.nameOf(vma))));
    return found.isEmpty()
        ? "none: an access is a SIGSEGV, unless a stack above it grows"
        : found.toString();
  }

  /** Reads an address: 64 bits, unsigned. */
  private static long parse(String typed, String where) {
    String text = typed.strip().toLowerCase(Locale.ROOT).replace("_", "");
    try {
      return text.startsWith("0x")
          ? Long.parseUnsignedLong(text.substring(2), 16)
          : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw new InputException(
          "'" + typed + "' is no address", where, "0x and up to 16 digits, or decimal");
    }
  }

  private static long made(long root) {
    if (root == PageTables.NO_ROOT) {
      throw new InputException(
          "there is no memory for page tables", "--memory", "a machine with more");
    }
    return root;
  }

  /** A page of anonymous memory, as a fault would map it. */
  private static void map(Machine booted, Cpu cpu, long root, String typed) {
    PageTables tables = booted.pageTables();
    PageTableFormat format = tables.format();
    long address = parse(typed, "--map " + typed) & -Pages.PAGE_SIZE;
    if (Long.compareUnsigned(address, format.kernel().userEnd()) >= 0) {
      throw new InputException(
          "a process cannot have this address",
          "--map " + typed,
          String.format("addresses below 0x%x", format.kernel().userEnd()));
    }
    long pfn = booted.pages().allocPages(cpu, Gfp.GFP_HIGHUSER_MOVABLE, 0);
    TableCursor cursor = tables.cursor();
    if (pfn == PageAllocator.NO_PAGE || cursor.ensure(cpu, root, address, 1) != 1) {
      throw new InputException("there is no memory for a page", "--memory", "a machine with more");
    }
    booted.memory().memMap().setOwner(pfn, FrameOwner.ANON);
    int _ = booted.memory().memMap().addMapcount(pfn, 1);
    cursor.set(format.leaf(1, pfn, format.userProt(PageTableFormat.READ | PageTableFormat.WRITE)));
  }
}
