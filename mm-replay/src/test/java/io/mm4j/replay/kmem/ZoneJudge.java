// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FreeCounts;
import io.mm4j.replay.kmem.RecordedZoneinfo.ZoneFigures;
import io.mm4j.testkit.pages.model.AllocFlag;
import io.mm4j.testkit.pages.model.AllocFlags;
import io.mm4j.testkit.pages.model.AllocFlagsOf;
import io.mm4j.testkit.pages.model.Fallback;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.model.PcpTuning;
import io.mm4j.testkit.pages.model.Watermark;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Lets the model decide which zone serves each recorded request: the first one of the zonelist
 * whose watermark is kept, and that has a block without mixing migratetypes as long as the request
 * avoids that.
 *
 * <p>Not determined, and only counted, is a request that several zones can have served: because one
 * was near its mark, or because its own lists were empty and a page of a per-cpu list, which nobody
 * recorded, can have served; a request that took blocks first has found those empty.
 */
class ZoneJudge {
  private static final Set<ZoneType> KINDS = Set.copyOf(Marks.KINDS_64);

  /** Nobody has memory of this kind. */
  private static final ZoneType NONE = ZoneType.DEVICE;

  private final KmemSource source;
  private final RecordedZones zones;
  private final TypedBlocks blocks;
  private final NodeOrder order;
  private final Map<ZoneType, TrackedZone> poorest = new EnumMap<>(ZoneType.class);
  private final Map<ZoneType, TrackedZone> richest = new EnumMap<>(ZoneType.class);
  private final Map<Integer, FrozenCounts> refills = new HashMap<>();
  private final Map<String, Long> judged = new TreeMap<>();
  private long undetermined;
  private long differ;
  private @Nullable String first;

  ZoneJudge(KmemSource source, Marks marks, RecordedZoneinfo recorded) {
    this.source = source;
    zones = RecordedZones.read(source);
    blocks = TrackedCounts.atStart(source, zones);
    List<Zone> list = new ArrayList<>(zones.layout().zones());
    order = new NodeOrder(Marks.KINDS_64, list, List.of(List.of(10)));
    for (ZoneFigures zone : recorded.zones()) {
      int index = zones.indexOf(zone.nodeId(), zone.type().procName());
      Marks.Numbers numbers = marks.of(zone.size());
      int boost = recorded.sysctl("watermark_boost_factor");
      poorest.put(zone.type(), new TrackedZone(zones, blocks, index, numbers, boost, -1));
      richest.put(zone.type(), new TrackedZone(zones, blocks, index, numbers, boost, 1));
    }
  }

  /** Judges every request of the recording. */
  ZoneJudge run() {
    FreeRange range = new FreeRange(zones, blocks);
    TypedTrace trace = new TypedTrace(zones, blocks, new TypedTrace.Judge() {});
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        before(event);
        trace.apply(event);
        if (event.op() == 'a' && event.pfn() >= 0) {
          poorest.values().forEach(zone -> zone.at(range, event.cpu()));
          richest.values().forEach(zone -> zone.at(range, event.cpu()));
          judge(event);
        }
        if (isRequestOrFree(event.op())) {
          refills.remove(event.cpu());
        }
        range.apply(event);
      }
    }
    return this;
  }

  private static boolean isRequestOrFree(int op) {
    return op == 'a' || op == 'f' || op == 'g';
  }

  /** A request whose CPU takes blocks first has found the per-cpu lists empty. */
  private void before(TraceReader event) {
    if ((event.op() == 'z' || event.op() == 'E') && !refills.containsKey(event.cpu())) {
      refills.put(event.cpu(), new FrozenCounts(zones, blocks));
    }
  }

  private void judge(TraceReader event) {
    Set<ZoneType> model = decide(event.gfp(), event.order(), refills.get(event.cpu()));
    ZoneType kernel = zones.list().get(event.zone()).type();
    if (model.size() != 1) {
      undetermined++;
      return;
    }
    judged.merge(kernel.procName(), 1L, Long::sum);
    if (!model.contains(kernel)) {
      differ++;
      if (first == null) {
        first = "line " + event.line() + " '" + event.text() + "': the model asks " + model;
      }
    }
  }

  /** The zones that can have served; {@link #NONE} stands for what comes after the slow path. */
  private Set<ZoneType> decide(int gfp, int order, @Nullable FrozenCounts refilled) {
    List<Zone> list = zonelist(gfp);
    boolean avoids = AllocFlagsOf.avoidsMixing(false, list.getFirst().type(), KINDS, 1, true);
    AllocFlags flags = AllocFlagsOf.first(gfp, avoids);
    Set<ZoneType> found = EnumSet.of(NONE);
    walk(list, gfp, order, flags, refilled, found);
    if (avoids) {
      walk(list, gfp, order, flags.without(AllocFlag.NO_FRAGMENT), refilled, found);
    }
    walk(list, gfp, order, AllocFlagsOf.slow(gfp, order, false), refilled, found);
    return found;
  }

  /** The zones that a request asks, in order. */
  List<Zone> zonelist(int gfp) {
    return order.zones(gfp, 0);
  }

  /** Adds the zones that can serve, and takes NONE away as soon as one certainly does. */
  private void walk(
      List<Zone> list,
      int gfp,
      int order,
      AllocFlags flags,
      @Nullable FrozenCounts refilled,
      Set<ZoneType> found) {
    if (!found.contains(NONE)) {
      return;
    }
    ZoneType highest = AllocFlagsOf.highestZone(gfp, KINDS);
    for (Zone zone : list) {
      TrackedZone poor = Objects.requireNonNull(poorest.get(zone.type()));
      TrackedZone rich = Objects.requireNonNull(richest.get(zone.type()));
      if (!keepsMark(rich, order, flags, highest)) {
        continue;
      }
      boolean has =
          hasBlock(refilled == null ? poor.blocks() : refilled.of(poor.index()), gfp, order, flags);
      if (has || (refilled == null && PcpTuning.allowed(order))) {
        found.add(zone.type());
      }
      if (has && keepsMark(poor, order, flags, highest)) {
        found.remove(NONE);
        return;
      }
    }
  }

  /** Whether the zone keeps the watermark of this walk. */
  boolean keepsMark(TrackedZone zone, int order, AllocFlags flags, ZoneType highest) {
    return Watermark.fast(zone, order, flags, highest);
  }

  private static boolean hasBlock(FreeCounts blocks, int gfp, int order, AllocFlags flags) {
    int type = AllocFlagsOf.migratetype(gfp);
    boolean avoids = flags.has(AllocFlag.NO_FRAGMENT);
    return Fallback.own(blocks, order, type) != null
        || !Fallback.claims(blocks, order, type, avoids).isEmpty()
        || (!avoids && Fallback.steal(blocks, order, type) != null);
  }

  Map<String, Long> judged() {
    return judged;
  }

  long undetermined() {
    return undetermined;
  }

  long differ() {
    return differ;
  }

  @Nullable String first() {
    return first;
  }
}
