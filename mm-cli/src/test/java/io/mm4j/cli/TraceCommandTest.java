// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Any other command with its events; what is recorded can be replayed. */
class TraceCommandTest {
  private static final String PAIR = "alloc_pages GFP_KERNEL 3; free_pages $1 3";

  @TempDir Path dir;

  @Test
  void eventsGoToStdoutAndTheRestToStderr() {
    Cli plain = Cli.mm("explain", PAIR);
    Cli traced = Cli.mm("trace", "explain", PAIR);
    assertEquals(0, traced.code(), traced.err());
    assertTrue(traced.out().startsWith("# tracer: nop\n"), traced.out());
    assertTrue(traced.out().contains(": mm_page_alloc: page="), traced.out());
    assertTrue(
        traced.out().contains(" order=3 migratetype=0 gfp_flags=GFP_KERNEL\n"), traced.out());
    assertTrue(traced.out().contains(": mm_page_free: page="), traced.out());
    assertEquals(plain.out(), traced.err(), "explain watches, too");
    assertEquals(traced.out(), Cli.mm("trace", "explain", PAIR).out(), "the same bytes");
  }

  /** The issue's own demand: a recording of a run on buddy replays exactly. */
  @ParameterizedTest
  @ValueSource(strings = {"buddy", "bitmap", "llfree"})
  void aRecordingReplaysExactly(String frames) {
    String folder = dir.resolve("run").toString();
    String plugin = "frame-allocator=" + frames;
    Cli run =
        Cli.mm(
            "trace",
            "--format",
            "kmem",
            "-o",
            folder,
            "run",
            "frag_pipe",
            "--memory",
            "1G",
            "--plugin",
            plugin,
            "--no-timing");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains(frames), "the command's own output stays");
    Cli replay = Cli.mm("replay", folder, "--json");
    assertEquals(0, replay.code(), replay.out() + replay.err());
    assertTrue(replay.out().contains("\"exact\": true"), replay.out());
  }

  @Test
  void tracedRequestsCanBeRun() throws IOException {
    Path file = dir.resolve("events.txt");
    Cli traced =
        Cli.mm(
            "trace",
            "-o",
            file.toString(),
            "run",
            "frag_pipe",
            "--memory",
            "1G",
            "--plugin",
            "frame-allocator=buddy");
    assertEquals(0, traced.code(), traced.err());
    assertTrue(Files.readString(file).contains("mm_page_pcpu_drain"), "inner steps");
    Cli again = Cli.mm("run", file.toString(), "--memory", "1G");
    assertEquals(0, again.code(), again.err());
  }

  @Test
  void jfrReadsTheEvents() throws IOException {
    Path file = dir.resolve("run.jfr");
    Cli traced = Cli.mm("trace", "--format", "jfr", "-o", file.toString(), "explain", PAIR);
    assertEquals(0, traced.code(), traced.err());
    assertTrue(
        RecordingFile.readAllEvents(file).stream()
            .anyMatch(e -> e.getEventType().getName().equals("mm4j.mm_page_alloc")),
        "mm_page_alloc");
  }

  @Test
  void faultsAndChecks() {
    Cli failed =
        Cli.mm("trace", "--inject", "fail_page_alloc=nth=1", "explain", "alloc_pages GFP_KERNEL 3");
    assertTrue(failed.err().contains("fail_page_alloc: 1 of "), failed.err());
    Cli held = Cli.mm("trace", "--check", "explain", "alloc_pages GFP_KERNEL 3");
    assertEquals(0, held.code(), held.err());
    assertTrue(held.err().contains("8 pages in 1 blocks, allocated at"), held.err());
    Cli object = Cli.mm("trace", "--check", "explain", "kmalloc 100", "--plugin", "slab=slob");
    assertEquals(0, object.code(), object.err());
    assertTrue(object.err().contains("100 bytes in 1 objects of kmalloc, allocated"), object.err());
  }

  @Test
  void anAccessForWhichThereIsNoMemorySaysSo() {
    String knobs = "fail_page_alloc=probability=100,ignore-gfp-highmem=N,require=do_anonymous_page";
    Cli told = Cli.mm("trace", "--inject", knobs, "explain", "mmap 8K", "write $1", "write $1");
    String all = told.out() + told.err();
    int out = all.indexOf("memory is out: Linux would try again");
    assertTrue(out > 0 && out == all.lastIndexOf("memory is out"), all);
  }

  @Test
  void aFilterForACacheThatNobodyUsesIsTold() {
    String knobs = "failslab=cache-filter=kmalloc-128+kmalloc-l28";
    Cli told = Cli.mm("trace", "--inject", knobs, "explain", "kmalloc 100");
    assertTrue(told.err().contains("failslab: 1 of 1 allocations failed"), told.err());
    String unmet =
        "cache-filter=kmalloc-l28: nobody asked for an object of such a cache; they were";
    assertTrue(told.err().contains(unmet + " of kmalloc-128"), told.err());
    assertFalse(told.err().contains("cache-filter=kmalloc-128"), told.err());
  }

  /** Machines in turns have the same frames, which is no overlap. */
  @Test
  void severalMachinesAreCheckedOneByOne() {
    Cli several =
        Cli.mm(
            "trace",
            "--check",
            "run",
            "../mm-replay/src/test/corpus/kmem/onepage",
            "--memory=64M",
            "--compare=frame-allocator=buddy,bitmap",
            "--no-timing");
    assertEquals(0, several.code(), several.err());
    assertEquals(
        2, several.err().split("trace: held: 1 pages in 1 blocks", -1).length - 1, several.err());
  }

  @Test
  void whatCannotBeIsAnswered() {
    for (List<String> words :
        List.of(
            List.of("trace"),
            List.of("trace", "nosuch"),
            List.of("trace", "plugins"),
            List.of("trace", "--format", "xml", "explain", "boot"),
            List.of("trace", "--format", "kmem", "explain", PAIR),
            List.of("trace", "--format", "function_graph", "explain", PAIR),
            List.of("trace", "--max-depth", "3", "explain", PAIR),
            List.of("trace", "--inject", "failslab", "explain", PAIR),
            List.of("trace", "--inject", "failslab=x=1", "explain", PAIR),
            List.of(
                "trace",
                "--inject",
                "failslab=nth=1",
                "--inject",
                "failslab=nth=2",
                "explain",
                PAIR),
            List.of("trace", "--seed", "3", "explain", PAIR))) {
      Cli wrong = Cli.mm(words.toArray(String[]::new));
      assertEquals(2, wrong.code(), words + wrong.out());
      UsageTest.assertThreeParts(wrong);
      assertEquals("", wrong.out(), "" + words);
    }
  }
}
