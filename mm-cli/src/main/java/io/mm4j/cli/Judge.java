// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.replay.Recording;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.kmem.KmemReplay;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.PolicyReplay;
import io.mm4j.replay.kmem.PolicyRun;
import io.mm4j.replay.process.ProcessReplay;
import io.mm4j.replay.vmap.VmapReplay;
import java.util.Map;

/** Replays a recording of any kind on the chosen plugins. */
final class Judge {
  /**
   * RAM of a machine below recorded processes: more than the processes of any recording have
   * resident, gigantic pages among them; what nobody touches costs nothing.
   */
  private static final long PROCESS_BYTES = 8L << 30;

  /** The same of a machine that may have 32 bits. */
  private static final long SMALL_BYTES = 512L << 20;

  private final PluginRegistry registry;
  private final Map<Spi<?>, PluginSpec> choices;

  /** CPUs of the machine whose caches are judged; 0 for those that were recorded. */
  private final int cpus;

  Judge(PluginRegistry registry, Map<Spi<?>, PluginSpec> choices) {
    this(registry, choices, 0);
  }

  /** The same with other CPUs than the recorded machine has: caches have other numbers then. */
  Judge(PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, int cpus) {
    this.registry = registry;
    this.choices = Map.copyOf(choices);
    this.cpus = cpus;
  }

  /**
   * The verdict.
   *
   * @throws InputException if the recording cannot be read; says where
   */
  Verdict judge(Recording recording) {
    return switch (recording.kind()) {
      case KMEM -> KmemReplay.replay(KmemSource.folder(recording.path()), config(), cpus);
      case VMAP -> VmapReplay.replay(recording.path(), config());
      case VMA, STRACE, MAPS -> processes().replay(recording);
    };
  }

  /** Replays and shows processes on the chosen process floor and index. */
  ProcessReplay processes() {
    return new ProcessReplay(() -> config().memory(PROCESS_BYTES).cpus(1).boot());
  }

  /** The same on a machine of this kind, with the plugins that it takes when none are chosen. */
  ProcessReplay processes(Architecture architecture) {
    return new ProcessReplay(
        () -> config().architecture(architecture).memory(SMALL_BYTES).cpus(1).boot());
  }

  /** Replays a page trace with samples of the free blocks on the way. */
  KmemRun run(KmemSource source, int points) {
    return KmemReplay.run(source, config(), points, cpus);
  }

  /** Makes the operations of a page trace and judges nothing: for their time. */
  void play(KmemSource source) {
    KmemReplay.play(source, config(), cpus);
  }

  /** Asks the plugins for what a page trace requests. */
  PolicyRun policy(KmemSource source, int points) {
    return PolicyReplay.run(source, config(), points);
  }

  private MachineConfig config() {
    MachineConfig config = new MachineConfig().registry(registry);
    choices.forEach(config::plugin);
    return config;
  }
}
