// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Packages do not need each other in a circle. An exception would stand in {@code KNOWN}: a circle
 * that grows, a new one, and one that is gone and still listed all fail.
 */
class PackageCyclesTest {
  private static final Set<Set<String>> KNOWN = Set.of();

  @Test
  void noPackageNeedsItselfByWayOfAnother() {
    assertEquals(text(KNOWN), text(circles(uses())));
  }

  @Test
  void circlesAreFound() {
    Map<String, Set<String>> uses =
        Map.of(
            "a", Set.of("b"),
            "b", Set.of("c", "e"),
            "c", Set.of("a", "d"),
            "d", Set.of("e"),
            "e", Set.of(),
            "x", Set.of("y"),
            "y", Set.of("x"));
    assertEquals("a b c\nx y", text(circles(uses)));
  }

  private static String text(Set<Set<String>> circles) {
    return circles.stream()
        .map(c -> String.join(" ", new TreeSet<>(c)))
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  private static Map<String, Set<String>> uses() {
    Map<String, Set<String>> uses = new TreeMap<>();
    for (JavaClass type : Modules.ALL) {
      Set<String> targets = uses.computeIfAbsent(type.getPackageName(), name -> new TreeSet<>());
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        String target = dependency.getTargetClass().getBaseComponentType().getPackageName();
        if (target.startsWith("io.mm4j.") && !target.equals(type.getPackageName())) {
          targets.add(target);
        }
      }
    }
    imports(uses);
    return uses;
  }

  /** What is imported: a constant that the compiler has put in place is not seen in a class. */
  private static void imports(Map<String, Set<String>> uses) {
    Pattern line = Pattern.compile("^(?:package|import(?: static)?) (io\\.mm4j[a-z0-9.]*)(\\W.*)?");
    for (String module : Modules.NAMES) {
      Path sources = Path.of("../mm-" + module + "/src/main/java");
      try (Stream<Path> files = Files.walk(sources)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          List<String> packages =
              Files.readAllLines(file).stream()
                  .map(line::matcher)
                  .filter(Matcher::matches)
                  .map(m -> m.group(1).replaceFirst("\\.$", ""))
                  .toList();
          if (!packages.isEmpty()) {
            Set<String> targets =
                uses.computeIfAbsent(packages.getFirst(), name -> new TreeSet<>());
            packages.stream()
                .filter(target -> !target.equals(packages.getFirst()))
                .forEach(targets::add);
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Packages that reach each other, by depth-first searches both ways. */
  private static Set<Set<String>> circles(Map<String, Set<String>> uses) {
    Map<String, Set<String>> reached = new HashMap<>();
    uses.keySet().forEach(from -> reached.put(from, reach(uses, from)));
    return uses.keySet().stream()
        .filter(p -> reached.getOrDefault(p, Set.of()).contains(p))
        .map(
            p ->
                reached.getOrDefault(p, Set.of()).stream()
                    .filter(q -> reached.getOrDefault(q, Set.of()).contains(p))
                    .collect(Collectors.toSet()))
        .collect(Collectors.toSet());
  }

  private static Set<String> reach(Map<String, Set<String>> uses, String from) {
    Set<String> seen = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(uses.getOrDefault(from, Set.of()));
    while (!open.isEmpty()) {
      String next = open.pop();
      if (seen.add(next)) {
        open.addAll(uses.getOrDefault(next, Set.of()));
      }
    }
    return seen;
  }
}
