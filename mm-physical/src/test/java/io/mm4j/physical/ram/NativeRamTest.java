// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mm4j.api.MisuseException;
import java.lang.foreign.Arena;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who gives pages back to the host while somebody else closes the memory. */
class NativeRamTest {
  /** Giving it back takes the host some milliseconds. */
  private static final long BYTES = 16 << 20;

  private static final int MOST_ROUNDS = 200;

  /**
   * A call that is under way holds the memory: who would close it then is refused. Else the host
   * could be asked about addresses that are somebody else's already.
   */
  @Test
  void isNotClosedInTheMiddleOfACall() throws InterruptedException {
    int refused = 0;
    for (int round = 0; round < MOST_ROUNDS && refused == 0; round++) {
      Ram mapped = NativeRam.map(BYTES, Arena.ofShared());
      assumeTrue(mapped != null, "native access is denied");
      Ram ram = Objects.requireNonNull(mapped);
      ram.segment().fill((byte) 1);
      AtomicBoolean begins = new AtomicBoolean();
      AtomicReference<@Nullable Throwable> end = new AtomicReference<>();
      Thread discards = Thread.ofPlatform().start(() -> discard(ram, begins, end));
      while (!begins.get()) {
        Thread.onSpinWait();
      }
      refused += close(ram);
      discards.join();
      Throwable error = end.get();
      boolean late = error instanceof MisuseException || error instanceof IllegalStateException;
      assertTrue(error == null || late, () -> "after a close: " + error);
    }
    assertTrue(refused > 0, "no close was refused");
  }

  private static void discard(
      Ram ram, AtomicBoolean begins, AtomicReference<@Nullable Throwable> end) {
    try {
      begins.set(true);
      ram.discard(0, BYTES);
    } catch (RuntimeException | Error e) {
      end.set(e);
    }
  }

  /** Closes it; how often that was refused. */
  private static int close(Ram ram) {
    for (int refused = 0; ; refused++) {
      try {
        ram.close();
        return refused;
      } catch (IllegalStateException e) {
        Thread.onSpinWait(); // a call holds it
      }
    }
  }
}
