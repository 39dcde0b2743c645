// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.kmem.KmemRun;
import org.jspecify.annotations.Nullable;

/**
 * One plugin on one recording.
 *
 * @param spec the plugin, with its options
 * @param run what the replay came to, or null if the plugin threw
 * @param failure what it threw, or an empty text
 * @param replayNs real time of making its operations once more, reading included; 0 if it was not
 *     taken
 */
public record Contender(PluginSpec spec, @Nullable KmemRun run, String failure, long replayNs) {
  /** The plugin's name, with its options if there are any. */
  public String name() {
    return name(spec);
  }

  /** A plugin's name, with its options if there are any. */
  public static String name(PluginSpec spec) {
    return spec.options().isEmpty()
        ? spec.name()
        : spec.name()
            + ":"
            + String.join(
                ",",
                spec.options().entrySet().stream()
                    .map(o -> o.getKey() + "=" + o.getValue())
                    .toList());
  }

  /** {@code yes}, or where it is not. */
  public String exactness() {
    if (run == null) {
      return "threw: " + failure;
    }
    if (run.verdict().exact()) {
      return "exact";
    }
    var first = run.verdict().firstDifference();
    if (first != null) {
      return "differs: " + first.check() + ", " + first.where();
    }
    return run.verdict().checks().stream()
        .map(CheckResult::skipped)
        .filter(reason -> reason != null)
        .findFirst()
        .map(String::valueOf)
        .orElse("not judged");
  }

  /** Operations a second, or 0. */
  public long operationsPerSecond() {
    return run == null || replayNs == 0 ? 0 : Math.round(run.operations() * 1e9 / replayNs);
  }
}
