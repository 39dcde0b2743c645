// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Verdict;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** What the tests of replays share. */
final class Replays {
  private Replays() {}

  /** A machine without policy: the exact replay asks for none. */
  static MachineConfig config() {
    return new MachineConfig().plugin("page-allocator=direct");
  }

  static Verdict replay(KmemSource source) {
    return KmemReplay.replay(source, config());
  }

  static Verdict replay(KmemSource source, String frameAllocator) {
    return KmemReplay.replay(source, config().plugin("frame-allocator=" + frameAllocator));
  }

  /** A recording that comes with the module, or one that only tests use. */
  static KmemSource corpus(String name) {
    return KmemSource.bundledNames().contains(name)
        ? KmemSource.bundled(name)
        : KmemSource.folder(Path.of("src/test/corpus/kmem", name));
  }

  /** Every frame allocator there is. */
  static List<String> frameAllocators() {
    return PluginRegistry.discover().plugins(Spi.FRAME_ALLOCATOR).stream()
        .map(plugin -> plugin.provider().name())
        .toList();
  }

  static CheckResult check(Verdict verdict, String name) {
    return verdict.check(name).orElseThrow();
  }

  static FirstDifference difference(Verdict verdict) {
    return Objects.requireNonNull(verdict.firstDifference(), "no difference");
  }

  /** The fallbacks of a recording against a rule. */
  static Fallbacks fallbacks(KmemSource source, FallbackRule rule) {
    RecordedZones zones = RecordedZones.read(source);
    try (Machine machine = KmemReplay.boot(zones, config())) {
      ExactReplay replay = new ExactReplay(source, zones, KmemReplay.inOrder(machine), 0);
      replay.run();
      return Fallbacks.judge(source, zones, replay, rule);
    }
  }
}
