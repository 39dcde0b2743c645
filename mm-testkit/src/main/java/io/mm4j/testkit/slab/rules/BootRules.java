// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.InputException;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.NaiveDebug;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What caches become of by what a machine was booted with. */
public final class BootRules {
  private static final List<String> NAMES =
      List.of("first", "first-one", "second", "kmalloc-64", "f", "fir", "a-first", "dentry", "x");

  private static final List<String> PATTERNS =
      List.of("first", "first*", "sec*", "second", "*", "kmalloc-*", "f", "dentry", "", "none");

  private BootRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-68",
                "orders-by-parameters",
                "With slub_max_order, slub_min_order and slub_min_objects caches have the orders"
                    + " and numbers of objects that Linux 6.18 gives them, small objects and such"
                    + " as large as a block, with debug flags and without; what no block holds is"
                    + " refused, and so are numbers that are out of range.",
                "A machine that was booted so is compared number by number.",
                "mm/slub.c calculate_order, calc_slab_order, setup_slub_max_order;"
                    + " MAX_OBJS_PER_PAGE",
                "a parameter is read and not used, or an order is tried too many"),
            Needs.LINUX_GEOMETRY,
            Set.of(),
            BootRules::orders),
        SlabRule.anywhere(
            new RuleInfo(
                "SL-69",
                "texts-of-slub-debug",
                "Whatever blocks of letters and names slub_debug has, each cache gets the flags of"
                    + " the first block that names it, else those for all; O leaves the marks out"
                    + " where a slab would grow by them; a letter that is none is refused.",
                "One cache is looked at where all would be too slow.",
                "mm/slub.c parse_slub_debug_flags, setup_slub_debug, kmem_cache_flags",
                "a dash does not switch off what stands before it, or O is another letter"),
            Needs.DEBUG,
            Set.of(),
            BootRules::texts));
  }

  private static void orders(SlabSubject s, Seeded random) {
    if (!s.knows("slub_max_order")) {
      return;
    }
    for (int i = 0; i < 3; i++) {
      Map<String, String> settings = new HashMap<>();
      StringBuilder line = new StringBuilder();
      some(random, settings, line, "slub_max_order", random.below(11));
      some(random, settings, line, "slub_min_order", random.below(random.oneIn(2) ? 11 : 3));
      int objects = random.oneIn(3) ? 32_767 : random.below(100);
      some(random, settings, line, "slub_min_objects", objects);
      try (SlabSubject booted = s.twin(line.toString().strip())) {
        var orders = NaiveGeometry.Orders.of(settings, s.shape.cpus());
        for (int n = 0; n < 25; n++) {
          shape(booted, random, orders, line.toString());
        }
      }
    }
    outOfRange(s, "slub_max_order", 10);
    outOfRange(s, "slub_min_order", 10);
    outOfRange(s, "slub_min_objects", 32_767);
  }

  private static void some(
      Seeded random, Map<String, String> settings, StringBuilder line, String name, int value) {
    if (random.oneIn(2)) {
      settings.put(name, "" + value);
      line.append(' ').append(name).append('=').append(value);
    }
  }

  private static void shape(
      SlabSubject s, Seeded random, NaiveGeometry.Orders orders, String line) {
    int flags = SlabFlags.SLAB_NO_MERGE | (random.oneIn(3) ? random.below(16) : 0);
    int bytes =
        switch (random.below(5)) {
          case 0 -> 8;
          case 1 -> SlabOp.size(random, KmemCacheArgs.MAX_BYTES);
          case 2 -> KmemCacheArgs.MAX_BYTES - random.below(3) * 8;
          default -> SlabOp.size(random, 9000);
        };
    KmemCacheArgs args = KmemCacheArgs.of("shape", bytes).withFlags(flags);
    NaiveGeometry wanted = new NaiveGeometry(args, flags, orders);
    String what = " of " + args + " with" + line;
    if (wanted.order > 10) {
      CaseRules.refused("a cache" + what, () -> s.slabs.kmemCacheCreate(args));
      return;
    }
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    checkEqual(wanted.size, cache.size(), "size" + what);
    checkEqual(wanted.order, cache.order(), "order" + what);
    checkEqual(wanted.objects, cache.objectsPerSlab(), "objects of a slab" + what);
    checkEqual(wanted.cpuPartial, cache.cpuPartial(), "cpu_partial" + what);
    checkEqual(wanted.minPartial, cache.minPartial(), "min_partial" + what);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }

  private static void outOfRange(SlabSubject s, String name, int most) {
    s.twin(name + "=" + most).close();
    s.twin(name + "=0").close();
    for (int value : new int[] {-1, most + 1}) {
      refused(s, name + "=" + value);
    }
  }

  private static void refused(SlabSubject s, String line) {
    try {
      s.twin(line).close();
    } catch (InputException e) {
      check(!e.allowed().isBlank(), "what is allowed instead of " + line, "nothing");
      return;
    }
    throw new RuleViolation("no machine with " + line, "one");
  }

  private static void texts(SlabSubject s, Seeded random) {
    if (!s.knows("slub_debug")) {
      return;
    }
    for (int i = 0; i < 12; i++) {
      String text = text(random);
      try (SlabSubject booted = s.twin("slub_debug=" + text)) {
        for (int n = 0; n < 8; n++) {
          named(booted, random, text);
        }
      }
    }
    refused(s, "slub_debug=F" + "XQ".charAt(random.below(2)));
  }

  private static String text(Seeded random) {
    StringBuilder text = new StringBuilder();
    int blocks = random.between(1, 3);
    for (int i = 0; i < blocks; i++) {
      text.append(i > 0 ? ";" : "");
      int letters = random.between(i == 0 && random.oneIn(4) ? 0 : 1, 4);
      for (int n = 0; n < letters; n++) {
        text.append("FZPUfzpu-Oo".charAt(random.below(11)));
      }
      int names = random.oneIn(3) ? 0 : random.between(1, 3);
      for (int n = 0; n < names; n++) {
        text.append(',').append(PATTERNS.get(random.below(PATTERNS.size())));
      }
    }
    return text.toString();
  }

  private static void named(SlabSubject s, Seeded random, String text) {
    String name = NAMES.get(random.below(NAMES.size()));
    int own = random.oneIn(3) ? random.below(16) : 0;
    int bytes = random.oneIn(2) ? 4096 - random.below(100) : SlabOp.size(random, 5000);
    KmemCacheArgs args = KmemCacheArgs.of(name, bytes).withFlags(own).withUser(0, 1);
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    int wanted = own | NaiveDebug.flags(text, name);
    int cpus = s.shape.cpus();
    int size = new NaiveGeometry(args, wanted, cpus).size;
    boolean grows = size > 4096 && (bytes <= 4096 || size > 8192);
    if (NaiveDebug.keepsOrders(text) && grows) {
      wanted &= SlabFlags.SLAB_CONSISTENCY_CHECKS;
    }
    int seen = cache.flags() & SlabFlags.SLAB_DEBUG_FLAGS;
    String what = " of " + args + " with slub_debug=" + text;
    check(seen == wanted, SlabFlags.format(wanted) + what, SlabFlags.format(seen));
    checkEqual(new NaiveGeometry(args, wanted, cpus).size, cache.size(), "size" + what);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }
}
