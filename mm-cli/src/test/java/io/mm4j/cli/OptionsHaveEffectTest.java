// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Every option of every command, added to command lines of each kind: what is printed must change,
 * or the option must be refused or spoken of. The list comes from the commands, so an option that
 * is new is tried, too.
 */
class OptionsHaveEffectTest {
  /** Values that are never the default. */
  private static final Map<String, String> VALUES =
      Map.ofEntries(
          Map.entry("--machine", "x86-32"),
          Map.entry("--memory", "96M"),
          Map.entry("--cpus", "3"),
          Map.entry("--nodes", "2"),
          Map.entry("--cpu-nodes", "0,0,0"),
          Map.entry("--cmdline", "mem=48M"),
          Map.entry("--plugin", "frame-allocator=bitmap"),
          Map.entry("--contents", "all"),
          Map.entry("--seed", "7"),
          Map.entry("--compare", "slab=slub,slab"),
          Map.entry("--only", "nothing"),
          Map.entry("--maps", "OTHER"),
          Map.entry("--pid", "2"),
          Map.entry("--calls", "1"),
          Map.entry("--after", "STRACE"),
          Map.entry("--at", "1"),
          Map.entry("--rlimit", "AS=1M"),
          Map.entry("--root", "0x2000"),
          Map.entry("--map", "0x8048000"),
          Map.entry("--steps", "mmap 4K"),
          Map.entry("--pkmap", "512"),
          Map.entry("--fixmap", "0x1000"),
          Map.entry("--export", "DIR/proc"),
          Map.entry("--rule", "FA-02"),
          Map.entry("--tries", "3"),
          Map.entry("--patience", "3"),
          Map.entry("--spi", "slab"),
          Map.entry("--package", "a.b"),
          Map.entry("--group", "a.b"),
          Map.entry("--range", "0x1000-0x2000"),
          Map.entry("--plugins-path", "DIR/none"));

  private static final String OTHER_MAPS =
      """
      555555554000-555555556000 r-xp 00000000 08:01 1 /tmp/t
      7ffff7a00000-7ffff7b00000 r-xp 00000000 08:01 2 /lib/a
      7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
      """;

  /** What has nothing to change here, and why that is right. */
  private static final Set<String> MAY_CHANGE_NOTHING =
      Set.of(
          "--help", // ends the command
          "--stacktrace", // of errors, and there is none
          "--no-timing", // promises that no time is printed, and none is
          "--check-locks", // promises an end if locks are taken out of order, and none are
          "--all"); // rules of plugins that pass them

  @TempDir Path dir;

  /** Command lines; what they print says what they depend on. */
  private static final List<List<String>> LINES =
      List.of(
          List.of("run", "--list"),
          List.of("run", "STRACE", "--no-timing"),
          List.of("run", "FTRACE", "--no-timing", "--memory", "64M"),
          List.of("replay", "STRACE"),
          List.of("replay", "tar_gzip"),
          List.of("explain", "alloc_pages GFP_KERNEL 3"),
          List.of("explain", "alloc_pages GFP_KERNEL 3", "--after", "REPORT"),
          List.of("explain", "mmap 4K"),
          List.of("explain", "mmap 4K", "--after", "STRACE"),
          List.of("explain", "mmap 4K", "--maps", "MAPS"),
          List.of("explain", "--after", "STRACE", "--calls", "2-3"),
          List.of("explain", "boot"),
          List.of("explain", "kmalloc 100"),
          List.of("explain", "vmalloc 8K"),
          List.of("explain", "--after", "REPORT"),
          List.of("translate", "0xffff888000100000"),
          List.of("layout"),
          List.of("cat", "/proc/buddyinfo"),
          List.of("cat", "/proc/1/maps"),
          List.of("cat", "/proc/1/maps", "--after", "STRACE"),
          List.of("cat", "/proc/zoneinfo", "--after", "REPORT"),
          List.of("check", "frame-allocator=bitmap", "--rule", "FA-01", "--no-timing"),
          List.of("plugins"));

  @Test
  void noOptionIsIgnored() throws IOException {
    Training.commands(dir); // writes the inputs
    Files.writeString(dir.resolve("other.maps"), OTHER_MAPS);
    List<String> ignored = new ArrayList<>();
    int tried = 0;
    for (List<String> line : LINES) {
      List<String> base = line.stream().map(this::named).toList();
      Cli before = Cli.mm(base.toArray(String[]::new));
      assertTrue(before.code() < 2, () -> base + "\n" + before.err());
      CommandLine command = new CommandLine(Commands.find(line.getFirst()).factory().get());
      for (OptionSpec option : command.getCommandSpec().options()) {
        String name = option.longestName();
        if (MAY_CHANGE_NOTHING.contains(name) || line.contains(name)) {
          continue;
        }
        List<String> words = new ArrayList<>(base);
        words.add(name);
        if (option.arity().max() > 0) {
          assertTrue(VALUES.containsKey(name), () -> "a value for " + name);
          words.add(named(Objects.requireNonNull(VALUES.get(name))));
        }
        tried++;
        Cli after = Cli.mm(words.toArray(String[]::new));
        assertTrue(after.code() < 3, () -> words + "\n" + after.err());
        String text = String.join(" ", line);
        if (after.equals(before)) {
          ignored.add(text + " " + name);
        }
      }
    }
    assertEquals(List.of(), ignored, tried + " were tried");
    assertTrue(tried > 300, () -> "few were tried");
  }

  private String named(String word) {
    return word.replace("STRACE", dir.resolve("t.strace").toString())
        .replace("FTRACE", dir.resolve("ftrace.txt").toString())
        .replace("REPORT", dir.resolve("report.txt").toString())
        .replace("OTHER", dir.resolve("other.maps").toString())
        .replace("MAPS", dir.resolve("t.maps").toString())
        .replace("DIR", dir.toString());
  }
}
