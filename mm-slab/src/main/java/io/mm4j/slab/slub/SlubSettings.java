// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import java.util.Map;

/**
 * What was set of an allocator.
 *
 * @param sheaves who has them
 * @param debug which caches have which debug flags
 * @param maxOrder the largest order of a slab that holds several objects
 * @param minOrder the smallest order of a slab
 * @param minObjects how many objects a slab should hold
 * @param merges whether caches share slabs
 * @param largeLists whether CPUs keep large blocks that were freed
 */
record SlubSettings(
    SheafPolicy sheaves,
    SlubDebug debug,
    int maxOrder,
    int minOrder,
    int minObjects,
    boolean merges,
    boolean largeLists) {
  /** {@code PAGE_ALLOC_COSTLY_ORDER}. */
  private static final int COSTLY_ORDER = 3;

  /** Which caches have per-cpu sheaves. */
  enum SheafPolicy {
    LINUX,
    ALL,
    OFF;

    /** Objects of a sheaf of a cache; 0 for none. */
    int capacity(KmemCacheArgs args, int size) {
      return switch (this) {
        case OFF -> 0;
        case LINUX -> args.sheafCapacity();
        case ALL -> Math.max(args.sheafCapacity(), size >= Pages.PAGE_SIZE ? 32 : 64);
      };
    }
  }

  static SlubSettings of(Floors floors, Options options) {
    Map<String, String> set = floors.settings();
    int maxOrder = number(set, "slub_max_order", COSTLY_ORDER, 0, Pages.MAX_PAGE_ORDER);
    int minOrder = number(set, "slub_min_order", 0, 0, Pages.MAX_PAGE_ORDER);
    int minObjects = number(set, "slub_min_objects", 0, 0, Short.MAX_VALUE);
    if (minOrder > maxOrder) {
      maxOrder = minOrder; // as the kernel: the one that was set last raises the other
    }
    if (minObjects == 0) {
      int cpus = floors.cpus().count();
      minObjects = 4 * (32 - Integer.numberOfLeadingZeros(cpus) + 1);
    }
    String debug = set.getOrDefault("slab_debug", set.get("slub_debug"));
    SheafPolicy sheaves = policy(options.text("sheaves"));
    return new SlubSettings(
        sheaves,
        debug == null ? SlubDebug.NONE : SlubDebug.parse(debug),
        maxOrder,
        minOrder,
        minObjects,
        !set.containsKey("slab_nomerge") && !set.containsKey("slub_nomerge"),
        largeLists(options.text("large-lists"), sheaves));
  }

  private static boolean largeLists(String text, SheafPolicy sheaves) {
    return switch (text) {
      case "auto" -> sheaves == SheafPolicy.ALL;
      case "on" -> true;
      case "off" -> false;
      default ->
          throw new InputException("large-lists=" + text, "slab=slub:large-lists", "auto, on, off");
    };
  }

  private static SheafPolicy policy(String text) {
    return switch (text) {
      case "linux" -> SheafPolicy.LINUX;
      case "all" -> SheafPolicy.ALL;
      case "off" -> SheafPolicy.OFF;
      default ->
          throw new InputException(
              "'" + text + "' is no policy", "slab=slub:sheaves", "linux, all, off");
    };
  }

  private static int number(Map<String, String> set, String name, int usual, int low, int high) {
    String text = set.get(name);
    if (text == null) {
      return usual;
    }
    long value = Sizes.parseNumber(text, name + "=");
    if (value < low || value > high) {
      throw new InputException(name + "=" + value, name + "=", low + " to " + high);
    }
    return (int) value;
  }
}
