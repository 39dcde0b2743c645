// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.vma.VmaEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/** Calls that are back, until it is known in which order they were made. */
final class CallQueue {
  private static final int MOST_WAITING = 1 << 12;

  private final IntPredicate topDown;
  private final Consumer<VmaEvent> made;
  private final List<Overlap.Done> waiting = new ArrayList<>();
  private long calls;

  /**
   * An empty queue.
   *
   * @param topDown whether mappings of a process are placed downwards
   * @param made takes the calls in their order
   */
  CallQueue(IntPredicate topDown, Consumer<VmaEvent> made) {
    this.topDown = topDown;
    this.made = made;
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Whether no more should wait. */
  boolean isFull() {
    return waiting.size() >= MOST_WAITING;
  }

  void add(Overlap.Done done) {
    waiting.add(done);
  }

  /** Makes them all, process by process. */
  void flush() {
    Map<Integer, List<Overlap.Done>> byProcess = new TreeMap<>();
    waiting.forEach(
        done -> byProcess.computeIfAbsent(done.process(), p -> new ArrayList<>()).add(done));
    waiting.clear();
    byProcess.forEach(
        (process, list) -> Overlap.ordered(list, topDown.test(process)).forEach(this::make));
  }

  private void make(Overlap.Done done) {
    made.accept(
        new VmaEvent.Call(
            done.number(),
            ++calls,
            done.process(),
            done.name(),
            done.args(),
            done.open(),
            done.answer(),
            -1,
            "",
            List.of(),
            List.of(),
            done.text()));
  }
}
