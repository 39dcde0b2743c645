// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageState;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * One call about holding a block, on a {@code mem_map} of any machine and on the model of it: both
 * answer the same, or both refuse.
 */
record HoldStep(Kind kind, int machine, long where, int order, long value)
    implements Operation<MachineSubject> {
  private static final int PLACES = 3;
  private static final int TAILS_AT_ONCE = 4;
  private static final int[] FREEZES = {-1, 0, 0, 1};
  private static final FrameOwner[] OWNERS = {
    FrameOwner.ANON, FrameOwner.FILE, FrameOwner.SWAP_CACHE, FrameOwner.HUGETLB, FrameOwner.SLAB
  };

  /** The calls. */
  enum Kind {
    /** The block comes from the page allocator. */
    HAND_OUT,
    HOLD,
    DROP,
    GET,
    TRY_GET,
    PUT,
    FREEZE,
    UNFREEZE,
    MANY,
    MAP,
    MAP_ALL,
    /** Some tails are mapped, and most of them no longer. */
    TAILS,
    ROW,
    FLAGS,
    LIST,
    MOVE,
    SPLIT,
    PLAIN
  }

  /** A list of calls that meet at a few places, with blocks of a few orders. */
  static List<Operation<MachineSubject>> list(
      Seeded random, int count, int[] orders, Kind... kinds) {
    long[] places = new long[PLACES];
    int[] sizes = new int[PLACES];
    Arrays.setAll(places, i -> random.next());
    Arrays.setAll(sizes, i -> orders[random.below(orders.length)]);
    List<Operation<MachineSubject>> list = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int place = random.below(PLACES);
      int order = random.oneIn(12) ? orders[random.below(orders.length)] : sizes[place];
      Kind kind = i < PLACES ? Kind.HAND_OUT : kinds[random.below(kinds.length)];
      list.add(
          new HoldStep(
              kind,
              random.below(2),
              places[i < PLACES ? i : place],
              i < PLACES ? sizes[i] : order,
              random.next()));
    }
    return list;
  }

  @Override
  public void apply(MachineSubject s) {
    if (s.benches().isEmpty()) {
      return;
    }
    Bench bench = s.benches().get(machine % s.benches().size());
    long pfn = bench.pick(where);
    int fits = bench.fitting(pfn, order);
    long first = Bench.first(pfn, fits);
    if (s.telling()) {
      s.tell("frame " + first + " order " + fits);
    }
    String seen = outcome(bench.map, first, fits);
    String expected = outcome(bench.model, first, fits);
    check(
        seen.equals(expected),
        String.format("%s of frame %d order %d: %s", kind, first, fits, expected),
        seen);
    bench.compareSome(first, fits);
  }

  /** What a call answers; it is the same again where it changes nothing. */
  private String outcome(MemMap map, long pfn, int size) {
    try {
      return String.valueOf(call(map, pfn, size));
    } catch (MisuseException e) {
      return "refused";
    }
  }

  private Object call(MemMap map, long pfn, int size) {
    FrameOwner owner = OWNERS[(int) (value >>> 8 & 0xff) % OWNERS.length];
    int flags = (int) (value >>> 20) & 0x3fff;
    // A tail now and then, where a call is about a frame and not about a block.
    long frame = (value & 3) == 0 ? pfn + (value >>> 30 & (1L << size) - 1) : pfn;
    switch (kind) {
      case HAND_OUT -> {
        map.release(pfn, size, FrameOwner.PCP);
        map.prepare(pfn, size, FrameOwner.KERNEL);
      }
      case HOLD -> {
        long mapping = (value & 12) == 0 ? 0 : value;
        map.hold((value & 31) == 0 ? frame : pfn, size, owner, flags, mapping, value >>> 7);
      }
      case DROP -> {
        return map.drop((value & 31) == 0 ? frame : pfn, size);
      }
      case GET -> map.get(frame);
      case TRY_GET -> {
        return map.tryGet(frame);
      }
      case PUT -> {
        return map.putUnlessLast(frame);
      }
      case FREEZE -> {
        return map.freeze(pfn, map.refcount(pfn) + FREEZES[(int) (value >>> 12 & 3)]);
      }
      case UNFREEZE -> map.unfreeze(pfn, (int) (value >>> 12 & 3));
      case MANY -> map.setRefcount(pfn, PageState.MAX_REFCOUNT - (int) (value >>> 12 & 1));
      case MAP -> {
        return map.addMapcount(frame, change());
      }
      case MAP_ALL -> {
        return map.addEntireMapcount(pfn, change());
      }
      case TAILS -> tails(map, pfn, size);
      case ROW -> row(map, frame);
      case FLAGS -> map.setFlags(frame, flags);
      case LIST -> map.setLru(frame, (value & 4) == 0 ? -1 : pfn, (value & 8) == 0 ? -1 : frame);
      case MOVE -> move(map, frame, pfn ^ 1L << size);
      case SPLIT -> {
        long count = map.refcount(pfn);
        boolean frozen = (value & 7) != 0 && count > 0 && map.freeze(pfn, (int) count);
        try {
          map.splitFolio(pfn, size, (int) (value >>> 12 & 15) % (size + 1));
        } finally {
          if (frozen && map.refcount(pfn) == 0) {
            map.unfreeze(pfn, (int) count);
          }
        }
      }
      case PLAIN -> {
        return plain(map, pfn);
      }
    }
    return "done";
  }

  private void tails(MemMap map, long pfn, int size) {
    for (int i = 0; size > 0 && i < TAILS_AT_ONCE; i++) {
      long tail = pfn + 1 + (value >>> (3 * i + 8)) % ((1L << size) - 1);
      int _ = map.addMapcount(tail, 1);
      if ((value >>> (16 + 2 * i) & 3) != 0) {
        int _ = map.addMapcount(tail, -1);
      }
    }
  }

  private int change() {
    return switch ((int) (value >>> 12 & 7)) {
      case 0, 1, 2 -> 1;
      case 3, 4, 5 -> -1;
      case 6 -> 7;
      default -> Integer.MAX_VALUE;
    };
  }

  private void row(MemMap map, long frame) {
    long wide = (value & 8) == 0 ? 0 : value;
    switch ((int) (value >>> 12 & 3)) {
      case 0 -> map.setMapping(frame, wide);
      case 1 -> map.setIndex(frame, wide);
      case 2 -> map.setPrivateData(frame, wide);
      default -> map.setMapcount(frame, (value & 8) == 0 ? 0 : 3);
    }
  }

  private static void move(MemMap map, long source, long destination) {
    if (destination < map.endPfn() && map.order(source) == 0 && map.order(destination) == 0) {
      map.move(destination, source);
      map.setLru(source, -1, -1); // whether the links stay is the plugin's choice
    }
  }

  /**
   * A single page with one reference that is not held, as it is after a drop, is released in the
   * short way; a map that has none says no to all.
   */
  private static boolean plain(MemMap map, long pfn) {
    boolean bare = !map.isHeld(pfn) && map.refcount(pfn) == 1 && map.order(pfn) == 0;
    boolean done = bare && map.releasePlain(pfn, FrameOwner.PCP);
    if (done) {
      map.prepare(pfn, 0, FrameOwner.KERNEL);
    }
    return bare == done;
  }

  @Override
  public List<HoldStep> simpler() {
    return order == 0 ? List.of() : List.of(new HoldStep(kind, machine, where, order - 1, value));
  }

  @Override
  public String toString() {
    return String.format(
        "%s machine %d (0x%x, %d, 0x%x)",
        kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), machine, where, order, value);
  }
}
