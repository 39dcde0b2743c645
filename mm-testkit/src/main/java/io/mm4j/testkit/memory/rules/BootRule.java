// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.BootStep.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A rule about one of the boot allocators of a plugin, which its option {@code boot} chooses. */
final class BootRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 60;

  /** Fewer where each compares hundreds of ranges. */
  private static final int OPERATIONS_ON_MANY = 12;

  private static final String BOOT = "boot";

  /** On which machines. */
  enum On {
    SMALL,
    SMALL_WITH_BYTES,
    SECTIONS,
    HIGHMEM,
    /** A small machine that the first operation cuts into hundreds of ranges. */
    MANY_RANGES
  }

  private final String boot;
  private final On on;
  private final Kind[] kinds;

  BootRule(RuleInfo info, String boot, On on, Kind... kinds) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.boot = boot;
    this.on = on;
    this.kinds = kinds.clone();
  }

  @Override
  public @Nullable String missing(PhysicalMemoryProvider provider, Options options) {
    return hasOption(provider) ? null : "it has no option boot=" + boot;
  }

  static boolean hasOption(PhysicalMemoryProvider provider) {
    return provider.options().stream().anyMatch(option -> option.name().equals(BOOT));
  }

  static Options with(PhysicalMemoryProvider provider, Options options, String boot) {
    Map<String, String> values = new HashMap<>(options.asMap());
    values.put(BOOT, boot);
    return Options.of(provider, values, provider.name());
  }

  @Override
  public Trial<BootSubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape =
        switch (on) {
          case SMALL, MANY_RANGES -> MachineShape.any(random, MachineShape.Size.SMALL);
          case SMALL_WITH_BYTES ->
              // Of much memory whole pages may be cleared otherwise than the rest.
              random.oneIn(3)
                  ? MachineShape.ofOneRange(random)
                  : MachineShape.any(random, MachineShape.Size.SMALL);
          case SECTIONS -> MachineShape.any(random, MachineShape.Size.SECTIONS);
          case HIGHMEM -> MachineShape.withHighmem(random, MachineShape.Size.SMALL);
        };
    List<Operation<BootSubject>> list = new ArrayList<>();
    boolean many = on == On.MANY_RANGES;
    if (many) {
      list.add(BootStep.any(random, Kind.MANY));
    }
    for (int i = 0; i < (many ? OPERATIONS_ON_MANY : OPERATIONS); i++) {
      list.add(BootStep.any(random, kinds));
    }
    return new Trial<>() {
      @Override
      public List<Operation<BootSubject>> operations() {
        return list;
      }

      @Override
      public BootSubject open() {
        Options chosen = with(provider, options, boot);
        boolean bytes = on == On.SMALL_WITH_BYTES;
        return new BootSubject(provider, chosen, boot, shape.layout(), bytes);
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
      public void atEnd(BootSubject s) {
        s.compareRanges();
        s.compareBytes();
        s.compareHandOver();
        s.compareRanges(); // handing over says of each reservation which node's it is
      }
    };
  }
}
