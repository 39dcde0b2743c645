// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import org.jspecify.annotations.Nullable;

/** What a call or touch came to, recorded or simulated; printed as recordings print it. */
public sealed interface Answer {
  /** An address, or 0 of calls that give no address. */
  record Value(long value, boolean address) implements Answer {
    // Written out: what a record has by itself is linked at its first use, a start's milliseconds.
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Value(long otherValue, boolean otherAddress)
          && value == otherValue
          && address == otherAddress;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(value) * 31 + Boolean.hashCode(address);
    }

    @Override
    public String toString() {
      return address ? "0x" + Long.toHexString(value) : Long.toString(value);
    }
  }

  /** An error by its name without the sign, {@code ENOMEM}. */
  record Failure(String errno) implements Answer {
    @Override
    public String toString() {
      return "-" + errno;
    }
  }

  /** Nobody knows, or it was not recorded to be compared. */
  enum Unknown implements Answer {
    /** The only one. */
    IT;

    @Override
    public String toString() {
      return "?";
    }
  }

  /** A touch that went through. */
  record Ok() implements Answer {
    @Override
    public String toString() {
      return "ok";
    }
  }

  /**
   * A touch that ended in a signal.
   *
   * @param signal SIGSEGV or SIGBUS
   * @param code MAPERR, ACCERR, KERNEL, ADRERR
   * @param uaddr si_addr
   */
  record Signal(String signal, String code, long uaddr) implements Answer {
    @Override
    public String toString() {
      return signal + " " + code + " addr=0x" + Long.toHexString(uaddr);
    }
  }

  /** A fork that worked; the process number is the recording's, or {@link #UNFOLLOWED}. */
  record Child(int process) implements Answer {
    /** The child was not followed. */
    public static final int UNFOLLOWED = -1;

    @Override
    public String toString() {
      return process == UNFOLLOWED ? "unrecorded" : "p" + process;
    }
  }
}
