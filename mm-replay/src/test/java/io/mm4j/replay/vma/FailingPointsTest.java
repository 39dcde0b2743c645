// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Whatever allocation of a recorded call fails, of a frame or of a structure, nothing is lost and
 * nothing half done: {@link FailingPoints}. Points are told by a seed that a failure names; {@code
 * -Dmm.seed=N} plays it again.
 */
class FailingPointsTest {
  private static final Path CORPUS = Path.of("src/test/corpus/vma");

  /** Recordings with fewer allocations than this are played in a plain build. */
  private static final int SHORT = 300;

  private static final long SEED =
      Long.getLong("mm.seed", new SplittableRandom().nextLong(1 << 30));

  private static List<Path> recordings() {
    return Recordings.find(List.of(CORPUS)).stream()
        .filter(each -> each.kind() == RecordingKind.VMA)
        .map(Recording::path)
        .toList();
  }

  private static void judge(int count, int most) {
    List<String> wrong = new ArrayList<>();
    int played = 0;
    int points = 0;
    try (FailingMachine below = new FailingMachine()) {
      for (Path path : recordings()) {
        FailingPoints recording = new FailingPoints(below, path);
        if (recording.all().size() <= most) {
          List<FailingPoints.Point> chosen = recording.some(count, SEED);
          wrong.addAll(recording.judge(chosen));
          played++;
          points += chosen.size();
        }
      }
    }
    assertEquals("", String.join("\n", wrong), "with -Dmm.seed=" + SEED);
    assertTrue(played > 100 && points > played, "recordings=" + played + " points=" + points);
  }

  /** Five points of each short recording. */
  @Test
  void nothingIsLostWhenAnAllocationFails() {
    judge(5, SHORT);
  }

  /** Two hundred of every one. */
  @Test
  @Tag("soak")
  void nothingIsLostAtAnyPoint() {
    judge(200, Integer.MAX_VALUE);
  }
}
