// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.HugePools;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Fills the pools of huge pages as the kernel command line says ({@code hugepages_setup}, {@code
 * hugepagesz_setup}, {@code default_hugepagesz_setup}, mm/hugetlb.c of Linux 6.18): {@code
 * hugepages=} is about the size named before it, else about the default one.
 *
 * <p>Differs: what Linux ignores with a warning - another size than the machine has, a size or a
 * number that was given before - is refused; a number for each node is not read.
 */
final class HugePageWords {
  static final String DEFAULT_SIZE = "default_hugepagesz";
  static final String SIZE = "hugepagesz";
  static final String PAGES = "hugepages";

  private final HugePools pools;
  private final List<MemoryMap.Range> taken;
  private final Set<Long> filled = new HashSet<>();
  private @Nullable HugePool named;

  /**
   * For these pools.
   *
   * @param taken the gigantic pages that {@link #take} gave
   */
  HugePageWords(HugePools pools, List<MemoryMap.Range> taken) {
    this.pools = pools;
    this.taken = taken;
  }

  /**
   * {@code alloc_bootmem_huge_page}: takes the gigantic pages that the words ask for, from the
   * nodes in turn, as many as there are.
   */
  static List<MemoryMap.Range> take(CommandLine line, BootAllocator boot, MemoryLayout layout) {
    List<MemoryMap.Range> ranges = new ArrayList<>();
    long size = 0;
    for (CommandLine.Word word : line.words()) {
      if (word.is(DEFAULT_SIZE)) {
        size = Sizes.parseSize(word.value(), word.name() + "=");
      }
    }
    for (CommandLine.Word word : line.words()) {
      if (word.is(SIZE) || word.is(DEFAULT_SIZE)) {
        size = Sizes.parseSize(word.value(), word.name() + "=");
      } else if (word.is(PAGES) && size > Pages.PAGE_SIZE << Pages.MAX_PAGE_ORDER) {
        take(Sizes.parseNumber(word.value(), word.name() + "="), size, boot, layout, ranges);
      }
    }
    return ranges;
  }

  private static void take(
      long pages,
      long bytes,
      BootAllocator boot,
      MemoryLayout layout,
      List<MemoryMap.Range> ranges) {
    int nodes = layout.nodes().size();
    for (long i = 0; i < pages; i++) {
      int node = layout.nodes().get((int) (i % nodes)).id();
      long at = boot.alloc(bytes, bytes, 0, 0, node);
      if (at == BootAllocator.NONE) {
        return;
      }
      ranges.add(new MemoryMap.Range(at, at + bytes, MemoryMap.Type.USABLE));
    }
  }

  /**
   * Reads them.
   *
   * @throws InputException for a size that this machine has no pages of, or has a number of pages
   *     already
   */
  void read(CommandLine line) {
    for (CommandLine.Word word : line.words()) {
      if (word.is(DEFAULT_SIZE)) {
        pools.standard(ofSize(word));
      }
    }
    for (CommandLine.Word word : line.words()) {
      if (word.is(PAGES)) {
        fill(word);
      } else {
        named = ofSize(word);
      }
    }
  }

  private HugePool ofSize(CommandLine.Word word) {
    HugePool pool = pools.ofBytes(Sizes.parseSize(word.value(), word.name() + "="));
    if (pool == null) {
      throw new InputException(
          "this machine has no huge pages of " + word.value(),
          word.toString(),
          pools.all().stream()
              .map(each -> text(each.pageBytes()))
              .collect(Collectors.joining(", ")));
    }
    return pool;
  }

  private static String text(long bytes) {
    return bytes >= 1L << 30 ? (bytes >>> 30) + "G" : (bytes >>> 20) + "M";
  }

  private void fill(CommandLine.Word word) {
    HugePool pool = named == null ? pools.standard() : named;
    if (!filled.add(pool.pageBytes())) {
      throw new InputException(
          "the pool of huge pages of " + text(pool.pageBytes()) + " has a number already",
          word.toString(),
          "one " + PAGES + "= for each " + SIZE + "=");
    }
    long pages = Sizes.parseNumber(word.value(), word.name() + "=");
    if (pool.canHaveSurplus()) {
      pool.resize(pages);
      return;
    }
    for (MemoryMap.Range range : taken) {
      if (range.bytes() == pool.pageBytes()) {
        pool.adopt(range.start() >>> Pages.PAGE_SHIFT);
      }
    }
  }
}
