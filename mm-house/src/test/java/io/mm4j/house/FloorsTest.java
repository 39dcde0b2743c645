// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Floors meet in the api, and talk to nobody but through it. */
class FloorsTest {
  /** What a module may use beside itself and the JDK, by module or package. */
  private static final Map<String, Set<String>> ALLOWED =
      Map.of(
          "api", Set.of("org.apiguardian.api", "org.jspecify.annotations"),
          "testkit", Set.of("api", "org.apiguardian.api", "org.jspecify.annotations"),
          "physical", Set.of("api", "org.jspecify.annotations"),
          "buddy", Set.of("api", "org.jspecify.annotations"),
          "vmalloc", Set.of("api", "org.jspecify.annotations"),
          "slab", Set.of("api", "javax.management", "org.jspecify.annotations"),
          "process", Set.of("api", "org.jspecify.annotations"),
          "replay", Set.of("api", "org.jspecify.annotations"),
          "trace", Set.of("api", "org.apiguardian.api", "org.jspecify.annotations"),
          "cli",
              Set.of("api", "replay", "testkit", "trace", "picocli", "org.jspecify.annotations"));

  @Test
  void everyModuleIsRead() {
    for (String module : Modules.NAMES) {
      long classes = Modules.ALL.stream().filter(c -> Modules.of(c).equals(module)).count();
      assertTrue(classes > 5, module + " has " + classes + " classes");
    }
  }

  @Test
  void floorsMeetInTheApi() {
    Set<String> broken = new TreeSet<>();
    for (JavaClass type : Modules.ALL) {
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        JavaClass target = dependency.getTargetClass().getBaseComponentType();
        if (!mayUse(type, target)) {
          broken.add(Modules.of(type) + ": " + dependency.getDescription());
        }
      }
    }
    assertEquals(Set.of(), broken);
  }

  private static boolean mayUse(JavaClass type, JavaClass target) {
    String from = Modules.of(type);
    String to = Modules.of(target);
    return from.equals(to)
        || target.isPrimitive()
        || to.startsWith("java.")
        || to.startsWith("jdk.")
        || to.startsWith("com.sun.management")
        || (type.getPackageName().equals("io.mm4j.testkit.junit") && to.startsWith("org.junit."))
        || (type.getPackageName().equals("io.mm4j.cli.shell") && to.startsWith("org.jline."))
        || (from.equals("trace") && to.startsWith("net.bytebuddy"))
        || ALLOWED.getOrDefault(from, Set.of()).contains(to);
  }

  /** But for the suites of the test kit: a test's seeds belong into that test's own output. */
  @Test
  void nobodyBelowTheCommandUsesTheSystemsStreams() {
    noClasses()
        .that()
        .resideOutsideOfPackages("io.mm4j.cli..", "io.mm4j.testkit.junit")
        .should(ACCESS_STANDARD_STREAMS)
        .because("data and talk are the command's")
        .check(Modules.ALL);
  }

  /** The rules find what they look for. */
  @Test
  void aClassThatBreaksTheRulesIsFound() {
    JavaClasses planted = new ClassFileImporter().importClasses(Planted.class);
    assertThrows(
        AssertionError.class, () -> noClasses().should(ACCESS_STANDARD_STREAMS).check(planted));
    List<String> targets =
        planted.get(Planted.class).getDirectDependenciesFromSelf().stream()
            .map(d -> Modules.of(d.getTargetClass()))
            .toList();
    assertTrue(targets.contains("buddy"), targets.toString());
  }

  /** Uses an implementation and a system stream. */
  static final class Planted {
    static void main() {
      System.out.println(new io.mm4j.buddy.linux.LinuxProvider().name());
    }
  }
}
