// SPDX-License-Identifier: Apache-2.0

package org.example.sortedindex;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.List;

/** Every rule of mm4j's test kit for vma-index, on this plugin. */
class SortedIndexKitTest extends PluginSuite<VmaIndexProvider> {
  SortedIndexKitTest() {
    super(Spi.VMA_INDEX);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    return List.of(PluginSpec.of("sorted-index"));
  }
}
