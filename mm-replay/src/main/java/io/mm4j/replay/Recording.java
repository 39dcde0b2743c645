// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A recording that was found and not read yet.
 *
 * @param path the file, or for {@link RecordingKind#KMEM} the folder
 * @param kind what it holds
 * @param maps the initial maps of strace text, or null for those beside it
 */
public record Recording(Path path, RecordingKind kind, @Nullable Path maps) {
  /** A recording with what lies beside it. */
  public Recording(Path path, RecordingKind kind) {
    this(path, kind, null);
  }

  /** The same with other initial maps. */
  public Recording withMaps(Path file) {
    return new Recording(path, kind, file);
  }
}
