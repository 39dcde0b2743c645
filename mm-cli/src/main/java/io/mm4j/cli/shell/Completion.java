// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.shell;

import io.mm4j.api.slab.KmemCache;
import io.mm4j.cli.explain.OperationWords;
import io.mm4j.cli.proc.SysctlFiles;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What the word before the cursor can become: a name, flags, a cache, an address, a file. */
public final class Completion {
  private static final int MOST_RESULTS = 20;
  private static final Set<String> PREFIXES = Set.of("explain", "repeat");

  private final ShellSession session;

  /** For a session. */
  public Completion(ShellSession session) {
    this.session = session;
  }

  /**
   * What the last word of a line can be.
   *
   * @param before the line up to the cursor
   * @return words that begin as the last one does, each with what it is; empty if anything goes
   */
  public Map<String, String> of(String before) {
    String text = before.substring(before.lastIndexOf(';') + 1).stripLeading();
    List<String> words = new ArrayList<>(Arrays.asList(text.split("[\\s,()]+", -1)));
    String last = words.removeLast();
    if (!words.isEmpty() && PREFIXES.contains(words.getFirst())) {
      int skipped = words.getFirst().equals("repeat") ? 2 : 1;
      if (words.size() < skipped) {
        return Map.of();
      }
      words.subList(0, skipped).clear();
    }
    Map<String, String> all = new LinkedHashMap<>();
    if (words.isEmpty()) {
      ShellSession.names().forEach(name -> all.put(name, String.valueOf(ShellSession.form(name))));
      return beginning(all, last);
    }
    return switch (words.getFirst()) {
      case "cat" -> beginning(named(session.files()), last);
      case "help" -> beginning(named(new ArrayList<>(ShellSession.names())), last);
      case "sysctl" ->
          beginning(named(SysctlFiles.names().stream().map(name -> name + "=").toList()), last);
      default -> argument(words.getFirst(), words.size() - 1, last);
    };
  }

  private Map<String, String> argument(String name, int at, String last) {
    OperationWords.Argument argument = OperationWords.argument(name, at);
    return switch (argument.kind()) {
      case FLAGS -> {
        // Flags are joined: what stands before the last bar stays.
        int bar = last.lastIndexOf('|') + 1;
        String done = last.substring(0, bar);
        Map<String, String> flags = new LinkedHashMap<>();
        Set<String> used = new HashSet<>(Arrays.asList(done.split("\\|", -1)));
        for (String flag : argument.words()) {
          if (!used.contains(flag)) {
            flags.put(done + flag, "");
          }
        }
        yield beginning(flags, last);
      }
      case WORD -> beginning(named(argument.words()), last);
      case ADDRESS -> beginning(addresses(), last);
      case CACHE ->
          beginning(
              named(
                  new ArrayList<>(
                      new TreeSet<>(
                          session.machine().slabs().caches().stream()
                              .map(KmemCache::name)
                              .toList()))),
              last);
      case DESCRIPTOR -> {
        Map<String, String> open = named(descriptors());
        open.putAll(results());
        yield beginning(open, last);
      }
      case PROCESS ->
          beginning(
              named(session.living().stream().map(p -> Integer.toString(p.pid())).toList()), last);
      case FREE -> Map.of();
    };
  }

  private List<String> descriptors() {
    RunningProcess process = session.current();
    return List.copyOf(process.descriptors().keySet());
  }

  /** The latest results first. */
  private Map<String, String> results() {
    Map<String, String> all = new LinkedHashMap<>();
    List<Long> results = session.results();
    for (int n = results.size(); n > Math.max(0, results.size() - MOST_RESULTS); n--) {
      all.put("$" + n, String.format(Locale.ROOT, "0x%x", results.get(n - 1)));
    }
    return all;
  }

  /** The latest results first, then the process's own places. */
  private Map<String, String> addresses() {
    Map<String, String> all = results();
    all.put("NULL", "");
    all.put("brk", "");
    session
        .current()
        .mm()
        .forEachMap(
            vma -> {
              String address = String.format(Locale.ROOT, "0x%x", vma.start());
              all.put(address, vma.perms() + " " + vma.name());
              if (vma.name().startsWith("[")) {
                all.putIfAbsent(vma.name(), address);
              }
            });
    return all;
  }

  private static Map<String, String> named(List<String> words) {
    Map<String, String> map = new LinkedHashMap<>();
    words.forEach(word -> map.put(word, ""));
    return map;
  }

  private static Map<String, String> beginning(Map<String, String> all, String with) {
    Map<String, String> found = new LinkedHashMap<>();
    all.forEach(
        (word, about) -> {
          if (word.startsWith(with)) {
            found.put(word, about);
          }
        });
    return found;
  }
}
