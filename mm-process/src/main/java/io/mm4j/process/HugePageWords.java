// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.HugePools;
import java.util.HashSet;
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
  private final Set<Long> filled = new HashSet<>();
  private @Nullable HugePool named;

  HugePageWords(HugePools pools) {
    this.pools = pools;
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
    pool.resize(Sizes.parseNumber(word.value(), word.name() + "="));
  }
}
