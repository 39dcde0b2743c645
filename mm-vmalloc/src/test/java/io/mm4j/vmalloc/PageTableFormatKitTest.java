// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** Every format passes the test kit. */
class PageTableFormatKitTest extends PluginSuite<PageTableFormatProvider> {
  PageTableFormatKitTest() {
    super(Spi.PAGE_TABLE);
  }
}
