// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Function;

/** Replays a recording of any kind on the chosen plugins. */
final class Judge {
  private final Map<RecordingKind, Function<Recording, Verdict>> replays =
      new EnumMap<>(RecordingKind.class);

  /**
   * The verdict.
   *
   * @throws InputException if the recording cannot be read; says where
   */
  Verdict judge(Recording recording) {
    Function<Recording, Verdict> replay = replays.get(recording.kind());
    if (replay == null) {
      throw new InputException(
          "recordings of kind " + recording.kind().id() + " cannot be replayed yet",
          recording.path().toString(),
          replays.keySet().toString());
    }
    return replay.apply(recording);
  }
}
