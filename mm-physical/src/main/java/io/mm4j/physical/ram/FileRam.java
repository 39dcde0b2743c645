// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * RAM by mapping a sparse file, for a JVM without native access. The file lies in memory where
 * there is {@code /dev/shm}, and has no name any more once it is mapped. Discarding writes zeroes:
 * the host keeps the pages.
 */
final class FileRam implements Ram {
  private final Arena arena;
  private final MemorySegment segment;

  private FileRam(long bytes, Arena arena) throws IOException {
    this.arena = arena;
    Path shm = Path.of("/dev/shm");
    Path file =
        Files.isWritable(shm)
            ? Files.createTempFile(shm, "mm4j-ram", null)
            : Files.createTempFile("mm4j-ram", null);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      segment = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
    } finally {
      Files.delete(file);
    }
  }

  static Ram map(long bytes, Arena arena) {
    try {
      return new FileRam(bytes, arena);
    } catch (IOException e) {
      throw new UncheckedIOException("no sparse file of " + bytes + " bytes could be mapped", e);
    }
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void discard(long offset, long bytes) {
    segment.asSlice(offset, bytes).fill((byte) 0);
  }

  @Override
  public void close() {
    arena.close();
  }
}
