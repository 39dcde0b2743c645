// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.stress.Life;
import io.mm4j.testkit.stress.Steps;

/** A seeded life of the frames of one machine, which are held and given up block by block. */
final class FrameLife extends Life {
  private static final int CALLS_BY_STEP = 80;
  private static final int MOST_STEPS = 3_000;
  private static final int CALLS_AT_ONCE = 4_000;
  private static final int BLOCKS = 16;
  private static final int ORDER = 2;
  private static final long FIRST = 512;

  private final PhysicalMemoryProvider provider;
  private final Options options;
  private final MemoryLayout layout;
  private final long seed;
  private final Seeded random;
  private final MemMap map;
  private final boolean[] held = new boolean[BLOCKS];

  private FrameLife(
      PhysicalMemoryProvider provider, Options options, MemoryLayout layout, long seed, int calls) {
    super(calls);
    this.provider = provider;
    this.options = options;
    this.layout = layout;
    this.seed = seed;
    random = new Seeded(seed);
    PhysicalMemory memory = provider.create(layout, Contents.NONE, options);
    map = memory.memMap();
  }

  /** Two machines of two threads: by step, and at once. */
  static void ofTwoMachines(PhysicalMemoryProvider provider, Options options, MemoryLayout layout) {
    PhysicalMemoryProvider copy = Steps.copyOf(PhysicalMemoryProvider.class, provider);
    if (copy != null) {
      Life.stepped(
          new FrameLife(copy, options, layout, 1, CALLS_BY_STEP),
          new FrameLife(copy, options, layout, 2, Integer.MAX_VALUE),
          MOST_STEPS);
    }
    Life.atOnce(
        new FrameLife(provider, options, layout, 3, CALLS_AT_ONCE),
        new FrameLife(provider, options, layout, 4, CALLS_AT_ONCE));
  }

  @Override
  protected FrameLife again(int length) {
    return new FrameLife(provider, options, layout, seed, length);
  }

  @Override
  protected void makeCall() {
    int block = random.below(BLOCKS);
    long pfn = FIRST + ((long) block << ORDER);
    long inside = pfn + random.below(1 << ORDER);
    if (!held[block]) {
      map.prepare(pfn, ORDER, FrameOwner.KERNEL);
      map.hold(pfn, ORDER, FrameOwner.ANON, PageFlags.PG_DIRTY, 7L * block + 1, random.below(99));
      held[block] = true;
    }
    switch (random.below(5)) {
      case 0 -> {
        answer(map.addMapcount(inside, 1));
        answer(map.addMapcount(inside, -1));
      }
      case 1 -> {
        map.get(pfn);
        answer(map.refcount(pfn));
        answer(map.putUnlessLast(pfn) ? 1 : 0);
      }
      case 2 -> {
        map.setPrivateData(inside, random.next());
        answer(map.privateData(inside));
      }
      case 3 -> {
        answer(map.drop(pfn, ORDER) ? 1 : 0);
        map.release(pfn, ORDER, FrameOwner.PCP);
        held[block] = false;
      }
      default -> answer(map.flags(pfn));
    }
    answer(map.mapping(pfn));
    answer(map.index(pfn));
    answer(map.owner(inside).code());
    answer(map.order(inside));
  }
}
