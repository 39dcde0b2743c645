// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;

/** PM-32: zones that contradict themselves are seen. */
final class ZonesRule extends Rule<PhysicalMemoryProvider> {
  private static final long END = 512;

  ZonesRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-32",
            "contradictions-are-seen",
            "validate() throws CorruptStateError where a zone manages more frames than are present,"
                + " has more than it spans, or names another node, and else not.",
            "A check that never fails finds nothing.",
            "mm4j's contract of PhysicalMemory",
            "validate() looks at some zones only, or at nothing"));
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    long border = 32L + random.below(400);
    boolean second = random.oneIn(2);
    long by = 1L + random.below(5);
    return new OneCheck(
        () -> {
          expect(provider, options, layout(border, 0, 0, false, second), false, "good zones");
          expect(
              provider, options, layout(border, by, 0, false, second), true, "managed > present");
          expect(
              provider, options, layout(border, 0, by, false, second), true, "present > spanned");
          expect(provider, options, layout(border, 0, 0, true, second), true, "another node");
        });
  }

  /** Two zones; one of them is wrong. */
  private static MemoryLayout layout(
      long border, long managed, long present, boolean foreign, boolean second) {
    var range = new MemoryMap.Range(0, END << 12, MemoryMap.Type.USABLE);
    Zone low =
        second
            ? zone(ZoneType.DMA, 1, border, 0, 0, false)
            : zone(ZoneType.DMA, 1, border, managed, present, foreign);
    Zone high =
        second
            ? zone(ZoneType.NORMAL, border, END, managed, present, foreign)
            : zone(ZoneType.NORMAL, border, END, 0, 0, false);
    Node node = new Node(0, List.of(low, high), List.of(10));
    return new MemoryLayout(new MemoryMap(List.of(range)), List.of(node));
  }

  private static Zone zone(
      ZoneType type, long start, long end, long managed, long present, boolean foreign) {
    long there = end - start + present;
    return new Zone(type, foreign ? 1 : 0, start, end, there, there + managed, Migratetype.MOVABLE);
  }

  private static void expect(
      PhysicalMemoryProvider provider,
      Options options,
      MemoryLayout layout,
      boolean wrong,
      String what) {
    try (PhysicalMemory memory = provider.create(layout, Contents.ALL, options)) {
      boolean seen = false;
      try {
        memory.validate();
      } catch (CorruptStateError e) {
        seen = true;
      }
      check(seen == wrong, "validate() with " + what + (wrong ? " throws" : " passes"), "not so");
    }
  }
}
