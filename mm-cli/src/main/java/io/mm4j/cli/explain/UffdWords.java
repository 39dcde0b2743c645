// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.process.CallFlags;
import io.mm4j.api.process.Syscall;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The words of userfaultfd and its ioctls in typed calls. */
final class UffdWords {
  private static final Map<String, CallFlags> KINDS =
      Map.of(
          "uffd", CallFlags.UFFD,
          "uffd_feature", CallFlags.UFFD_FEATURE,
          "uffd_register", CallFlags.UFFDIO_REGISTER,
          "uffd_copy", CallFlags.UFFDIO_COPY,
          "uffd_zeropage", CallFlags.UFFDIO_ZEROPAGE,
          "uffd_wp", CallFlags.UFFDIO_WRITEPROTECT,
          "uffd_continue", CallFlags.UFFDIO_CONTINUE,
          "uffd_poison", CallFlags.UFFDIO_POISON,
          "uffd_move", CallFlags.UFFDIO_MOVE);

  private UffdWords() {}

  /** The names of an argument of that kind, null if it is of another. */
  static @Nullable CallFlags of(String kind) {
    return KINDS.get(kind);
  }

  /**
   * The words of a call as an address space takes them: the struct lies nowhere, so that its answer
   * is only told.
   */
  static long[] words(Syscall call, long[] typed) {
    if (call == Syscall.UFFDIO_API) {
      return new long[] {typed[0], 0, typed[2], typed[1]};
    }
    long[] words = new long[typed.length + 1];
    words[0] = typed[0];
    System.arraycopy(typed, 1, words, 2, typed.length - 1);
    return words;
  }
}
