// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.faults;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

public final class ContentFaults {
  private ContentFaults() {}

  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of();
  }
}
