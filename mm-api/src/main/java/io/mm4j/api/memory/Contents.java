// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.InputException;
import java.util.Arrays;
import java.util.Locale;
import org.apiguardian.api.API;

/** Which frames of a machine have bytes: what a replay does not judge it need not store. */
@API(status = API.Status.MAINTAINED)
public enum Contents {
  /** All. */
  ALL,

  /**
   * Those of the kernel: page tables, slab, its own data. What is in the memory of processes and in
   * cached files ({@link FrameOwner#isUser}) is not kept: it reads as zeroes, and writes are
   * dropped.
   */
  TABLES,

  /** None: only books are kept. */
  NONE;

  /** The name on the command line. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The one of that name.
   *
   * @param where what was being read, for the message
   */
  public static Contents of(String id, String where) {
    for (Contents contents : values()) {
      if (contents.id().equals(id)) {
        return contents;
      }
    }
    throw new InputException(
        "there are no contents '" + id + "'",
        where,
        Arrays.stream(values()).map(Contents::id).collect(joining(", ")));
  }
}
