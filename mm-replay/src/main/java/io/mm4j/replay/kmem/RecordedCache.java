// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.List;

/**
 * What a recorded kernel's {@code /sys/kernel/slab} says of one cache: a line of {@code
 * machine/slab_sysfs.tsv}.
 *
 * @param name the cache, or an alias
 * @param objectSize what one may use
 * @param slabSize from object to object
 * @param objects of a slab
 * @param order of a slab
 * @param align of an object
 * @param cpuPartial {@code cpu_partial}
 * @param minPartial {@code min_partial}
 * @param args with which such a cache is created
 */
record RecordedCache(
    String name,
    int objectSize,
    int slabSize,
    int objects,
    int order,
    int align,
    int cpuPartial,
    int minPartial,
    KmemCacheArgs args) {
  private static final String FILE = "slab_sysfs.tsv";
  private static final List<String> COLUMNS =
      List.of(
          "object_size",
          "slab_size",
          "objs_per_slab",
          "order",
          "align",
          "cpu_partial",
          "min_partial",
          "destroy_by_rcu",
          "reclaim_account",
          "usersize",
          "hwcache_align",
          "cache_dma");

  /** The caches of a recorded machine; empty if nothing is recorded of them. */
  static List<RecordedCache> read(KmemSource source) {
    List<String> lines = source.machineLines(FILE);
    List<RecordedCache> caches = new ArrayList<>();
    if (lines == null || lines.isEmpty()) {
      return caches;
    }
    String where = source.where("machine/" + FILE);
    List<String> header = List.of(lines.getFirst().split("\t", -1));
    for (String column : COLUMNS) {
      if (!header.contains(column)) {
        throw new InputException(
            "there is no column '" + column + "'",
            where + " line 1",
            "name, " + String.join(", ", COLUMNS));
      }
    }
    int[] places = COLUMNS.stream().mapToInt(header::indexOf).toArray();
    for (int i = 1; i < lines.size(); i++) {
      String[] cells = lines.get(i).split("\t", -1);
      if (cells.length != header.size()) {
        throw new InputException(
            cells.length + " columns", where + " line " + (i + 1), header.size() + " columns");
      }
      int[] values = new int[COLUMNS.size()];
      for (int c = 0; c < values.length; c++) {
        String cell = cells[places[c]];
        values[c] = number(cell);
        if (values[c] < 0) {
          throw new InputException(
              "'" + cell + "' is no number",
              where + " line " + (i + 1) + " column " + COLUMNS.get(c),
              "a decimal number of at most 9 digits");
        }
      }
      caches.add(of(cells[0], where + " line " + (i + 1), values));
    }
    return caches;
  }

  /** The value of 1 to 9 decimal digits, else -1. A machine has thousands of them. */
  private static int number(String digits) {
    int value = 0;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digits.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return -1;
      }
      value = value * 10 + digit;
    }
    return digits.isEmpty() || digits.length() > 9 ? -1 : value;
  }

  private static RecordedCache of(String name, String where, int... v) {
    int bytes = value("object_size", v);
    int align = value("align", v);
    int size = value("slab_size", v);
    boolean good =
        bytes >= 1
            && bytes <= KmemCacheArgs.MAX_BYTES
            && Integer.bitCount(align) == 1
            && align <= KmemCacheArgs.MAX_BYTES
            && value("usersize", v) <= bytes;
    if (!good) {
      throw new InputException(
          "object_size=" + bytes + " align=" + align + " usersize=" + value("usersize", v),
          where,
          "an object of 1 byte to 4 MiB, aligned to a power of two");
    }
    boolean rcu = value("destroy_by_rcu", v) != 0;
    int flags = SlabFlags.SLAB_NO_MERGE;
    flags |= value("hwcache_align", v) != 0 ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    flags |= value("reclaim_account", v) != 0 ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0;
    flags |= value("cache_dma", v) != 0 ? SlabFlags.SLAB_CACHE_DMA : 0;
    flags |= rcu ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    KmemCacheArgs args =
        KmemCacheArgs.of(name.isBlank() ? "unnamed" : name.replaceAll("\\s", "_"), bytes)
            .withAlign(align)
            .withFlags(flags)
            .withUser(0, value("usersize", v));
    // Whether a cache has a constructor, or a place of its own for the link, is not recorded: it
    // shows in whether there is room for the link behind the object.
    boolean behind = size > up(up(bytes, Long.BYTES), align);
    if (behind && !rcu) {
      args = args.withCtor(paddr -> {});
    } else if (!behind && rcu && bytes >= Long.BYTES) {
      args = args.withFreeptrOffset(0);
    }
    return new RecordedCache(
        name,
        bytes,
        size,
        value("objs_per_slab", v),
        value("order", v),
        align,
        value("cpu_partial", v),
        value("min_partial", v),
        args);
  }

  private static int value(String column, int... values) {
    return values[COLUMNS.indexOf(column)];
  }

  private static int up(int value, int align) {
    return (value + align - 1) & -align;
  }

  /** The numbers that are compared. */
  String numbers() {
    return numbers(objectSize, slabSize, order, objects, minPartial, cpuPartial);
  }

  static String numbers(
      int objectSize, int size, int order, int objects, int minPartial, int cpuPartial) {
    return "object_size="
        + objectSize
        + " slab_size="
        + size
        + " order="
        + order
        + " objs_per_slab="
        + objects
        + " min_partial="
        + minPartial
        + " cpu_partial="
        + cpuPartial;
  }
}
