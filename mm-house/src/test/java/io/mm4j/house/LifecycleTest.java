// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaEnumConstant;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What others compile against says how long it will stay: every public type of an exported package
 * of the api and the test kit has {@code @API(status = ...)}. CONTRIBUTING.md says what each status
 * promises.
 */
class LifecycleTest {
  private static final String MARK = "org.apiguardian.api.API";

  static List<String> modules() {
    return List.of("api", "testkit");
  }

  @ParameterizedTest
  @MethodSource("modules")
  void everyPublicTypeHasAMark(String module) {
    List<JavaClass> types = exportedTypes(module);
    assertTrue(types.size() > 5, module + " has " + types.size() + " public types");
    Set<String> without =
        types.stream()
            .filter(type -> !type.isAnnotatedWith(MARK))
            .map(JavaClass::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of(), without, "add @API(status = ...)");
  }

  /** What {@code .ci/compatible} compares is what may not change before the next minor release. */
  @Test
  void whatIsComparedIsWhatIsMaintained() throws IOException {
    String pom = Files.readString(Path.of("../pom.xml"));
    String plugin = pom.substring(pom.indexOf("<artifactId>japicmp-maven-plugin"));
    Set<String> packages = named("include", plugin);
    Set<String> compared = new TreeSet<>();
    Set<String> maintained = new TreeSet<>();
    for (JavaClass type : modules().stream().flatMap(m -> exportedTypes(m).stream()).toList()) {
      if (packages.contains(type.getPackageName())) {
        compared.add(type.getName());
      }
      if (!status(type).equals("EXPERIMENTAL")) {
        maintained.add(type.getName());
      }
    }
    compared.removeAll(named("exclude", plugin));
    assertEquals(maintained, compared);
  }

  /** What elements of the configuration of a plugin name. */
  private static Set<String> named(String element, String plugin) {
    String start = "<" + element + "s>";
    String all = plugin.substring(plugin.indexOf(start), plugin.indexOf("</" + element + "s>"));
    return Pattern.compile("<" + element + ">([^<]+)<")
        .matcher(all)
        .results()
        .map(found -> found.group(1))
        .collect(Collectors.toSet());
  }

  private static String status(JavaClass type) {
    return type.tryGetAnnotationOfType(MARK)
        .flatMap(mark -> mark.get("status"))
        .map(value -> ((JavaEnumConstant) value).name())
        .orElse("none");
  }

  private static List<JavaClass> exportedTypes(String module) {
    Set<String> exported = exported(module);
    return Modules.ALL.stream()
        .filter(type -> exported.contains(type.getPackageName()))
        .filter(type -> type.isTopLevelClass() && isPublic(type))
        .toList();
  }

  private static boolean isPublic(JavaClass type) {
    return type.getModifiers().contains(com.tngtech.archunit.core.domain.JavaModifier.PUBLIC)
        && !type.getSimpleName().equals("package-info");
  }

  private static Set<String> exported(String module) {
    Path place = Modules.PLACES.getOrDefault(module, Path.of(module));
    return ModuleFinder.of(place).find("io.mm4j." + module).stream()
        .flatMap(found -> found.descriptor().exports().stream())
        .filter(export -> !export.isQualified())
        .map(ModuleDescriptor.Exports::source)
        .collect(Collectors.toSet());
  }
}
