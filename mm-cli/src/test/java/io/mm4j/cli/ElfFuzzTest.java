// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs with bytes changed, cut off or added: whatever comes, {@code mm exec} loads it or says
 * in three parts why not. Five seconds each, ten minutes for the three in a soak, with a new seed;
 * {@code -Dmm4j.fuzz.seed=N} repeats one.
 */
class ElfFuzzTest {
  private static final int[] INTERESTING = {0, 1, 2, 3, 7, 0x7f, 0x80, 0xff};

  @TempDir Path dir;

  /** A static program of one segment, with code and bss. */
  private static byte[] program(boolean wide) {
    ByteBuffer b = ByteBuffer.allocate(0x200).order(ByteOrder.LITTLE_ENDIAN);
    long base = wide ? 0x400000L : 0x8048000L;
    b.putInt(0x464c457f).put((byte) (wide ? 2 : 1)).put((byte) 1).put((byte) 1).position(16);
    b.putShort((short) 2).putShort((short) (wide ? 62 : 3)).putInt(1);
    if (wide) {
      b.putLong(base + 0x100).putLong(64).putLong(0).putInt(0);
      b.putShort((short) 64).putShort((short) 56).putShort((short) 1).position(64);
      b.putInt(1).putInt(7).putLong(0).putLong(base).putLong(base);
      b.putLong(0x200).putLong(0x2400).putLong(0x1000);
    } else {
      b.putInt((int) base + 0x100).putInt(52).putInt(0).putInt(0);
      b.putShort((short) 52).putShort((short) 32).putShort((short) 1).position(52);
      b.putInt(1).putInt(0).putInt((int) base).putInt((int) base);
      b.putInt(0x200).putInt(0x2400).putInt(7).putInt(0x1000);
    }
    return b.array();
  }

  private static byte[] changed(byte[] program, Random random) {
    int length = random.nextInt(8) == 0 ? random.nextInt(program.length * 2) : program.length;
    byte[] bytes = java.util.Arrays.copyOf(program, length);
    int changes = random.nextInt(6);
    for (int i = 0; i < changes && length > 0; i++) {
      int at = random.nextInt(Math.min(length, random.nextInt(4) == 0 ? length : 128));
      bytes[at] =
          (byte)
              (random.nextBoolean()
                  ? random.nextInt()
                  : INTERESTING[random.nextInt(INTERESTING.length)]);
    }
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(strings = {"x86-64", "x86-32", "x86-32-2.4"})
  void anyBytesAreLoadedOrRefused(String machine) throws IOException {
    fuzz(machine, 5);
  }

  @Tag("soak")
  @ParameterizedTest
  @ValueSource(strings = {"x86-64", "x86-32", "x86-32-2.4"})
  void anyBytesAreLoadedOrRefusedForLong(String machine) throws IOException {
    fuzz(machine, Math.round(Double.parseDouble(System.getProperty("mm.minutes", "60")) * 10 / 3));
  }

  private void fuzz(String machine, long seconds) throws IOException {
    long seed = Long.getLong("mm4j.fuzz.seed", System.nanoTime());
    Random random = new Random(seed);
    Path file = dir.resolve("program");
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    int loaded = 0;
    for (int n = 0; System.nanoTime() < end; n++) {
      boolean wide = machine.equals("x86-64") && random.nextInt(4) != 0;
      byte[] program = program(wide);
      Files.write(file, n == 0 ? program : changed(program, random));
      Cli cli = Cli.mm("exec", file.toString(), "--machine", machine, "--memory", "64M");
      String what = machine + " seed=" + seed + " n=" + n + "\n" + cli.err();
      assertTrue(cli.code() == 0 || cli.code() == 2, what);
      if (cli.code() == 2) {
        UsageTest.assertThreeParts(cli);
        assertTrue(n > 0, what);
      }
      loaded += cli.code() == 0 ? 1 : 0;
    }
    assertTrue(loaded > 0, "nothing was loaded");
  }
}
