// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.uffd;

import io.mm4j.api.process.Uffd;
import org.jspecify.annotations.Nullable;

/**
 * What a read of a userfaultfd gives ({@code struct uffd_msg}, include/uapi/linux/userfaultfd.h of
 * Linux 6.18): the event, and up to three words whose meaning it decides.
 *
 * @param event {@link Uffd#PAGEFAULT_MESSAGE} and so on
 * @param first flags of a fault, the old address of a move, the start of a range
 * @param second address of a fault, the new address of a move, the end of a range
 * @param third bytes that moved; who has faulted, if that is asked for
 * @param child what watches the child of a fork, else null
 */
public record UffdMessage(
    int event, long first, long second, long third, @Nullable Userfaultfd child) {
  /** A fault. */
  static UffdMessage fault(long flags, long address, long thread) {
    return new UffdMessage(Uffd.PAGEFAULT_MESSAGE, flags, address, thread, null);
  }

  /** A fork, whose child has this userfaultfd. */
  public static UffdMessage fork(Userfaultfd child) {
    return new UffdMessage(Uffd.FORK_MESSAGE, 0, 0, 0, child);
  }

  /** A range has moved. */
  public static UffdMessage remap(long from, long to, long bytes) {
    return new UffdMessage(Uffd.REMAP_MESSAGE, from, to, bytes, null);
  }

  /** The pages of a range go. */
  public static UffdMessage remove(long start, long end) {
    return new UffdMessage(Uffd.REMOVE_MESSAGE, start, end, 0, null);
  }

  /** A range goes. */
  public static UffdMessage unmap(long start, long end) {
    return new UffdMessage(Uffd.UNMAP_MESSAGE, start, end, 0, null);
  }

  /** Whether it is a fault. */
  boolean isFault() {
    return event == Uffd.PAGEFAULT_MESSAGE;
  }

  /** For explanations. */
  public String text() {
    return switch (event) {
      case Uffd.PAGEFAULT_MESSAGE ->
          "a fault at 0x"
              + Long.toHexString(second)
              + ((first & Uffd.FAULT_WP) != 0
                  ? ", a write to a protected page"
                  : (first & Uffd.FAULT_MINOR) != 0
                      ? ", a page that the file has"
                      : (first & Uffd.FAULT_WRITE) != 0 ? ", a write" : ", a read");
      case Uffd.FORK_MESSAGE -> "a fork";
      case Uffd.REMAP_MESSAGE ->
          "0x"
              + Long.toHexString(third)
              + " bytes moved from 0x"
              + Long.toHexString(first)
              + " to 0x"
              + Long.toHexString(second);
      case Uffd.REMOVE_MESSAGE -> "pages go: " + range();
      default -> "unmapped: " + range();
    };
  }

  private String range() {
    return "0x" + Long.toHexString(first) + "-0x" + Long.toHexString(second);
  }
}
