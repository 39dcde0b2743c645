// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.testkit.pages.model.PcpTuning;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How many blocks a refill of a per-cpu list takes is what the kit's model says.
 *
 * <p>What is not equal has its reason: of 166 refills of frag_mix 35 ran dry, as the README of the
 * recordings says of "shorter" ones; one set the length of the lists. In frag_sock 11 and 21 ran
 * dry, one set the length of the lists, and one differs by an unseen change of the factor at the
 * start. In tar_gzip one showed the factor at the start, and one a change of it that no event
 * shows.
 */
class ModelRefillTest {
  private static KmemSource source(String name) {
    return KmemSource.bundledNames().contains(name)
        ? KmemSource.bundled(name)
        : Replays.corpus(name);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "frag_pipe|{0={EQUAL=57}, 1-3={EQUAL=20}}",
        "frag_mix|{0={EQUAL=130, RAN_DRY=35, SET_COUNT=1}, 1-3={EQUAL=16}}",
        "frag_sock|{0={EQUAL=106, RAN_DRY=11, SET_COUNT=1, UNSEEN_CHANGE=1},"
            + " 1-3={EQUAL=291, RAN_DRY=21}}",
        "tar_gzip|{0={EQUAL=240, SET_FACTOR=1, UNSEEN_CHANGE=1}, 1-3={EQUAL=24}}",
      })
  void everyRefillIsThatOfTheKernel(String name, String outcomes) {
    RefillJudge judge = new RefillJudge(source(name)).run(source(name));
    assertEquals(List.of(), judge.differences());
    assertEquals(outcomes, judge.outcomes().toString());
  }

  @Tag("soak")
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gcc_loop|{0={EQUAL=124, UNSEEN_CHANGE=1}}",
        "mmap_loop|{0={EQUAL=11}}",
        "thp_big|{0={EQUAL=333, SET_FACTOR=1, UNSEEN_CHANGE=3}, 1-3={EQUAL=16}, 9={EQUAL=830}}",
      })
  void everyRefillOfTheCorpusIsThatOfTheKernel(String name, String outcomes) {
    KmemSource source = corpus(name);
    RefillJudge judge = new RefillJudge(source).run(source);
    assertEquals(List.of(), judge.differences());
    assertEquals(outcomes, judge.outcomes().toString());
  }

  private static KmemSource corpus(String name) {
    String corpus = System.getProperty("mm.corpus");
    Assumptions.assumeTrue(corpus != null, "-Dmm.corpus=FOLDER names the whole corpus");
    return KmemSource.folder(Path.of(corpus, name));
  }

  /** Refills do not grow. */
  private static final class NeverGrows extends RefillJudge {
    NeverGrows(KmemSource source) {
      super(source);
    }

    @Override
    int blocks(PcpTuning tuning, int order) {
      int blocks = super.blocks(tuning, order);
      tuning.allocFactor = 0;
      return blocks;
    }
  }

  /** A batch divided by the size of the block, without the least of two. */
  private static final class OnlyShifted extends RefillJudge {
    OnlyShifted(KmemSource source) {
      super(source);
    }

    @Override
    int blocks(PcpTuning tuning, int order) {
      super.blocks(tuning, order);
      return tuning.batch >> order;
    }
  }

  /** The length of the lists sets no limit. */
  private static final class NoLimit extends RefillJudge {
    NoLimit(KmemSource source) {
      super(source);
    }

    @Override
    int blocks(PcpTuning tuning, int order) {
      int factor = tuning.allocFactor;
      int blocks = super.blocks(tuning, order);
      return order == 0 ? tuning.batch << factor : blocks;
    }
  }

  /** A batch of blocks, however large they are. */
  private static final class BlocksForPages extends RefillJudge {
    BlocksForPages(KmemSource source) {
      super(source);
    }

    @Override
    int blocks(PcpTuning tuning, int order) {
      return super.blocks(tuning, order) << order;
    }
  }

  /** Frees leave the factor alone. */
  private static final class FreesDoNotHalve extends RefillJudge {
    FreesDoNotHalve(KmemSource source) {
      super(source);
    }

    @Override
    void freed(PcpTuning tuning, int order) {
      int factor = tuning.allocFactor;
      super.freed(tuning, order);
      tuning.allocFactor = factor;
    }
  }

  private static RefillJudge wrong(String model, KmemSource source) {
    return switch (model) {
      case "NeverGrows" -> new NeverGrows(source);
      case "OnlyShifted" -> new OnlyShifted(source);
      case "NoLimit" -> new NoLimit(source);
      case "BlocksForPages" -> new BlocksForPages(source);
      case "FreesDoNotHalve" -> new FreesDoNotHalve(source);
      default -> throw new IllegalArgumentException(model);
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "NeverGrows|frag_pipe|{0={EQUAL=29, UNSEEN_CHANGE=28}, 1-3={EQUAL=20}}",
        "OnlyShifted|frag_pipe|{0={EQUAL=4, UNSEEN_CHANGE=53}, 1-3={EQUAL=20}}",
        "NoLimit|frag_mix|{0={EQUAL=20, RAN_DRY=42, SET_COUNT=1, DIFFERENT=103}, 1-3={EQUAL=16}}",
        "BlocksForPages|frag_pipe|{0={EQUAL=57}, 1-3={DIFFERENT=20}}",
        "FreesDoNotHalve|tar_gzip|{0={EQUAL=76, SET_FACTOR=1, UNSEEN_CHANGE=165}, 1-3={EQUAL=24}}",
      })
  void aWrongModelIsRefuted(String model, String name, String outcomes) {
    RefillJudge judge = wrong(model, source(name)).run(source(name));
    assertEquals(outcomes, judge.outcomes().toString());
  }

  /** Only huge pages show the least of two: 63 >> 9 is nothing. */
  @Tag("soak")
  @Test
  void withoutTheLeastOfTwoTheModelIsRefuted() {
    RefillJudge judge = new OnlyShifted(corpus("thp_big")).run(corpus("thp_big"));
    assertFalse(judge.differences().isEmpty());
  }
}
