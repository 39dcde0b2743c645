// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** The page tables pass the test kit. */
class PageTablesKitTest extends PluginSuite<PageTablesProvider> {
  PageTablesKitTest() {
    super(Spi.PAGING);
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 5);
  }
}
