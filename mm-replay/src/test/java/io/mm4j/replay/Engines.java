// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.replay.process.ProcessReplay;
import java.util.List;
import java.util.function.Supplier;

/** The machines that tests replay on: reference plugins, and each VMA index. */
public final class Engines {
  private static final PluginRegistry PLUGINS = PluginRegistry.discover();

  private Engines() {}

  /** Names of all VMA indexes, sorted. */
  public static List<String> indexNames() {
    return PLUGINS.plugins(Spi.VMA_INDEX).stream().map(PluginInfo::name).sorted().toList();
  }

  /** A fresh machine each time, with this VMA index; closing it finds no frame in use. */
  public static Supplier<Machine> machines(String index) {
    return () ->
        new MachineConfig()
            .registry(PLUGINS)
            .memory(8L << 30)
            .cpus(1)
            .plugin(Spi.VMA_INDEX, PluginSpec.of(index))
            .onLeak(report -> report.refuse())
            .boot();
  }

  /** A replayer on the reference index. */
  public static ProcessReplay replay() {
    return new ProcessReplay(machines(Spi.VMA_INDEX.reference()));
  }
}
