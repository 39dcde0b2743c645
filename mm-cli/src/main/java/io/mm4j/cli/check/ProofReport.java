// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.check;

import io.mm4j.cli.text.Table;
import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.RuleInfo;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Rules against faults. */
public final class ProofReport {
  private ProofReport() {}

  /**
   * The matrix: a line for each fault, a column for each rule, its number written downwards. {@code
   * X} caught as meant, {@code x} caught besides, {@code .} passed, {@code !} meant and missed.
   */
  public static void print(PrintStream out, ProveMatrix matrix) {
    int width = matrix.rows().stream().mapToInt(r -> r.fault().length()).max().orElse(0);
    out.println(
        matrix.spi()
            + ": "
            + matrix.rules().size()
            + " rules against "
            + matrix.rows().size()
            + " plugins that are wrong on purpose");
    List<String> ids = matrix.rules().stream().map(RuleInfo::id).toList();
    int height = ids.stream().mapToInt(String::length).max().orElse(0);
    for (int row = 0; row < height; row++) {
      StringBuilder line = new StringBuilder(" ".repeat(width + 2));
      for (String id : ids) {
        line.append(row < id.length() ? id.charAt(row) : ' ');
      }
      out.println(line.toString().stripTrailing());
    }
    for (ProveMatrix.Row row : matrix.rows()) {
      StringBuilder line = new StringBuilder(row.fault());
      line.append(" ".repeat(width + 2 - row.fault().length()));
      for (String id : ids) {
        boolean meant = row.meantFor().contains(id);
        line.append(row.caughtBy(id) ? (meant ? 'X' : 'x') : meant ? '!' : '.');
      }
      out.println(line);
    }
    out.println("X caught as meant, x caught besides, ! missed, . passed");
    out.println(
        matrix.proved() ? "Every rule catches the faults that are meant for it." : "NOT PROVED:");
    matrix.problems().forEach(p -> out.println("  " + p));
  }

  /** A row for each fault and rule. */
  public static Table table(List<ProveMatrix> matrices) {
    Table table =
        new Table(
            List.of(
                Table.column("spi", "SPI"),
                Table.column("fault", "FAULT"),
                Table.column("rule", "RULE"),
                Table.column("meant", "MEANT"),
                Table.column("caught", "CAUGHT")));
    for (ProveMatrix matrix : matrices) {
      for (ProveMatrix.Row row : matrix.rows()) {
        for (RuleInfo rule : matrix.rules()) {
          table.add(
              matrix.spi(),
              row.fault(),
              rule.id(),
              row.meantFor().contains(rule.id()),
              row.caughtBy(rule.id()));
        }
      }
    }
    return table;
  }

  /** Everything as data. */
  public static Map<String, Object> json(List<ProveMatrix> matrices) {
    List<Map<String, Object>> list = new ArrayList<>();
    for (ProveMatrix matrix : matrices) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("spi", matrix.spi());
      map.put("proved", matrix.proved());
      map.put("problems", matrix.problems());
      map.put("rules", matrix.rules().stream().map(RuleInfo::id).toList());
      List<Map<String, Object>> faults = new ArrayList<>();
      for (ProveMatrix.Row row : matrix.rows()) {
        Map<String, Object> fault = new LinkedHashMap<>();
        fault.put("fault", row.fault());
        fault.put("what", row.what());
        fault.put("meant_for", row.meantFor());
        fault.put(
            "caught_by", matrix.rules().stream().map(RuleInfo::id).filter(row::caughtBy).toList());
        faults.add(fault);
      }
      map.put("faults", faults);
      list.add(map);
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("proofs", list);
    return object;
  }
}
