// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apiguardian.api.API;

/**
 * Looks whether pages are given out twice or freed twice, and who has those that are left: what
 * page_owner and the checks of mm/page_alloc.c see. Works on requests and frees, so on any page
 * allocator.
 *
 * <p>Findings go to a listener as they happen; {@link #owners} says at any time what is held and by
 * whom, the stacks that hold most first. Threads: any. Not cheap: a stack for each block.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class PageChecks implements TraceSink {
  private static final int FRAMES = 16;

  /** A block that somebody has. */
  private record Block(long end, int order, String stack) {}

  private final TreeMap<Long, Block> held = new TreeMap<>();
  private final Map<Long, String> freedBy = new HashMap<>();
  private final Consumer<? super String> listener;
  private long findings;

  /** Checks that tell somebody what they find. */
  public PageChecks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  private void found(String what) {
    findings++;
    listener.accept(what);
  }

  @Override
  public synchronized void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    if (pfn == PageAllocator.NO_PAGE) {
      return;
    }
    long end = pfn + (1L << order);
    Map.Entry<Long, Block> below = held.lowerEntry(end);
    if (below != null && below.getValue().end > pfn) {
      found(
          String.format(
              "overlap: block pfn=0x%x order=%d was given out while pfn=0x%x order=%d is held,"
                  + " allocated at%n%s",
              pfn, order, below.getKey(), below.getValue().order, below.getValue().stack));
      cut(below.getKey(), below.getValue(), pfn, end); // the later holder has it from now on
    }
    held.put(pfn, new Block(end, order, stack()));
    freedBy.remove(pfn);
  }

  @Override
  public synchronized void free(Cpu cpu, long pfn, int order) {
    long end = pfn + (1L << order);
    Map.Entry<Long, Block> at = held.floorEntry(pfn);
    if (at == null || at.getValue().end < end) {
      String before = freedBy.get(pfn);
      if (before != null) {
        found(
            String.format(
                "double free: block pfn=0x%x order=%d is freed at%n%s%n  and was at%n%s",
                pfn, order, stack(), before));
      }
      return; // a range, or a block from before the checks began
    }
    cut(at.getKey(), at.getValue(), pfn, end); // a block that was split is freed part by part
    freedBy.put(pfn, stack());
  }

  /** Takes a part out of a block. */
  private void cut(long start, Block block, long pfn, long end) {
    held.remove(start);
    if (start < pfn) {
      held.put(start, new Block(pfn, block.order, block.stack));
    }
    if (end < block.end) {
      held.put(end, new Block(block.end, block.order, block.stack));
    }
  }

  /** How much was found. */
  public synchronized long findings() {
    return findings;
  }

  /**
   * Who holds pages, as /sys/kernel/debug/page_owner sorted by tools/mm/page_owner_sort: pages,
   * blocks and the stack that allocated them.
   */
  public synchronized List<String> owners() {
    Map<String, long[]> sums = new LinkedHashMap<>();
    held.forEach(
        (pfn, block) -> {
          long[] sum = sums.computeIfAbsent(block.stack, s -> new long[2]);
          sum[0] += block.end - pfn;
          sum[1]++;
        });
    List<Map.Entry<String, long[]>> sorted = new ArrayList<>(sums.entrySet());
    sorted.sort((a, b) -> Long.compare(b.getValue()[0], a.getValue()[0]));
    return sorted.stream()
        .map(
            e ->
                String.format(
                    "%d pages in %d blocks, allocated at%n%s",
                    e.getValue()[0], e.getValue()[1], e.getKey()))
        .toList();
  }

  /** Who calls, without this class and the wrappers. */
  private static String stack() {
    return Arrays.stream(new Throwable().getStackTrace())
        .filter(f -> !f.getClassName().startsWith("io.mm4j.trace."))
        .filter(f -> !f.getClassName().startsWith("java."))
        .filter(f -> !f.getClassName().startsWith("jdk."))
        .limit(FRAMES)
        .map(f -> "   " + f)
        .collect(Collectors.joining("\n"));
  }
}
