// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process.index;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** New seeds for every VMA index, and for address spaces above it. */
class VmaIndexSeedsTest extends SeedSuite<VmaIndexProvider> {
  VmaIndexSeedsTest() {
    super(Spi.VMA_INDEX, 0.2);
  }
}
