// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import java.util.List;

/** The rules about where RAM lies on the host: taken, given back, and refused. */
public final class RamRules {
  private RamRules() {}

  public static List<Rule<PhysicalMemoryProvider>> all() {
    return List.of(new FolderRule(), new ClosedRule(), new HostRule(), new HostTableRule());
  }
}
