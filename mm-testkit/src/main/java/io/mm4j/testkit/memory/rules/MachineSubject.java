// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Subject;
import java.util.ArrayList;
import java.util.List;

/** Machines of any shape, open at once, each beside its model. */
final class MachineSubject extends Subject {
  private final List<Bench> benches = new ArrayList<>();

  /** Opens them; one that the plugin refuses as too large, in words, is left out. */
  MachineSubject(
      PhysicalMemoryProvider provider,
      Options options,
      boolean contents,
      List<MemoryLayout> layouts) {
    for (MemoryLayout layout : layouts) {
      try {
        PhysicalMemory memory =
            provider.create(layout, contents ? Contents.ALL : Contents.NONE, options);
        benches.add(new Bench(memory, layout));
      } catch (InputException e) {
        check(
            !e.what().isBlank() && !e.where().isBlank() && !e.allowed().isBlank(),
            "a refusal says what, where and what is allowed",
            "" + e.getMessage());
        check(
            layout.endPfn() > 1L << 24,
            "a machine with endPfn=" + layout.endPfn() + " is accepted",
            "" + e.getMessage());
      }
    }
  }

  /** The machines that are open; none if all were refused. */
  List<Bench> benches() {
    return benches;
  }

  @Override
  public void validate() {
    benches.forEach(bench -> bench.memory.validate());
  }

  @Override
  public void close() {
    benches.forEach(bench -> bench.memory.close());
  }
}
