// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveSlabs;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Slab allocators that are wrong on purpose: the naive one with one defect each. */
public final class SlabFaults {
  private SlabFaults() {}

  /** All of them. */
  public static List<Fault<SlabAllocatorProvider>> all() {
    return Stream.of(
            ObjectFaults.all(),
            CacheFaults.all(),
            DebugFaults.all(),
            PromiseFaults.all(),
            RequestFaults.all(),
            BoundFaults.all(),
            EdgeFaults.all())
        .flatMap(List::stream)
        .toList();
  }

  static Fault<SlabAllocatorProvider> fault(
      String name, String what, List<String> meantFor, Function<Floors, SlabAllocator> factory) {
    return new Fault<>(name, what, meantFor, new NaiveSlabs(name, factory));
  }
}
