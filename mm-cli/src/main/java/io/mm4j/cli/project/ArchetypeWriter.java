// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.project;

import io.mm4j.api.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes what the Maven archetype of plugins is made of: for each SPI the project that {@code mm
 * new-plugin} writes, with properties of the archetype where the author's names will be. So the two
 * ways give the same files. The build of {@code mm-archetype} runs it.
 *
 * <p>Each project is written once under names that occur nowhere else, and these are exchanged for
 * properties. The projects lie side by side in {@link #SPIS}; {@code
 * archetype-post-generate.groovy} keeps the one that was asked for.
 */
public final class ArchetypeWriter {
  /** The folder of the projects of all SPIs. */
  static final String SPIS = "spis";

  private static final String GROUP = "standingroup";
  private static final String NAME = "standin-name";
  private static final String PACKAGE = "standingroup.standinpackage";
  private static final String POM = "pom.xml";
  private static final String IGNORED = ".gitignore";
  private static final String MODULE_INFO = "module-info.java";

  /** What is at the head of a file that Velocity fills in: its own signs, spelled out. */
  private static final String SIGNS =
      """
      #set( $symbol_pound = '#' )
      #set( $symbol_dollar = '$' )
      #set( $symbol_escape = '\\' )
      """;

  private ArchetypeWriter() {}

  /**
   * Writes the archetype.
   *
   * @param args the folder that becomes the archetype's jar, and nothing else
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      throw new InputException("not one folder", "ArchetypeWriter", "the folder to write to");
    }
    Path folder = Path.of(args[0]);
    for (Map.Entry<String, String> file : files().entrySet()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.resolveSibling(""));
      Files.writeString(path, file.getValue());
    }
  }

  /** Every file's text by its path in the jar. */
  static Map<String, String> files() {
    Map<String, String> files = new LinkedHashMap<>();
    StringBuilder sets = new StringBuilder();
    for (Start start : Start.all()) {
      PluginProject project = new PluginProject(start, NAME, GROUP, PACKAGE, "mm");
      String spi = start.spi().id();
      project.files().forEach((path, text) -> put(files, project, path, text));
      sets.append(fileSets(spi));
    }
    String metadata = PluginProject.resource("archetype-metadata.xml");
    files.put(
        "META-INF/maven/archetype-metadata.xml",
        metadata
            .replace(
                "@spis@", String.join("|", Start.all().stream().map(s -> s.spi().id()).toList()))
            .replace("@fileSets@", sets));
    return files;
  }

  private static void put(
      Map<String, String> files, PluginProject project, String path, String text) {
    String spi = project.start().spi().id();
    String to = path.replace(project.className(), "__pluginClass__");
    if (path.equals(POM)) {
      String pom =
          variables(project, text)
              .replace("The " + spi + " plugin", "The ${spi} plugin")
              .replaceFirst("<version>[^<]*<", "<version>\\${version}<");
      String other = files.putIfAbsent("archetype-resources/" + POM, pom);
      if (other != null && !other.equals(pom)) {
        throw new IllegalStateException("the pom of " + spi + " is another than the one before");
      }
      return;
    }
    String packaged = PACKAGE.replace('.', '/') + "/";
    to = to.equals(IGNORED) ? "gitignore" : to.replace(packaged, "");
    files.put("archetype-resources/" + SPIS + "/" + spi + "/" + to, variables(project, text));
  }

  private static String variables(PluginProject project, String text) {
    StringBuilder spelled = new StringBuilder(SIGNS);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '#' -> spelled.append("${symbol_pound}");
        case '$' -> spelled.append("${symbol_dollar}");
        case '\\' -> spelled.append("${symbol_escape}");
        default -> spelled.append(c);
      }
    }
    return spelled
        .toString()
        .replace(PACKAGE, "${package}")
        .replace(GROUP, "${groupId}")
        .replace(project.className(), "${pluginClass}")
        .replace(NAME, "${artifactId}");
  }

  /** The files in the plugin's package, those beside it, and those of no package. */
  private static String fileSets(String spi) {
    String at = SPIS + "/" + spi;
    return fileSet(at + "/src/main/java", true, "**/*.java", MODULE_INFO)
        + fileSet(at + "/src/main/java", false, MODULE_INFO, "")
        + fileSet(at + "/src/main/resources/META-INF/services", false, "*.*", "")
        + fileSet(at + "/src/test/java", true, "**/*.java", "")
        + fileSet(at, false, "README.md", "")
        + fileSet(at, false, "gitignore", "");
  }

  private static String fileSet(String folder, boolean packaged, String files, String but) {
    return String.format(
        "    <fileSet filtered=\"true\" packaged=\"%s\" encoding=\"UTF-8\">%n"
            + "      <directory>%s</directory>%n"
            + "      <includes><include>%s</include></includes>%n%s    </fileSet>%n",
        packaged,
        folder,
        files,
        but.isEmpty() ? "" : "      <excludes><exclude>" + but + "</exclude></excludes>\n");
  }
}
