// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.BootStep.Kind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PM-38: a boot allocator that somebody watches. */
final class BootWatchRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 20;

  private static final Kind[] KINDS = {
    Kind.ALLOC, Kind.ALLOC, Kind.RESERVE, Kind.FREE_BLOCK, Kind.FREE_RANGE, Kind.REFILL
  };

  BootWatchRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-38",
            "watching-changes-nothing",
            "A boot allocator that is watched does what it does unwatched; if watch() is true, and"
                + " only then, each allocation says something, and nothing once BootEvents.NONE is"
                + " set.",
            "mm explain boot shows a machine that boots as every other does.",
            "mm/memblock.c memblock_dbg, memblock=debug",
            "a watcher is kept and never called, or the explanation takes a step of its own"));
  }

  @Override
  public @Nullable String missing(PhysicalMemoryProvider provider, Options options) {
    return BootRule.hasOption(provider) ? null : "it has no option boot";
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    String boot = random.oneIn(2) ? "memblock" : "bootmem";
    MachineShape shape = MachineShape.any(random, MachineShape.Size.SECTIONS);
    List<Operation<Watched>> list = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      list.add(new Step(BootStep.any(random, KINDS)));
    }
    return new Trial<Watched>() {
      @Override
      public List<Operation<Watched>> operations() {
        return list;
      }

      @Override
      public Watched open() {
        Options chosen = BootRule.with(provider, options, boot);
        return new Watched(provider, chosen, boot, shape.layout());
      }

      @Override
      public String setup() {
        return "boot=" + boot + ", " + shape.text();
      }

      @Override
      public int validateEvery() {
        return OPERATIONS;
      }

      @Override
      public void atEnd(Watched s) {
        s.unwatched();
        s.compareHandOver();
      }
    };
  }

  /** One call; what was told since the last one is heard. */
  private record Step(BootStep step) implements Operation<Watched> {
    @Override
    public void apply(Watched s) {
      s.heard.clear();
      step.apply(s);
      if (s.tells && step.kind() == Kind.ALLOC) {
        check(!s.heard.isEmpty(), "something told of " + step, "nothing");
      }
      check(s.tells || s.heard.isEmpty(), "watch() = true, as it tells", "false");
      check(s.heard.stream().noneMatch(String::isBlank), "lines with text", "" + s.heard);
    }

    @Override
    public String toString() {
      return step.toString();
    }
  }

  /** A boot allocator whose steps are collected. */
  private static final class Watched extends BootSubject {
    final List<String> heard = new ArrayList<>();
    final boolean tells;

    Watched(PhysicalMemoryProvider provider, Options options, String kind, MemoryLayout layout) {
      super(provider, options, kind, layout, false);
      tells =
          boot.watch(
              new BootEvents() {
                @Override
                public void step(String text) {
                  heard.add(text);
                }
              });
    }

    /** Nobody is told any more. */
    void unwatched() {
      heard.clear();
      boot.watch(BootEvents.NONE);
      long expected = model.alloc(1, 1);
      allocated(expected, boot.alloc(1, 1), 1);
      check(heard.isEmpty(), "nothing told", "" + heard);
    }
  }
}
