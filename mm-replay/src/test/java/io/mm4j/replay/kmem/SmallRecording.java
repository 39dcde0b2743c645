// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Writes small recordings of a machine with two zones, from operations that a naive model carries
 * out, so that every file agrees with every other.
 */
final class SmallRecording {
  final NaiveBlocks dma = new NaiveBlocks(1, 1024);
  final NaiveBlocks normal = new NaiveBlocks(1024, 9000);
  private final List<String> trace = new ArrayList<>();
  private final MemoryRecording files = new MemoryRecording();
  private final List<String> typesBefore = new ArrayList<>();
  private final Map<Long, Integer> types = new HashMap<>();

  SmallRecording() {
    trace.add("#kmem-pages 1");
    trace.add("#t_first -1000000  (ns relative to START of the workload)");
    files.with(
        RecordedZones.FILE,
        List.of(
            "Node 0, zone      DMA",
            "  pages free     3840",
            "        spanned  1023",
            "        present  1000",
            "        managed  990",
            "  pagesets",
            "    cpu: 0",
            "    cpu: 1",
            "  start_pfn:           1",
            "Node 0, zone   Normal",
            "        spanned  7976",
            "        present  7976",
            "        managed  7976",
            "  start_pfn:           1024",
            "Node 0, zone  Movable",
            "        spanned  0",
            "        present  0",
            "        managed  0"));
  }

  /** The blocks that are free now are those of the start; the first read is taken as well. */
  SmallRecording start() {
    files.with(FreeBlocks.BEFORE, freeBlocks());
    line("m SNAP0 begin 1").line("m B0").read("snap/buddyinfo.before").line("m B1");
    for (String zone : List.of("DMA", "Normal")) {
      NaiveBlocks blocks = zone.equals("DMA") ? dma : normal;
      for (int t = 0; t < 5; t++) {
        typesBefore.add(
            "Node    0, zone "
                + zone
                + ", type "
                + io.mm4j.api.page.Migratetype.name(t)
                + row(countsOf(blocks, t)));
      }
    }
    files.with(Fallbacks.TYPES_BEFORE, typesBefore);
    return line("m T1");
  }

  /** The type of a pageblock at the start; Movable if nothing else is said. */
  SmallRecording type(long pfn, int type) {
    types.put(pfn >>> 9, type);
    return this;
  }

  private long[] countsOf(NaiveBlocks blocks, int type) {
    long[] counts = new long[Counts.ORDERS];
    for (long[] block : blocks.blocks()) {
      if (types.getOrDefault(block[0] >>> 9, 1) == type) {
        counts[(int) block[1]]++;
      }
    }
    return counts;
  }

  /** The end of the first snapshot. */
  SmallRecording middle() {
    return line("m B2")
        .read("snap/buddyinfo2.before")
        .line("m B3")
        .line("m SNAP0 end 1")
        .line("m START");
  }

  /** The last snapshot and the end. */
  MemoryRecording end(String... beforeEnd) {
    line("m STOP").line("m SNAP1 begin 1").line("m B0").read("snap/buddyinfo.after");
    line("m B1").line("m T1").line("m B2").read("snap/buddyinfo2.after").line("m B3");
    for (String line : beforeEnd) {
      line(line);
    }
    line("m SNAP1 end 1");
    files.with(FreeBlocks.AFTER, freeBlocks());
    return files.with(KmemSource.PAGES, trace);
  }

  SmallRecording line(String text) {
    trace.add("100 0 " + text);
    return this;
  }

  /** A removal or insertion: of the model and of the trace. */
  SmallRecording op(String text) {
    String[] words = text.split(" ", -1);
    long pfn = Long.parseLong(words[1]);
    int order = Integer.parseInt(words[2]);
    model(pfn).set(pfn, order, "dFD".contains(words[0]));
    return line(text);
  }

  /** Random operations that are possible. */
  SmallRecording random(Random random, int count) {
    for (int i = 0; i < count; i++) {
      int order = random.nextInt(8) == 0 ? random.nextInt(11) : random.nextInt(3);
      long pfn = 1L + random.nextInt(8998);
      pfn &= -(1L << order);
      NaiveBlocks blocks = model(pfn);
      if (pfn < blocks.start || pfn + (1L << order) > blocks.end) {
        continue;
      }
      if (blocks.isFree(pfn, order)) {
        op("z " + pfn + " " + order + " 1 " + (order <= 3 ? 1 : 0));
        line("a " + pfn + " " + order + " 140cca 1");
      } else if (blocks.isTaken(pfn, order)) {
        op(random.nextBoolean() ? "d " + pfn + " " + order + " 1" : "F " + pfn + " " + order);
      } else {
        line(random.nextBoolean() ? "g " + pfn + " 0" : "x mm_vmscan_kswapd_wake nid=0");
      }
    }
    return this;
  }

  /** Random free blocks for the start. */
  SmallRecording fill(Random random) {
    for (int i = 0; i < 200; i++) {
      int order = random.nextInt(11);
      long pfn = (1L + random.nextInt(8998)) & -(1L << order);
      NaiveBlocks blocks = model(pfn);
      if (pfn >= blocks.start && pfn + (1L << order) <= blocks.end) {
        blocks.set(pfn, order, random.nextBoolean());
      }
    }
    return this;
  }

  NaiveBlocks model(long pfn) {
    return pfn < 1024 ? dma : normal;
  }

  private SmallRecording read(String file) {
    files.with(
        file,
        List.of(
            "Node 0, zone      DMA" + row(dma.counts()),
            "Node 0, zone   Normal" + row(normal.counts())));
    return this;
  }

  private static String row(long[] counts) {
    return Arrays.stream(counts)
            .mapToObj(c -> String.format(" %6d", c))
            .collect(Collectors.joining())
        + " ";
  }

  private List<String> freeBlocks() {
    List<String> lines = new ArrayList<>();
    lines.add("zone DMA");
    dma.blocks().forEach(b -> lines.add(b[0] + " " + b[1]));
    lines.add("zone Normal");
    normal.blocks().forEach(b -> lines.add(b[0] + " " + b[1]));
    return lines;
  }
}
