// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;

/** PM-39: memory of the host for tables of floors. */
final class HostTableRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 24;

  HostTableRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-39",
            "tables-of-the-host",
            "A table has the bytes that were asked for, of native memory, zeroes at first, which it"
                + " shares with no other table and not with RAM; discard empties the pages that it"
                + " names and no others; if there is a segment of all memory, a table's bytes have"
                + " their addresses there; and all of it holds after the machine is closed.",
            "Which object is live stands there, and fast paths look at it without asking whose it"
                + " is.",
            "mm4j's contract of HostTable; madvise(MADV_DONTNEED)",
            "a table is handed out twice, closed with its machine, or discarded a page too far"));
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    List<Contents> kinds = List.of(Contents.ALL, Contents.TABLES, Contents.NONE);
    Contents contents = kinds.get(random.below(kinds.size()));
    MachineShape shape = MachineShape.any(random, MachineShape.Size.SMALL);
    List<Operation<HostTableSubject>> list = new ArrayList<>();
    list.add(HostTableStep.table(random));
    list.add(HostTableStep.table(random));
    for (int i = 2; i < OPERATIONS; i++) {
      list.add(HostTableStep.any(random));
    }
    return new Trial<HostTableSubject>() {
      @Override
      public List<Operation<HostTableSubject>> operations() {
        return list;
      }

      @Override
      public HostTableSubject open() {
        MemoryLayout layout = shape.layout();
        return new HostTableSubject(provider.create(layout, contents, options), layout);
      }

      @Override
      public String setup() {
        return contents + ", " + shape.text();
      }

      @Override
      public void afterStep(HostTableSubject s) {
        s.compare();
      }

      @Override
      public int validateEvery() {
        return OPERATIONS;
      }
    };
  }
}
