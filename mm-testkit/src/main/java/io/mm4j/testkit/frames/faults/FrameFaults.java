// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Frame allocators that are wrong on purpose. */
public final class FrameFaults {
  private FrameFaults() {}

  /** All of them. */
  public static List<Fault<FrameAllocatorProvider>> all() {
    List<Fault<FrameAllocatorProvider>> all = new ArrayList<>();
    all.addAll(FrameBlockFaults.all());
    all.addAll(FrameViewFaults.all());
    all.addAll(FrameListFaults.all());
    all.addAll(FrameMisuseFaults.all());
    all.addAll(FrameOrderFaults.all());
    all.addAll(FrameEffectFaults.all());
    all.addAll(FrameCostFaults.all());
    return all;
  }

  static Fault<FrameAllocatorProvider> fault(
      String name, String what, List<String> meantFor, Function<Zone, FrameAllocator> factory) {
    return new Fault<>(name, what, meantFor, new NaiveFrames(name, factory));
  }
}
