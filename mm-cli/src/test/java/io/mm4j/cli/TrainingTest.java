// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that the start-up cache is made from. */
class TrainingTest {
  @TempDir Path dir;

  @Test
  void everyCommandIsTrainedAndDoesWhatItIsAskedFor() throws IOException {
    Set<String> trained = new HashSet<>();
    trained.add("shell"); // it reads standard input; its lines are trained by run of a file
    List<List<String>> commands = Training.commands(dir);
    for (List<String> command : commands) {
      if (command.getFirst().equals("run") && command.contains("--no-timing")) {
        trained.add("run"); // its own tests run it
        continue;
      }
      Cli cli = Cli.mm(command.toArray(String[]::new));
      // The last two are wrong on purpose: messages are trained, too.
      boolean wrong = commands.indexOf(command) >= commands.size() - 2;
      assertTrue(
          wrong ? cli.code() == 2 : cli.code() < 2, () -> command + "\n" + cli.out() + cli.err());
      if (!command.contains("--help")) {
        trained.add(command.getFirst());
      }
    }
    for (Commands.Entry entry : Commands.all()) {
      assertTrue(trained.contains(entry.name()), entry.name());
    }
    assertEquals(commands.size(), Set.copyOf(commands).size(), "one is there twice");
  }
}
