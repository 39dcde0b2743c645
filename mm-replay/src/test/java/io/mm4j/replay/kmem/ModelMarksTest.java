// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.mm4j.replay.kmem.RecordedZoneinfo.Pcp;
import io.mm4j.replay.kmem.RecordedZoneinfo.ZoneFigures;
import io.mm4j.testkit.pages.model.Marks;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Watermarks, protection and the limits of per-cpu lists as the kernel showed them, against those
 * that the kit's model computes from the managed pages and the settings alone. With the default
 * settings and with two values of {@code percpu_pagelist_high_fraction}.
 */
class ModelMarksTest {
  static Stream<KmemSource> recordings() {
    return Stream.concat(
        Stream.of("frag_pipe", "frag_mix", "frag_sock", "onepage").map(Replays::corpus),
        Stream.of(KmemSource.bundled("tar_gzip")));
  }

  private static Map<String, Object> recorded(ZoneFigures zone, Pcp cpu) {
    Map<String, Object> map = new TreeMap<>();
    for (String name : List.of("min", "low", "high", "promo", "threshold")) {
      map.put(name, zone.number(name));
    }
    map.put("protection", zone.protection());
    map.put("batch", cpu.batch());
    map.put("high_min", cpu.highMin());
    map.put("high_max", cpu.highMax());
    return map;
  }

  private static Map<String, Object> modelled(Marks.Numbers numbers) {
    Map<String, Object> map = new TreeMap<>();
    map.put("min", numbers.min());
    map.put("low", numbers.low());
    map.put("high", numbers.high());
    map.put("promo", numbers.promo());
    map.put("threshold", (long) numbers.statThreshold());
    map.put("protection", numbers.protection());
    map.put("batch", numbers.batch());
    map.put("high_min", numbers.highMin());
    map.put("high_max", numbers.highMax());
    return map;
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void everyFigureIsThatOfTheKernel(KmemSource source) {
    RecordedZoneinfo recorded = new RecordedZoneinfo(source);
    Marks marks = new Marks(recorded.plan());
    assertEquals(recorded.sysctl("min_free_kbytes"), marks.minFreeKbytes());
    assertEquals(3, recorded.zones().size());
    for (ZoneFigures zone : recorded.zones()) {
      assertEquals(2, zone.pcps().size());
      for (Pcp cpu : zone.pcps()) {
        assertEquals(
            recorded(zone, cpu), modelled(marks.of(zone.size())), () -> zone.type().procName());
      }
    }
  }

  /** A model that is wrong in one thing each. */
  @Test
  void aWrongModelIsRefuted() {
    RecordedZoneinfo recorded = new RecordedZoneinfo(Replays.corpus("frag_pipe"));
    Marks.Plan plan = recorded.plan();
    ZoneFigures normal = recorded.zones().getLast();
    Map<String, Object> right = recorded(normal, normal.pcps().getFirst());
    assertEquals(right, modelled(new Marks(plan).of(normal.size())));
    List<Marks> wrong =
        List.of(
            new Marks(plan) {
              @Override
              protected int batch(Marks.Size zone) {
                return super.batch(zone) + 1;
              }
            },
            new Marks(plan) {
              @Override
              protected long share(Marks.Size zone, long pages) {
                return Math.max(pages, 4L * batch(zone));
              }
            },
            new Marks(plan) {
              @Override
              protected long recommended(long computed) {
                return 0;
              }
            });
    for (Marks marks : wrong) {
      assertNotEquals(right, modelled(marks.of(normal.size())));
    }
  }
}
