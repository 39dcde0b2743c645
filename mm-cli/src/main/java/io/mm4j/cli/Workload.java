// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.kmem.FtraceRequests;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.report.MemoryReport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What {@code WORKLOAD} on the command line means. */
sealed interface Workload {
  /** A page trace. */
  record Pages(KmemSource source) implements Workload {}

  /** Recorded system calls. */
  record Calls(Recording recording) implements Workload {}

  /** Text of ftrace or perf with requests for pages. */
  record Requests(Path file) implements Workload {}

  /** The state of a machine's free pages, as dumps and failure reports show it. */
  record Report(Path file, MemoryReport report) implements Workload {}

  /** Lines of {@code mm shell}. */
  record Script(Path file) implements Workload {}

  /** What is run when nothing is named. */
  static Workload bundled() {
    return new Pages(KmemSource.bundled(KmemSource.bundledNames().getFirst()));
  }

  /**
   * The workload of that name: a bundled one, else a recording.
   *
   * @throws InputException if there is none
   */
  static Workload find(String text) {
    if (KmemSource.bundledNames().contains(text)) {
      return new Pages(KmemSource.bundled(text));
    }
    Path path = Texts.path(text, "WORKLOAD");
    if (!Files.exists(path)) {
      throw new InputException(
          "there is no workload '" + text + "'" + Nearest.hint(text, KmemSource.bundledNames()),
          "WORKLOAD",
          "a bundled one ("
              + String.join(", ", KmemSource.bundledNames())
              + ") or a recording: "
              + Recordings.ALLOWED
              + ", or a script: *.mm");
    }
    if (text.endsWith(io.mm4j.cli.Script.SUFFIX) && Files.isRegularFile(path)) {
      return new Script(path);
    }
    if (FtraceRequests.looksLike(Texts.start(path))) {
      return new Requests(path);
    }
    if (Files.isRegularFile(path) && !isRecording(path)) {
      String whole = Texts.all(text, "WORKLOAD");
      if (MemoryReport.looksLike(whole)) {
        return new Report(path, MemoryReport.read(whole, path.toString()));
      }
    }
    List<Recording> found = Recordings.find(List.of(path));
    if (found.size() > 1) {
      throw new InputException(
          "there are " + found.size() + " recordings in this folder",
          text,
          "one of them; `mm replay` takes them all");
    }
    Recording recording = found.getFirst();
    return recording.kind() == RecordingKind.KMEM
        ? new Pages(KmemSource.folder(recording.path()))
        : new Calls(recording);
  }

  private static boolean isRecording(Path file) {
    try {
      return !Recordings.find(List.of(file)).isEmpty();
    } catch (InputException e) {
      return false;
    }
  }
}
