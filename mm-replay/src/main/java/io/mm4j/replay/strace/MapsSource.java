// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import io.mm4j.replay.vma.VmaSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The maps of a process, and nothing that it did: a recording without calls. */
public final class MapsSource implements VmaSource {
  private final VmaHeader header;
  private final VmaEvent.State start;
  private final List<String> notes;

  /** Reads a dump of {@code /proc/PID/maps} or {@code smaps}. */
  public MapsSource(Path file) {
    try (LineSource source = LineSource.open(file)) {
      InitialMaps maps = new InitialMaps(source);
      header = maps.header().finish(new Cursor(source));
      start = new VmaEvent.State(0, 0, "start", maps.lines(), 0, Map.of());
      notes = maps.notes();
    }
  }

  @Override
  public VmaHeader header() {
    return header;
  }

  @Override
  public VmaEvent.State start() {
    return start;
  }

  @Override
  public List<String> notes() {
    return notes;
  }

  @Override
  public @Nullable VmaEvent next() {
    return null;
  }

  @Override
  public void close() {}
}
