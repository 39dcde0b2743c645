// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.Uapi;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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
    List<Long> args = new ArrayList<>();
    for (String text : line.args()) {
      args.add(Symbols.value(text));
    }
    Long result = line.number();
    return switch (line.name()) {
      case "shmget" -> args.size() < 3 || result == null ? List.of() : get(args, result);
      case "shmat" -> {
        Long number = args.size() < 3 || args.get(0) == null ? null : numbers.get(args.get(0));
        yield number == null || args.get(1) == null || args.get(2) == null || result == null
            ? List.of()
            : one(
                CallName.SHMAT,
                List.of(number, args.get(1), args.get(2)),
                new Answer.Value(result, true));
      }
      case "shmdt" ->
          args.isEmpty() || args.get(0) == null
              ? List.of()
              : one(CallName.SHMDT, List.of(args.get(0)), new Answer.Value(0, false));
      default -> control(args);
    };
  }

  private List<Call> get(List<Long> args, long id) {
    Long key = args.get(0);
    Long bytes = args.get(1);
    Long flags = args.get(2);
    if (key == null || bytes == null || flags == null || bytes == 0 || numbers.containsKey(id)) {
      return List.of();
    }
    long number = made++;
    numbers.put(id, number);
    sizes.put(number, bytes);
    return one(CallName.SHMGET, List.of(key, bytes, flags | Uapi.IPC_CREAT), Answer.Unknown.IT);
  }

  private List<Call> control(List<Long> args) {
    Long number = args.isEmpty() || args.get(0) == null ? null : numbers.get(args.get(0));
    Long command = args.size() < 2 ? null : args.get(1);
    if (number == null || command == null || (command & ~IPC_64) != Uapi.IPC_RMID) {
      return List.of();
    }
    numbers.remove(args.get(0));
    return one(CallName.SHMCTL, List.of(number, Uapi.IPC_RMID, 0L), Answer.Unknown.IT);
  }

  private static List<Call> one(CallName name, List<Long> args, Answer answer) {
    return List.of(new Call(name, args, answer));
  }
}
