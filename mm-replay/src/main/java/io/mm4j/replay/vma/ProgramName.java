// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import java.util.List;

/**
 * What a process runs.
 *
 * @param path the program's path, {@code -} if it is not known
 * @param arguments what it was given, its own name first, as far as they are known
 */
public record ProgramName(String path, List<String> arguments) {
  /** Copies the list; without arguments the path is the only one. */
  public ProgramName {
    arguments = arguments.isEmpty() ? List.of(path) : List.copyOf(arguments);
  }
}
