// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * Prints the scores of the last PIT run of every module as the table of docs/test-kit.md, or, with
 * {@code --survivors}, the mutants that no rule killed, one a line.
 *
 * <pre>{@code
 * java tools/mm-pit/src/main/java/io/mm4j/tools/pit/ScoreTable.java [--survivors] [FOLDER]
 * }</pre>
 */
public final class ScoreTable {
  private static final String REPORT = "target/pit-reports/mutations.xml";

  private final Map<String, Score> packages = new TreeMap<>();
  private final List<String> survivors = new ArrayList<>();

  private ScoreTable() {}

  /** What became of the mutants of a package. */
  private static final class Score {
    private int killed;
    private int timedOut;
    private int survived;
    private int unreached;

    int all() {
      return killed + timedOut + survived + unreached;
    }

    String row(String name) {
      return String.format(
          Locale.ROOT,
          "| %s | %d | %d | %d | %d | %d | %.1f %% |",
          name,
          all(),
          killed,
          timedOut,
          survived,
          unreached,
          100.0 * (killed + timedOut) / Math.max(1, all()));
    }
  }

  /** Prints the table. */
  public static void main(String[] args) throws Exception {
    boolean listing = args.length > 0 && args[0].equals("--survivors");
    int rest = listing ? 1 : 0;
    Path root = Path.of(args.length > rest ? args[rest] : "");
    if (args.length > rest + 1 || !Files.isDirectory(root.toAbsolutePath())) {
      System.err.println(
          "usage: ScoreTable [--survivors] [FOLDER]; no such folder: '" + root + "'");
      System.exit(2);
    }
    ScoreTable table = new ScoreTable();
    for (Path report : reports(root)) {
      table.read(report);
    }
    if (table.packages.isEmpty()) {
      System.err.println(
          "no "
              + REPORT
              + " below '"
              + root.toAbsolutePath()
              + "': run JAVA_HOME=/path/to/jdk-25 mvn verify -Ppit first");
      System.exit(2);
    }
    if (listing) {
      table.survivors.forEach(System.out::println);
    } else {
      table.print();
    }
  }

  private static List<Path> reports(Path root) throws IOException {
    try (Stream<Path> modules = Files.list(root.toAbsolutePath())) {
      return modules.map(each -> each.resolve(REPORT)).filter(Files::exists).sorted().toList();
    }
  }

  private void read(Path report) throws Exception {
    NodeList all;
    try {
      all =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(report.toFile())
              .getElementsByTagName("mutation");
    } catch (SAXException e) {
      System.err.println(report + ": PIT has not finished this report; run it again, or delete it");
      System.exit(2);
      return;
    }
    for (int i = 0; i < all.getLength(); i++) {
      count((Element) all.item(i));
    }
  }

  private void count(Element mutant) {
    String type = text(mutant, "mutatedClass");
    String name = type.substring(0, type.lastIndexOf('.'));
    Score score = packages.computeIfAbsent(name, each -> new Score());
    String status = mutant.getAttribute("status");
    switch (status) {
      case "KILLED", "MEMORY_ERROR" -> score.killed++;
      case "TIMED_OUT" -> score.timedOut++;
      case "SURVIVED" -> score.survived++;
      case "NO_COVERAGE" -> score.unreached++;
      case "NON_VIABLE", "RUN_ERROR" -> {
        return;
      }
      default -> throw new IllegalStateException("unknown status=" + status + " of " + type);
    }
    if (status.equals("SURVIVED") || status.equals("NO_COVERAGE")) {
      survivors.add(
          String.join(
              " ",
              type + '.' + text(mutant, "mutatedMethod") + ':' + text(mutant, "lineNumber"),
              status,
              text(mutant, "description")));
    }
  }

  private static String text(Element mutant, String name) {
    return mutant.getElementsByTagName(name).item(0).getTextContent();
  }

  private void print() {
    System.out.println(
        "| package | mutants | killed | timed out | survived | not reached | score |");
    System.out.println("|---|---|---|---|---|---|---|");
    Score sum = new Score();
    packages.forEach(
        (name, score) -> {
          System.out.println(score.row("`" + name + "`"));
          sum.killed += score.killed;
          sum.timedOut += score.timedOut;
          sum.survived += score.survived;
          sum.unreached += score.unreached;
        });
    System.out.println(sum.row("all"));
  }
}
