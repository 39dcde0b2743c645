// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** Every rule over every VMA index that is found. */
class VmaIndexKitTest extends PluginSuite<VmaIndexProvider> {
  VmaIndexKitTest() {
    super(Spi.VMA_INDEX);
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 5);
  }
}
