// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The main job on the bundled recording. */
class RunCommandTest {
  @TempDir Path dir;

  @Test
  void theFaceFitsAScreenAndIsTheSameTwice() {
    Cli first = Cli.mm("run", "--no-timing");
    assertEquals(0, first.code(), first.err());
    assertEquals("", first.err());
    // One line for each frame allocator; the charts give way for five of them.
    long plugins = Cli.mm("run", "--json", "--no-timing").jsonList("plugins").size();
    assertTrue(first.out().lines().count() <= 24 + Math.max(0, plugins - 5), first.out());
    assertTrue(first.out().lines().allMatch(l -> l.length() <= 80), first.out());
    assertTrue(first.out().contains("exactly the same"), first.out());
    assertFalse(first.out().contains("\u001b"), first.out());
    assertEquals(first.out(), Cli.mm("run", "--no-timing").out());
  }

  @Test
  void timingStandsApart() {
    Cli timed = Cli.mm("run", "--json");
    Object plugins = Objects.requireNonNull(timed.json().get("plugins"));
    assertTrue(plugins.toString().contains("timing={replay_ms="), plugins.toString());
    assertFalse(Cli.mm("run", "--json", "--no-timing").out().contains("timing"));
  }

  @Test
  void jsonSaysWhatTheScreenSays() {
    Cli json = Cli.mm("run", "--json", "--no-timing");
    assertEquals(0, json.code(), json.err());
    Map<?, ?> verdict = (Map<?, ?>) Objects.requireNonNull(json.json().get("verdict"));
    assertEquals(true, verdict.get("exact"));
    assertTrue(json.jsonList("plugins").size() >= 2, json.out());
    assertTrue(json.jsonList("fragmentation").size() > 100, "samples");
    assertEquals(json.out(), Cli.mm("run", "--json", "--no-timing").out());
  }

  @Test
  void csvIsATimeSeries() {
    String csv = Cli.mm("run", "--csv").out();
    assertTrue(csv.startsWith("plugin,t_ns,node,zone,free_pages,"), csv.substring(0, 60));
    long columns = csv.lines().findFirst().orElse("").chars().filter(c -> c == ',').count();
    assertTrue(csv.lines().allMatch(l -> l.chars().filter(c -> c == ',').count() == columns));
    assertTrue(csv.contains("\nbitmap,"), "a rival");
  }

  @Test
  void comparesTheNamedPluginsOnly() {
    Cli two = Cli.mm("run", "--no-timing", "--compare", "frame-allocator=bitmap,buddy");
    assertEquals(0, two.code(), two.err());
    assertTrue(two.out().indexOf("bitmap") < two.out().indexOf("buddy"), two.out());
    Cli one = Cli.mm("run", "--json", "--no-timing", "--compare", "frame-allocator=bitmap");
    assertEquals(1, one.jsonList("plugins").size());
  }

  @Test
  void showsWhatThePluginsMakeOfTheRequestsBesideTheKernel() {
    Cli text = Cli.mm("run", "--no-timing", "--compare", "frame-allocator=buddy,bitmap");
    assertTrue(text.out().contains("The recorded requests, answered by"), text.out());
    assertTrue(text.out().contains("inferred: "), text.out());
    Cli csv = Cli.mm("run", "--csv", "--compare", "frame-allocator=buddy");
    assertEquals(0, csv.code(), csv.err());
    assertTrue(csv.out().contains("\n(kernel),"), "the kernel's rows");
    assertTrue(csv.out().contains("\nbuddy,"), "the plugin's rows");
    Cli json = Cli.mm("run", "--json", "--no-timing", "--compare", "frame-allocator=buddy");
    Map<?, ?> policy = (Map<?, ?>) Objects.requireNonNull(json.json().get("policy"));
    assertEquals(2, ((java.util.List<?>) Objects.requireNonNull(policy.get("plugins"))).size());
  }

  @Test
  void comparesPageAllocatorsByTheirAnswers() {
    String compare = "page-allocator=linux,direct";
    Cli text = Cli.mm("run", "--no-timing", "--compare", compare);
    assertEquals(0, text.code(), text.err());
    assertTrue(text.out().contains("answered by each on frame-allocator=buddy"), text.out());
    assertTrue(text.out().contains("\nlinux "), text.out());
    assertTrue(text.out().contains("\ndirect "), text.out());
    assertEquals(text.out(), Cli.mm("run", "--no-timing", "--compare", compare).out());
    Cli bitmap = Cli.mm("run", "--compare", compare, "--plugin", "frame-allocator=bitmap", "--csv");
    assertEquals(0, bitmap.code(), bitmap.err());
    assertTrue(bitmap.out().contains("\ndirect,"), "the plugin's rows");
    Map<?, ?> policy =
        (Map<?, ?>)
            Objects.requireNonNull(
                Cli.mm("run", "--json", "--no-timing", "--compare", compare).json().get("policy"));
    assertEquals("buddy", policy.get("frame_allocator"));
    assertTrue(String.valueOf(policy.get("plugins")).contains("page_allocator=direct"), "rows");
  }

  @Test
  void wrongWorkloadsAndComparisonsAreAnswered() {
    for (String[] args :
        new String[][] {
          {"run", "no/such/workload"},
          {"run", dir.toString()},
          {"run", "--compare", "buddy"},
          {"run", "--compare", "frame-allocator=buddy,nix"},
          {"run", "--compare", "frame-allocator=buddy,buddy"},
          {"run", "--compare", "page-allocator=linux,"},
          {"run", "--compare", "vma-index=rbtree"},
          {"run", "--memory", "-5"},
          {"run", "--machine", "/"},
          {"run", "--cmdline", "vm.max_map_count=x"},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), wrong.err());
      assertEquals("", wrong.out());
      UsageTest.assertThreeParts(wrong);
    }
  }

  @Test
  void listsTheBundledWorkloads() {
    Cli list = Cli.mm("run", "--list", "--csv");
    assertEquals(0, list.code());
    assertTrue(list.out().startsWith("name,kind,about\n"), list.out());
    assertEquals(7, list.out().lines().count(), list.out());
    assertTrue(Cli.mm("run", "--list").out().contains("mm explain alloc_pages"), "hints");
  }

  /** What hints and help name is there: a bundled recording, or a file of the clone. */
  @Test
  void hintsAndHelpNameOnlyWhatACloneHas() {
    StringBuilder text = new StringBuilder(Cli.mm("run", "--list").out());
    Commands.all().forEach(one -> text.append(Cli.mm(one.name(), "--help").out()));
    assertFalse(text.toString().contains("PATH/TO"), text::toString);
    Matcher path = Pattern.compile("mm-[a-z]+/src/[\\w./-]+").matcher(text);
    while (path.find()) {
      assertTrue(Files.exists(Path.of("..", path.group())), path::group);
    }
    System.setProperty("mm.command", "./mm");
    try {
      String help = Cli.mm("run", "--help").out();
      assertTrue(help.contains("\n  ./mm run --list\n"), help);
      assertTrue(Cli.mm("--help").out().contains("  ./mm run  "), "help");
    } finally {
      System.clearProperty("mm.command");
    }
  }

  @Test
  void aRecordingThatIsNoneIsAnswered() throws Exception {
    Path file = Files.writeString(dir.resolve("note.txt"), "not a recording\n");
    Cli wrong = Cli.mm("run", file.toString());
    assertEquals(2, wrong.code(), wrong.err());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void aTournamentPlaysEveryRecording() {
    Cli run = Cli.mm("run", "--all", "--compare", "frame-allocator=bitmap", "--no-timing", "--csv");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().startsWith("rank,plugin,recordings,operations,failures,"), run.out());
    assertTrue(run.out().contains("\n1,bitmap,6,"), run.out());
  }

  @Test
  void aTournamentOfIndexesPlaysAFolder() throws Exception {
    Path corpus = Path.of("../mm-replay/src/test/corpus/vma/dev");
    for (String name : List.of("basic-000.vma.gz", "directed-merge_anon.vma.gz")) {
      Files.copy(corpus.resolve(name), dir.resolve(name));
    }
    String compare = "vma-index=rbtree,maple";
    Cli run = Cli.mm("run", dir.toString(), "--all", "--compare", compare, "--no-timing", "--csv");
    assertEquals(0, run.code(), run.err());
    assertTrue(
        run.out().startsWith("rank,plugin,recordings,comparisons,equal,differ\n1,maple,2,"),
        run.out());
    assertTrue(run.out().contains("\n2,rbtree,2,"), run.out());
    Cli timed = Cli.mm("run", dir.toString(), "--all", "--compare", compare, "--csv");
    assertTrue(timed.out().contains(",differ,timing,timing\n"), timed.out());
  }

  /** Who is named first has no advantage. */
  @Test
  @Tag("soak")
  void aTournamentRanksTheSameInAnyOrder() {
    String[] orders = {"buddy,bitmap,llfree", "llfree,bitmap,buddy"};
    String compare = "frame-allocator=";
    Cli first = Cli.mm("run", "--all", "--no-timing", "--compare", compare + orders[0]);
    Cli last = Cli.mm("run", "--all", "--no-timing", "--compare", compare + orders[1]);
    assertEquals(first.out(), last.out());
  }

  @Test
  void aTournamentIsOfPluginsOnAllRecordings() {
    for (Cli wrong :
        List.of(
            Cli.mm("run", "--all"),
            Cli.mm("run", "tar_gzip", "--all", "--compare", "slab=slub"),
            Cli.mm("run", "--all", "--compare", "vma-index=maple"),
            Cli.mm("run", dir.toString(), "--all", "--compare", "vma-index=maple"),
            Cli.mm("run", dir.toString(), "--all", "--compare", "slab=slub"),
            Cli.mm("run", "--all", "--compare", "slab=slub", "--memory", "1G"))) {
      assertEquals(2, wrong.code(), wrong.out());
      assertTrue(wrong.err().contains("allowed: "), wrong.err());
    }
  }
}
