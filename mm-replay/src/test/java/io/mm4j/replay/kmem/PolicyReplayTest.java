// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The requests of a recording on other allocators. */
class PolicyReplayTest {
  static List<String> combinations() {
    List<String> all = new ArrayList<>();
    for (String frames : Replays.frameAllocators()) {
      all.add("direct " + frames);
      all.add("linux " + frames);
    }
    return all;
  }

  private static MachineConfig config(String combination) {
    String[] names = combination.split(" ", -1);
    return new MachineConfig()
        .plugin("page-allocator=" + names[0])
        .plugin("frame-allocator=" + names[1]);
  }

  @ParameterizedTest
  @MethodSource("combinations")
  void noPageIsLostOnAnyAllocator(String combination) {
    PolicyRun run = PolicyReplay.run(KmemSource.bundled("tar_gzip"), config(combination), 10);
    assertEquals(101_601, run.requests());
    assertEquals(76_382, run.frees());
    assertEquals(0, run.failures());
    // Requests and frees of the trace, less the pages whose free was left out.
    assertEquals(
        run.startFreePages()
            + run.inferred().pcpPagesAtStart()
            - ALLOCATED
            + FREED
            - run.inferred().freesLeftOut(),
        run.endFreePages() + run.endPcpPages());
    assertTrue(run.samples().size() >= 10);
  }

  /** The loader frees blocks itself; the page allocator has to see what it did. */
  @ParameterizedTest
  @MethodSource("combinations")
  void theFirstRequestOfAZoneIsServed(String combination) {
    PolicyRun run = PolicyReplay.run(Replays.corpus("onepage"), config(combination), 0);
    assertEquals(5_500_333, run.startFreePages());
    assertEquals(1, run.requests());
    assertEquals(0, run.failures());
  }

  /** So do the blocks that an exact replay took and freed. */
  @ParameterizedTest
  @ValueSource(strings = {"linux buddy", "linux bitmap", "linux llfree", "direct buddy"})
  void theMachineThatAnExactReplayLeavesServesRequests(String combination) {
    AtomicLong got = new AtomicLong(PageAllocator.NO_PAGE);
    KmemReplay.run(
        Replays.corpus("onepage"),
        config(combination),
        0,
        machine -> got.set(machine.pages().allocPages(machine.cpus().get(0), Gfp.GFP_KERNEL, 0)));
    assertTrue(got.get() != PageAllocator.NO_PAGE);
  }

  @Test
  void aRequestThatMustNotFailAndCannotBeServedIsAFailure() {
    SmallRecording small = new SmallRecording();
    small.normal.set(2048, 1, true);
    small.start();
    small.line("a 2048 3 8cc0 0");
    small.middle();
    PolicyRun run = PolicyReplay.run(small.end(), config("linux buddy"), 0);
    assertEquals(1, run.failures());
  }

  private static final long ALLOCATED = pages("a");
  private static final long FREED = pages("f", "g", "F");

  private static long pages(String... ops) {
    long pages = 0;
    for (String line : MemoryRecording.bundled().textOf(KmemSource.PAGES)) {
      String[] words = line.split(" ", -1);
      if (words.length > 4 && List.of(ops).contains(words[2])) {
        pages += 1L << Integer.parseInt(words[4]);
      }
    }
    return pages;
  }

  @Test
  void samplesAreOfTheMomentsOfTheExactReplay() {
    KmemSource source = KmemSource.bundled("tar_gzip");
    List<Sample> exact = KmemReplay.run(source, Replays.config(), 12).samples();
    List<Sample> policy = PolicyReplay.run(source, config("linux buddy"), 12).samples();
    assertEquals(
        exact.stream().map(Sample::timeNs).toList(), policy.stream().map(Sample::timeNs).toList());
  }

  @Test
  void whatTheTraceDoesNotSayIsInferredAndCounted() {
    SmallRecording small = new SmallRecording();
    small.normal.set(2048, 9, true);
    small.start();
    small.line("a 1500 0 140cca 1"); // was on a per-cpu list
    small.line("d 1501 0 1"); // this one too
    small.normal.set(1501, 0, true);
    small.op("z 2048 0 1 1").line("f 2048 0"); // a bulk allocation
    small.op("z 2052 2 1 1").line("a 2052 2 140cca 1"); // a block, freed page by page
    small.line("g 2052 0").line("g 2053 0");
    small.line("f 3000 1"); // in use at the start
    small.line("f 2300 0"); // free, as far as the trace tells
    small.line("a - 0 140cca 1"); // failed
    small.line("a 1500 0 140cca 1"); // given out again without a free
    small.middle();
    PolicyRun run = PolicyReplay.run(small.end(), config("direct buddy"), 0);
    PolicyRun.Inferred inferred = run.inferred();
    assertEquals(2, inferred.pcpPagesAtStart());
    assertEquals(1, inferred.bulkAllocations());
    // The first page of the block takes it apart; the other one is the free that is left out.
    assertEquals(2, inferred.freesByPage());
    assertEquals(1, inferred.freesOfStart());
    assertEquals(1, inferred.freesLeftOut());
    assertEquals(1, inferred.lostFrees());
    assertEquals(1, inferred.recordedFailures());
    assertEquals(4, run.requests());
    assertEquals(0, run.failures());
    assertTrue(run.samples().isEmpty());
    // 512 and the two of the per-cpu lists; 1 and 2 pages are held at the end, 2 came back.
    assertEquals(512 + 2 - 1 - 2 + 2, run.endFreePages());
  }

  @Test
  void requestsThatFailAreCountedByOrder() {
    SmallRecording small = new SmallRecording();
    small.normal.set(2048, 1, true);
    small.start();
    small.op("z 2048 0 1 1").line("a 2048 0 140cca 1");
    small.line("f 4096 0").line("a 4096 3 140cca 1");
    small.line("f 4096 3");
    small.middle();
    PolicyRun run = PolicyReplay.run(small.end(), config("direct buddy"), 0);
    assertEquals(List.of(0L, 0L, 0L, 1L), run.failuresByOrder().subList(0, 4));
    assertEquals(8, run.inferred().freesLeftOut());
  }
}
