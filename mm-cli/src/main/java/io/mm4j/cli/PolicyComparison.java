// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.face.Face;
import io.mm4j.cli.face.PolicyFace;
import io.mm4j.cli.text.Progress;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.PolicyRun;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The requests of a page trace, answered by each of several plugins, beside the kernel's own
 * blocks: those of an exact replay.
 */
final class PolicyComparison {
  private final Io io;
  private final PluginRegistry registry;
  private final Map<Spi<?>, PluginSpec> choices;
  private final KmemSource source;
  private boolean threw;

  PolicyComparison(
      Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, KmemSource source) {
    this.io = io;
    this.registry = registry;
    this.choices = Map.copyOf(choices);
    this.source = source;
  }

  /**
   * Runs it once for each plugin.
   *
   * @param spi whose plugins they are
   * @param exact replays of the same trace; the first exact one shows the kernel, else the
   *     reference plugin does
   * @return null if every plugin threw
   */
  @Nullable PolicyFace run(Spi<?> spi, List<PluginSpec> plugins, List<Contender> exact, int zone) {
    Map<String, PolicyRun> runs = new LinkedHashMap<>();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (PluginSpec plugin : plugins) {
        progress.at(runs.size(), plugins.size(), "requests on " + Contender.name(plugin));
        Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
        own.put(spi, plugin);
        try {
          runs.put(Contender.name(plugin), new Judge(registry, own).policy(source, Face.POINTS));
        } catch (InputException e) {
          throw e;
        } catch (MmException | CorruptStateError | UnsupportedOperationException e) {
          threw = true;
          progress.hide();
          io.warn(spi.id() + "=" + Contender.name(plugin) + " threw " + e.getMessage());
        }
      }
    }
    return runs.isEmpty() ? null : new PolicyFace(kernel(exact), spi, runs, zone);
  }

  /** Whether a plugin threw. */
  boolean threw() {
    return threw;
  }

  private KmemRun kernel(List<Contender> exact) {
    for (Contender contender : exact) {
      KmemRun run = contender.run();
      if (run != null && run.verdict().exact()) {
        return run;
      }
    }
    Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
    own.remove(Spi.FRAME_ALLOCATOR);
    return new Judge(registry, own).run(source, Face.POINTS);
  }
}
