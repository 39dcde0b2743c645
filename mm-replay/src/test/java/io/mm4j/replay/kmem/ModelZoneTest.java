// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.Zone;
import io.mm4j.testkit.pages.model.Marks;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Which zone serves a request is what the kit's model says: for all 448,455 requests of the
 * recordings with exact counts. On the fragmented machines Normal often has nothing of the wanted
 * type while DMA32, which is next and has, is kept for others by its protection.
 */
class ModelZoneTest {
  private static KmemSource source(String name) {
    return KmemSource.bundledNames().contains(name)
        ? KmemSource.bundled(name)
        : Replays.corpus(name);
  }

  @ParameterizedTest
  @CsvSource({
    "frag_pipe, 90141",
    "frag_mix, 156763",
    "frag_sock, 99950",
    "tar_gzip, 101601",
  })
  void everyRequestIsServedByTheModelsZone(String name, long requests) {
    RecordedZoneinfo recorded = new RecordedZoneinfo(source(name));
    ZoneJudge judge = new ZoneJudge(source(name), new Marks(recorded.plan()), recorded).run();
    assertNull(judge.first());
    assertEquals(0, judge.differ());
    assertEquals(0, judge.undetermined());
    assertEquals(Map.of("Normal", requests), judge.judged());
  }

  /** Forgets what lower zones keep from requests for higher ones. */
  private static final class NoProtection extends Marks {
    NoProtection(Plan plan) {
      super(plan);
    }

    @Override
    public Numbers of(Size zone) {
      Numbers n = super.of(zone);
      return new Numbers(
          n.min(),
          n.low(),
          n.high(),
          n.promo(),
          List.of(0L, 0L, 0L, 0L, 0L),
          n.batch(),
          n.highMin(),
          n.highMax(),
          n.statThreshold());
    }
  }

  @Test
  void withoutProtectionTheModelIsRefuted() {
    KmemSource source = source("frag_mix");
    RecordedZoneinfo recorded = new RecordedZoneinfo(source);
    ZoneJudge judge = new ZoneJudge(source, new NoProtection(recorded.plan()), recorded).run();
    assertEquals(255, judge.differ());
    assertTrue(String.valueOf(judge.first()).contains("the model asks [DMA32]"));
  }

  @Test
  void withTheLowestZoneFirstTheModelIsRefuted() {
    KmemSource source = source("frag_pipe");
    RecordedZoneinfo recorded = new RecordedZoneinfo(source);
    ZoneJudge judge =
        new ZoneJudge(source, new Marks(recorded.plan()), recorded) {
          @Override
          List<Zone> zonelist(int gfp) {
            return super.zonelist(gfp).reversed();
          }
        }.run();
    assertEquals(90_141, judge.differ());
  }
}
