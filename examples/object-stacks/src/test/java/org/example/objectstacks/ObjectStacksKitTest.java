// SPDX-License-Identifier: Apache-2.0

package org.example.objectstacks;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.List;

/** Every rule of mm4j's test kit for slab, on this plugin. */
class ObjectStacksKitTest extends PluginSuite<SlabAllocatorProvider> {
  ObjectStacksKitTest() {
    super(Spi.SLAB);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    return List.of(PluginSpec.of("object-stacks"));
  }
}
