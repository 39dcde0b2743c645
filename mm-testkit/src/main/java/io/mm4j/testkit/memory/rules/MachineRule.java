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
import io.mm4j.testkit.memory.rules.FrameStep.Kind;
import java.util.ArrayList;
import java.util.List;

/** A rule about the frames of machines of any shape: some calls, the effect of each compared. */
final class MachineRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 60;

  private final MachineShape.Size[] sizes;
  private final int machines;
  private final Kind[] kinds;

  MachineRule(RuleInfo info, int machines, MachineShape.Size[] sizes, Kind... kinds) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.sizes = sizes.clone();
    this.machines = machines;
    this.kinds = kinds.clone();
  }

  @Override
  public Trial<MachineSubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    List<MachineShape> shapes = new ArrayList<>();
    for (int i = 0; i < machines; i++) {
      shapes.add(MachineShape.any(random, sizes[random.below(sizes.length)]));
    }
    List<Operation<MachineSubject>> list = FrameStep.list(random, OPERATIONS, kinds);
    return new ShapesTrial<>(shapes, list) {
      @Override
      public MachineSubject open() {
        return new MachineSubject(provider, options, false, layouts);
      }

      @Override
      public void atEnd(MachineSubject s) {
        for (Bench bench : s.benches()) {
          bench.comparePresence();
          bench.comparePoints();
          bench.compareNodes();
        }
      }
    };
  }
}
