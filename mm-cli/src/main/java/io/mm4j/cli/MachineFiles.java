// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.Machine;
import io.mm4j.api.MachineConfig;
import io.mm4j.api.plugin.PluginRegistry;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Spi;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.replay.kmem.KmemReplay;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Shows a machine, as booted or after a workload, to somebody who writes its files. */
final class MachineFiles {
  private static final String WITH_STATISTICS = "linux";

  private MachineFiles() {}

  /**
   * Boots, runs the workload if there is one, and calls {@code reader}. Where no page allocator was
   * chosen, {@code linux} is taken if it is there, as most files need its statistics.
   *
   * @param after a workload, or null for a machine that has just booted
   */
  static void show(
      Io io, MachineOptions options, @Nullable String after, Consumer<MachineView> reader) {
    PluginRegistry registry = options.registry(io);
    MachineConfig config = options.config(registry);
    Map<Spi<?>, PluginSpec> choices = options.choices(registry);
    boolean there =
        registry.plugins(Spi.PAGE_ALLOCATOR).stream()
            .anyMatch(p -> p.name().equals(WITH_STATISTICS));
    if (there && !choices.containsKey(Spi.PAGE_ALLOCATOR)) {
      config.plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of(WITH_STATISTICS));
    }
    if (after == null) {
      try (Machine machine = config.contents(false).boot()) {
        reader.accept(MachineView.of(machine));
      }
      return;
    }
    switch (Workload.find(after)) {
      case Workload.Pages pages ->
          KmemReplay.run(pages.source(), config, 0, m -> reader.accept(MachineView.of(m)));
      case Workload.Calls calls ->
          throw new InputException(
              "recorded system calls leave no machine to look at",
              "--after " + calls.recording().path(),
              "a page trace: a bundled one or a kmem folder");
    }
  }
}
