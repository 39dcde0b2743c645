// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the replayer takes a recording from: header and start state at once, then event by event.
 */
public interface VmaSource extends AutoCloseable {
  /** The machine and the process before the first call. */
  VmaHeader header();

  /** The address space before the first call. */
  VmaEvent.State start();

  /**
   * The next event, or null at the end.
   *
   * @throws io.mm4j.api.InputException if the recording is not well formed; says where
   */
  @Nullable VmaEvent next();

  /**
   * Whether the start state is all that the address space had, and not only what could be found.
   */
  default boolean startIsWhole() {
    return true;
  }

  /** What the first process runs. */
  default ProgramName program() {
    return new ProgramName(header().scenario(), List.of());
  }

  /** Whether files have the paths in maps that they have here. */
  default boolean knowsPaths() {
    return true;
  }

  /** Whether all names that calls have given to anonymous VMAs are known. */
  default boolean knowsVmaNames() {
    return true;
  }

  /** What was passed over or taken for granted, in words; complete at the end. */
  default List<String> notes() {
    return List.of();
  }

  @Override
  void close();
}
