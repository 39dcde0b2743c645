// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which of {@link MachineOptions} were given, and the refusal of those that have no effect: an
 * option that does nothing is an error.
 *
 * @param given whether each option was given, by name, in the order of help
 * @param plugins the plugins that were asked for, as typed
 * @param pluginsPath the folder of further plugins, or null
 * @param parameters the kernel parameters
 */
record GivenOptions(
    Map<String, Boolean> given,
    List<String> plugins,
    @Nullable Path pluginsPath,
    KernelParameters parameters) {

  /** Whether one of these options was given. */
  boolean has(String... options) {
    return Arrays.stream(options).anyMatch(option -> given.getOrDefault(option, false));
  }

  /**
   * Whether a machine is described: {@code --machine}, {@code --memory}, {@code --cpus}, {@code
   * --nodes}, {@code --cpu-nodes} or {@code --cmdline}.
   */
  boolean describeMachine() {
    return has("--machine", "--memory", "--cpus", "--nodes", "--cpu-nodes", "--cmdline");
  }

  /**
   * For commands on which these options have no effect.
   *
   * @param why they have none
   * @param options which; without any, every option that describes a machine, plugins included
   * @throws InputException if one of them was given
   */
  void refuse(String why, String... options) {
    List<String> names =
        options.length > 0
            ? List.of(options)
            : given.keySet().stream().filter(o -> !o.equals("--seed")).toList();
    for (String option : names) {
      if (has(option)) {
        throw new InputException(option + " has no effect here: " + why, option, "no such option");
      }
    }
  }

  /** For what depends on plugins of these SPIs at most. */
  void refuseOtherPlugins(String why, Spi<?>... possible) {
    for (String choice : plugins) {
      String spi = choice.replaceFirst("=.*", "");
      if (Arrays.stream(possible).noneMatch(one -> one.id().equals(spi))) {
        throw new InputException(
            "--plugin " + spi + " has no effect here: " + why,
            "--plugin " + choice,
            possible.length == 0
                ? "no such option"
                : Arrays.stream(possible).map(Spi::id).collect(joining(", ", "plugins of ", "")));
      }
    }
  }

  /** For what needs neither a machine nor plugins. */
  void refuseAll(String why) {
    refuse(why);
    refuseSeed();
    if (pluginsPath != null) {
      throw new InputException(
          "--plugins-path has no effect here: " + why, "--plugins-path", "no such option");
    }
  }

  /** Nothing but the test kit draws lots. */
  void refuseSeed() {
    refuse("nothing in it is random", "--seed");
  }

  /** For processes that were recorded: their address space is the recording's. */
  void refuseForProcesses() {
    refuse(
        "recorded processes have their own layout, and their pages no place in a machine",
        "--machine",
        "--cpus",
        "--nodes",
        "--cpu-nodes",
        "--contents");
    refuseSeed();
  }

  /** For a page trace that is played on the zones of its own machine. */
  void refuseForRecordedZones() {
    refuse(
        "zones, nodes and RAM are those of the recorded machine",
        "--machine",
        "--memory",
        "--nodes",
        "--cpu-nodes",
        "--contents");
    refuseSeed();
    parameters.refuseThoseOfBoot();
  }
}
