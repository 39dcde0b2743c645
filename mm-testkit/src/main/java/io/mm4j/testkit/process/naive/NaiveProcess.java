// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

/** A process of the model: its state and all its calls. */
public final class NaiveProcess {
  public final NaiveSpace space;
  public final NaiveTouches touches;
  public final NaiveCalls calls;
  public final NaiveFlagCalls flagCalls;
  public final NaiveMremap mremap;

  public NaiveProcess(NaiveSpace space) {
    this.space = space;
    touches = new NaiveTouches(space);
    calls = new NaiveCalls(space, touches);
    flagCalls = new NaiveFlagCalls(space, touches);
    mremap = new NaiveMremap(space, touches);
  }
}
