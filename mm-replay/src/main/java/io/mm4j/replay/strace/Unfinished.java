// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Calls of which a log has shown the beginning, by pid. */
final class Unfinished {
  private static final Pattern SUPERSEDED =
      Pattern.compile("\\+\\+\\+ superseded by execve in pid (\\d{1,9}) \\+\\+\\+");

  private final Map<Long, StraceLine> begun = new HashMap<>();

  /** A call began. */
  void begins(StraceLine line) {
    begun.put(line.pid(), line);
  }

  int size() {
    return begun.size();
  }

  /** The beginnings of calls that are not back. */
  Collection<StraceLine> all() {
    return begun.values();
  }

  /**
   * A call in two parts, put together.
   *
   * @param line the call, by the pid that completed it
   * @param beganBy the pid that began it: 0 if strace named none as long as there was only one
   */
  record Whole(StraceLine line, long beganBy) {}

  /**
   * The call that a line completes. What its pid began otherwise is forgotten.
   *
   * @return null if no line shows its beginning; that of an execve is not needed
   */
  @Nullable Whole completed(StraceLine rest, String where) {
    StraceLine first = begunBy(rest);
    if (first != null && first.name().equals(rest.name())) {
      String text = first.body() + rest.body();
      return new Whole(StraceLine.parseCall(rest.pid(), text, where, 0), first.pid());
    }
    if (rest.name().startsWith("execve")) {
      // A thread's execve: the new program has the pid of the whole process.
      String text = rest.name() + "(" + rest.body();
      return new Whole(StraceLine.call(rest.pid(), text, where), rest.pid());
    }
    return null;
  }

  private @Nullable StraceLine begunBy(StraceLine rest) {
    StraceLine unnamed = begun.get(0L);
    StraceLine own = begun.remove(rest.pid());
    boolean other = own == null || !own.name().equals(rest.name());
    if (other && unnamed != null && unnamed.name().equals(rest.name())) {
      return begun.remove(0L);
    }
    return own;
  }

  /**
   * A pid ended, or a thread of its process calls execve and goes on under it.
   *
   * @return that thread, or the pid itself: who is no more
   */
  long ended(StraceLine line) {
    Matcher superseded = SUPERSEDED.matcher(line.body());
    if (!superseded.matches()) {
      begun.remove(line.pid());
      return line.pid();
    }
    long thread = Long.parseLong(superseded.group(1));
    StraceLine exec = begun.remove(thread);
    if (exec != null) {
      begun.put(line.pid(), exec.by(line.pid()));
    }
    return thread;
  }
}
