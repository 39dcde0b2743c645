// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.Uapi;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * System V segments of a log. Their numbers are a machine's; here they are counted from 0, as the
 * process floor counts them. A segment that was there before the log began is made with the first
 * line that tells its size.
 */
final class SharedSegments {
  private static final long IPC_64 = 0x100;

  private final Map<Long, Long> numbers = new HashMap<>();
  private final Map<Long, Long> sizes = new HashMap<>();
  private long made;

  /** A call to make. */
  record Call(CallName name, List<Long> args, Answer answer) {}

  /** The size of a segment by its number here, 0 for none. */
  long bytes(long number) {
    return sizes.getOrDefault(number, 0L);
  }

  /** What a call that succeeded comes to; empty if it names a segment whose size no line tells. */
  List<Call> calls(StraceLine line) {
    Long first = argument(line, 0);
    Long second = argument(line, 1);
    Long third = argument(line, 2);
    Long result = line.number();
    if (first == null) {
      return List.of();
    }
    return switch (line.name()) {
      case "shmget" ->
          second == null || third == null || result == null
              ? List.of()
              : get(first, second, third, result);
      case "shmat" -> {
        Long number = numbers.get(first);
        yield number == null || second == null || third == null || result == null
            ? List.of()
            : one(CallName.SHMAT, List.of(number, second, third), new Answer.Value(result, true));
      }
      case "shmdt" -> one(CallName.SHMDT, List.of(first), new Answer.Value(0, false));
      default -> second == null ? List.of() : control(first, second);
    };
  }

  private static @Nullable Long argument(StraceLine line, int place) {
    return line.args().size() <= place ? null : Symbols.value(line.args().get(place));
  }

  private List<Call> get(long key, long bytes, long flags, long id) {
    if (bytes == 0 || numbers.containsKey(id)) {
      return List.of();
    }
    long number = made++;
    numbers.put(id, number);
    sizes.put(number, bytes);
    return one(CallName.SHMGET, List.of(key, bytes, flags | Uapi.IPC_CREAT), Answer.Unknown.IT);
  }

  private List<Call> control(long id, long command) {
    Long number = numbers.get(id);
    if (number == null || (command & ~IPC_64) != Uapi.IPC_RMID) {
      return List.of();
    }
    return one(CallName.SHMCTL, List.of(number, Uapi.IPC_RMID, 0L), Answer.Unknown.IT);
  }

  private static List<Call> one(CallName name, List<Long> args, Answer answer) {
    return List.of(new Call(name, args, answer));
  }
}
