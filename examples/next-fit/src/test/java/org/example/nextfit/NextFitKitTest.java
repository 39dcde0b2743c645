// SPDX-License-Identifier: Apache-2.0

package org.example.nextfit;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.List;

/** Every rule of mm4j's test kit for frame-allocator, on this plugin. */
class NextFitKitTest extends PluginSuite<FrameAllocatorProvider> {
  NextFitKitTest() {
    super(Spi.FRAME_ALLOCATOR);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    return List.of(PluginSpec.of("next-fit"));
  }
}
