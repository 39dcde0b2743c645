// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.mm4j.api.InputException;
import io.mm4j.replay.Engines;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What Jazzer calls with one input after the other. The first byte says how the rest is taken: a
 * file of the vma format (text or gzip as its bytes say), or strace text and maps with a line
 * {@code %} between them. Replaying must end in a verdict or an {@link InputException} whose three
 * parts are there.
 */
public final class ReplayFuzzer {
  private static final String SEPARATOR = "\n%\n";
  private static final Path FOLDER = folder();

  private ReplayFuzzer() {}

  /** One input. */
  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length == 0) {
      return;
    }
    byte[] rest = Arrays.copyOfRange(data, 1, data.length);
    try {
      Recording recording = data[0] == 's' ? strace(rest) : vma(rest);
      Verdict verdict = Engines.replay().replay(recording);
      if (verdict.exact() && verdict.differs()) {
        throw new IllegalStateException("exact and different: " + verdict);
      }
    } catch (InputException e) {
      if (e.what().isBlank() || e.where().isBlank() || e.allowed().isBlank()) {
        throw new IllegalStateException("an error that does not say enough", e);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Recording vma(byte[] bytes) throws IOException {
    Path file = FOLDER.resolve("fuzzed.vma");
    Files.write(file, bytes);
    return new Recording(file, RecordingKind.VMA);
  }

  private static Recording strace(byte[] bytes) throws IOException {
    String text = new String(bytes, UTF_8);
    int separator = text.indexOf(SEPARATOR);
    String log = separator < 0 ? text : text.substring(0, separator + 1);
    String maps = separator < 0 ? "" : text.substring(separator + SEPARATOR.length());
    Path file = FOLDER.resolve("fuzzed.strace");
    Files.writeString(file, log);
    Files.writeString(FOLDER.resolve("fuzzed.maps"), maps);
    return new Recording(file, RecordingKind.STRACE);
  }

  private static Path folder() {
    try {
      return Files.createTempDirectory("mm4j-fuzz");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
