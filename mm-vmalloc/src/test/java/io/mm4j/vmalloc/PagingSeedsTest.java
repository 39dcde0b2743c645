// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** Page tables under seeds that nobody has chosen. */
class PagingSeedsTest extends SeedSuite<PageTablesProvider> {
  PagingSeedsTest() {
    super(Spi.PAGING, 0.05);
  }
}
