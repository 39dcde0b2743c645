// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
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
    Set<String> exported = exported(module);
    List<JavaClass> types =
        Modules.ALL.stream()
            .filter(type -> exported.contains(type.getPackageName()))
            .filter(type -> type.isTopLevelClass() && isPublic(type))
            .toList();
    assertTrue(types.size() > 5, module + " has " + types.size() + " public types");
    Set<String> without =
        types.stream()
            .filter(type -> !type.isAnnotatedWith(MARK))
            .map(JavaClass::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of(), without, "add @API(status = ...)");
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
