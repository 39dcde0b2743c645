// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Tally;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.text.LineSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Replays a recording of vmalloc areas on the machine's allocator of addresses and compares every
 * decision: what is requested, freed and purged is the recording's, where it lies is the plugin's.
 *
 * <p>Checks: {@code vmap}, the addresses of the recorder's own objects; {@code vmap_all}, those of
 * the rest of the machine, aligned ones by {@link AlignedRule}; {@code lazy}, the freed pages after
 * every free; {@code purges}, the areas of every purge. {@code exact} needs all four. After a
 * difference the recorded area is taken, so that one cause shows once.
 *
 * <p>Not counted, as nothing determines them, and told in the notes: areas of another range, whose
 * free addresses are not known; an area on addresses that were not known as free; and one of a pool
 * that was handed out in the middle of a purge, which the recording marks as {@code late}.
 */
public final class VmapReplay {
  private static final String VMAP = "vmap";
  private static final String VMAP_ALL = "vmap_all";
  private static final String LAZY = "lazy";
  private static final String PURGES = "purges";
  private static final List<String> CHECKS = List.of(VMAP, VMAP_ALL, LAZY, PURGES);
  private static final long PAGE = 4096;
  private static final long RAM = 64L << 20;
  private static final int CONTEXT = 6;

  private final VmapEvents events;
  private final VmallocAllocator areas;
  private final VmapCpus cpus;
  private final Tally tally = new Tally(CHECKS);
  private final Set<Long> lost = new HashSet<>();
  private final List<String> context = new ArrayList<>();

  /** The last event was a purge that was traced after an area of it was handed out. */
  private boolean afterLatePurge;

  private long otherRange;
  private long unknown;
  private long inPurge;
  private long aligned;
  private long alignedAsRecorded;
  private long shrunk;
  private long shrunkEqual;

  private VmapReplay(VmapEvents events, VmallocAllocator areas, VmapCpus cpus) {
    this.events = events;
    this.areas = areas;
    this.cpus = cpus;
  }

  /**
   * The verdict of one recording.
   *
   * @param folder with {@code events.txt.gz} and {@code start.txt}
   * @param config the machine's plugins
   * @throws InputException if the recording is incomplete or not well formed
   */
  public static Verdict replay(Path folder, MachineConfig config) {
    String shape = shape(folder.resolve("meta.txt"));
    Path startFile = folder.resolve("start.txt");
    if (!Files.isRegularFile(startFile)) {
      throw new InputException(
          "the state at its start is missing", startFile.toString(), "a file start.txt");
    }
    StartState start = StartState.read(startFile);
    config.memory(RAM).cpus(VmapCpus.COUNT).contents(false);
    try (Machine machine = config.boot()) {
      PluginSpec plugin = Objects.requireNonNull(machine.plugins().get(Spi.VMALLOC));
      VmallocAllocator areas = machine.vmalloc();
      if (!capabilities(machine).takesExactly()) {
        return notJudged(folder, shape, plugin.name());
      }
      VmapCpus cpus = new VmapCpus(machine.cpus());
      start.restore(areas, cpus);
      try (VmapEvents events = new VmapEvents(folder.resolve("events.txt.gz"))) {
        VmapReplay replay = new VmapReplay(events, areas, cpus);
        while (events.next()) {
          replay.event();
        }
        areas.validate();
        return replay.verdict(folder, shape);
      }
    }
  }

  private static VmallocAllocatorProvider.Capabilities capabilities(Machine machine) {
    return machine.vmallocCapabilities().orElseThrow();
  }

  private static Verdict notJudged(Path folder, String shape, String plugin) {
    String reason = plugin + " cannot take exactly the recorded area";
    List<CheckResult> checks = CHECKS.stream().map(c -> CheckResult.skipped(c, reason)).toList();
    return new Verdict(folder.toString(), RecordingKind.VMAP, shape, false, checks, null);
  }

  private static String shape(Path meta) {
    if (Files.isRegularFile(meta)) {
      try (LineSource source = LineSource.open(meta)) {
        while (source.next()) {
          if (source.text().startsWith("shape=")) {
            return source.text().substring("shape=".length());
          }
        }
      }
    }
    return "-";
  }

  private void event() {
    context.add(events.line() + ": " + events.text());
    if (context.size() > CONTEXT) {
      context.removeFirst();
    }
    switch (events.op()) {
      case 'a' -> allocated();
      case 'f' -> freed();
      case 'p' -> purged();
      case 's' -> {
        shrunk++;
        shrunkEqual += areas.shrink() == events.decimal(0) ? 1 : 0;
      }
      case 'e' -> {}
      default ->
          throw new InputException(
              "there is no operation '" + events.op() + "'", events.where(), "a, f, p, s, e, m");
    }
    afterLatePurge = events.op() == 'p' && events.text().endsWith(" late");
  }

  private void allocated() {
    long address = events.hex(1);
    long bytes = events.hex(2);
    long align = events.hex(3);
    VmapEvents.Range range = events.range(4);
    Cpu cpu = cpus.of(events.cpu(), events.where());
    if (bytes <= 0 || (bytes | address) % PAGE != 0 || Long.bitCount(align) != 1) {
      throw new InputException(
          "no request for an area: " + events.text(),
          events.where(),
          "a size of whole pages and an alignment that is a power of two");
    }
    if (events.decimal(4) != 0) {
      otherRange++;
      long _ = take(VmallocAllocator.NO_NODE, address, bytes);
      return;
    }
    boolean ours = events.word(0).startsWith("o");
    long pooled = areas.pooled();
    long placed = areas.alloc(cpu, bytes, align, range.start(), range.last() + 1);
    boolean fromPool = areas.pooled() < pooled;
    boolean isAligned = align > PAGE && !fromPool;
    aligned += isAligned ? 1 : 0;
    String check = ours ? VMAP : VMAP_ALL;
    if (placed == address) {
      alignedAsRecorded += isAligned ? 1 : 0;
      tally.equal(check);
      return;
    }
    if (placed != VmallocAllocator.NO_ADDRESS) {
      areas.undo(placed);
    }
    boolean byRule = !ours && isAligned && AlignedRule.allows(areas, bytes, align, range, address);
    boolean halfPurged = afterLatePurge && fromPool;
    long pooledBefore = areas.pooled();
    long known = take(cpu.id(), address, bytes);
    if (byRule) {
      tally.equal(check);
    } else if (!ours && halfPurged && areas.pooled() < pooledBefore) {
      inPurge++;
    } else if (!ours && known >= 0 && known * PAGE < bytes) {
      unknown++;
    } else if (tally.differs(check)) {
      evidence(
          check,
          String.format(
              "%s of %d pages on CPU %d, align 0x%x: recorded 0x%x, here 0x%x%s",
              events.word(0),
              bytes / PAGE,
              cpu.id(),
              align,
              address,
              placed,
              fromPool ? " from a pool" : ""));
    }
  }

  /** Takes what was recorded; what cannot be taken is passed over when it is freed. */
  private long take(int node, long address, long bytes) {
    long known = areas.takeExactly(node, address, bytes);
    if (known < 0) {
      lost.add(address);
    }
    return known;
  }

  private void freed() {
    long address = events.hex(1);
    long bytes = events.hex(2);
    if (bytes <= 0 || (bytes | address) % PAGE != 0) {
      throw new InputException(
          "no area: " + events.text(), events.where(), "an address and a size of whole pages");
    }
    if (lost.remove(address)) {
      return;
    }
    if (areas.bytes(address) == 0) {
      // older than the recording: who made it the line says
      int node =
          switch (events.word(0)) {
            case "h0" -> 0;
            case "h1" -> 1;
            default -> VmallocAllocator.NO_NODE;
          };
      long _ = areas.takeExactly(node, address, bytes);
    }
    if (areas.bytes(address) == bytes) {
      areas.free(cpus.of(events.cpu(), events.where()), address);
    }
    if (areas.lazyPages() == events.decimal(3) && areas.lazyMax() == events.decimal(4)) {
      tally.equal(LAZY);
    } else if (tally.differs(LAZY)) {
      evidence(
          LAZY,
          String.format(
              "free of 0x%x: recorded %d freed pages of at most %d, here %d of %d",
              address, events.decimal(3), events.decimal(4), areas.lazyPages(), areas.lazyMax()));
    }
  }

  private void purged() {
    int count = areas.purge((start, end) -> {});
    if (count == events.decimal(2)) {
      tally.equal(PURGES);
    } else if (tally.differs(PURGES)) {
      evidence(
          PURGES, String.format("a purge: recorded %d areas, here %d", events.decimal(2), count));
    }
  }

  private void evidence(String check, String what) {
    List<String> lines = new ArrayList<>(context);
    lines.add(areas.stats().toString());
    tally.evidence(new FirstDifference(check, events.line(), 0, what, lines));
  }

  private Verdict verdict(Path folder, String shape) {
    List<String> notes = new ArrayList<>();
    note(notes, otherRange, "in another range, whose free addresses are not known");
    note(notes, unknown, "on addresses that were not known as free");
    note(notes, inPurge, "handed out in the middle of a purge");
    if (aligned > 0) {
      notes.add(
          String.format(
              "aligned to more than a page and not from a pool: %d, %d of them at the recorded"
                  + " address; the others where the rule of the two holes allows it",
              aligned, alignedAsRecorded));
    }
    if (shrunkEqual < shrunk) {
      notes.add("pools emptied: " + shrunk + ", as many areas as recorded: " + shrunkEqual);
    }
    boolean exact = tally.allHold(CHECKS);
    return new Verdict(
        folder.toString(),
        RecordingKind.VMAP,
        shape,
        exact,
        tally.results(),
        exact ? null : tally.earliest(CHECKS),
        notes);
  }

  private static void note(List<String> notes, long count, String what) {
    if (count > 0) {
      notes.add("not counted: " + count + " " + what);
    }
  }
}
