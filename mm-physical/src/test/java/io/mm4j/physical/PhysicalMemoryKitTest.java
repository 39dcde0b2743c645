// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** Every rule over every memory that is found. */
class PhysicalMemoryKitTest extends PluginSuite<PhysicalMemoryProvider> {
  PhysicalMemoryKitTest() {
    super(Spi.PHYSICAL_MEMORY);
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 5);
  }
}
