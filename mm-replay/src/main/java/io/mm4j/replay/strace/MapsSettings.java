// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.replay.text.Cursor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * What lines {@code # ...} of a maps file say of the machine and the process: {@code # WORD
 * KEY=VALUE ...} with the words and keys of a vma header, of which some may be left out, and {@code
 * # KEY=ADDRESS} of the layout. What looks like a setting and is none is an error.
 */
final class MapsSettings {
  private static final List<String> LAYOUT = List.of("start_brk", "mmap_base", "topdown", "brk");
  private static final Map<String, Map<String, String>> DEFAULTS = new LinkedHashMap<>();

  /** The group that was not given: it has the number of the user. */
  private static final String AS_USER = "UID";

  static {
    DEFAULTS.put(
        "thp",
        table("enabled=madvise hugepage_size=2097152 shmem=never mthp=none khugepaged=idle"));
    DEFAULTS.put(
        "sysctl",
        table(
            "overcommit_memory=0 overcommit_ratio=50 max_map_count=65530 mmap_min_addr=65536"
                + " lsm_mmap_min_addr=65536 legacy_va_layout=0 stack_guard_gap=256"
                + " overcommit_kbytes=0"));
    DEFAULTS.put("memory", table("total_kb=16777216 swap_kb=0"));
    DEFAULTS.put("cred", table("uid=0 gid=" + AS_USER + " caps=all-but-SYS_RESOURCE"));
    DEFAULTS.put("rlimit", table("AS=inf DATA=inf STACK=8388608 MEMLOCK=8388608"));
  }

  private final Map<String, Map<String, String>> values = new HashMap<>();
  private final Map<String, Long> layout = new HashMap<>();

  private static Map<String, String> table(String text) {
    Map<String, String> table = new LinkedHashMap<>();
    for (String pair : text.split(" ", -1)) {
      int eq = pair.indexOf('=');
      table.put(pair.substring(0, eq), pair.substring(eq + 1));
    }
    return table;
  }

  /** Takes the rest of a line behind its {@code #}. */
  void line(Cursor at) {
    String text = at.rest().strip();
    String[] words = text.split("\\s+", -1);
    Map<String, String> known = DEFAULTS.get(words[0]);
    if (known != null) {
      for (int i = 1; i < words.length; i++) {
        pair(at, words[0], known, words[i]);
      }
      if (words.length < 2) {
        throw at.error("'# " + text + "' sets nothing", form(words[0], known));
      }
      return;
    }
    int eq = words[0].indexOf('=');
    if (words.length > 1 || eq <= 0 || !words[0].matches("[a-z_.A-Z0-9]+=\\S*")) {
      return; // a comment
    }
    String key = words[0].substring(0, eq);
    String value = words[0].substring(eq + 1);
    Map<String, String> sysctls = DEFAULTS.getOrDefault("sysctl", Map.of());
    if (key.startsWith("vm.") && sysctls.containsKey(key.substring(3))) {
      pair(at, "sysctl", sysctls, words[0].substring(3));
      return;
    }
    if (!LAYOUT.contains(key)) {
      List<String> names = new ArrayList<>(LAYOUT);
      names.addAll(DEFAULTS.keySet());
      throw at.error(
          "no setting is called '" + key + "'" + Nearest.hint(key, names),
          String.join("=, ", LAYOUT)
              + "=, "
              + DEFAULTS.keySet().stream()
                  .map(w -> w + " KEY=VALUE")
                  .collect(Collectors.joining(", "))
              + "; a comment of more than one word");
    }
    layout.put(key, address(at, key, value));
  }

  private static long address(Cursor at, String key, String value) {
    String allowed = key.equals("topdown") ? "0 or 1" : "an address 0x..";
    boolean good =
        key.equals("topdown") ? value.matches("[01]") : value.matches("0x[0-9a-f]{1,15}");
    if (!good) {
      throw at.error("'" + key + "=" + value + "' cannot be", allowed);
    }
    return Long.decode(value);
  }

  private void pair(Cursor at, String word, Map<String, String> known, String pair) {
    int eq = pair.indexOf('=');
    String key = eq < 0 ? pair : pair.substring(0, eq);
    if (eq < 0 || !known.containsKey(key)) {
      throw at.error(
          "'"
              + pair
              + "' is nothing that '# "
              + word
              + "' sets"
              + Nearest.hint(key, known.keySet()),
          form(word, known));
    }
    String value = pair.substring(eq + 1);
    if (word.equals("rlimit")) {
      value = limit(at, value);
    }
    values.computeIfAbsent(word, w -> new HashMap<>()).put(key, value);
  }

  private static String limit(Cursor at, String value) {
    if (value.equals("inf") || value.equals("unlimited")) {
      return "inf";
    }
    if (value.matches("0+")) {
      return "0";
    }
    try {
      return Long.toString(Sizes.parseSize(value, "rlimit"));
    } catch (InputException e) {
      throw at.error("'" + value + "' is no limit", "bytes, sizes such as 4G, or inf");
    }
  }

  private static String form(String word, Map<String, String> known) {
    StringBuilder out = new StringBuilder("# ").append(word);
    known.forEach((key, value) -> out.append(' ').append(key).append('=').append(value));
    return out.toString();
  }

  /** Whether the layout's setting was given. */
  boolean has(String key) {
    return layout.containsKey(key);
  }

  /** A setting of the layout. */
  OptionalLong number(String key) {
    Long value = layout.get(key);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }

  /** Sets one of the layout. */
  void number(String key, long value) {
    layout.put(key, value);
  }

  /** Whether the legacy layout is asked for. */
  boolean legacy() {
    return values
        .getOrDefault("sysctl", Map.of())
        .getOrDefault("legacy_va_layout", "0")
        .equals("1");
  }

  /** Sets a value that was not given. */
  void ifAbsent(String word, String key, long value) {
    values
        .computeIfAbsent(word, w -> new HashMap<>())
        .putIfAbsent(key, value == -1 ? "inf" : Long.toString(value));
  }

  /** The lines of a vma header, complete. */
  List<String> headerLines() {
    List<String> lines = new ArrayList<>();
    DEFAULTS.forEach(
        (word, known) -> {
          Map<String, String> given = values.getOrDefault(word, Map.of());
          StringBuilder line = new StringBuilder(word);
          known.forEach(
              (key, value) -> {
                String now = given.getOrDefault(key, value);
                line.append(now.equals(AS_USER) ? "" : " " + key + "=" + now);
              });
          lines.add(line.toString());
        });
    return lines;
  }
}
