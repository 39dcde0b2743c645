// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.cli.exec.ExecReport;
import io.mm4j.cli.exec.Programs;
import io.mm4j.cli.text.Json;
import io.mm4j.replay.FreshProcess;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm exec}. */
@Command(
    sortOptions = false,
    description = {
      "Loads a real program, an ELF file, as execve does: its areas to the byte, which address lies"
          + " in which, /proc/PID/maps, the address space drawn to scale with what was touched,"
          + " every field of its mm_struct, its first stack with arguments, environment and"
          + " auxiliary vector; then how heap and stack grow when it asks malloc and calls.",
      "",
      "The code is not run. Addresses are those without randomization, as `setarch -R` gives them.",
    },
    footer = {
      "",
      "Examples:",
      "  mm exec /bin/true",
      "  mm exec /bin/true --at 0x7fffffffe000 --json",
      "  mm exec /bin/ls --malloc 24,100K,200K,1M --stack 1M -- -l",
      "  mm exec --machine x86-32-2.4 ./a.out",
    })
final class ExecCommand extends MmCommand {
  private static final String DEFAULT_MALLOC = "1000,100000,200000";
  private static final String DEFAULT_STACK = "256K";

  @Parameters(index = "0", arity = "0..1", paramLabel = "ELF", description = "The program.")
  private @Nullable String file;

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "ARG",
      description = "Its arguments, after its name; -- ends the options.")
  private List<String> arguments = new ArrayList<>();

  @Option(
      names = "--env",
      paramLabel = "NAME=VALUE",
      order = 10,
      description = "A string of its environment; repeatable, none by default.")
  private List<String> environment = new ArrayList<>();

  @Option(
      names = "--root",
      paramLabel = "DIR",
      order = 11,
      description = "Below which folder interpreters are looked for, / by default.")
  private String root = "/";

  @Option(
      names = "--at",
      paramLabel = "ADDR",
      split = ",",
      order = 12,
      description = "Says in which area an address lies; repeatable.")
  private List<String> at = new ArrayList<>();

  @Option(
      names = "--malloc",
      paramLabel = "SIZES",
      order = 13,
      description =
          "What it asks malloc for, then writes to, then frees: " + DEFAULT_MALLOC + " by default.")
  private String malloc = DEFAULT_MALLOC;

  @Option(
      names = "--stack",
      paramLabel = "SIZE",
      order = 14,
      description = "How much stack it uses, " + DEFAULT_STACK + " by default.")
  private String stack = DEFAULT_STACK;

  @Option(names = "--json", order = 15, description = "Prints JSON.")
  private boolean json;

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    if (file == null) {
      throw new InputException("no program is named", "mm exec", "mm exec ELF [ARG...]");
    }
    List<Long> addresses = at.stream().map(a -> Sizes.parseNumber(a, "--at " + a)).toList();
    List<Long> sizes = new ArrayList<>();
    for (String size : malloc.split(",", -1)) {
      sizes.add(Sizes.parseSize(size.strip(), "--malloc " + malloc));
    }
    long stackBytes = Sizes.parseSize(stack, "--stack");
    List<String> all = new ArrayList<>(List.of(file));
    all.addAll(arguments);
    ExecRequest request =
        new Programs(Texts.path(root, "--root"))
            .request(
                Texts.path(file, "ELF"),
                machine.architecture(),
                all,
                environment,
                ExecRequest.Auxiliary.DEFAULTS);
    PluginRegistry registry = machine.registry(io);
    machine.given().refuseSeed();
    MachineConfig config = machine.config(io, registry).contents(Contents.ALL);
    try (Machine booted = config.boot()) {
      ExecReport report = loaded(booted, request);
      addresses.forEach(report::find);
      report.mallocs(sizes);
      report.useStack(stackBytes);
      io.out().print(json ? Json.write(report.toMap()) + "\n" : report.toText());
    }
    return Main.GOOD;
  }

  private ExecReport loaded(Machine booted, ExecRequest request) {
    Tasks tasks = booted.processes().tasks();
    long pages = booted.zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
    FreshProcess fresh = machine.process(pages << (Pages.PAGE_SHIFT - 10), true);
    Task task =
        tasks.spawn(
            "init",
            AddressSpaceConfig.defaults()
                .layout(booted.architecture().is64Bit() ? MmLayout.x8664() : MmLayout.x8632())
                .sysctls(fresh.sysctls())
                .thp(fresh.thp())
                .totalRamKb(fresh.totalRamKb()));
    long error = tasks.exec(task, request);
    if (error != 0) {
      throw new InputException(
          "execve gives -1 " + Errno.nameOf((int) -error),
          request.path(),
          "a program whose segments fit the address space and the machine's memory");
    }
    tasks.switchTo(booted.cpus().get(0), task);
    return new ExecReport(request, task, booted);
  }
}
