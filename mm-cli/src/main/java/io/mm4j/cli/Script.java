// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MmLayout;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.shell.ShellSession;
import io.mm4j.replay.FreshProcess;
import java.util.List;
import java.util.function.ToIntFunction;

/** Workload scripts: the lines of {@code mm shell} in a file. */
final class Script {
  /** How a file that has such lines ends. */
  static final String SUFFIX = ".mm";

  private static final String WITH_STATISTICS = "linux";

  private Script() {}

  /**
   * Does every line of a text on a machine of its own.
   *
   * @param where what the lines stand in, for messages
   * @throws InputException for the first line that cannot be done; says which
   * @throws CorruptStateError if a floor contradicts itself; says at which line
   */
  static int run(Io io, MachineOptions options, String where, String text) {
    return withMachine(
        io,
        options,
        session -> {
          List<String> lines = text.lines().toList();
          if (lines.stream().allMatch(String::isBlank)) {
            throw new InputException(
                "there is no line in it to do",
                where,
                "lines as at the prompt of mm shell, such as 'alloc_pages GFP_KERNEL 3'");
          }
          for (int n = 0; n < lines.size(); n++) {
            String at = where + ":" + (n + 1);
            try {
              if (!session.line(lines.get(n))) {
                break;
              }
            } catch (InputException e) {
              throw new InputException(e.what(), at + ": " + e.where(), e.allowed());
            } catch (CorruptStateError e) {
              CorruptStateError there = new CorruptStateError(at + ": " + e.getMessage());
              there.initCause(e);
              throw there;
            }
          }
          return Main.GOOD;
        });
  }

  /**
   * Boots the machine of the options, with one process, for somebody; returns what that returns.
   */
  static int withMachine(Io io, MachineOptions options, ToIntFunction<ShellSession> user) {
    options.given().refuseSeed();
    PluginRegistry registry = options.registry(io);
    MachineConfig config = options.withKernelBytes(io, registry);
    boolean statistics =
        registry.plugins(Spi.PAGE_ALLOCATOR).stream()
            .anyMatch(plugin -> plugin.name().equals(WITH_STATISTICS));
    // Most files need the statistics of that one.
    if (statistics && !options.choices(registry).containsKey(Spi.PAGE_ALLOCATOR)) {
      config.plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of(WITH_STATISTICS));
    }
    try (Machine machine = config.boot()) {
      long managed = machine.zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
      long kb = managed << (Pages.PAGE_SHIFT - 10);
      FreshProcess fresh = options.process(kb, false);
      AddressSpaceConfig spaces =
          AddressSpaceConfig.defaults()
              .layout(fresh.compat32() ? MmLayout.x8632() : MmLayout.x8664())
              .totalRamKb(kb)
              .sysctls(fresh.sysctls())
              .thp(fresh.thp());
      int columns = io.terminal().outIsTerminal() ? io.terminal().columns() : Explanation.LINE;
      return user.applyAsInt(
          new ShellSession(machine, options.settings(), spaces, io.out(), columns));
    }
  }
}
