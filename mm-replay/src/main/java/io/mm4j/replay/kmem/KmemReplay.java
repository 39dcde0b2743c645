// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Replays kmem recordings exactly and gives their verdicts. The free blocks are judged on the
 * machine's frame allocator, the fallbacks on its page allocator's own rule, sizes of objects and
 * caches on the slab allocator of another machine with the same plugins.
 *
 * <p>Checks: see {@link KmemChecks}. {@code exact} needs {@code core_ops}, {@code buddyinfo} and
 * {@code final_blocks} made and equal, and the others equal where the recording has what they need.
 * A plugin that cannot take exactly the recorded block is not judged.
 */
public final class KmemReplay {
  private KmemReplay() {}

  /**
   * The verdict of one recording.
   *
   * @param config the machine's plugins; zones come from the recording, and RAM has no contents
   * @throws io.mm4j.api.InputException if the recording is incomplete or not well formed
   */
  public static Verdict replay(KmemSource source, MachineConfig config) {
    return run(source, config, 0).verdict();
  }

  /**
   * The same, with the CPUs that the recorded machine has, or others.
   *
   * @param cpus of the machine whose caches are judged; 0 for as many as were recorded
   */
  public static Verdict replay(KmemSource source, MachineConfig config, int cpus) {
    return run(source, config, 0, cpus).verdict();
  }

  /** {@link #run(KmemSource, MachineConfig, int)}, with CPUs as in {@link #replay}. */
  public static KmemRun run(KmemSource source, MachineConfig config, int points, int cpus) {
    return run(source, config.cpus(cpus > 0 ? cpus : RecordedCpus.of(source)), points);
  }

  /**
   * Replays one recording and takes samples of the free blocks on the way.
   *
   * @param config as for {@link #replay}; its layout, contents and free memory are set here
   * @param points how many samples to take at least, 0 for none; there may be twice as many
   * @throws io.mm4j.api.InputException if the recording is incomplete or not well formed
   */
  public static KmemRun run(KmemSource source, MachineConfig config, int points) {
    return run(source, config, points, machine -> {});
  }

  /**
   * The same, and shows the machine as the recording leaves it.
   *
   * @param atEnd called once after the last event, before the machine is closed; not called for a
   *     plugin that is not judged
   */
  public static KmemRun run(
      KmemSource source, MachineConfig config, int points, Consumer<Machine> atEnd) {
    RecordedZones zones = RecordedZones.read(source);
    Meta meta = Meta.read(source);
    PolicyReplay.recordedSysctls(source, config);
    SlabJudge.Result slab = SlabJudge.judge(source, zones, config);
    try (Machine machine = boot(zones, config)) {
      PluginSpec plugin = Objects.requireNonNull(machine.plugins().get(Spi.FRAME_ALLOCATOR));
      List<ManagedZone> managed = inOrder(machine);
      if (!managed.getFirst().capabilities().takesExactly()) {
        return notJudged(source, zones, meta, plugin.name(), slab);
      }
      ExactReplay replay = new ExactReplay(source, zones, managed, points);
      replay.run();
      machine.pages().freeBlocksChanged();
      atEnd.accept(machine);
      Verdict verdict =
          verdict(
              source, zones, replay, managed.getFirst(), machine.fallbackRule().orElse(null), slab);
      return new KmemRun(
          verdict,
          source.name(),
          meta.get("cmd"),
          zones,
          replay.events(),
          replay.operations(),
          replay.startBlocks(),
          replay.samples(),
          plugin.name(),
          metadataBytes(managed));
    }
  }

  /**
   * Makes the operations of a recording and judges nothing: for somebody who takes the time.
   *
   * @param config as for {@link #replay}; not for a plugin that is not judged
   * @param cpus as for {@link #replay}
   */
  public static void play(KmemSource source, MachineConfig config, int cpus) {
    RecordedZones zones = RecordedZones.read(source);
    config.cpus(cpus > 0 ? cpus : RecordedCpus.of(source));
    PolicyReplay.recordedSysctls(source, config);
    try (Machine machine = boot(zones, config)) {
      new ExactReplay(source, zones, inOrder(machine), 0).play();
    }
  }

  private static long metadataBytes(List<ManagedZone> zones) {
    long bytes = 0;
    for (ManagedZone zone : zones) {
      long own = zone.frames().metadataBytes();
      if (own < 0) {
        return -1;
      }
      bytes += own;
    }
    return bytes;
  }

  static Machine boot(RecordedZones zones, MachineConfig config) {
    return config.layout(zones.layout()).contents(false).releaseMemory(false).boot();
  }

  /** The machine's zones in the order of their frames, as {@link RecordedZones} has them. */
  static List<ManagedZone> inOrder(Machine machine) {
    return machine.zones().stream()
        .sorted((a, b) -> Long.compare(a.zone().startPfn(), b.zone().startPfn()))
        .toList();
  }

  private static KmemRun notJudged(
      KmemSource source, RecordedZones zones, Meta meta, String plugin, SlabJudge.Result slab) {
    String reason = "not judged: frame-allocator=" + plugin + " cannot take exactly a given block";
    List<CheckResult> checks =
        List.of(
            CheckResult.skipped(KmemChecks.CORE_OPS, reason),
            CheckResult.skipped(KmemChecks.BUDDYINFO, reason),
            CheckResult.skipped(KmemChecks.FINAL_BLOCKS, reason),
            CheckResult.skipped(KmemChecks.FALLBACK, reason),
            slab.kmalloc(),
            slab.geometry());
    Verdict verdict =
        new Verdict(
            source.label(),
            RecordingKind.KMEM,
            recordingClass(source),
            false,
            checks,
            slab.firstDifference());
    return new KmemRun(
        verdict, source.name(), meta.get("cmd"), zones, 0, 0, 0, List.of(), plugin, -1);
  }

  private static Verdict verdict(
      KmemSource source,
      RecordedZones zones,
      ExactReplay replay,
      ManagedZone judged,
      @Nullable FallbackRule rule,
      SlabJudge.Result slab) {
    FirstDifference first = replay.firstImpossible();
    List<CheckResult> checks = new ArrayList<>();
    checks.add(CheckResult.judged(KmemChecks.CORE_OPS, replay.operations(), replay.possible()));

    boolean allOrders = judged.capabilities().maxOrder() >= Pages.MAX_PAGE_ORDER;
    if (judged.capabilities().mergesAlways() && allOrders) {
      JudgedReads reads = JudgedReads.judge(source, zones, replay);
      FinalBlocks end = replay.finalBlocks();
      checks.add(reads.result());
      checks.add(CheckResult.judged(KmemChecks.FINAL_BLOCKS, end.total(), end.equal()));
      first = first == null ? reads.firstDifference() : first;
      first = first == null ? finalDifference(source, zones, end) : first;
    } else {
      String reason =
          allOrders
              ? "not judged: the frame allocator does not always merge free buddies"
              : "not judged: the frame allocator has no blocks of the kernel's largest order";
      checks.add(CheckResult.skipped(KmemChecks.BUDDYINFO, reason));
      checks.add(CheckResult.skipped(KmemChecks.FINAL_BLOCKS, reason));
    }

    Fallbacks fallbacks = Fallbacks.judge(source, zones, replay, rule);
    checks.add(fallbacks.result());
    first = first == null ? fallbacks.firstDifference() : first;
    checks.add(slab.kmalloc());
    checks.add(slab.geometry());
    first = first == null ? slab.firstDifference() : first;

    boolean exact =
        checks.subList(0, 3).stream().allMatch(CheckResult::holds)
            && checks.stream().noneMatch(CheckResult::differs);
    return new Verdict(
        source.label(), RecordingKind.KMEM, recordingClass(source), exact, checks, first);
  }

  private static @Nullable FirstDifference finalDifference(
      KmemSource source, RecordedZones zones, FinalBlocks end) {
    if (end.odd().isEmpty()) {
      return null;
    }
    List<String> evidence = new ArrayList<>();
    evidence.add(
        end.onlyRecorded()
            + " blocks are recorded only, "
            + end.onlyOurs()
            + " are in the replay only, "
            + end.equal()
            + " are in both; the first:");
    List<long[]> blocks =
        end.odd().stream().map(odd -> new long[] {odd.pfn(), odd.order()}).toList();
    List<String> last = History.last(source, zones, blocks, Long.MAX_VALUE);
    for (int i = 0; i < blocks.size(); i++) {
      evidence.add(end.odd().get(i).toString());
      evidence.add("  " + last.get(i));
    }
    return new FirstDifference(
        KmemChecks.FINAL_BLOCKS, 0, 0, "free blocks at the end: " + end.odd().getFirst(), evidence);
  }

  /** {@code frag_mix} is of class frag; a name without an underscore is its own class. */
  private static String recordingClass(KmemSource source) {
    int end = source.name().indexOf('_');
    return end > 0 ? source.name().substring(0, end) : source.name();
  }
}
