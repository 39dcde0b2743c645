// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

/** Makes the parts of the model that stand above the walk, so that each can be replaced. */
public class Hooks {
  /** kswapd. */
  public Background background(State state, PerCpu perCpu) {
    return new ModelKswapd(state);
  }

  /** Contiguous ranges. */
  public ModelRange range(ModelPages pages) {
    return new ModelRange(pages);
  }

  /** The slow path. */
  public Slow slow(
      State state, Walk walk, PerCpu perCpu, HighAtomicReserve reserve, Background background) {
    return new ModelSlow(state, walk, perCpu, reserve, background);
  }
}
