// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.MmSysctls;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apiguardian.api.API;

/**
 * What was set of a machine, checked against what its floors read. An option that does nothing is
 * an error: a {@code vm.*} name that no floor reads is refused, with the nearest name. The rest of
 * a kernel command line may be pasted as it is: parameters that the kernel has and mm4j does not
 * model, and words that a kernel would pass on to init, have no effect and are {@link #notes
 * noted}.
 *
 * <p>A recording brings all of its kernel's values; those that no floor reads are passed over.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class BootSettings {
  private static final String VM = "vm.";
  private static final String SYSCTL = "sysctl.";

  private final List<Setting> read = new ArrayList<>(BootOptions.SETTINGS);
  private final Map<String, String> sysctls = new HashMap<>();
  private final Map<String, String> parameters = new HashMap<>();
  private final List<CommandLine.Word> ordered = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  /**
   * Sorts out what was given.
   *
   * @param recorded {@code vm.*} of a recorded machine, by name without the prefix
   * @param given {@code vm.*} that were set on purpose, by name without the prefix; in the order in
   *     which they are written; they win
   * @param line the kernel command line; it wins over both
   * @param floors the chosen plugins
   * @throws InputException for a {@code vm.*} name that no floor reads, or a value of a wrong type
   */
  public BootSettings(
      Map<String, String> recorded,
      Map<String, String> given,
      CommandLine line,
      List<? extends PluginProvider> floors) {
    floors.forEach(floor -> read.addAll(floor.settings()));
    sysctls.putAll(recorded);
    given.forEach(this::sysctl);
    List<String> notModelled = new ArrayList<>();
    List<String> unknown = new ArrayList<>();
    for (CommandLine.Word word : line.words()) {
      String name = word.name().startsWith(SYSCTL) ? word.name().substring(SYSCTL.length()) : "";
      if ((word.name().startsWith(VM) || name.startsWith(VM)) && word.hasValue()) {
        sysctl(word.name().substring(word.name().indexOf(VM) + VM.length()), word.value());
      } else if (!parameter(word)) {
        (KernelParameters.knows(word) ? notModelled : unknown).add(word.toString());
      }
    }
    note(notModelled, unknown);
  }

  private void sysctl(String name, String value) {
    Setting setting =
        read.stream()
            .filter(s -> s.kind() == Setting.Kind.SYSCTL && s.name().equals(name))
            .findFirst()
            .orElseThrow(() -> refused(name, value));
    setting.check(value);
    boolean number = setting.type() == OptionSpec.Type.NUMBER;
    String decimal =
        number ? Long.toUnsignedString(Sizes.parseSysctl(value, setting.fullName())) : value;
    MmSysctls.write(sysctls, name, decimal);
  }

  private InputException refused(String name, String value) {
    List<String> names = names(Setting.Kind.SYSCTL).toList();
    return new InputException(
        "no floor of this machine reads '" + VM + name + "'" + Nearest.hint(VM + name, names),
        VM + name + "=" + value,
        names.isEmpty() ? "none, with these plugins" : String.join(", ", names));
  }

  private Stream<String> names(Setting.Kind kind) {
    return read.stream().filter(s -> s.kind() == kind).map(Setting::fullName).distinct().sorted();
  }

  private boolean parameter(CommandLine.Word word) {
    for (Setting setting : read) {
      if (setting.kind() != Setting.Kind.SYSCTL && word.is(setting.name())) {
        setting.check(word.value());
        if (setting.kind() == Setting.Kind.ORDERED) {
          ordered.add(word);
        } else {
          parameters.put(setting.name(), word.value());
        }
        return true;
      }
    }
    return false;
  }

  private void note(List<String> notModelled, List<String> unknown) {
    if (!notModelled.isEmpty()) {
      notes.add("kernel parameters that mm4j does not model: " + String.join(" ", notModelled));
    }
    if (!unknown.isEmpty()) {
      List<String> names =
          Stream.of(
                  names(Setting.Kind.PARAMETER),
                  names(Setting.Kind.ORDERED),
                  KernelParameters.names().stream())
              .flatMap(each -> each)
              .toList();
      String hints =
          unknown.stream()
              .map(word -> word.replaceFirst("=.*", ""))
              .map(name -> Nearest.hint(name, names))
              .filter(hint -> !hint.isEmpty())
              .collect(Collectors.joining());
      notes.add(
          "unknown kernel command line parameters \""
              + String.join(" ", unknown)
              + "\", which a kernel passes on to init"
              + hints);
    }
  }

  /** The words of a floor whose order counts. */
  private String orderedOf(PluginProvider floor) {
    return ordered.stream()
        .filter(
            word ->
                floor.settings().stream()
                    .anyMatch(s -> s.kind() == Setting.Kind.ORDERED && word.is(s.name())))
        .map(CommandLine.Word::toString)
        .collect(Collectors.joining(" "));
  }

  /** What has no effect, in words; empty if all has. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * The values that a floor asked for: {@code vm.*} by name without the prefix, parameters by name,
   * and {@link Setting#IN_ORDER} those whose order counts.
   */
  public Map<String, String> of(PluginProvider floor) {
    Map<String, String> values = new HashMap<>();
    for (Setting setting : floor.settings()) {
      Map<String, String> all = setting.kind() == Setting.Kind.SYSCTL ? sysctls : parameters;
      String value = all.get(setting.name());
      if (value != null) {
        values.put(setting.name(), value);
      }
    }
    String words = orderedOf(floor);
    if (!words.isEmpty()) {
      values.put(Setting.IN_ORDER, words);
    }
    return Map.copyOf(values);
  }
}
