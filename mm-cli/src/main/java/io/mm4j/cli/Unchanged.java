// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * Speaks of options that were given and change nothing: a machine has more CPUs as asked, and a
 * mapping lies where it lay. Which ones these are no table knows, so the question is put once more
 * without each of them.
 */
final class Unchanged {
  /** A command whose streams and arguments are given. */
  @FunctionalInterface
  interface Runner {
    int run(Io io, String... args);
  }

  /** What sets up the machine or the process below an answer. */
  private static final List<String> SETUP =
      List.of(
          "--cpus",
          "--cpu-nodes",
          "--nodes",
          "--plugin",
          "--contents",
          "--privileged",
          "--map",
          "--cmdline",
          "--memory");

  private static final Set<String> FLAGS = Set.of("--privileged");
  private static final Set<String> COMMANDS = Set.of("explain", "cat", "translate");

  /** An answer that took longer is not asked for again. */
  private static final long MOST_NS = 10_000_000_000L;

  private Unchanged() {}

  /** Runs a command, and says which of its options had no part in what it printed. */
  static int run(Io io, String name, Runner command, String... args) {
    List<String> words = List.of(args);
    List<String> given = given(name, words);
    if (given.isEmpty() || io.isTraced() || words.contains("-")) {
      return command.run(io, args);
    }
    Charset charset = io.out().charset();
    Sum whole = new Sum(io.out(), io.err(), charset);
    long startNs = System.nanoTime();
    int code = command.run(whole.io(io), args);
    long tookNs = System.nanoTime() - startNs;
    whole.flush();
    if (code > Main.DIFFERENT) {
      return code;
    }
    for (String option : given) {
      if (tookNs > MOST_NS) {
        io.warn(
            String.format(
                Locale.ROOT,
                "note: whether %s changes this answer was not looked at: it takes %.0f s",
                option,
                tookNs / 1e9));
        continue;
      }
      OutputStream nowhere = OutputStream.nullOutputStream();
      Sum other = new Sum(nowhere, nowhere, charset);
      boolean same = false;
      try {
        int without = command.run(other.io(io), without(words, option));
        other.flush();
        same = without == code && other.equalTo(whole);
      } catch (RuntimeException e) {
        // Without the option it is wrong input, so the option counts.
      }
      if (same) {
        io.warn("note: " + option + " changes nothing in this answer: it is the same without");
      }
    }
    return code;
  }

  private static List<String> given(String name, List<String> words) {
    if (!COMMANDS.contains(name)) {
      return List.of();
    }
    List<String> given = new ArrayList<>();
    for (String option : SETUP) {
      // Files of the machine show how much memory it has.
      boolean shown =
          option.equals("--memory")
              && name.equals("cat")
              && words.stream().noneMatch(w -> w.matches("/proc/(\\d+|self)/.*"));
      if (!shown && words.stream().anyMatch(w -> w.equals(option) || w.startsWith(option + "="))) {
        given.add(option);
      }
    }
    return given;
  }

  private static String[] without(List<String> words, String option) {
    List<String> left = new ArrayList<>();
    for (int i = 0; i < words.size(); i++) {
      if (words.get(i).equals(option)) {
        i += FLAGS.contains(option) ? 0 : 1;
      } else if (!words.get(i).startsWith(option + "=")) {
        left.add(words.get(i));
      }
    }
    return left.toArray(String[]::new);
  }

  /** What was printed, as a sum over both streams, and handed on. */
  private static final class Sum {
    private final CRC32C sum = new CRC32C();
    private final PrintStream out;
    private final PrintStream err;
    private long bytes;

    Sum(OutputStream out, OutputStream err, Charset charset) {
      this.out = new PrintStream(counting(out), false, charset);
      this.err = new PrintStream(counting(err), false, charset);
    }

    Io io(Io like) {
      return new Io(out, err, like.terminal());
    }

    void flush() {
      out.flush();
      err.flush();
    }

    boolean equalTo(Sum other) {
      return bytes == other.bytes && sum.getValue() == other.sum.getValue();
    }

    private OutputStream counting(OutputStream to) {
      return new OutputStream() {
        @Override
        public void write(int b) throws IOException {
          write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] b, int from, int length) throws IOException {
          sum.update(b, from, length);
          bytes += length;
          to.write(b, from, length);
        }

        @Override
        public void flush() throws IOException {
          to.flush();
        }
      };
    }
  }
}
