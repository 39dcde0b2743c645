// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.vmalloc.faults.VmallocFaults;
import io.mm4j.testkit.vmalloc.naive.NaiveVmallocs;
import io.mm4j.testkit.vmalloc.rules.VmRules;

/** Everything about {@code vmalloc}. */
public final class VmallocAllocatorSuite {
  private VmallocAllocatorSuite() {}

  /** The suite. */
  public static Suite<VmallocAllocatorProvider> suite() {
    return new Suite<>(Spi.VMALLOC, new NaiveVmallocs(), VmRules.all(), VmallocFaults.all());
  }
}
