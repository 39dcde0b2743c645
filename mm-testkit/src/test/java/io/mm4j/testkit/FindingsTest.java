// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Findings.Finding;
import io.mm4j.testkit.RuleResult.Failure;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.suites.TestKit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** One defect that breaks many rules is one finding, and its report fits a screen. */
class FindingsTest {
  private static RuleResult failed(String id, List<String> operations, @Nullable Throwable cause) {
    return failed(id, operations, "one", cause);
  }

  private static RuleResult failed(
      String id, List<String> operations, String expected, @Nullable Throwable cause) {
    RuleInfo info = new RuleInfo("XX-0" + id, "name", "statement", "why", "behind", "usually this");
    Failure failure = new Failure(3, "", operations, 99, expected, "other", "again " + id, cause);
    return new RuleResult(info, "spi=mine", Outcome.FAILED, 1, 0, null, failure);
  }

  private static List<String> ids(Finding finding) {
    List<String> ids = new ArrayList<>(List.of(finding.first().rule().id()));
    finding.others().forEach(other -> ids.add(other.rule().id()));
    return ids;
  }

  @Test
  void whatFailsOnMoreOperationsIsTheSame() {
    List<Finding> findings =
        Findings.of(
            List.of(
                failed("1", List.of("boot", "alloc 3", "free 1"), null),
                failed("2", List.of("boot", "alloc 1  -> 0x10"), null),
                failed("3", List.of("boot", "alloc 1", "take 7", "free 2"), null),
                failed("4", List.of("boot", "move 3"), null)));
    assertEquals(2, findings.size());
    assertEquals(List.of("XX-02", "XX-01", "XX-03"), ids(findings.get(0)));
    assertEquals(List.of("XX-04"), ids(findings.get(1)));
    assertEquals(
        "4 rules failed, probably of 2 defects: begin with XX-02", Findings.summary(findings));
    assertTrue(findings.getFirst().report().contains("--rule XX-03 --seed 3"), "others are named");
  }

  /** A machine that is wrong from the beginning breaks every rule that looks at all of it. */
  @Test
  void whatIsWrongBeforeAnythingIsDoneIsTheSame() {
    List<Finding> findings =
        Findings.of(
            List.of(
                failed("1", List.of(), "owner of frame 159 = NONE", null),
                failed("2", List.of(), "present(7) = true", null),
                failed("3", List.of(), "owner of frame 0x77 = NONE", null)));
    assertEquals(2, findings.size());
    assertEquals(List.of("XX-01", "XX-03"), ids(findings.get(0)));
  }

  @Test
  void whatThrowsAtOnePlaceIsOneAndComesAfterWhatIsSaid() {
    List<Throwable> thrown = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      thrown.add(new IllegalStateException("number " + i));
    }
    List<Finding> findings =
        Findings.of(
            List.of(
                failed("1", List.of("x"), thrown.get(0)),
                failed("2", List.of("y"), thrown.get(1)),
                failed("3", List.of("z 1", "z 2"), null)));
    assertEquals(List.of("XX-03"), ids(findings.get(0)));
    assertEquals(List.of("XX-01", "XX-02"), ids(findings.get(1)));
    assertFalse(findings.get(1).report().contains("usually this"), "the rule did not judge");
    assertTrue(findings.get(0).report().contains("usually this"), "the rule did");
  }

  /** A counter that is wrong after each free breaks more than ten rules. */
  @Test
  void aRealDefectIsFewFindings() {
    FrameAllocatorProvider wrong =
        new NaiveFrames(
            "wrong",
            zone ->
                new NaiveFrameAllocator(zone, Pages.MAX_PAGE_ORDER) {
                  private long extra;

                  @Override
                  public void free(long pfn, int order, int migratetype) {
                    super.free(pfn, order, migratetype);
                    extra++;
                  }

                  @Override
                  public long freePages() {
                    return super.freePages() + extra;
                  }
                });
    List<RuleResult> results = new ArrayList<>();
    for (Rule<FrameAllocatorProvider> rule : TestKit.rules(Spi.FRAME_ALLOCATOR)) {
      results.add(RuleRunner.create().tries(1).run(rule, wrong, Map.of()));
    }
    long failed = results.stream().filter(r -> r.outcome() == Outcome.FAILED).count();
    List<Finding> findings = Findings.of(results);
    assertTrue(failed > 10, "failed: " + failed);
    assertTrue(
        2L * findings.size() <= failed,
        () ->
            Findings.summary(findings)
                + findings.stream()
                    .map(f -> "\n" + ids(f) + " " + f.first().failure())
                    .collect(Collectors.joining()));
    assertEquals("FA-04", findings.getFirst().first().rule().id(), "the rule of that counter");
    for (Finding finding : findings) {
      String report = finding.first().report();
      assertTrue(
          report.lines().filter(l -> !l.contains("again with")).allMatch(l -> l.length() <= 140),
          report);
    }
  }

  @Test
  void linesAreBrokenAtBlanksAndCut() {
    assertEquals("short", Lines.fit("short", 4));
    String words = "word ".repeat(40).strip();
    assertTrue(Lines.fit(words, 4).lines().allMatch(l -> l.length() <= Lines.WIDTH), "width");
    assertEquals(words, Lines.fit(words, 4).replaceAll("\\n +", " "));
    String cut = Lines.fit("x".repeat(41_025), 4);
    assertTrue(cut.lines().count() < 30, "lines");
    assertTrue(cut.contains("more characters"), "says so");
  }
}
