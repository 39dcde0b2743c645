// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * RAM by mapping a sparse file that has no name any more once it is mapped. Discarding writes
 * zeroes: the host keeps the pages.
 */
final class FileRam implements Ram {
  private final Arena arena;
  private final MemorySegment segment;

  /**
   * Maps one.
   *
   * @param folder where the file is made
   * @param arena what it lives as long as
   * @throws IOException if it cannot be made there, or is too large
   */
  FileRam(Path folder, long bytes, Arena arena) throws IOException {
    this.arena = arena;
    Path file = Files.createTempFile(folder, "mm4j-ram", null);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      segment = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
    } finally {
      Files.delete(file);
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
