// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.testkit.Operation;

/**
 * One step of a test of a VMA index. VMAs are named by their place in address order (modulo their
 * number), so that a list of steps stays meaningful when steps are left out of it.
 */
sealed interface VmaOp extends Operation<VmaSubject> {
  @Override
  default void apply(VmaSubject subject) {
    subject.play(this);
  }

  /** Insert {@code [start, end)}, if it is free. */
  record Insert(long start, long end) implements VmaOp {
    @Override
    public String toString() {
      return String.format("insert [0x%x, 0x%x)", start, end);
    }
  }

  /** Erase the VMA at a place. */
  record Erase(int place) implements VmaOp {
    @Override
    public String toString() {
      return "erase the VMA at place " + place;
    }
  }

  /**
   * Move the bounds of the VMA at a place: each bound goes to a point of the room between the
   * neighbours, in 1/256ths.
   */
  record SetRange(int place, int from, int to) implements VmaOp {
    @Override
    public String toString() {
      return String.format(
          "setRange of the VMA at place %d, to %d/256 and %d/256 of its room", place, from, to);
    }
  }

  /** Look at an address and at a window above it. */
  record Probe(long addr, long length) implements VmaOp {
    @Override
    public String toString() {
      return String.format("look at 0x%x and 0x%x bytes from there", addr, length);
    }
  }

  /** Reserve {@code n} inserts and make them at the next free places from {@code addr} on. */
  record Fill(long addr, int n) implements VmaOp {
    @Override
    public String toString() {
      return String.format("reserve %d inserts and make them from 0x%x on", n, addr);
    }
  }

  /** Go on with a copy. */
  record Copy() implements VmaOp {
    @Override
    public String toString() {
      return "copy";
    }
  }

  /** Remove all. */
  record Clear() implements VmaOp {
    @Override
    public String toString() {
      return "clear";
    }
  }
}
