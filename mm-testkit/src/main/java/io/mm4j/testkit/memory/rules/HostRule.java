// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PM-37: as many large machines as the host has addresses for. */
final class HostRule extends Rule<PhysicalMemoryProvider> {
  /** More than 128 TiB hold, in the smallest ones. */
  private static final int MOST = 20;

  HostRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-37",
            "as-many-as-the-host-holds",
            "Machines of 8 TiB and more are opened until one is refused with what is allowed; those"
                + " that are open keep their bytes, and when they are closed there is room again.",
            "A simulation opens and closes machines all day.",
            "mmap(2) ENOMEM; munmap(2)",
            "a failed mmap is taken for an address, or a machine that is closed keeps its"
                + " addresses"));
  }

  /** One: a refused machine costs the host a collection of garbage. */
  @Override
  public int tries(int asked) {
    return 1;
  }

  /** What is open. */
  private static final class Host extends Subject {
    final List<PhysicalMemory> open = new ArrayList<>();

    @Override
    public void validate() {
      open.forEach(PhysicalMemory::validate);
    }

    @Override
    public void close() {
      open.forEach(PhysicalMemory::close);
      open.clear();
    }
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape = MachineShape.any(random, MachineShape.Size.FAR);
    MemoryLayout layout = shape.layout();
    long last = (layout.endPfn() << Pages.PAGE_SHIFT) - 8;
    return new Trial<Host>() {
      @Override
      public List<Operation<Host>> operations() {
        return List.of();
      }

      @Override
      public Host open() {
        return new Host();
      }

      @Override
      public String setup() {
        return shape.text();
      }

      @Override
      public void atEnd(Host host) {
        fill(host, provider, options, layout, last);
        int fitted = host.open.size();
        for (int i = 0; i < fitted; i++) {
          checkEqual(i + 1, host.open.get(i).getLong(last), "last long of machine " + i);
        }
        host.close();
        fill(host, provider, options, layout, last);
        check(
            host.open.size() >= Math.min(1, fitted),
            "room for a machine where " + fitted + " were closed",
            "none");
      }
    };
  }

  private static void fill(
      Host host, PhysicalMemoryProvider provider, Options options, MemoryLayout layout, long last) {
    while (host.open.size() < MOST) {
      PhysicalMemory next = create(provider, options, layout);
      if (next == null) {
        return;
      }
      host.open.add(next);
      checkEqual(0, next.getLong(last), "last long of a machine that was just opened");
      next.putLong(last, host.open.size());
    }
  }

  private static @Nullable PhysicalMemory create(
      PhysicalMemoryProvider provider, Options options, MemoryLayout layout) {
    try {
      return provider.create(layout, Contents.ALL, options);
    } catch (InputException e) {
      check(!e.allowed().isBlank(), "what is allowed instead", "nothing");
      return null;
    }
  }
}
