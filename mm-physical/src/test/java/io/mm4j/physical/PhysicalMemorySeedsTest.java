// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** New seeds for every memory. */
class PhysicalMemorySeedsTest extends SeedSuite<PhysicalMemoryProvider> {
  PhysicalMemorySeedsTest() {
    super(Spi.PHYSICAL_MEMORY, 0.1);
  }
}
