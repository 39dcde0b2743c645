// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.ArrayList;
import java.util.List;

/**
 * Every rule over every slab allocator that is found, over slub with other sheaves, slab as of 2.4.
 */
class SlabAllocatorKitTest extends PluginSuite<SlabAllocatorProvider> {
  SlabAllocatorKitTest() {
    super(Spi.SLAB);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    List<PluginSpec> all = new ArrayList<>(super.plugins(registry));
    all.add(PluginSpec.parse("slub:sheaves=all", "test"));
    all.add(PluginSpec.parse("slub:sheaves=off", "test"));
    all.add(PluginSpec.parse("slab:form=2.4", "test"));
    return all;
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 3);
  }
}
