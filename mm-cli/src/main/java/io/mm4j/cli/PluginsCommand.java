// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Setting;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Table;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mm plugins}. */
@Command(
    sortOptions = false,
    description =
        "Lists every plugin found: what it can do, its options, which vm.* values and boot"
            + " parameters it reads, and where it came from.",
    footer = {
      "",
      "Examples:",
      "  mm plugins",
      "  mm plugins --json | jq -r '.plugins[].name'",
      "  mm plugins --plugins-path my-plugin/target",
    })
final class PluginsCommand extends MmCommand {
  @Mixin private MachineOptions machine = new MachineOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    PluginRegistry registry = machine.registry(io);
    machine.choices(registry);
    machine
        .given()
        .refuse(
            "a list of plugins needs no machine",
            "--memory",
            "--cpus",
            "--nodes",
            "--cpu-nodes",
            "--cmdline",
            "--plugin",
            "--contents",
            "--seed");
    if (output.json()) {
      io.out().println(Json.write(json(registry, machine.architecture())));
    } else if (output.csv()) {
      output.print(io, "plugins", table(registry, machine.architecture()));
    } else {
      text(io, registry, machine.architecture());
    }
    return Main.GOOD;
  }

  private static Table table(PluginRegistry registry, Architecture architecture) {
    Table table =
        new Table(
            List.of(
                Table.column("spi", "SPI"),
                Table.column("name", "NAME"),
                Table.column("reference", "REFERENCE"),
                Table.column("summary", "SUMMARY"),
                Table.column("capabilities", "CAPABILITIES"),
                Table.column("options", "OPTIONS"),
                Table.column("reads", "READS"),
                Table.column("module", "MODULE"),
                Table.column("version", "VERSION"),
                Table.column("location", "LOCATION")));
    for (Spi<?> spi : Spi.all()) {
      for (PluginInfo info : registry.plugins(spi)) {
        String options =
            info.provider().options().stream()
                .map(o -> o.name() + "=" + o.defaultValue())
                .collect(Collectors.joining(" "));
        table.add(
            spi.id(),
            info.name(),
            isReference(info, architecture),
            info.provider().summary(),
            capabilities(info),
            options,
            info.provider().settings().stream()
                .map(Setting::fullName)
                .collect(Collectors.joining(" ")),
            info.module(),
            info.version(),
            info.location());
      }
    }
    return table;
  }

  private static boolean isReference(PluginInfo info, Architecture architecture) {
    return info.name().equals(info.spi().reference(architecture));
  }

  /** What it can do, in few words: {@code takes-exactly, max-order=10}. */
  private static String capabilities(PluginInfo info) {
    List<String> words = new ArrayList<>();
    info.provider()
        .describeCapabilities()
        .forEach(
            (key, value) -> {
              if (value.equals("true")) {
                words.add(key);
              } else if (!value.equals("false")) {
                words.add(key + "=" + value);
              }
            });
    return String.join(", ", words);
  }

  private static Map<String, Object> json(PluginRegistry registry, Architecture architecture) {
    List<Map<String, Object>> plugins = new ArrayList<>();
    for (Spi<?> spi : Spi.all()) {
      for (PluginInfo info : registry.plugins(spi)) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("spi", spi.id());
        map.put("name", info.name());
        map.put("reference", isReference(info, architecture));
        map.put("summary", info.provider().summary());
        map.put("capabilities", info.provider().describeCapabilities());
        map.put("options", info.provider().options().stream().map(PluginsCommand::json).toList());
        map.put("reads", info.provider().settings().stream().map(PluginsCommand::json).toList());
        map.put("module", info.module());
        map.put("version", info.version());
        map.put("location", info.location());
        plugins.add(map);
      }
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("boot_reads", BootOptions.SETTINGS.stream().map(PluginsCommand::json).toList());
    object.put("plugins", plugins);
    object.put(
        "failures",
        registry.failures().stream()
            .map(f -> Map.of("spi", f.spi().id(), "what", f.what(), "reason", f.reason()))
            .map(java.util.TreeMap::new)
            .toList());
    return object;
  }

  private static Map<String, Object> json(OptionSpec option) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", option.name());
    map.put("type", option.type().name().toLowerCase(java.util.Locale.ROOT));
    map.put("default", option.defaultValue());
    map.put("line", option.line());
    return map;
  }

  private static Map<String, Object> json(Setting setting) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", setting.fullName());
    map.put("type", setting.type().name().toLowerCase(java.util.Locale.ROOT));
    map.put("line", setting.line());
    return map;
  }

  private static void text(Io io, PluginRegistry registry, Architecture architecture) {
    PrintStream out = io.out();
    out.println(io.terminal().bold("boot"));
    BootOptions.SETTINGS.forEach(setting -> reads(io, setting));
    for (Spi<?> spi : Spi.all()) {
      out.println(io.terminal().bold(spi.id()));
      List<PluginInfo> plugins = registry.plugins(spi);
      if (plugins.isEmpty()) {
        out.println("  (none found)");
      }
      for (PluginInfo info : plugins) {
        out.printf(
            "  %-12s %s%s%n",
            info.name(),
            info.provider().summary(),
            isReference(info, architecture) ? " (the default)" : "");
        line(io, "can", capabilities(info));
        for (OptionSpec option : info.provider().options()) {
          line(io, "option", option.name() + "=" + option.defaultValue() + "  " + option.line());
        }
        info.provider().settings().forEach(setting -> reads(io, setting));
        line(io, "from", info.module() + " " + info.version() + "  " + info.location());
      }
    }
  }

  private static void reads(Io io, Setting setting) {
    line(io, "reads", setting.form() + "  " + setting.line());
  }

  private static void line(Io io, String what, String text) {
    if (!text.isEmpty()) {
      io.out().printf("  %-12s   %-6s %s%n", "", what, io.terminal().dim(text));
    }
  }
}
