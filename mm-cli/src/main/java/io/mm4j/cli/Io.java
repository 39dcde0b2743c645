// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.cli.text.Chart;
import io.mm4j.cli.text.Terminal;
import java.io.PrintStream;

/**
 * Where a command writes: data to {@code out}, talk to {@code err}.
 *
 * @param terminal what is on the other side
 */
record Io(PrintStream out, PrintStream err, Terminal terminal) {
  /** A word to the user that is no data. */
  void warn(String text) {
    err.println("mm: " + Commands.asTyped(text));
  }

  /** Whether stdout can show the glyphs of charts. */
  boolean unicode() {
    return Terminal.canShow(out, Chart.glyphs());
  }
}
