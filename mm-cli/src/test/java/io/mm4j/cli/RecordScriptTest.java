// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** tools/record-workload makes files that the commands it names play. */
class RecordScriptTest {
  @TempDir Path dir;

  private record Run(int code, String text) {}

  private void program(String name, String body) throws IOException {
    Path program = dir.resolve("bin").resolve(name);
    Files.createDirectories(dir.resolve("bin"));
    Files.writeString(program, "#!/bin/bash\n" + body + "\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Run record(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bash", "../tools/record-workload"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PATH", dir.resolve("bin") + ":" + System.getenv("PATH"));
    Process process = builder.start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Run(process.waitFor(), text);
  }

  @Test
  void callsAreALogAndItsMapsThatReplayReads() throws IOException, InterruptedException {
    String text = Files.readString(Path.of("../mm-replay/src/test/corpus/strace/ls.strace"));
    String maps = Files.readString(Path.of("../mm-replay/src/test/corpus/strace/ls.maps"));
    Files.writeString(dir.resolve("log"), text);
    Files.writeString(dir.resolve("maps"), maps);
    program("setarch", "shift; exec \"$@\"");
    program("strace", "while [ \"$1\" != -o ]; do shift; done; cat '" + dir + "/log' > \"$2\"");
    program("gdb", "echo 'Program stopped.'; cat '" + dir + "/maps'");
    Path log = dir.resolve("mine.strace");
    Run recorded = record("calls", log.toString(), "ls", "/");
    assertEquals(0, recorded.code(), recorded.text());
    assertTrue(recorded.text().contains("mm replay " + log), recorded.text());
    Cli replay = Cli.mm("replay", log.toString());
    assertEquals(0, replay.code(), replay.out() + replay.err());
    assertTrue(replay.out().startsWith("exact"), replay.out());
  }

  @Test
  void whatCannotBeRecordedIsAnswered() throws IOException, InterruptedException {
    for (String[] words :
        new String[][] {
          {}, {"calls", "a.strace"}, {"calls", "a.txt", "ls"}, {"frames", "a.txt", "ls"}
        }) {
      Run wrong = record(words);
      assertEquals(2, wrong.code(), String.join(" ", words) + wrong.text());
      assertTrue(wrong.text().contains("NAME.maps") || wrong.text().contains("record-workload"));
    }
  }
}
