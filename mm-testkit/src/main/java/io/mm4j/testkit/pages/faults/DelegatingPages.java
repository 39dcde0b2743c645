// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.pages.naive.NaivePageAllocator;
import io.mm4j.testkit.pages.naive.PassingPages;

/** Passes every call on to a healthy page allocator; a fault overrides one. */
public class DelegatingPages extends PassingPages {
  public final Floors floors;
  public final MemMap map;

  public DelegatingPages(Floors floors) {
    super(new NaivePageAllocator(floors));
    this.floors = floors;
    this.map = floors.memory().memMap();
  }
}
