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

/** Faults, and the rules that catch them. */
public final class ProofReport {
  private ProofReport() {}

  private static String counted(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  /**
   * A line for each fault with the rules that are meant to catch it: {@code X} caught, {@code !}
   * missed.
   */
  public static void print(PrintStream out, ProveMatrix matrix) {
    int width = matrix.rows().stream().mapToInt(r -> r.fault().length()).max().orElse(0);
    out.println(
        matrix.spi()
            + ": "
            + counted(matrix.rules().size(), "rule")
            + " against "
            + counted(matrix.rows().size(), "plugin")
            + " wrong on purpose");
    for (ProveMatrix.Row row : matrix.rows()) {
      StringBuilder line = new StringBuilder(row.fault());
      line.append(" ".repeat(width + 2 - row.fault().length()));
      for (String id : row.meantFor()) {
        line.append(row.caughtBy(id) ? "X " : "! ").append(id).append("  ");
      }
      out.println(line.toString().stripTrailing());
    }
    out.println("X caught by the rule that is meant to, ! missed");
    out.println(
        matrix.proved() ? "Every rule catches the faults that are meant for it." : "NOT PROVED:");
    matrix.problems().forEach(p -> out.println("  " + p));
  }

  /** A row for each fault and rule that is meant to catch it. */
  public static Table table(List<ProveMatrix> matrices) {
    Table table =
        new Table(
            List.of(
                Table.column("spi", "SPI"),
                Table.column("fault", "FAULT"),
                Table.column("rule", "RULE"),
                Table.column("caught", "CAUGHT")));
    for (ProveMatrix matrix : matrices) {
      for (ProveMatrix.Row row : matrix.rows()) {
        for (String id : row.meantFor()) {
          table.add(matrix.spi(), row.fault(), id, row.caughtBy(id));
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
