// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import io.mm4j.api.InputException;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.replay.text.LineSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The state that a recording starts from: {@code start.txt}, lines {@code free LO HI}, {@code pool
 * NODE PAGES addr...} (the next one to be handed out first), {@code lazy addr size node} and {@code
 * busy addr size node}. What it does not name is not known.
 */
final class StartState {
  private static final int PAGE_SHIFT = 12;
  private static final int MAX_POOL_PAGES = 256;

  /** A line of one kind, as numbers. */
  private static final class Line {
    final String kind;
    final long[] numbers;

    Line(String kind, long... numbers) {
      this.kind = kind;
      this.numbers = numbers;
    }
  }

  private final List<Line> lines = new ArrayList<>();

  private StartState() {}

  static StartState read(Path file) {
    StartState state = new StartState();
    try (LineSource source = LineSource.open(file)) {
      while (source.next()) {
        String text = source.text();
        if (text.isEmpty() || text.startsWith("#") || text.startsWith("unsure")) {
          continue;
        }
        state.lines.add(parse(text, file + ", line " + source.number()));
      }
    }
    state.check(file.toString());
    return state;
  }

  /** No two ranges overlap, and nodes and sizes are possible. */
  private void check(String where) {
    NavigableMap<Long, Long> ranges = new TreeMap<>();
    for (Line line : lines) {
      long[] n = line.numbers;
      switch (line.kind) {
        case "free" -> add(ranges, n[0], n[1], where);
        case "pool" -> {
          if (n[0] < 0 || n[0] >= VmapCpus.COUNT || n[1] < 1 || n[1] > MAX_POOL_PAGES) {
            throw new InputException(
                "there is no pool of node " + n[0] + " and " + n[1] + " pages",
                where,
                "nodes 0 to " + (VmapCpus.COUNT - 1) + ", 1 to " + MAX_POOL_PAGES + " pages");
          }
          for (int i = 2; i < n.length; i++) {
            add(ranges, n[i], n[i] + (n[1] << PAGE_SHIFT), where);
          }
        }
        case "lazy", "busy" -> {
          if (n[2] < VmallocAllocator.NO_NODE || n[2] >= VmapCpus.COUNT) {
            throw new InputException(
                "there is no node " + n[2], where, "-1 to " + (VmapCpus.COUNT - 1));
          }
          add(ranges, n[0], n[0] + n[1], where);
        }
        default -> {}
      }
    }
  }

  private static void add(NavigableMap<Long, Long> ranges, long start, long end, String where) {
    Map.Entry<Long, Long> below = ranges.lowerEntry(end);
    if (start >= end
        || ((start | end) & ((1 << PAGE_SHIFT) - 1)) != 0
        || (below != null && below.getValue() > start)) {
      throw new InputException(
          String.format("a range that cannot be: start=0x%x end=0x%x", start, end),
          where,
          "whole pages, and no address twice");
    }
    ranges.put(start, end);
  }

  private static Line parse(String text, String where) {
    String[] words = text.split(" ", -1);
    int numbers =
        switch (words[0]) {
          case "base" -> 1;
          case "free" -> 2;
          case "lazy", "busy" -> 3;
          case "pool" -> words.length - 1;
          default -> -1;
        };
    if (numbers != words.length - 1 || (words[0].equals("pool") && numbers < 2)) {
      throw new InputException(
          "this line is not understood: " + text,
          where,
          "base X, free LO HI, pool NODE PAGES ADDR..., lazy ADDR SIZE NODE, busy ADDR SIZE NODE");
    }
    long[] values = new long[numbers];
    for (int i = 0; i < numbers; i++) {
      boolean decimal = words[0].equals("pool") ? i < 2 : i == 2;
      values[i] = VmapEvents.number(words[i + 1], decimal ? 10 : 16, where);
    }
    return new Line(words[0], values);
  }

  /** Brings an allocator into this state. */
  void restore(VmallocAllocator areas, VmapCpus cpus) {
    areas.clear();
    for (Line line : lines) {
      if (line.kind.equals("free")) {
        areas.addFree(line.numbers[0], line.numbers[1]);
      }
    }
    for (Line line : lines) {
      long[] n = line.numbers;
      switch (line.kind) {
        case "pool" -> {
          for (int i = 2; i < n.length; i++) {
            areas.addPooled((int) n[0], n[i], n[1] << PAGE_SHIFT);
          }
        }
        case "busy" -> {
          long _ = areas.takeExactly((int) n[2], n[0], n[1]);
        }
        case "lazy" -> {
          long _ = areas.takeExactly((int) n[2], n[0], n[1]);
          areas.free(cpus.cpu(0), n[0]);
        }
        default -> {}
      }
    }
  }
}
