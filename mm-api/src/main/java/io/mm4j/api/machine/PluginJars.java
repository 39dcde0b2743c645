// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.InvalidModuleDescriptorException;
import java.lang.module.ModuleDescriptor;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;

/**
 * What can be said of a folder's jars before a class of theirs is loaded. They are read as on the
 * class path, where a provider is found by {@code META-INF/services} and by nothing else.
 */
final class PluginJars {
  private static final String SERVICES = "META-INF/services/";

  private PluginJars() {}

  static URL url(Path jar) {
    try {
      return jar.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Providers that a jar's {@code module-info} names and its {@code META-INF/services} does not:
   * they would be found on the module path only.
   */
  static List<PluginRegistry.Failure> undeclared(Path path) {
    List<PluginRegistry.Failure> failures = new ArrayList<>();
    try (JarFile jar = new JarFile(path.toFile())) {
      ZipEntry entry = jar.getEntry("module-info.class");
      if (entry == null) {
        return failures;
      }
      ModuleDescriptor module;
      try (InputStream in = jar.getInputStream(entry)) {
        module = ModuleDescriptor.read(in);
      }
      for (ModuleDescriptor.Provides provides : module.provides()) {
        for (Spi<?> spi : Spi.all()) {
          if (spi.providerType().getName().equals(provides.service())) {
            Set<String> declared = declared(jar, spi);
            provides.providers().stream()
                .filter(name -> !declared.contains(name))
                .forEach(name -> failures.add(undeclared(spi, name, path)));
          }
        }
      }
    } catch (IOException | InvalidModuleDescriptorException e) {
      return failures;
    }
    return failures;
  }

  private static PluginRegistry.Failure undeclared(Spi<?> spi, String provider, Path jar) {
    return new PluginRegistry.Failure(
        spi,
        provider + " in " + jar,
        "module-info.java provides it, but a jar of --plugins-path is read as on the class path:"
            + " add a file "
            + SERVICES
            + spi.providerType().getName()
            + " with the line "
            + provider);
  }

  /**
   * Refuses a folder in which the class of a provider lies twice, as only one of them would be
   * used, or a file that is no jar, which the class loader passes over.
   *
   * @throws InputException naming the jars
   */
  static void refuseUnusable(List<Path> paths) {
    Map<String, Path> places = new HashMap<>();
    for (Path path : paths) {
      try (JarFile jar = new JarFile(path.toFile())) {
        Set<String> providers = new HashSet<>();
        for (Spi<?> spi : Spi.all()) {
          providers.addAll(declared(jar, spi));
        }
        for (String provider : providers) {
          Path other =
              jar.getEntry(provider.replace('.', '/') + ".class") == null
                  ? null
                  : places.putIfAbsent(provider, path);
          if (other != null) {
            throw new InputException(
                "the provider " + provider + " lies in two jars: " + other + " and " + path,
                "--plugins-path",
                "one jar with a provider; remove the older of the two");
          }
        }
      } catch (IOException e) {
        throw new InputException(
            "'" + path + "' is no jar: " + e.getMessage(),
            "--plugins-path",
            "a folder whose files *.jar are jars");
      }
    }
  }

  /** The provider classes that a jar's service file of an SPI names. */
  private static Set<String> declared(JarFile jar, Spi<?> spi) throws IOException {
    ZipEntry entry = jar.getEntry(SERVICES + spi.providerType().getName());
    Set<String> names = new HashSet<>();
    if (entry != null) {
      try (InputStream in = jar.getInputStream(entry)) {
        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        text.lines()
            .map(line -> line.replaceFirst("#.*", "").strip())
            .filter(name -> !name.isEmpty())
            .forEach(names::add);
      }
    }
    return names;
  }
}
