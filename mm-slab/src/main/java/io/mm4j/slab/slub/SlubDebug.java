// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.InputException;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The parameter {@code slub_debug}: blocks of flags and names of caches, {@code
 * FZ,dentry,kmalloc-*;-,kmem_cache}. A block without names is for all caches that no other block
 * names. Models {@code parse_slub_debug_flags()} and {@code kmem_cache_flags()} of mm/slub.c (Linux
 * 6.18).
 *
 * @param blocks in the order in which they were written
 * @param globalFlags of caches that no block names
 * @param notLarger {@code O}: caches whose slabs would get a larger order have no such flags
 */
record SlubDebug(List<Block> blocks, int globalFlags, boolean notLarger) {
  /**
   * One block with names.
   *
   * @param names patterns that the name of a cache matches as a whole
   * @param flags of these caches
   */
  record Block(List<Pattern> names, int flags) {}

  /** Nothing was said. */
  static final SlubDebug NONE = new SlubDebug(List.of(), 0, false);

  /** {@code DEBUG_DEFAULT_FLAGS}. */
  private static final int ALL = SlabFlags.SLAB_DEBUG_FLAGS;

  /** Flags that need room in a slab: {@code DEBUG_METADATA_FLAGS}. */
  static final int METADATA =
      SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON | SlabFlags.SLAB_STORE_USER;

  static SlubDebug parse(String text) {
    List<Block> blocks = new ArrayList<>();
    int global = 0;
    boolean named = false;
    boolean notLarger = false;
    for (String part : text.split(";", -1)) {
      if (part.isEmpty() && !text.isEmpty()) {
        continue;
      }
      int comma = part.indexOf(',');
      String letters = comma < 0 ? part : part.substring(0, comma);
      int flags = letters.isEmpty() || letters.equals("1") ? ALL : 0;
      for (char letter : letters.toUpperCase(Locale.ROOT).toCharArray()) {
        switch (letter) {
          case 'F' -> flags |= SlabFlags.SLAB_CONSISTENCY_CHECKS;
          case 'Z' -> flags |= SlabFlags.SLAB_RED_ZONE;
          case 'P' -> flags |= SlabFlags.SLAB_POISON;
          case 'U' -> flags |= SlabFlags.SLAB_STORE_USER;
          case 'O' -> notLarger = true;
          case '-' -> flags = 0;
          case '1' -> {}
          default ->
              throw new InputException(
                  "'" + letter + "' is no debug flag of slabs",
                  "slub_debug=" + text,
                  "F Z P U O -");
        }
      }
      if (comma < 0) {
        global = flags;
      } else {
        named = true;
        blocks.add(new Block(patterns(part.substring(comma + 1)), flags));
      }
    }
    boolean onlyNamed = named && global == 0;
    return new SlubDebug(List.copyOf(blocks), onlyNamed ? 0 : global, notLarger);
  }

  private static List<Pattern> patterns(String names) {
    List<Pattern> all = new ArrayList<>();
    for (String name : names.split(",", -1)) {
      if (!name.isEmpty()) {
        int star = name.indexOf('*');
        all.add(
            Pattern.compile(
                star < 0 ? Pattern.quote(name) : Pattern.quote(name.substring(0, star)) + ".*"));
      }
    }
    return all;
  }

  /** The debug flags that are added to those with which a cache is created. */
  int flags(String name) {
    for (Block block : blocks) {
      for (Pattern pattern : block.names) {
        if (pattern.matcher(name).matches()) {
          return block.flags;
        }
      }
    }
    return globalFlags;
  }
}
