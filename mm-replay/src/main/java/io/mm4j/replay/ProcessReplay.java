// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.replay.strace.StraceReplay;
import io.mm4j.replay.vma.VmaReplay;
import java.util.function.Supplier;

/** Replays recordings of processes: system calls, touches, page faults. */
public final class ProcessReplay {
  private final Supplier<? extends ProcessFloor> floors;
  private final Supplier<? extends VmaIndex> indexes;

  /**
   * A replayer on one choice of plugins.
   *
   * @param floors gives a process floor without processes, one for each recording
   * @param indexes gives an empty index, one for each address space
   */
  public ProcessReplay(
      Supplier<? extends ProcessFloor> floors, Supplier<? extends VmaIndex> indexes) {
    this.floors = floors;
    this.indexes = indexes;
  }

  /**
   * Replays one recording of kind {@link RecordingKind#VMA} or {@link RecordingKind#STRACE}. Memory
   * is bounded by the largest address space in it, not by its length.
   *
   * @throws io.mm4j.api.InputException if the recording is not well formed; says where
   */
  public Verdict replay(Recording recording) {
    return switch (recording.kind()) {
      case VMA -> VmaReplay.replay(recording.path(), floors, indexes);
      case STRACE -> StraceReplay.replay(recording.path(), floors, indexes);
      case KMEM ->
          throw new IllegalArgumentException(
              "kind=kmem path=" + recording.path() + ": not a process");
    };
  }
}
