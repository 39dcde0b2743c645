// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.stress.Life;
import io.mm4j.testkit.stress.Steps;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A seeded life of the areas of one machine. */
final class AreaLife extends Life {
  private static final int CALLS_BY_STEP = 80;
  private static final int MOST_STEPS = 4_000;
  private static final int CALLS_AT_ONCE = 2_000;
  private static final int MOST_AREAS = 40;
  private static final VmBench.Kind KIND = VmBench.Kind.X86_64;

  private final VmallocAllocatorProvider provider;
  private final Options options;
  private final long seed;
  private final Seeded random;
  private final Cpus cpus = new Cpus(KIND.cpus, 1);
  private final VmallocAllocator areas;
  private final List<Long> live = new ArrayList<>();

  private AreaLife(VmallocAllocatorProvider provider, Options options, long seed, int calls) {
    super(calls);
    this.provider = provider;
    this.options = options;
    this.seed = seed;
    random = new Seeded(seed);
    areas =
        provider.create(
            new VmallocAllocatorProvider.Floors(
                KIND.cpus, KIND.start, KIND.end, KIND.top, KIND.wide, Map.of()),
            options);
  }

  /** Two machines of two threads: by step, and at once. */
  static void ofTwoMachines(VmallocAllocatorProvider provider, Options options) {
    VmallocAllocatorProvider copy = Steps.copyOf(VmallocAllocatorProvider.class, provider);
    if (copy != null) {
      Life.stepped(
          new AreaLife(copy, options, 1, CALLS_BY_STEP),
          new AreaLife(copy, options, 2, Integer.MAX_VALUE),
          MOST_STEPS);
    }
    Life.atOnce(
        new AreaLife(provider, options, 3, CALLS_AT_ONCE),
        new AreaLife(provider, options, 4, CALLS_AT_ONCE));
  }

  @Override
  protected AreaLife again(int length) {
    return new AreaLife(provider, options, seed, length);
  }

  @Override
  protected void makeCall() {
    Cpu cpu = cpus.get(random.below(KIND.cpus));
    int kind = random.below(8);
    if (kind < 4 && live.size() < MOST_AREAS) {
      long bytes = (1 + random.below(9)) * VmBench.PAGE;
      long area = areas.alloc(cpu, bytes, 1, KIND.start, KIND.end);
      answer(area);
      live.add(area);
    } else if (kind < 7 && !live.isEmpty()) {
      long area = live.remove(random.below(live.size()));
      answer(areas.bytes(area));
      answer(areas.find(area + 1));
      areas.free(cpu, area);
      answer(areas.lazyPages());
    } else {
      answer(areas.purge((from, to) -> answer(from ^ to)));
      answer(areas.pooled());
    }
  }
}
