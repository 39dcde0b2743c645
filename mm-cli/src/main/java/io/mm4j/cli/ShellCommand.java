// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.shell.Completion;
import io.mm4j.cli.shell.Prompt;
import io.mm4j.cli.shell.ShellSession;
import io.mm4j.cli.text.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mm shell}: a machine at a prompt. */
@Command(
    sortOptions = false,
    description = {
      "Boots a machine with one process and does what is typed, in the kernel's names: requests for"
          + " pages, objects, kernel mappings, system calls and touches, all on the same frames;"
          + " `cat` shows /proc files as they are at that moment, `explain` says why something"
          + " came out so. Results are numbered: $1 is what the first operation gave. `help` lists"
          + " everything.",
      "",
      "At a terminal Tab completes names, flags, caches, addresses and files, and the arrow keys"
          + " bring back earlier lines. Elsewhere lines are read from stdin and the first mistake"
          + " ends it; `mm run FILE.mm` does the same with a file.",
      "",
    },
    footer = {
      "",
      "Examples:",
      "  mm shell --memory 64M",
      "  echo 'kmalloc 100; cat /proc/buddyinfo' | mm shell --plugin slab=slob",
      "  mm shell < workload.mm",
      "",
      "Lines:",
      "  alloc_pages GFP_KERNEL 3",
      "  free_pages $1 3",
      "  explain mmap 2M PROT_READ|PROT_WRITE; write $3",
      "  repeat 100 kmalloc 64 GFP_KERNEL",
      "  cat /proc/slabinfo /proc/1/maps",
    })
final class ShellCommand extends MmCommand {
  @Option(
      names = "--history",
      paramLabel = "FILE",
      order = 10,
      description = "Where typed lines are kept; ~/.mm4j_history by default, none for nowhere.")
  private @Nullable String history;

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    boolean typed = Terminal.inIsTerminal() && io.terminal().outIsTerminal();
    if (!typed && history != null) {
      throw new InputException(
          "--history has no effect here: no lines are typed",
          "--history " + history,
          "it at a terminal");
    }
    if (typed) {
      return Script.withMachine(io, machine, session -> atPrompt(io, session));
    }
    return Script.run(io, machine, "stdin", Texts.all("-", "mm shell"));
  }

  private int atPrompt(Io io, ShellSession session) {
    io.out().println(session + "; `help` lists what can be typed, Tab completes it");
    io.out().flush();
    try (Prompt prompt = new Prompt(new Completion(session), historyFile())) {
      boolean more = true;
      for (String line = prompt.next(); line != null && more; line = more ? prompt.next() : null) {
        if (line.strip().equals("history")) {
          prompt.printHistory(io.out());
        } else {
          more = once(io, session, line);
        }
        io.out().flush();
        io.err().flush();
      }
      return Main.GOOD;
    } catch (IOException e) {
      throw new InputException(
          "this terminal cannot be used: " + e.getMessage(), "mm shell", "lines on stdin");
    }
  }

  private static boolean once(Io io, ShellSession session, String line) {
    try {
      return session.line(line);
    } catch (InputException e) {
      Errors.print(io, "mm", e.what(), e.where(), shortened(e.allowed()));
    } catch (CorruptStateError e) {
      io.err().println("mm: a structure contradicts itself: " + e.getMessage());
    } catch (MmException e) {
      io.err().println("mm: " + e.getMessage());
    }
    return true;
  }

  /** What is allowed is a page long for a wrong name; `help` has it, too. */
  private static String shortened(String text) {
    return text.length() <= 4 * Explanation.LINE
        ? text
        : text.substring(0, text.lastIndexOf(' ', 2 * Explanation.LINE)) + " ...; see `help`";
  }

  private @Nullable Path historyFile() {
    if ("none".equals(history)) {
      return null;
    }
    if (history != null) {
      return Texts.path(history, "--history");
    }
    Path home = Path.of(System.getProperty("user.home", ""));
    return Files.isWritable(home) ? home.resolve(".mm4j_history") : null;
  }
}
