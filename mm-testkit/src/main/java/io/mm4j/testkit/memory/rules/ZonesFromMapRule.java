// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMap.Range;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;

/** PM-33: the zones of a machine from any map, counted frame range by frame range. */
final class ZonesFromMapRule extends Rule<PhysicalMemoryProvider> {
  private static final int MAPS = 8;
  private static final long FEW_FRAMES = 1 << 19;
  private static final long MIB = 1 << 20;

  /** A run of whole usable frames. */
  private record Run(long start, long end) {}

  ZonesFromMapRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-33",
            "zones-from-any-map",
            "Nodes begin and end with their memory; zones divide them at 16 MiB and 4 GiB on"
                + " x86-64, at 16 MiB and the end of lowmem on x86-32; spanned counts holes,"
                + " present does not, and a zone without memory is not there.",
            "Every watermark and every fallback follows from the sizes of zones.",
            "mm/mm_init.c zone_spanned_pages_in_node, zone_absent_pages_in_node; arch/x86/mm/init.c"
                + " zone_sizes_init",
            "a border is off, a hole is counted, or a node begins in a hole"));
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    return new OneCheck(
        () -> {
          Seeded random = new Seeded(seed);
          for (int i = 0; i < MAPS; i++) {
            judge(provider, options, random);
          }
        });
  }

  private static void judge(PhysicalMemoryProvider provider, Options options, Seeded random) {
    Architecture[] kinds = Architecture.values();
    Architecture arch = kinds[random.below(kinds.length)];
    MemoryMap map = map(random);
    long end = map.endOfRam() >>> 12;
    int nodes = 1 + random.below(3);
    List<NumaTopology.Span> spans = new ArrayList<>();
    long at = 0;
    for (int i = 0; i < nodes; i++) {
      long stop = i == nodes - 1 ? end : at + random.below(Math.max(1, (end - at) / 2));
      spans.add(new NumaTopology.Span(at, stop));
      at = stop;
    }
    NumaTopology topology = NumaTopology.of(spans, 20);
    MemoryLayout layout = ZoneLayouts.of(arch, map, topology, BootOptions.NONE);
    List<String> wanted = expected(arch, map, spans);
    List<String> seen;
    if (layout.endPfn() <= FEW_FRAMES) {
      try (PhysicalMemory memory = provider.create(layout, Contents.NONE, options)) {
        seen = lines(memory.nodes());
      }
    } else {
      seen = lines(layout.nodes());
    }
    check(wanted.equals(seen), arch.id() + " of " + map.ranges() + ": " + wanted, "" + seen);
  }

  /** Memory of every size and with holes of every size, some of it below 4 GiB. */
  private static MemoryMap map(Seeded random) {
    List<Range> ranges = new ArrayList<>();
    long at = random.oneIn(2) ? 0 : random.below(40 * MIB);
    long largest = (8 * MIB) << random.below(9);
    ranges.add(new Range(at, at + 4 * MIB + random.below(largest), MemoryMap.Type.USABLE));
    MemoryMap.Type[] types = MemoryMap.Type.values();
    for (int i = random.below(7); i > 0; i--) {
      at = ranges.getLast().end() + (random.oneIn(3) ? 0 : random.below(largest));
      MemoryMap.Type type = random.oneIn(3) ? types[random.below(types.length)] : types[0];
      ranges.add(new Range(at, at + 1 + random.below(largest), type));
    }
    return new MemoryMap(ranges);
  }

  /** One past the last frame of each zone, lowest first, and one past what can be addressed. */
  private static long[] borders(Architecture arch) {
    return switch (arch) {
      case X86_64 -> new long[] {0x1000, 0x10_0000, 1L << 34, 1L << 34};
      case X86_32 -> new long[] {0x1000, 0x3_77fe, 1L << 20, 1L << 20};
      case X86_PAE -> new long[] {0x1000, 0x3_77fe, 1L << 24, 1L << 24};
      case X86_32_24 -> new long[] {0x1000, 0x3_8000, 1L << 20, 1L << 20};
    };
  }

  private static List<String> expected(
      Architecture arch, MemoryMap map, List<NumaTopology.Span> spans) {
    String[] names =
        arch == Architecture.X86_64
            ? new String[] {"DMA", "DMA32", "Normal"}
            : new String[] {"DMA", "Normal", "HighMem"};
    long[] borders = borders(arch);
    List<Run> runs = runs(map, borders[3]);
    List<String> lines = new ArrayList<>();
    for (int id = 0; id < spans.size(); id++) {
      List<Run> own = within(runs, Math.max(1, spans.get(id).startPfn()), spans.get(id).endPfn());
      long low = 1;
      for (int i = 0; i < names.length && !own.isEmpty(); i++) {
        long start = Math.max(low, own.getFirst().start);
        long end = Math.min(borders[i], own.getLast().end);
        long present = within(own, start, end).stream().mapToLong(r -> r.end - r.start).sum();
        if (present > 0) {
          lines.add(line(id, names[i], start, end, present, present));
        }
        low = borders[i];
      }
    }
    return lines;
  }

  /** The whole usable frames below a limit; ranges that touch are one. */
  private static List<Run> runs(MemoryMap map, long limitPfn) {
    List<Run> runs = new ArrayList<>();
    long start = -1;
    long end = -1;
    for (Range range : map.ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        if (range.start() != end) {
          addRun(runs, start, end, limitPfn);
          start = range.start();
        }
        end = range.end();
      }
    }
    addRun(runs, start, end, limitPfn);
    return runs;
  }

  private static void addRun(List<Run> runs, long start, long end, long limitPfn) {
    if (start >= 0) {
      Run run = new Run((start + 4095) / 4096, Math.min(limitPfn, end / 4096));
      if (run.start < run.end) {
        runs.add(run);
      }
    }
  }

  private static List<Run> within(List<Run> runs, long start, long end) {
    List<Run> inside = new ArrayList<>();
    for (Run run : runs) {
      Run cut = new Run(Math.max(start, run.start), Math.min(end, run.end));
      if (cut.start < cut.end) {
        inside.add(cut);
      }
    }
    return inside;
  }

  private static List<String> lines(List<Node> nodes) {
    List<String> lines = new ArrayList<>();
    for (Node node : nodes) {
      for (Zone z : node.zones()) {
        lines.add(
            line(
                z.nodeId(),
                z.type().procName(),
                z.startPfn(),
                z.endPfn(),
                z.presentPages(),
                z.managedPages()));
      }
    }
    return lines;
  }

  private static String line(
      int node, String name, long start, long end, long present, long managed) {
    return String.format(
        "node %d %s %d-%d present %d managed %d", node, name, start, end, present, managed);
  }
}
