// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is on the other side of stdout and stderr: whether it is a terminal, how wide, whether it
 * shows colours and more than ASCII. The launcher may say so with the system properties {@code
 * mm.stdout.tty}, {@code mm.stderr.tty} ({@code true} or {@code false}) and {@code mm.columns};
 * otherwise {@code /proc/self/fd} and {@code COLUMNS} tell.
 *
 * @param outIsTerminal whether stdout is a terminal
 * @param errIsTerminal whether stderr is a terminal
 * @param columns the width to fill, 80 unless known
 * @param colour whether to use colours on stdout
 */
public record Terminal(boolean outIsTerminal, boolean errIsTerminal, int columns, boolean colour) {
  private static final int USUAL_COLUMNS = 80;

  /** Neither stream is a terminal: no colours, no progress, 80 columns. */
  public static Terminal none() {
    return new Terminal(false, false, USUAL_COLUMNS, false);
  }

  /** Looks at the process's own streams. */
  public static Terminal detect(Map<String, String> environment) {
    boolean out = isTerminal("mm.stdout.tty", "1");
    boolean err = isTerminal("mm.stderr.tty", "2");
    boolean dumb = "dumb".equals(environment.get("TERM"));
    boolean colour = out && !dumb && environment.getOrDefault("NO_COLOR", "").isEmpty();
    return new Terminal(out, err && !dumb, out ? columns(environment) : USUAL_COLUMNS, colour);
  }

  /** Whether lines come from a person: stdin is a terminal; {@code mm.stdin.tty} may say so. */
  public static boolean inIsTerminal() {
    return isTerminal("mm.stdin.tty", "0");
  }

  private static boolean isTerminal(String property, String fd) {
    String told = System.getProperty(property);
    if (told != null) {
      return told.equals("true");
    }
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd", fd)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (java.io.IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  private static int columns(Map<String, String> environment) {
    String text = System.getProperty("mm.columns", environment.getOrDefault("COLUMNS", ""));
    try {
      int columns = Integer.parseInt(text);
      return columns >= USUAL_COLUMNS ? Math.min(columns, 120) : USUAL_COLUMNS;
    } catch (NumberFormatException e) {
      return USUAL_COLUMNS;
    }
  }

  /**
   * UTF-8, unless the locale names another character set: then ASCII, and charts do without the
   * finer glyphs.
   */
  public static Charset charset(Map<String, String> environment) {
    for (String name : new String[] {"LC_ALL", "LC_CTYPE", "LANG"}) {
      String locale = environment.getOrDefault(name, "");
      if (!locale.isEmpty()) {
        String upper = locale.toUpperCase(Locale.ROOT);
        boolean other = upper.contains(".") && !upper.contains("UTF-8") && !upper.contains("UTF8");
        return other ? StandardCharsets.US_ASCII : StandardCharsets.UTF_8;
      }
    }
    return StandardCharsets.UTF_8;
  }

  /** Whether a stream can show this text. */
  public static boolean canShow(PrintStream stream, String text) {
    return stream.charset().newEncoder().canEncode(text);
  }

  /** The text in bold, if there are colours. */
  public String bold(String text) {
    return sgr("1", text);
  }

  /** The text in green, for what is as it should be. */
  public String good(String text) {
    return sgr("32", text);
  }

  /** The text in red, for differences and failures. */
  public String bad(String text) {
    return sgr("31", text);
  }

  /** The text dimmed, for asides. */
  public String dim(String text) {
    return sgr("2", text);
  }

  private String sgr(@Nullable String code, String text) {
    return colour ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
  }
}
