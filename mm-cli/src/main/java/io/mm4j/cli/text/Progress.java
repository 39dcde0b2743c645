// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.io.PrintStream;

/**
 * A progress bar on stderr. It appears only on a terminal and only when the work has taken over a
 * second, and leaves no trace behind. {@link #at} is cheap enough for once an item or once in some
 * thousand operations. One thread.
 */
public final class Progress implements AutoCloseable {
  private static final long FIRST_NS = 1_000_000_000L;
  private static final long EVERY_NS = 100_000_000L;
  private static final int WIDTH = 30;

  private final PrintStream err;
  private final boolean on;
  private final long startNs = System.nanoTime();
  private long nextNs = FIRST_NS;
  private boolean shown;

  /** A bar that is not shown yet. */
  public Progress(PrintStream err, Terminal terminal) {
    this.err = err;
    this.on = terminal.errIsTerminal();
  }

  /** So much of the work is done: {@code done} of {@code total}, now at {@code what}. */
  public void at(long done, long total, String what) {
    if (!on || System.nanoTime() - startNs < nextNs) {
      return;
    }
    nextNs = System.nanoTime() - startNs + EVERY_NS;
    shown = true;
    int filled = total <= 0 ? 0 : (int) Math.min(WIDTH, WIDTH * done / total);
    String name = what.length() > 36 ? "..." + what.substring(what.length() - 33) : what;
    err.print(
        "\r\u001b[K["
            + "#".repeat(filled)
            + ".".repeat(WIDTH - filled)
            + "] "
            + done
            + "/"
            + total
            + " "
            + name);
    err.flush();
  }

  @Override
  public void close() {
    hide();
  }

  /** Removes the bar until the next {@link #at}. */
  public void hide() {
    if (shown) {
      err.print("\r\u001b[K");
      err.flush();
      shown = false;
    }
  }
}
