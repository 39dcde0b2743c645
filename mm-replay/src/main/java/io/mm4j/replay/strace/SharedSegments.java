// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.Uapi;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * System V segments by what they do to an address space: {@code shmat} maps a file of tmpfs, shared
 * and whole ({@code do_shmat} of ipc/shm.c); {@code shmdt} unmaps it.
 */
final class SharedSegments {
  private static final Map<String, Long> FLAGS =
      Map.of("SHM_RDONLY", 0x1000L, "SHM_RND", 0x2000L, "SHM_REMAP", 0x4000L, "SHM_EXEC", 0x8000L);

  private final Map<Long, Long> bytesBySegment = new HashMap<>();
  private final Map<Long, Long> bytesByAddress = new HashMap<>();

  /**
   * The call that does the same.
   *
   * @param segment whose file is mapped
   * @param bytes its size
   */
  record Call(CallName name, List<Long> args, long segment, long bytes, Answer answer) {}

  /** A segment that was made or found. */
  void known(StraceLine line) {
    Long bytes = line.args().size() > 1 ? Symbols.number(line.args().get(1)) : null;
    Long id = line.number();
    if (id != null && bytes != null && bytes > 0) {
      bytesBySegment.put(id, bytes);
    }
  }

  /** What an shmat or shmdt that worked comes to; null if the segment's size is not known. */
  @Nullable Call call(StraceLine line) {
    List<String> args = line.args();
    Long first = args.isEmpty() ? null : Symbols.value(args.getFirst());
    Long result = line.number();
    if (first == null || result == null) {
      return null;
    }
    if (line.name().equals("shmdt")) {
      Long bytes = bytesByAddress.get(first);
      return bytes == null
          ? null
          : new Call(CallName.MUNMAP, List.of(first, bytes), -1, 0, new Answer.Value(0, false));
    }
    Long bytes = bytesBySegment.get(first);
    Long at = args.size() < 3 ? null : Symbols.value(args.get(1));
    if (bytes == null || at == null) {
      return null;
    }
    long flags = flags(args.get(2));
    long prot =
        Uapi.PROT_READ
            | ((flags & 0x1000) != 0 ? 0 : Uapi.PROT_WRITE)
            | ((flags & 0x8000) != 0 ? Uapi.PROT_EXEC : 0);
    long address = (flags & 0x2000) != 0 ? at & -Pages.PAGE_SIZE : at;
    long map = Uapi.MAP_SHARED | (address == 0 ? 0 : Uapi.MAP_FIXED);
    bytesByAddress.put(result, (bytes + Pages.PAGE_SIZE - 1) & -Pages.PAGE_SIZE);
    return new Call(
        CallName.MMAP,
        List.of(address, bytes, prot, map, 0L, 0L),
        first,
        bytes,
        new Answer.Value(result, true));
  }

  private static long flags(String text) {
    long flags = 0;
    for (String part : text.split("\\|", -1)) {
      Long named = FLAGS.get(part.strip());
      Long number = named == null ? Symbols.number(part.strip()) : named;
      flags |= number == null ? 0 : number;
    }
    return flags;
  }
}
