// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.PluginProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Every plugin that can be found, by SPI and name.
 *
 * <p>A provider that fails to load is reported in {@link #failures()} and skipped; it is an error
 * only when it is asked for by name. Two plugins of one name in one SPI are an error that names
 * both places.
 *
 * <p>Immutable once built; safe for any thread.
 */
@API(status = API.Status.MAINTAINED)
public final class PluginRegistry {
  /** After so many providers that cannot be linked the others of a loader are given up. */
  private static final int MOST_UNLINKED = 100;

  private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,39}");

  /**
   * A provider that could not be loaded.
   *
   * @param spi the SPI it was declared for
   * @param what the provider class as far as it is known, with where it came from
   * @param reason what went wrong
   */
  public record Failure(Spi<?> spi, String what, String reason) {}

  private final Map<Spi<?>, Map<String, PluginInfo>> plugins = new LinkedHashMap<>();
  private final List<Failure> failures = new ArrayList<>();

  private PluginRegistry() {}

  /** Finds the plugins on the module path and the class path. */
  public static PluginRegistry discover() {
    return discover(null);
  }

  /**
   * Finds the plugins on the module path, the class path, and in the jars of a folder. All jars of
   * the folder have one class loader: a provider may lie in one of them and what it needs in
   * another.
   *
   * @param jarFolder a folder of a third party's jars, or null
   * @throws InputException if the folder cannot be read, has no jar or a file *.jar that is none,
   *     two plugins have one name, or two of the jars hold the same provider
   */
  public static PluginRegistry discover(@Nullable Path jarFolder) {
    ClassLoader system = PluginRegistry.class.getClassLoader();
    List<ClassLoader> loaders = new ArrayList<>();
    loaders.add(system);
    PluginRegistry registry = new PluginRegistry();
    if (jarFolder != null) {
      List<Path> jars = jarsIn(jarFolder);
      PluginJars.refuseUnusable(jars);
      jars.forEach(jar -> registry.failures.addAll(PluginJars.undeclared(jar)));
      URL[] urls = jars.stream().map(PluginJars::url).toArray(URL[]::new);
      String name = jars.size() == 1 ? fileName(jars.getFirst()) : fileName(jarFolder);
      loaders.add(new URLClassLoader(name, urls, system));
    }
    for (Spi<?> spi : Spi.all()) {
      registry.plugins.put(spi, new TreeMap<>());
      Set<Class<?>> seen = new HashSet<>();
      for (ClassLoader loader : loaders) {
        registry.load(spi, loader, seen);
      }
    }
    return registry;
  }

  /** A registry of exactly these providers, for tests. */
  public static PluginRegistry of(Map<Spi<?>, List<? extends PluginProvider>> providers) {
    PluginRegistry registry = new PluginRegistry();
    for (Spi<?> spi : Spi.all()) {
      registry.plugins.put(spi, new TreeMap<>());
      for (PluginProvider provider : providers.getOrDefault(spi, List.of())) {
        registry.add(PluginInfo.of(spi, provider));
      }
    }
    return registry;
  }

  private <P extends PluginProvider> void load(Spi<P> spi, ClassLoader loader, Set<Class<?>> seen) {
    var iterator = loadService(spi, loader).iterator();
    String source = loader instanceof URLClassLoader jars ? places(jars) : "";
    int unlinked = 0;
    while (true) {
      try {
        if (!iterator.hasNext()) {
          return;
        }
        P provider = iterator.next();
        if (seen.add(provider.getClass())) {
          checkAndAdd(PluginInfo.of(spi, provider));
        }
      } catch (ServiceConfigurationError | LinkageError e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        String what = String.valueOf(e.getMessage()) + (source.isEmpty() ? "" : " in " + source);
        failures.add(new Failure(spi, what, cause.toString()));
        if (e instanceof LinkageError && ++unlinked > MOST_UNLINKED) {
          return;
        }
      }
    }
  }

  /** The jars of a folder, for a message. */
  private static String places(URLClassLoader jars) {
    return Arrays.stream(jars.getURLs()).map(URL::getPath).collect(Collectors.joining(", "));
  }

  private static <P extends PluginProvider> ServiceLoader<P> loadService(
      Spi<P> spi, ClassLoader loader) {
    return ServiceLoader.load(spi.providerType(), loader);
  }

  /** A provider's own words may throw; what it throws is its failure, not ours. */
  private void checkAndAdd(PluginInfo info) {
    String what = info.provider().getClass().getName() + " in " + info.location();
    try {
      @Nullable String name = info.provider().name(); // nothing is sure of somebody else's
      if (name == null || !NAME.matcher(name).matches()) {
        failures.add(
            new Failure(
                info.spi(),
                what,
                name == null
                    ? "it has no name: name() gave null"
                    : "its name '" + name + "' does not match " + NAME.pattern()));
        return;
      }
      int level = info.provider().spiLevel();
      if (level != PluginProvider.SPI_LEVEL) {
        failures.add(
            new Failure(
                info.spi(),
                what,
                "it was written for SPI level " + level + ", this is " + PluginProvider.SPI_LEVEL));
        return;
      }
      info.provider().options();
      info.provider().settings();
      info.provider().summary();
    } catch (RuntimeException | LinkageError e) {
      failures.add(new Failure(info.spi(), what, e.toString()));
      return;
    }
    add(info);
  }

  private void add(PluginInfo info) {
    Map<String, PluginInfo> byName = plugins.computeIfAbsent(info.spi(), spi -> new TreeMap<>());
    PluginInfo other = byName.putIfAbsent(info.name(), info);
    if (other != null) {
      throw new InputException(
          "two "
              + info.spi()
              + " plugins are named '"
              + info.name()
              + "': "
              + describe(other)
              + " and "
              + describe(info),
          "plugins",
          "one plugin of a name; remove one of the two");
    }
  }

  private static String describe(PluginInfo info) {
    return info.provider().getClass().getName() + " from " + info.location();
  }

  /** The plugins of one SPI, by name. */
  public List<PluginInfo> plugins(Spi<?> spi) {
    Map<String, PluginInfo> byName = plugins.get(spi);
    return byName == null ? List.of() : List.copyOf(byName.values());
  }

  /** Providers that could not be loaded. */
  public List<Failure> failures() {
    return List.copyOf(failures);
  }

  /**
   * The provider of this name.
   *
   * @param where the option that named it, for the message
   * @throws InputException if there is none; the message lists those there are
   */
  public <P extends PluginProvider> P provider(Spi<P> spi, String name, String where) {
    Map<String, PluginInfo> byName = plugins.getOrDefault(spi, Map.of());
    PluginInfo info = byName.get(name);
    if (info == null) {
      throw new InputException(
          "there is no " + spi + " plugin '" + name + "'" + failureHint(spi),
          where,
          names(spi, byName));
    }
    return spi.providerType().cast(info.provider());
  }

  private static String names(Spi<?> spi, Map<String, PluginInfo> byName) {
    String names = String.join(", ", byName.keySet());
    return (names.isEmpty() ? "none was found, " + spi.artifact() + " has some" : names)
        + "; a jar with a provider on the module path, the class path or --plugins-path adds one";
  }

  private String failureHint(Spi<?> spi) {
    String failed =
        failures.stream()
            .filter(f -> f.spi() == spi)
            .map(f -> f.what() + ": " + f.reason())
            .collect(Collectors.joining("; "));
    return failed.isEmpty() ? "" : " (could not be loaded: " + failed + ")";
  }

  /** The SPI with this name on the command line. */
  public static Spi<?> spi(String id, String where) {
    return Spi.all().stream()
        .filter(s -> s.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "there is no SPI '" + id + "'",
                    where,
                    Spi.all().stream().map(Spi::id).collect(Collectors.joining(", "))));
  }

  private static List<Path> jarsIn(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "'" + folder + "' is not a folder", "--plugins-path", "a folder that holds plugin jars");
    }
    List<Path> jars;
    try (Stream<Path> files = Files.list(folder)) {
      jars = files.filter(f -> f.toString().endsWith(".jar")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (jars.isEmpty()) {
      throw new InputException(
          "there is no jar in '" + folder + "'",
          "--plugins-path",
          "a folder that holds plugin jars: of a Maven project, `target` after `mvn package`");
    }
    return jars;
  }

  private static String fileName(Path path) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    return name == null ? "plugins" : name.toString();
  }

  /** The names of the plugins of each SPI. */
  @Override
  public String toString() {
    Map<String, Set<String>> names = new LinkedHashMap<>();
    plugins.forEach((spi, found) -> names.put(spi.id(), found.keySet()));
    return names.toString();
  }
}
