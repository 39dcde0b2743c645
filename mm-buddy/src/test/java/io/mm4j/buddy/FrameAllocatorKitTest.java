// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.ArrayList;
import java.util.List;

/** Every rule over every frame allocator that is found, and over buddy with smaller blocks. */
class FrameAllocatorKitTest extends PluginSuite<FrameAllocatorProvider> {
  FrameAllocatorKitTest() {
    super(Spi.FRAME_ALLOCATOR);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    List<PluginSpec> all = new ArrayList<>(super.plugins(registry));
    all.add(PluginSpec.parse("buddy:max-order=9", "test"));
    return all;
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 5);
  }
}
