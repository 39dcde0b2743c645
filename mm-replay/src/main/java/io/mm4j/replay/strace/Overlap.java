// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.Uapi;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import java.util.ArrayList;
import java.util.List;

/**
 * Calls on one address space that ran at the same time, in an order that their addresses allow. A
 * log shows when a call began and when it was back, not when it was made.
 *
 * <ul>
 *   <li>A range that a call names was known to its caller before a mapping that began later, or was
 *       not back yet, was placed there: so it was freed first.
 *   <li>Of two mappings that the kernel placed, the one that the search meets first was made first:
 *       the higher one where the search goes down, else the lower one.
 *   <li>A mapping that lies behind a range being unmapped, as the search goes, and would have
 *       fitted into it, or lies directly behind it, was placed while that range was still taken.
 * </ul>
 *
 * What is left open is made in the order in which the calls came back.
 */
final class Overlap {
  /**
   * Mappings from this size on may be placed at its multiples ({@code thp_get_unmapped_area()}).
   */
  private static final long HUGE_BYTES = 2 << 20;

  /** More at once are made in the order in which they came back. */
  private static final int MOST = 64;

  /**
   * A call that is back.
   *
   * @param began the line where it began
   * @param ended the line where it was back
   * @param number its line for messages
   * @param text the call as text
   */
  record Done(
      long began,
      long ended,
      int process,
      CallName name,
      List<Long> args,
      @org.jspecify.annotations.Nullable String open,
      Answer answer,
      long number,
      String text) {}

  private Overlap() {}

  /** The calls in the order in which they are to be made. */
  static List<Done> ordered(List<Done> calls, boolean topDown) {
    List<Done> rest = new ArrayList<>(calls);
    rest.sort((a, b) -> Long.compare(a.ended(), b.ended()));
    if (rest.size() < 2 || rest.size() > MOST) {
      return rest;
    }
    List<Done> order = new ArrayList<>();
    while (!rest.isEmpty()) {
      Done next = rest.getFirst();
      for (Done candidate : rest) {
        boolean free = true;
        for (Done other : rest) {
          free &= !before(other, candidate, topDown);
        }
        if (free) {
          next = candidate;
          break;
        }
      }
      rest.remove(next);
      order.add(next);
    }
    return order;
  }

  /** Whether one call must have been made before the other. */
  private static boolean before(Done a, Done b, boolean topDown) {
    if (a.ended == b.ended) {
      return false; // the same call
    }
    if (a.ended < b.began) {
      return true;
    }
    if (b.ended < a.began) {
      return false;
    }
    boolean placedA = placed(a);
    boolean placedB = placed(b);
    if (placedB && named(a) && meets(a.args.get(0), a.args.get(1), b)) {
      return true;
    }
    if (placedA && b.name == CallName.MUNMAP && named(b) && passedBy(a, b, topDown)) {
      return true;
    }
    if (placedA && placedB) {
      long atA = ((Answer.Value) a.answer).value();
      long atB = ((Answer.Value) b.answer).value();
      return topDown ? Long.compareUnsigned(atA, atB) > 0 : Long.compareUnsigned(atA, atB) < 0;
    }
    return false;
  }

  /** Whether the kernel chose where the mapping lies. */
  private static boolean placed(Done call) {
    if (!(call.answer instanceof Answer.Value made)) {
      return false;
    }
    return switch (call.name) {
      case MMAP -> (call.args.get(3) & (Uapi.MAP_FIXED | Uapi.MAP_FIXED_NOREPLACE)) == 0;
      case MREMAP ->
          (call.args.get(3) & Uapi.MREMAP_FIXED) == 0 && made.value() != call.args.get(0);
      default -> false;
    };
  }

  /** Whether the call names a range that it works on. */
  private static boolean named(Done call) {
    return switch (call.name) {
      case MUNMAP, MPROTECT, MSYNC, MREMAP, MADVISE, MLOCK, MUNLOCK, MLOCK2, MSEAL, MINCORE ->
          call.answer instanceof Answer.Value;
      default -> false;
    };
  }

  /** Whether the search for a's place would have ended in the range that b unmaps. */
  private static boolean passedBy(Done a, Done b, boolean topDown) {
    boolean asked = a.name == CallName.MMAP && a.args.get(0) != 0; // for a place of its own
    if (asked || (a.name == CallName.MMAP && (a.args.get(3) & Uapi.MAP_32BIT) != 0)) {
      return false;
    }
    long at = ((Answer.Value) a.answer).value();
    long size = size(a);
    long start = b.args.get(0);
    long bytes = b.args.get(1);
    boolean small = Long.compareUnsigned(size, HUGE_BYTES) < 0;
    long distance = topDown ? start - (at + size) : at - (start + bytes);
    boolean fits = Long.compareUnsigned(bytes, small ? size : size + HUGE_BYTES) >= 0;
    boolean moves = small || Long.compareUnsigned(bytes, HUGE_BYTES) >= 0;
    return distance >= 0 && (fits || (distance == 0 && moves));
  }

  /** Bytes of a mapping in whole pages. */
  private static long size(Done placement) {
    return placement.args.get(placement.name == CallName.MREMAP ? 2 : 1) + 4095 & -4096;
  }

  private static boolean meets(long start, long bytes, Done placement) {
    long at = ((Answer.Value) placement.answer).value();
    long size = size(placement);
    return Long.compareUnsigned(start, at + size) < 0
        && Long.compareUnsigned(at, start + bytes) < 0;
  }
}
