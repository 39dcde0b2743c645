// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** Every allocator of addresses passes the test kit. */
class VmallocAllocatorKitTest extends PluginSuite<VmallocAllocatorProvider> {
  VmallocAllocatorKitTest() {
    super(Spi.VMALLOC);
  }
}
