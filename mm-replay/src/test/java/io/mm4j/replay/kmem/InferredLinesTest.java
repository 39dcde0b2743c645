// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Recordings in which a refill left no event: the removals were inferred and stand later in the
 * file. Made by the model, which removes the blocks when the kernel did.
 */
class InferredLinesTest {
  private static final List<Long> ORDER_2 = List.of(2048L, 2056L, 3000L, 4004L);

  /** Four blocks of order 2 leave without an event between the first two reads. */
  private static MemoryRecording recording(boolean withLines) {
    SmallRecording small = new SmallRecording();
    for (long pfn : ORDER_2) {
      small.normal.set(pfn, 2, true);
    }
    small.dma.set(512, 9, true);
    small.start();
    small.op("z 512 0 1 1").line("a 512 0 140cca 1");
    for (long pfn : ORDER_2) {
      small.normal.set(pfn, 2, false);
    }
    small.middle();
    small.op("z 513 0 1 1").op("d 512 0 1");
    List<String> atEnd = new ArrayList<>();
    for (long pfn : ORDER_2.subList(1, ORDER_2.size())) {
      for (long p = pfn; p < pfn + 4; p++) {
        atEnd.add("Z " + p + " 0");
      }
    }
    if (!withLines) {
      return small.end();
    }
    // The first block is proved by a use after the second read.
    for (long p = 2048; p < 2052; p++) {
      small.line("Z " + p + " 0");
    }
    small.line("a 2048 2 140cca 1");
    return small.end(atEnd.toArray(String[]::new));
  }

  @Test
  void allowsWhatTheLinesExplainAndNothingMore() {
    Verdict verdict = Replays.replay(recording(true));
    assertTrue(verdict.exact(), verdict.toString());
    assertEquals(
        List.of(0L, 4L, 3L, 3L), Replays.check(verdict, KmemChecks.BUDDYINFO).extra().get("l1"));
    assertEquals(
        List.of(0L, 4L, 3L, 3L),
        Replays.check(verdict, KmemChecks.BUDDYINFO).extra().get("explained_l1"));
  }

  @Test
  void withoutTheLinesItDiffers() {
    Verdict verdict = Replays.replay(recording(false));
    assertFalse(verdict.exact());
    assertEquals(KmemChecks.BUDDYINFO, Replays.difference(verdict).check());
    assertTrue(Replays.check(verdict, KmemChecks.FINAL_BLOCKS).differs());
    assertTrue(Replays.check(verdict, KmemChecks.CORE_OPS).holds());
  }

  /** Changes one count of one read by so much. */
  private static Verdict off(String read, int zone, int order, int by) {
    MemoryRecording recording = recording(true);
    List<String> lines = new ArrayList<>(recording.textOf(read));
    String[] words = lines.get(zone).strip().split("[ ]+", -1);
    words[4 + order] = Long.toString(Long.parseLong(words[4 + order]) + by);
    lines.set(zone, String.join(" ", words));
    return Replays.replay(recording.with(read, lines));
  }

  @Test
  void otherDeviationsStandEvenBesideInferredLines() {
    // Order and zone that no pending frame touches; a block too many; more gone than is pending.
    assertFalse(off("snap/buddyinfo2.before", 1, 3, 1).exact());
    assertFalse(off("snap/buddyinfo2.before", 0, 0, 1).exact());
    assertFalse(off("snap/buddyinfo.after", 1, 2, 4).exact());
    assertFalse(off("snap/buddyinfo2.after", 1, 0, 1).exact());
    // The snapshot of the free frames came after the first read and saw all of them free.
    assertFalse(off("snap/buddyinfo.before", 1, 2, -1).exact());
  }

  @Test
  void aReadMayHaveSeenOnlySomeOfTheRemovals() {
    Verdict verdict = off("snap/buddyinfo2.before", 1, 2, 1);
    assertTrue(verdict.exact(), verdict.toString());
    assertEquals(
        List.of(0L, 3L, 3L, 3L), Replays.check(verdict, KmemChecks.BUDDYINFO).extra().get("l1"));
  }

  @Test
  void inferredInsertionsCountTheOtherWay() {
    SmallRecording small = new SmallRecording();
    small.normal.set(2048, 2, true);
    small.start();
    small.normal.set(2052, 2, true);
    small.middle();
    small.line("D 2052 2");
    MemoryRecording recording = small.end();
    Verdict verdict = Replays.replay(recording);
    assertTrue(verdict.exact(), verdict.toString());
    assertEquals(
        List.of(0L, 2L, 0L, 0L), Replays.check(verdict, KmemChecks.BUDDYINFO).extra().get("l1"));
    List<String> dropped = new ArrayList<>(recording.textOf(KmemSource.PAGES));
    dropped.removeIf(line -> line.contains(" D "));
    assertFalse(Replays.replay(recording.with(KmemSource.PAGES, dropped)).exact());
  }

  @Test
  void fallbacksAreNotJudgedBesideInferredLines() {
    SmallRecording small = new SmallRecording();
    small.normal.set(2048, 10, true);
    small.start();
    small.op("E 2048 0 10 0 1 1").middle().op("Z 4000 0");
    small.normal.set(4000, 0, false);
    Fallbacks fallbacks = Replays.fallbacks(small.end(), (type, index) -> -1);
    assertTrue(String.valueOf(fallbacks.result().skipped()).contains("inferred"));
  }
}
