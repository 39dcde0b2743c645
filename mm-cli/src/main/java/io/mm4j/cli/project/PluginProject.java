// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.project;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Maven project with one plugin.
 *
 * @param start what it begins with
 * @param name the plugin's name
 * @param group the project's group id
 * @param packageName its package, which is also the name of its module
 * @param command how {@code mm} is typed
 */
public record PluginProject(
    Start start, String name, String group, String packageName, String command) {
  private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,39}");
  private static final Pattern PART = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /** What no part of a package may be called. */
  private static final Set<String> WORDS =
      Set.of(
          ("_ abstract assert boolean break byte case catch char class const continue default do"
                  + " double else enum extends false final finally float for goto if implements"
                  + " import instanceof int interface long native new null package private"
                  + " protected public return short static strictfp super switch synchronized this"
                  + " throw throws transient true try void volatile while")
              .split(" "));

  private static final Pattern GROUP = Pattern.compile("[A-Za-z0-9_.-]+");

  /** Checks the names. */
  public PluginProject {
    if (!NAME.matcher(name).matches() || name.endsWith("-")) {
      throw new InputException(
          "'" + name + "' is no name of a plugin",
          "NAME",
          "lower-case letters, digits and -, up to 40, a letter first");
    }
    if (!isPackage(packageName)) {
      throw new InputException(
          "'" + packageName + "' is no name of a Java package",
          "--package",
          "such as org.example.nextfit");
    }
    if (!GROUP.matcher(group).matches()) {
      throw new InputException("'" + group + "' is no group id", "--group", "such as org.example");
    }
  }

  /** The package of a plugin for which none was given. */
  public static String defaultPackage(String group, String name) {
    String last = name.replace("-", "");
    return group.replace('-', '_') + "." + last + (WORDS.contains(last) ? "_" : "");
  }

  private static boolean isPackage(String text) {
    for (String part : text.split("\\.", -1)) {
      if (!PART.matcher(part).matches() || WORDS.contains(part)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Writes the project.
   *
   * @param folder a folder that is empty or not there
   * @return the number of files
   * @throws InputException if something is there, or nothing can be written
   */
  public int write(Path folder) {
    try {
      checkEmpty(folder);
      Map<String, String> files = files();
      for (Map.Entry<String, String> file : files.entrySet()) {
        Path path = folder.resolve(file.getKey());
        Path parent = path.getParent();
        if (parent != null) {
          Files.createDirectories(parent);
        }
        Files.writeString(path, file.getValue());
      }
      return files.size();
    } catch (IOException e) {
      throw new InputException(
          "it cannot be written: " + WhyNot.of(e), "DIR " + folder, "a folder with room");
    }
  }

  private static void checkEmpty(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    String allowed = "a folder that is empty, or that is not there yet";
    if (!Files.isDirectory(folder)) {
      throw new InputException("a file is there: '" + folder + "'", "DIR", allowed);
    }
    try (Stream<Path> inside = Files.list(folder)) {
      if (inside.findAny().isPresent()) {
        throw new InputException("'" + folder + "' is not empty", "DIR", allowed);
      }
    }
  }

  /** Every file's text by its path. */
  Map<String, String> files() {
    Map<String, String> files = new LinkedHashMap<>();
    files.put("pom.xml", filled("pom.xml"));
    files.put("README.md", filled("README.md"));
    files.put(".gitignore", "/target/\n");
    String main = "src/main/java/";
    files.put(main + "module-info.java", filled("module-info.java.txt"));
    String provider = packageName + "." + provider();
    files.put(
        "src/main/resources/META-INF/services/" + start.spi().providerType().getName(),
        provider + "\n");
    String place = packageName.replace('.', '/') + "/";
    for (String file : start.files()) {
      files.put(main + place + renamed(file) + ".java", source(file));
    }
    files.put("src/test/java/" + place + className() + "KitTest.java", filled("KitTest.java.txt"));
    return files;
  }

  /** {@code NextFit} for {@code next-fit}. */
  String className() {
    StringBuilder words = new StringBuilder();
    for (String word : name.split("-", -1)) {
      if (!word.isEmpty()) {
        words.append(word.substring(0, 1).toUpperCase(Locale.ROOT)).append(word.substring(1));
      }
    }
    return words.toString();
  }

  String provider() {
    return start.provider().replace("*", className());
  }

  private String renamed(String file) {
    String to = start.classes().get(file);
    return to == null ? file : to.replace("*", className());
  }

  /** A source file of the plugin that this one begins with, under the author's names. */
  private String source(String file) {
    String text = resource("sources/" + start.spi().id() + "/" + file + ".java");
    if (!file.contains("/")) {
      String old = start.plugin();
      text = text.replace('"' + old + '"', '"' + name + '"');
      text = text.replace("{@code " + old + "}", "{@code " + name + "}");
      text = text.replace(start.spi().id() + "=" + old, start.spi().id() + "=" + name);
      text =
          text.replaceFirst(
              "(String summary\\(\\) \\{\\s*return )[^;]*;",
              "$1\"" + start.spi().id() + " of " + packageName + "\";");
    }
    for (Map.Entry<String, String> type : start.classes().entrySet()) {
      String to = type.getValue().replace("*", className());
      text = text.replaceAll("\\b" + type.getKey() + "\\b", Matcher.quoteReplacement(to));
    }
    for (Map.Entry<String, String> each : start.packages().entrySet()) {
      String to = each.getKey().isEmpty() ? packageName : packageName + "." + each.getKey();
      text = text.replaceAll(Pattern.quote(each.getValue()) + "(?=[.;])", to);
    }
    return text;
  }

  private String filled(String template) {
    Properties versions = versions();
    String compare = start.compare();
    String text = resource(template);
    Map<String, String> values = new LinkedHashMap<>();
    values.put("spi", start.spi().id());
    values.put("constant", start.constant());
    values.put("providerType", start.spi().providerType().getSimpleName());
    values.put("providerTypeName", start.spi().providerType().getName());
    values.put("provider", provider());
    values.put("name", name);
    values.put("class", className());
    values.put("group", group);
    values.put("package", packageName);
    values.put("from", start.plugin());
    values.put("mm", command);
    values.put(
        "compare",
        compare.isEmpty()
            ? ""
            : "    "
                + command
                + " "
                + compare
                + name
                + " --plugins-path target     beside mm4j's own\n");
    versions.forEach((key, value) -> values.put(String.valueOf(key), String.valueOf(value)));
    for (Map.Entry<String, String> value : values.entrySet()) {
      text = text.replace("@" + value.getKey() + "@", value.getValue());
    }
    return text;
  }

  /** What the build wrote down: its own version and that of JUnit. */
  static Properties versions() {
    Properties versions = new Properties();
    try (InputStream in = open("versions.properties")) {
      versions.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return versions;
  }

  /** A text of this package. */
  static String resource(String path) {
    try (InputStream in = open(path)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InputStream open(String path) {
    InputStream in = PluginProject.class.getResourceAsStream(path);
    if (in == null) {
      throw new IllegalStateException("mm-cli was built without its resource " + path);
    }
    return in;
  }
}
