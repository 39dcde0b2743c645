// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.replay.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A recording of a real kernel on every frame allocator, and what a difference looks like. */
class BundledRecordingTest {
  private static final MemoryRecording ORIGINAL = MemoryRecording.bundled();
  private static final List<String> TRACE = ORIGINAL.textOf(KmemSource.PAGES);

  static List<String> frameAllocators() {
    return Replays.frameAllocators();
  }

  @ParameterizedTest
  @MethodSource("frameAllocators")
  void isExactOnEveryFrameAllocatorThatTakesExactly(String name) {
    Verdict verdict = Replays.replay(KmemSource.bundled("tar_gzip"), name);
    FrameAllocatorProvider.Capabilities can =
        PluginRegistry.discover().provider(Spi.FRAME_ALLOCATOR, name, "test").capabilities();
    assertNull(verdict.firstDifference(), () -> verdict.toString());
    if (!can.takesExactly()) {
      assertTrue(verdict.checks().stream().allMatch(c -> c.skipped() != null));
      return;
    }
    assertEquals(64_462, Replays.check(verdict, KmemChecks.CORE_OPS).equal());
    assertTrue(Replays.check(verdict, KmemChecks.CORE_OPS).holds());
    if (can.mergesAlways()) {
      assertTrue(verdict.exact());
      assertEquals(
          List.of(0L, 0L, 0L, 0L), Replays.check(verdict, KmemChecks.BUDDYINFO).extra().get("l1"));
      assertEquals(83_067, Replays.check(verdict, KmemChecks.FINAL_BLOCKS).equal());
    }
  }

  @Test
  void samplesFollowRecordedTimeToTheEnd() {
    KmemRun run = KmemReplay.run(KmemSource.bundled("tar_gzip"), Replays.config(), 20);
    List<Sample> samples = run.samples();
    assertTrue(samples.size() >= 20 && samples.size() <= 41, "samples=" + samples.size());
    for (int i = 1; i < samples.size(); i++) {
      assertTrue(samples.get(i - 1).timeNs() <= samples.get(i).timeNs());
    }
    // From README.md of the recordings: unusable index of zone Normal, orders 4 and 9.
    assertEquals(63, samples.getFirst().unusableIndex(2, 4), 1);
    assertEquals(447, samples.getFirst().unusableIndex(2, 9), 1);
    assertEquals(52, samples.getLast().unusableIndex(2, 4), 1);
    assertEquals(440, samples.getLast().unusableIndex(2, 9), 1);
  }

  /** The number of the n-th line of an operation, counted from 0 within the list. */
  private static int find(String op, int n) {
    int seen = 0;
    for (int i = 2; i < TRACE.size(); i++) {
      if (TRACE.get(i).split(" ", -1)[2].equals(op) && seen++ == n) {
        return i;
      }
    }
    throw new IllegalArgumentException("op=" + op + " n=" + n);
  }

  private static Verdict replayWith(int line, String text) {
    List<String> lines = new java.util.ArrayList<>(TRACE);
    lines.set(line, text);
    return Replays.replay(ORIGINAL.copy().with(KmemSource.PAGES, lines));
  }

  @ParameterizedTest
  @org.junit.jupiter.params.provider.ValueSource(ints = {0, 500, 4000, 7922})
  void noticesADroppedDrain(int n) {
    int at = find("d", n);
    String dropped = TRACE.get(at);
    Verdict verdict = replayWith(at, "0 0 x dropped=1");
    assertTrue(!verdict.exact() && verdict.differs(), () -> "dropped " + dropped);
    assertTrue(!Replays.difference(verdict).evidence().isEmpty());
  }

  @ParameterizedTest
  @org.junit.jupiter.params.provider.CsvSource({"d,3", "d,5000", "z,10", "z,30000", "z,56000"})
  void noticesAChangedOrder(String op, int n) {
    int at = find(op, n);
    String[] words = TRACE.get(at).split(" ", -1);
    words[4] = Integer.toString(Integer.parseInt(words[4]) + 1);
    Verdict verdict = replayWith(at, String.join(" ", words));
    assertTrue(!verdict.exact() && verdict.differs(), () -> String.join(" ", words));
  }

  @Test
  void showsTheFirstImpossibleOperationWithItsLine() {
    int at = find("z", 1000);
    Verdict verdict = replayWith(at, TRACE.get(find("z", 999)));
    assertEquals(KmemChecks.CORE_OPS, Replays.difference(verdict).check());
    assertEquals(at + 1, Replays.difference(verdict).line());
    String evidence = String.join("\n", Replays.difference(verdict).evidence());
    assertTrue(evidence.contains("pages.txt.gz:" + (at + 1) + ":"), evidence);
    assertTrue(evidence.contains("0 of its 1 frames are free"), evidence);
    assertTrue(evidence.contains("line " + (find("z", 999) + 1) + ": "), evidence);
  }

  @Test
  void showsTheFirstReadThatIsOffWithBothCounts() {
    MemoryRecording changed = ORIGINAL.copy();
    List<String> lines = new java.util.ArrayList<>(ORIGINAL.textOf("snap/buddyinfo2.before"));
    lines.set(1, lines.get(1).replaceFirst("[0-9]+ *$", "100000 "));
    Verdict verdict = Replays.replay(changed.with("snap/buddyinfo2.before", lines));
    assertEquals(KmemChecks.BUDDYINFO, Replays.difference(verdict).check());
    String what = Replays.difference(verdict).what();
    assertTrue(
        what.startsWith("snap/buddyinfo2.before: Node 0, zone DMA32, order 10: recorded 100000"),
        what);
    assertEquals(3, Replays.check(verdict, KmemChecks.BUDDYINFO).equal());
    assertTrue(Replays.check(verdict, KmemChecks.FINAL_BLOCKS).holds());
  }

  @Test
  void showsTheFinalBlocksWithTheirLastOperations() {
    // A drain whose page nothing takes again: only the end can tell that it is missing.
    java.util.Map<String, Integer> last = new java.util.HashMap<>();
    for (int i = 2; i < TRACE.size(); i++) {
      String[] words = TRACE.get(i).split(" ", -1);
      if (List.of("z", "d", "F").contains(words[2])) {
        last.put(words[3], words[2].equals("d") ? i : -1);
      }
    }
    int lastRead = TRACE.size() - 3;
    int at = last.values().stream().filter(i -> i > 0 && i < lastRead).max(Integer::compare).get();
    Verdict verdict = replayWith(at, "0 0 x dropped=1");
    assertTrue(Replays.check(verdict, KmemChecks.CORE_OPS).holds());
    assertTrue(Replays.check(verdict, KmemChecks.FINAL_BLOCKS).differs());
    if (Replays.check(verdict, KmemChecks.BUDDYINFO).holds()) {
      assertEquals(KmemChecks.FINAL_BLOCKS, Replays.difference(verdict).check());
    }
    MemoryRecording changed = ORIGINAL.copy();
    List<String> blocks = new java.util.ArrayList<>(ORIGINAL.textOf(FreeBlocks.AFTER));
    String removed = blocks.removeLast();
    Verdict odd = Replays.replay(changed.with(FreeBlocks.AFTER, blocks));
    assertEquals(KmemChecks.FINAL_BLOCKS, Replays.difference(odd).check());
    assertTrue(
        Replays.difference(odd).what().contains("pfn " + removed.replace(" ", " order ")),
        Replays.difference(odd).what());
    assertTrue(
        String.join("\n", Replays.difference(odd).evidence()).contains("operation on"),
        Replays.difference(odd).evidence().toString());
  }
}
