// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Sizes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the bytes of RAM lie on the host: what the option {@code ram} says. */
final class RamChoice {
  private static final String NAME = "ram";
  private static final String ANONYMOUS = "anonymous";

  /** Memory that is a file, for a JVM without native access. */
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  private RamChoice() {}

  /** The option. */
  static OptionSpec option() {
    return new OptionSpec(
        NAME,
        OptionSpec.Type.TEXT,
        ANONYMOUS,
        "where its bytes lie on the host: anonymous memory, or a folder for a file without a name");
  }

  /**
   * Reserves RAM.
   *
   * @param where the value of the option: {@code anonymous}, or a folder
   * @param arena what it lives as long as
   * @throws InputException if there is no such folder, or the host cannot map so much
   */
  static Ram map(String where, long bytes, Arena arena) {
    return where.equals(ANONYMOUS)
        ? anonymous(bytes, arena)
        : inFolder(where, Path.of(where), bytes, arena);
  }

  /** Anonymous memory, or a file in memory for a JVM without native access. */
  static Ram anonymous(long bytes, Arena arena) {
    Ram ram = NativeRam.map(bytes, arena);
    return ram != null ? ram : inFolder(ANONYMOUS, sharedMemory(), bytes, arena);
  }

  private static Path sharedMemory() {
    return Files.isWritable(SHARED_MEMORY)
        ? SHARED_MEMORY
        : Path.of(System.getProperty("java.io.tmpdir"));
  }

  /** A file, for this value of the option. */
  private static Ram inFolder(String where, Path folder, long bytes, Arena arena) {
    if (!Files.isDirectory(folder)) {
      throw refused(where, "there is no such folder: " + folder);
    }
    try {
      return new FileRam(folder, bytes, arena);
    } catch (IOException e) {
      throw refused(
          where, "no RAM of " + Sizes.format(bytes) + " can be mapped in " + folder + ": " + e);
    }
  }

  private static InputException refused(String where, String what) {
    return new InputException(
        what,
        "physical-memory:" + NAME + "=" + where,
        ANONYMOUS + ", or a folder that may be written to, with room for a sparse file");
  }
}
