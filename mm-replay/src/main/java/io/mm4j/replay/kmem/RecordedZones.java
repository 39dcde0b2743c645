// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.List;

/**
 * The zones of the recorded machine, in the order of their frames, as {@code snap/zoneinfo.before}
 * gives them. Zones are known by their index here.
 */
public final class RecordedZones {
  static final String FILE = "snap/zoneinfo.before";

  /**
   * One zone.
   *
   * @param nodeId its node
   * @param type its kind
   * @param startPfn the first frame
   * @param endPfn one past the last frame
   * @param presentPages frames with memory behind them
   * @param managedPages frames that the page allocator was given
   */
  public record RecordedZone(
      int nodeId, ZoneType type, long startPfn, long endPfn, long presentPages, long managedPages) {

    @Override
    public String toString() {
      return "Node " + nodeId + ", zone " + type.procName();
    }
  }

  private final List<RecordedZone> zones;
  private final long[] starts;
  private final long[] ends;
  private final int cpus;

  private RecordedZones(List<RecordedZone> zones, int cpus) {
    this.zones = List.copyOf(zones);
    this.starts = zones.stream().mapToLong(RecordedZone::startPfn).toArray();
    this.ends = zones.stream().mapToLong(RecordedZone::endPfn).toArray();
    this.cpus = cpus;
  }

  /** Reads {@code /proc/zoneinfo}. */
  static RecordedZones read(KmemSource source) {
    List<String> lines = source.lines(FILE);
    if (lines == null) {
      throw new InputException(
          "the file is missing", source.where(FILE), "a copy of /proc/zoneinfo");
    }
    List<RecordedZone> zones = new ArrayList<>();
    Draft draft = null;
    int cpus = 1;
    for (int i = 0; i < lines.size(); i++) {
      String[] words = lines.get(i).strip().split("[ :,]+", -1);
      String where = source.where(FILE) + ":" + (i + 1);
      if (words.length >= 4 && words[0].equals("Node") && words[2].equals("zone")) {
        add(zones, draft);
        ZoneType type = ZoneType.ofProcName(words[3]);
        if (type == null) {
          throw new InputException(
              "unknown zone '" + words[3] + "'", where, "DMA, DMA32, Normal, HighMem, Movable");
        }
        draft = new Draft((int) number(words[1], where), type, where);
      } else if (draft != null && words.length >= 2) {
        switch (words[0]) {
          case "spanned" -> draft.spanned = number(words[1], where);
          case "present" -> draft.present = number(words[1], where);
          case "managed" -> draft.managed = number(words[1], where);
          case "start_pfn" -> draft.start = number(words[1], where);
          case "cpu" -> cpus = (int) Math.max(cpus, number(words[1], where) + 1);
          default -> {
            // a figure that a replay does not need
          }
        }
      }
    }
    add(zones, draft);
    if (zones.isEmpty()) {
      throw new InputException(
          "no zone with memory", source.where(FILE), "a copy of /proc/zoneinfo");
    }
    zones.sort((a, b) -> Long.compare(a.startPfn(), b.startPfn()));
    for (int i = 1; i < zones.size(); i++) {
      if (zones.get(i).startPfn() < zones.get(i - 1).endPfn()) {
        throw new InputException(
            zones.get(i - 1) + " and " + zones.get(i) + " overlap",
            source.where(FILE),
            "zones without a common frame");
      }
    }
    return new RecordedZones(zones, cpus);
  }

  private static final class Draft {
    final int node;
    final ZoneType type;
    final String where;
    long spanned;
    long present;
    long managed;
    long start = -1;

    Draft(int node, ZoneType type, String where) {
      this.node = node;
      this.type = type;
      this.where = where;
    }
  }

  private static void add(List<RecordedZone> zones, @org.jspecify.annotations.Nullable Draft d) {
    if (d == null || d.spanned == 0 || d.present == 0) {
      return;
    }
    if (d.start < 0 || d.start + d.spanned > 1L << 40) {
      throw new InputException(
          d.type.procName() + " has start_pfn " + d.start + " and spans " + d.spanned + " pages",
          d.where,
          "a start_pfn, and frames below 2^40");
    }
    zones.add(new RecordedZone(d.node, d.type, d.start, d.start + d.spanned, d.present, d.managed));
  }

  private static long number(String word, String where) {
    if (word.isEmpty() || word.length() > 15 || !word.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new InputException("'" + word + "' is no number", where, "a decimal number");
    }
    return Long.parseLong(word);
  }

  /** The zones, in the order of their frames. */
  public List<RecordedZone> list() {
    return zones;
  }

  /** How many there are. */
  public int count() {
    return starts.length;
  }

  /** CPUs that have per-cpu lists in the recording. */
  public int cpus() {
    return cpus;
  }

  /** The zone that spans this frame, or -1. O(zones), and there are a handful. */
  int indexOf(long pfn) {
    for (int i = starts.length - 1; i >= 0; i--) {
      if (pfn >= starts[i]) {
        return pfn < ends[i] ? i : -1;
      }
    }
    return -1;
  }

  /** The zone of this node and name, or -1. */
  int indexOf(int nodeId, String procName) {
    for (int i = 0; i < zones.size(); i++) {
      RecordedZone zone = zones.get(i);
      if (zone.nodeId() == nodeId && zone.type().procName().equals(procName)) {
        return i;
      }
    }
    return -1;
  }

  long startPfn(int zone) {
    return starts[zone];
  }

  long endPfn(int zone) {
    return ends[zone];
  }

  /** One past the last frame of all zones. */
  long endPfn() {
    return ends[ends.length - 1];
  }

  /** Whether a block of this order may begin at this frame: aligned, and within its zone. */
  boolean holdsBlock(int zone, long pfn, int order) {
    return (pfn & ((1L << order) - 1)) == 0 && pfn + (1L << order) <= ends[zone];
  }

  /** What an error message says is allowed. */
  String ranges() {
    StringBuilder out = new StringBuilder();
    for (RecordedZone zone : zones) {
      out.append(out.isEmpty() ? "" : ", ").append(zone.type().procName());
      out.append(" [").append(zone.startPfn()).append(',').append(zone.endPfn()).append(')');
    }
    return out.toString();
  }

  /**
   * The layout that a machine boots with to replay this recording. Every zone is one range of
   * usable memory: which of its frames are free is for the recording to say.
   */
  public MemoryLayout layout() {
    List<MemoryMap.Range> ranges = new ArrayList<>();
    int nodes = 1;
    for (RecordedZone zone : zones) {
      ranges.add(
          new MemoryMap.Range(
              zone.startPfn() << Pages.PAGE_SHIFT,
              zone.endPfn() << Pages.PAGE_SHIFT,
              MemoryMap.Type.USABLE));
      nodes = Math.max(nodes, zone.nodeId() + 1);
    }
    List<Node> list = new ArrayList<>();
    for (int id = 0; id < nodes; id++) {
      List<Zone> own = new ArrayList<>();
      List<Integer> distances = new ArrayList<>();
      for (RecordedZone zone : zones) {
        if (zone.nodeId() == id) {
          own.add(
              new Zone(
                  zone.type(),
                  id,
                  zone.startPfn(),
                  zone.endPfn(),
                  zone.presentPages(),
                  zone.managedPages(),
                  Migratetype.MOVABLE));
        }
      }
      for (int other = 0; other < nodes; other++) {
        distances.add(other == id ? 10 : 20);
      }
      list.add(new Node(id, own, distances));
    }
    return new MemoryLayout(new MemoryMap(ranges), list);
  }
}
