// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.shell;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Lines from a person at a terminal: they can be edited, come from the history with the arrow keys
 * and Ctrl-R, and are completed with Tab.
 */
public final class Prompt implements AutoCloseable {
  private static final String TEXT = "mm> ";

  private final Terminal terminal;
  private final LineReader reader;

  /**
   * A prompt on the terminal of this process, which is told what it needs by {@code stty}: no
   * native code is loaded.
   *
   * @param completion what Tab suggests
   * @param history where lines are kept from one session to the next, or null for nowhere
   * @throws IOException if there is no terminal
   */
  public Prompt(Completion completion, @Nullable Path history) throws IOException {
    terminal = TerminalBuilder.builder().system(true).ffm(false).jni(false).exec(true).build();
    // A word goes from space to space; backslashes and quotes mean nothing.
    DefaultParser parser = new DefaultParser();
    parser.setEscapeChars(new char[0]);
    parser.setQuoteChars(new char[0]);
    LineReaderBuilder builder =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .appName("mm")
            .parser(parser)
            .completer(completer(completion))
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
    if (history != null) {
      builder.variable(LineReader.HISTORY_FILE, history);
    }
    reader = builder.build();
  }

  /** The suggestions as JLine has them. */
  static Completer completer(Completion completion) {
    return (lineReader, line, candidates) -> {
      Map<String, String> words = completion.of(line.line().substring(0, line.cursor()));
      words.forEach(
          (word, about) -> {
            boolean open = word.endsWith("=") || word.contains("|");
            candidates.add(
                new Candidate(word, word, null, about.isEmpty() ? null : about, null, null, !open));
          });
    };
  }

  /** The next line, or null at the end; a line that was given up with Ctrl-C is empty. */
  public @Nullable String next() {
    try {
      return reader.readLine(TEXT);
    } catch (UserInterruptException e) {
      return "";
    } catch (EndOfFileException e) {
      return null;
    }
  }

  /** The lines that were typed, the oldest first. */
  public void printHistory(java.io.PrintStream out) {
    reader.getHistory().forEach(entry -> out.printf("%5d  %s%n", entry.index() + 1, entry.line()));
  }

  @Override
  public void close() throws IOException {
    terminal.close();
  }
}
