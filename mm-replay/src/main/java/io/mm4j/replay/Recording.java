// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.nio.file.Path;

/**
 * A recording that was found and not read yet.
 *
 * @param path the file, or for {@link RecordingKind#KMEM} the folder
 * @param kind what it holds
 */
public record Recording(Path path, RecordingKind kind) {}
