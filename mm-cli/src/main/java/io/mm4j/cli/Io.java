// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.cli.text.Chart;
import io.mm4j.cli.text.Terminal;
import java.io.PrintStream;
import java.util.function.UnaryOperator;

/**
 * Where a command writes: data to {@code out}, talk to {@code err}.
 *
 * @param terminal what is on the other side
 * @param tracing what is done to the plugins that the command finds: nothing, or they are traced
 */
record Io(
    PrintStream out, PrintStream err, Terminal terminal, UnaryOperator<PluginRegistry> tracing) {
  private static final UnaryOperator<PluginRegistry> UNTRACED = UnaryOperator.identity();

  /** Nobody traces. */
  Io(PrintStream out, PrintStream err, Terminal terminal) {
    this(out, err, terminal, UNTRACED);
  }

  /** Whether somebody traces. */
  boolean isTraced() {
    return !tracing.equals(UNTRACED);
  }

  /** The plugins as this command is to have them. */
  PluginRegistry traced(PluginRegistry registry) {
    return tracing.apply(registry);
  }

  /** A word to the user that is no data. */
  void warn(String text) {
    err.println("mm: " + Commands.asTyped(text));
  }

  /** Whether stdout can show the glyphs of charts. */
  boolean unicode() {
    return Terminal.canShow(out, Chart.glyphs());
  }
}
