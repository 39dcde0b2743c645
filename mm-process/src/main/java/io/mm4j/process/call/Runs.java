// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process.call;

import io.mm4j.api.process.AddressSpace;
import java.util.Arrays;

/** Bytes kept as runs of equal ones, until it is known that somebody may have them. */
final class Runs implements AddressSpace.ByteSink {
  private long[] runs = new long[16];
  private int filled;

  @Override
  public void accept(int value) {
    accept(value, 1);
  }

  @Override
  public void accept(int value, long count) {
    if (filled > 0 && runs[filled - 2] == value) {
      runs[filled - 1] += count;
      return;
    }
    if (filled == runs.length) {
      runs = Arrays.copyOf(runs, filled * 2);
    }
    runs[filled++] = value;
    runs[filled++] = count;
  }

  void tell(AddressSpace.ByteSink sink) {
    for (int i = 0; i < filled; i += 2) {
      sink.accept((int) runs[i], runs[i + 1]);
    }
  }
}
