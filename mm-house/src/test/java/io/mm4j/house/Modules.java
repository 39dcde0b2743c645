// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The published modules: where they lie, and their classes. */
final class Modules {
  /** Their names, the lower ones first. */
  static final List<String> NAMES =
      List.of(
          "api",
          "testkit",
          "physical",
          "buddy",
          "vmalloc",
          "slab",
          "process",
          "replay",
          "trace",
          "cli");

  /** One public class of each, to find it by. */
  private static final List<String> CLASSES =
      List.of(
          "io.mm4j.api.machine.Machine",
          "io.mm4j.testkit.suites.TestKit",
          "io.mm4j.physical.ram.SparsememProvider",
          "io.mm4j.buddy.linux.LinuxProvider",
          "io.mm4j.vmalloc.table.LinuxPagingProvider",
          "io.mm4j.slab.slub.SlubProvider",
          "io.mm4j.process.LinuxProcessFloorProvider",
          "io.mm4j.replay.Recordings",
          "io.mm4j.trace.Tracer",
          "io.mm4j.cli.Main");

  /** The jar or the folder of classes of each module. */
  static final Map<String, Path> PLACES = places();

  /** All classes of all modules. */
  static final JavaClasses ALL =
      new ClassFileImporter()
          .importLocations(PLACES.values().stream().map(Modules::location).toList());

  private Modules() {}

  private static Map<String, Path> places() {
    Map<String, Path> places = new LinkedHashMap<>();
    try {
      for (int i = 0; i < NAMES.size(); i++) {
        Class<?> type = Class.forName(CLASSES.get(i), false, Modules.class.getClassLoader());
        var source = type.getProtectionDomain().getCodeSource();
        places.put(NAMES.get(i), Path.of(source.getLocation().toURI()));
      }
    } catch (ReflectiveOperationException | URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    return places;
  }

  /**
   * Folders of classes in a build that packs nothing, else jars: a path alone reads only folders.
   */
  private static Location location(Path place) {
    return Files.isDirectory(place)
        ? Location.of(place)
        : Location.of(URI.create("jar:" + place.toUri() + "!/"));
  }

  /** The module of a class, or the name of its package if it is in none of them. */
  static String of(JavaClass type) {
    String name = type.getPackageName();
    for (String module : NAMES) {
      String root = "io.mm4j." + module;
      if (name.equals(root) || name.startsWith(root + ".")) {
        return module;
      }
    }
    return name;
  }
}
