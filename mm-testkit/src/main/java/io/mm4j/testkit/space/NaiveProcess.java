// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.space;

/** A process of the model: its state and all its calls. */
final class NaiveProcess {
  final NaiveSpace space;
  final NaiveTouches touches;
  final NaiveCalls calls;
  final NaiveFlagCalls flagCalls;
  final NaiveMremap mremap;

  NaiveProcess(NaiveSpace space) {
    this.space = space;
    touches = new NaiveTouches(space);
    calls = new NaiveCalls(space, touches);
    flagCalls = new NaiveFlagCalls(space, touches);
    mremap = new NaiveMremap(space, touches);
  }
}
