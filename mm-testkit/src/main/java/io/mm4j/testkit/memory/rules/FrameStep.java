// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** One call on a {@code mem_map} of any machine and on the model of it. */
record FrameStep(Kind kind, int machine, long where, int order, long value)
    implements Operation<MachineSubject> {
  private static final int[] COUNTS = {0, 1, 1, 2, 3, 255, 1 << 16, Integer.MAX_VALUE - 1};
  private static final int FLAG_BITS = 14;
  private static final int PLACES = 5;

  /** The calls. */
  enum Kind {
    OWNER,
    OWNERS,
    INIT_OWNERS,
    FLAGS,
    REFCOUNT,
    GET,
    PUT_UNLESS_LAST,
    MAPCOUNT,
    ORDER,
    PRIVATE,
    MAPPING,
    INDEX,
    LRU,
    PREPARE,
    RELEASE,
    RELEASE_PLAIN,
    MOVE,
    SAME_UNTIL
  }

  /** A list of calls; most of them meet at a few places. */
  static List<Operation<MachineSubject>> list(Seeded random, int count, Kind... kinds) {
    long[] places = new long[PLACES];
    Arrays.setAll(places, i -> random.next());
    List<Operation<MachineSubject>> list = new ArrayList<>();
    for (int i = 0; i < count && kinds.length > 0; i++) {
      Kind kind = kinds[random.below(kinds.length)];
      long where = random.oneIn(4) ? random.next() : places[random.below(PLACES)];
      long value = random.oneIn(4) ? places[random.below(PLACES)] : random.next();
      int order = random.oneIn(3) ? random.below(Pages.MAX_PAGE_ORDER + 1) : random.order(4);
      list.add(new FrameStep(kind, random.below(2), where, order, value));
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
    if (s.telling()) {
      s.tell("frame " + pfn + " order " + fits);
    }
    switch (kind) {
      case INIT_OWNERS -> initOwners(bench, pfn);
      case RELEASE_PLAIN -> releasePlain(bench, pfn);
      case PUT_UNLESS_LAST -> putUnlessLast(bench, pfn);
      case MOVE -> move(bench, pfn);
      case GET -> get(bench, pfn);
      case SAME_UNTIL -> bench.compareSameUntil(pfn);
      default -> {
        set(bench.map, pfn, fits);
        set(bench.model, pfn, fits);
      }
    }
    boolean block = kind == Kind.PREPARE || kind == Kind.RELEASE || kind == Kind.OWNERS;
    bench.compareBlock(pfn, block ? fits : 0);
  }

  private void set(MemMap map, long pfn, int fits) {
    long first = Bench.first(pfn, fits);
    switch (kind) {
      case OWNER -> map.setOwner(pfn, owner());
      case OWNERS -> map.setOwners(first, fits, owner());
      case FLAGS -> map.setFlags(pfn, (int) (value & (1 << FLAG_BITS) - 1));
      case REFCOUNT -> map.setRefcount(pfn, Math.min(count(), PageState.MAX_REFCOUNT - 1));
      case MAPCOUNT -> map.setMapcount(pfn, count());
      case ORDER -> map.setOrder(pfn, order);
      case PRIVATE -> map.setPrivateData(pfn, wide());
      case MAPPING -> map.setMapping(pfn, wide());
      case INDEX -> map.setIndex(pfn, wide());
      case LRU -> map.setLru(pfn, link(map, value), link(map, value >>> 7));
      case PREPARE -> map.prepare(first, fits, owner());
      case RELEASE -> map.release(first, fits, owner());
      default -> throw new IllegalStateException("not a plain write: kind=" + kind);
    }
  }

  private FrameOwner owner() {
    return FrameOwner.of((int) (value >>> 50) % FrameOwner.values().length);
  }

  private int count() {
    return COUNTS[(int) (value >>> 61)];
  }

  /** Any 64 bits, and 0 now and then. */
  private long wide() {
    return (value & 7) == 0 ? 0 : value;
  }

  /** Any frame of the machine, the first and the last ones more often, or none. */
  private static long link(MemMap map, long number) {
    return switch ((int) (number & 7)) {
      case 0, 1 -> -1;
      case 2 -> number >>> 3 & 1;
      case 3 -> map.endPfn() - 1 - (number >>> 3 & 1);
      case 4 -> Math.min(map.endPfn(), 1L << (31 + (number >>> 3 & 3))) - 1;
      default -> (number >>> 3) % map.endPfn();
    };
  }

  /** Only where boot has been: nothing but owners is known of the frames. */
  private void initOwners(Bench bench, long pfn) {
    long end = bench.map.endPfn();
    long pages = 1 + (value >>> 3) % (3L * Pages.PAGES_PER_SECTION);
    long start = (value & 1) == 0 ? pfn : pfn & -(long) Pages.PAGES_PER_SECTION;
    long stop = Math.min(end, start + ((value & 6) == 0 ? 1 + pages % 700 : pages));
    if (!bench.onlyOwners(start, stop)) {
      return;
    }
    bench.map.initOwners(start, stop, owner());
    bench.model.initOwners(start, stop, owner());
    for (long at : new long[] {start - 1, start, (start + stop) / 2, stop - 1, stop}) {
      if (at >= 0 && at < end) {
        bench.compare(at);
      }
    }
    bench.comparePoints();
  }

  private void putUnlessLast(Bench bench, long pfn) {
    boolean seen = bench.map.putUnlessLast(pfn);
    boolean expected = bench.model.putUnlessLast(pfn);
    check(seen == expected, "putUnlessLast(" + pfn + ") = " + expected, "" + seen);
  }

  /** Refused where there is none to add one to, and where there are as many as there can be. */
  private static void get(Bench bench, long pfn) {
    check(
        gets(bench.map, pfn) == gets(bench.model, pfn),
        "get(" + pfn + ") accepted or refused as with " + bench.model.refcount(pfn),
        "refcount " + bench.map.refcount(pfn));
  }

  private static boolean gets(MemMap map, long pfn) {
    try {
      map.get(pfn);
      return true;
    } catch (MisuseException e) {
      return false;
    }
  }

  private void releasePlain(Bench bench, long pfn) {
    MemMap model = bench.model;
    boolean plain =
        model.refcount(pfn) == 1
            && model.order(pfn) == 0
            && model.mapcount(pfn) == 0
            && model.privateData(pfn) == 0
            && model.mapping(pfn) == 0
            && model.index(pfn) == 0;
    boolean seen = bench.map.releasePlain(pfn, owner());
    check(plain || !seen, "releasePlain(" + pfn + ") = false", "true");
    if (seen) {
      model.release(pfn, 0, owner());
    }
  }

  private void move(Bench bench, long source) {
    long destination = bench.pick(value);
    if (source == destination
        || bench.model.order(source) != 0
        || bench.model.order(destination) != 0) {
      return;
    }
    long next = bench.model.lruNext(source);
    long prev = bench.model.lruPrev(source);
    bench.map.move(destination, source);
    bench.model.move(destination, source);
    if (bench.map.lruNext(source) == next && bench.map.lruPrev(source) == prev) {
      bench.model.setLru(source, next, prev); // they may stay
    }
    bench.compareBlock(destination, 0);
  }

  @Override
  public List<FrameStep> simpler() {
    return order == 0 ? List.of() : List.of(new FrameStep(kind, machine, where, order - 1, value));
  }

  @Override
  public String toString() {
    return String.format(
        "%s machine %d (0x%x, %d, 0x%x)",
        kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), machine, where, order, value);
  }
}
