// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * An open file description: the kernel's {@code struct file}. Identity is object identity; VMAs of
 * two descriptions never merge, even when the file is the same one.
 *
 * @param file the file that was opened
 * @param mode how it was opened
 */
@API(status = API.Status.EXPERIMENTAL)
public record OpenFile(MappedFile file, Mode mode) {
  /** Access mode of {@code open(2)}. */
  public enum Mode {
    /** {@code O_RDONLY}. */
    READ_ONLY,
    /** {@code O_RDWR}. */
    READ_WRITE,
    /** {@code O_WRONLY}: cannot be mapped at all. */
    WRITE_ONLY,
    /** {@code O_PATH}: names the file, and calls that use its bytes take it for no descriptor. */
    PATH;

    /** Whether reading through this description is allowed. */
    public boolean canRead() {
      return this == READ_ONLY || this == READ_WRITE;
    }

    /** Whether writing through this description is allowed. */
    public boolean canWrite() {
      return this == READ_WRITE || this == WRITE_ONLY;
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
