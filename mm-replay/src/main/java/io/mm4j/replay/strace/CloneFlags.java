// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a new process or thread shares with its maker, by the flags of {@code clone}, as names or as
 * the number that {@code strace -X raw} and {@code -e raw=clone} print.
 *
 * @param sharesMemory whether it has the same address space
 * @param sharesFiles whether it has the same descriptors
 * @param thread whether it belongs to the same process
 */
record CloneFlags(boolean sharesMemory, boolean sharesFiles, boolean thread) {
  private static final long CLONE_VM = 0x100;
  private static final long CLONE_FILES = 0x400;
  private static final long CLONE_THREAD = 0x1_0000;

  private static final Pattern NUMBER =
      Pattern.compile("(?:\\bflags=|^clone2?\\()(0x[0-9a-f]{1,15}|\\d{1,15})(?=[,}\\s)])");

  /** A whole call of {@code clone}, {@code fork} and the like; null if the line hides its flags. */
  static @Nullable CloneFlags of(StraceLine line) {
    String text = line.body();
    Matcher number = NUMBER.matcher(text);
    if (number.find()) {
      long flags = Long.decode(number.group(1));
      return new CloneFlags(
          (flags & CLONE_VM) != 0, (flags & CLONE_FILES) != 0, (flags & CLONE_THREAD) != 0);
    }
    if (line.name().equals("clone3") && !text.contains("flags=")) {
      return null; // a pointer, behind which they are
    }
    return new CloneFlags(
        line.name().equals("vfork") || text.contains("CLONE_VM"),
        text.contains("CLONE_FILES"),
        text.contains("CLONE_THREAD"));
  }

  /** What is likely if the line does not say: threads share all, others nothing. */
  static CloneFlags likely(boolean thread) {
    return new CloneFlags(thread, thread, thread);
  }
}
