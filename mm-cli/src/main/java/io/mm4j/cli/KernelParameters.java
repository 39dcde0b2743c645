// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;
import io.mm4j.replay.OtherMachine;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * What the kernel parameters of {@code --cmdline} say beside those that plugins read: about memory,
 * about nodes, and about the settings that system calls look at. A {@code vm.KEY} may be written as
 * {@code sysctl.vm.KEY}.
 *
 * @param text the parameters as typed
 */
record KernelParameters(String text) {
  private static final List<String> PROCESS_SETTINGS =
      List.of(
          "overcommit_memory",
          "overcommit_ratio",
          "overcommit_kbytes",
          "max_map_count",
          "mmap_min_addr",
          "stack_guard_gap");

  private List<CommandLine.Word> words() {
    return CommandLine.parse(text).words();
  }

  /** The name of a sysctl without its {@code vm.}; of any other parameter its name. */
  private static String key(CommandLine.Word word) {
    return word.name().replaceFirst("^(sysctl\\.)?vm\\.", "");
  }

  private static boolean isOfBoot(CommandLine.Word word) {
    return BootOptions.SETTINGS.stream().anyMatch(setting -> word.is(setting.name()));
  }

  /** The error with the option's name in its place. */
  static InputException inCommandLine(InputException e) {
    return new InputException(e.what(), "--cmdline, " + e.where(), e.allowed());
  }

  /** What they say about memory. */
  BootOptions bootOptions() {
    try {
      return BootOptions.parse(text);
    } catch (InputException e) {
      throw inCommandLine(e);
    }
  }

  /** Whether they fill pools of huge pages, which processes share. */
  boolean fillHugePools() {
    return words().stream()
        .anyMatch(
            word ->
                word.is("hugepages")
                    || word.name().endsWith("vm.nr_hugepages")
                    || word.name().endsWith("vm.nr_overcommit_hugepages"));
  }

  /** Whether they divide the memory into nodes ({@code numa=fake=}). */
  boolean fakeNodes() {
    return words().stream().anyMatch(word -> word.toString().startsWith("numa=fake="));
  }

  /** Huge pages as {@code transparent_hugepage=} has them, {@code madvise} without it. */
  ThpMode thp() {
    ThpMode thp = ThpMode.MADVISE;
    try {
      for (CommandLine.Word word : words()) {
        if (word.is(ThpMode.PARAMETER)) {
          thp = ThpMode.of(word.value());
        }
      }
    } catch (InputException e) {
      throw inCommandLine(e);
    }
    return thp;
  }

  /** The settings that system calls look at. */
  MmSysctls sysctls() {
    Map<String, String> given = new HashMap<>();
    for (CommandLine.Word word : words()) {
      String name = key(word);
      if (!name.equals(word.name()) || name.equals("stack_guard_gap")) {
        MmSysctls.write(given, name, word.value());
      }
    }
    try {
      return MmSysctls.of(given);
    } catch (InputException e) {
      throw inCommandLine(e);
    }
  }

  /**
   * What they change about the machine below recorded processes.
   *
   * @param memoryGiven whether another option says how much RAM there is
   * @param ramKb MemTotal of the machine that is described; asked only if RAM is
   * @param limits soft limits by name
   * @throws InputException for parameters that do not reach system calls
   */
  OtherMachine otherMachine(boolean memoryGiven, LongSupplier ramKb, Map<String, Long> limits) {
    Map<String, String> sysctls = new HashMap<>();
    ThpMode thp = null;
    boolean ram = memoryGiven;
    for (CommandLine.Word word : words()) {
      String name = key(word);
      if (word.is(ThpMode.PARAMETER)) {
        thp = ThpMode.of(word.value());
      } else if (PROCESS_SETTINGS.contains(name)) {
        MmSysctls.write(sysctls, name, word.value());
      } else if (word.name().equals("mem") || word.name().equals("memmap")) {
        ram = true;
      } else if (!name.equals(word.name()) || isOfBoot(word)) {
        throw new InputException(
            word.name() + " has no effect on recorded system calls",
            "--cmdline " + word,
            String.join(", ", PROCESS_SETTINGS) + ", mem, memmap, " + ThpMode.PARAMETER);
      }
    }
    return new OtherMachine(ram ? ramKb.getAsLong() : null, sysctls, thp, limits);
  }

  /** For zones that were recorded: what boot reads would change them. */
  void refuseThoseOfBoot() {
    for (CommandLine.Word word : words()) {
      if (isOfBoot(word)) {
        throw new InputException(
            word.name() + "= has no effect here: the zones are those of the recorded machine",
            "--cmdline " + word,
            "vm.KEY=VALUE");
      }
    }
  }
}
