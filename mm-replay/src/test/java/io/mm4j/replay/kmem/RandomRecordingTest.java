// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.replay.Verdict;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;

/**
 * Random small recordings: exact on every frame allocator; and, with bytes changed, a verdict or an
 * error that says where.
 */
class RandomRecordingTest {
  private static MemoryRecording recording(long seed) {
    Random random = new Random(seed);
    return new SmallRecording()
        .fill(random)
        .start()
        .random(random, random.nextInt(100))
        .middle()
        .random(random, 100)
        .end();
  }

  private static String reproduce(String method, long seed) {
    return "seed="
        + seed
        + "; reproduce: mvn test -pl mm-replay -am -Dsurefire.failIfNoSpecifiedTests=false"
        + " -Dtest=RandomRecordingTest#"
        + method
        + " -Dmm.seed="
        + seed;
  }

  /** The seed of the property {@code mm.seed}, or the one that was drawn. */
  private static long given(long drawn) {
    return Long.getLong("mm.seed", drawn);
  }

  @Property(tries = 40)
  void whatTheModelDidIsExact(@ForAll long drawn) {
    whatTheModelDidIsExactOf(given(drawn));
  }

  private static void whatTheModelDidIsExactOf(long seed) {
    MemoryRecording recording = recording(seed);
    for (String name : Replays.frameAllocators()) {
      Verdict verdict = Replays.replay(recording, name);
      boolean judged = Replays.check(verdict, KmemChecks.CORE_OPS).skipped() == null;
      boolean merges = Replays.check(verdict, KmemChecks.FINAL_BLOCKS).skipped() == null;
      assertTrue(
          !verdict.differs() && verdict.exact() == (judged && merges),
          () -> reproduce("whatTheModelDidIsExact", seed) + " " + verdict);
    }
  }

  @Property(tries = 60)
  void aDroppedOperationIsNoticed(@ForAll long drawn) {
    aDroppedOperationIsNoticedOf(given(drawn));
  }

  private static void aDroppedOperationIsNoticedOf(long seed) {
    MemoryRecording recording = recording(seed);
    List<String> lines = new ArrayList<>(recording.textOf(KmemSource.PAGES));
    List<Integer> operations = new ArrayList<>();
    for (int i = 2; i < lines.size(); i++) {
      if ("zdF".contains(lines.get(i).split(" ", -1)[2])) {
        operations.add(i);
      }
    }
    if (operations.isEmpty()) {
      return;
    }
    lines.remove((int) operations.get(new Random(seed).nextInt(operations.size())));
    assertFalse(
        Replays.replay(recording.with(KmemSource.PAGES, lines)).exact(),
        () -> reproduce("aDroppedOperationIsNoticed", seed));
  }

  /**
   * Seeds that once found something: a request that was movable and reclaimable at once ended in an
   * exception of the page allocator.
   */
  @Example
  void seedsThatFoundSomething() {
    for (long seed : new long[] {-3120623709644757554L}) {
      changedBytesGiveAVerdictOrAnError(seed);
    }
  }

  @Tag("soak")
  @Property(tries = 40_000)
  void changedBytesGiveAVerdictOrAnErrorForLong(@ForAll long seed) {
    changedBytesGiveAVerdictOrAnError(seed);
  }

  @Property(tries = 400)
  void changedBytesGiveAVerdictOrAnError(@ForAll long drawn) {
    changedBytesGiveAVerdictOrAnErrorOf(given(drawn));
  }

  private static void changedBytesGiveAVerdictOrAnErrorOf(long seed) {
    Random random = new Random(seed);
    MemoryRecording recording = (seed & 7) == 0 ? FallbackTest.recording() : recording(seed & 7);
    List<String> names = List.copyOf(recording.files.keySet());
    String file = names.get(random.nextInt(names.size()));
    boolean packed = file.endsWith(".gz");
    if (packed && random.nextInt(4) == 0) {
      recording.files.put(file, mutate(recording.bytesOf(file), random));
    } else {
      byte[] text =
          (String.join("\n", recording.textOf(file)) + "\n")
              .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
      recording.with(file, mutate(text, random));
    }
    try {
      KmemReplay.run(recording, new MachineConfig().plugin("page-allocator=linux"), 4);
      PolicyReplay.run(recording, new MachineConfig().plugin("page-allocator=linux"), 4);
    } catch (InputException e) {
      assertTrue(
          !e.where().isEmpty() && !e.allowed().isEmpty(),
          () -> reproduce("changedBytesGiveAVerdictOrAnError", seed));
    } catch (RuntimeException | Error e) {
      throw new AssertionError(reproduce("changedBytesGiveAVerdictOrAnError", seed), e);
    }
  }

  /** All three, with new seeds, for a tenth of {@code -Dmm.minutes}. */
  @Example
  @Tag("soak")
  void allOfThemForLong() {
    double minutes = Double.parseDouble(System.getProperty("mm.minutes", "60")) / 10;
    long end = System.nanoTime() + (long) (minutes * 60e9);
    long seed = new SecureRandom().nextLong();
    System.out.println("recordings: new seeds from " + seed + " on, " + minutes + " minutes");
    for (; System.nanoTime() < end; seed++) {
      whatTheModelDidIsExactOf(seed);
      aDroppedOperationIsNoticedOf(seed);
      for (int i = 0; i < 8; i++) {
        changedBytesGiveAVerdictOrAnErrorOf(seed * 31 + i);
      }
    }
  }

  /** Overwrites, removes, doubles or inserts a few bytes, preferably such as the format has. */
  private static byte[] mutate(byte[] original, Random random) {
    byte[] bytes = original.clone();
    String likely = " \n0123456789-wzdFEeaZDmx#";
    for (int n = 1 + random.nextInt(4); n > 0 && bytes.length > 0; n--) {
      int at = random.nextInt(bytes.length);
      byte b =
          (byte)
              (random.nextInt(4) == 0
                  ? random.nextInt(256)
                  : likely.charAt(random.nextInt(likely.length())));
      switch (random.nextInt(3)) {
        case 0 -> bytes[at] = b;
        case 1 -> {
          int length = Math.min(1 + random.nextInt(20), bytes.length - at);
          byte[] less = new byte[bytes.length - length];
          System.arraycopy(bytes, 0, less, 0, at);
          System.arraycopy(bytes, at + length, less, at, less.length - at);
          bytes = less;
        }
        default -> {
          byte[] more = new byte[bytes.length + 1];
          System.arraycopy(bytes, 0, more, 0, at);
          more[at] = b;
          System.arraycopy(bytes, at, more, at + 1, bytes.length - at);
          bytes = more;
        }
      }
    }
    return bytes;
  }
}
