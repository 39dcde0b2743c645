// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import java.util.Collection;
import org.apiguardian.api.API;

/** Finds what was probably meant. */
@API(status = API.Status.MAINTAINED)
public final class Nearest {
  private Nearest() {}

  /** {@code ; did you mean 'x'?}, or nothing. */
  public static String hint(String wrong, Collection<String> names) {
    String best = "";
    int bestDistance = Math.max(1, wrong.length() / 3) + 1;
    for (String name : names) {
      int distance = distance(wrong, name);
      if (distance < bestDistance) {
        best = name;
        bestDistance = distance;
      }
    }
    return best.isEmpty() ? "" : "; did you mean '" + best + "'?";
  }

  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
