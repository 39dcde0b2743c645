// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ReclaimRequest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One of two machines that do the same, with a reclaimer above it. */
final class Side implements AutoCloseable {
  final Machine machine;
  final PageAllocator pages;
  final MemMap map;
  final Recorder recorder = new Recorder();

  /** What the reclaimer can give up. */
  final Deque<Twins.Held> reclaimable = new ArrayDeque<>();

  /** Where blocks are that were moved since the last call, by where they were before it. */
  private final Map<Long, Long> moved = new LinkedHashMap<>();

  /** The same the other way round: a block may move again, even to where another one was. */
  private final Map<Long, Long> origins = new HashMap<>();

  /** What the last resort can give up, and how many blocks of it at once. */
  final Deque<Twins.Held> killable = new ArrayDeque<>();

  private int killedAtOnce;
  private final List<String> asked = new ArrayList<>();

  Side(Machine machine) {
    this.machine = machine;
    pages = machine.pages();
    map = machine.memory().memMap();
    machine.pressure().register(this::reclaim);
    machine.pressure().register(FrameOwner.ANON, this::migrate);
  }

  /** Blocks of processes can be moved; every seventh is in use just now. */
  private boolean migrate(Cpu cpu, long source, long destination, int order) {
    if (moved.isEmpty()) {
      asked.add("to move, with free pages " + free());
    }
    if ((source >> order) % 7 == 0) {
      return false;
    }
    map.move(destination, source, order);
    Long known = origins.remove(source);
    long origin = known == null ? source : known;
    moved.put(origin, destination);
    origins.put(destination, origin);
    return true;
  }

  /** Free pages of each zone, and those in whole pageblocks. */
  private List<String> free() {
    return pages.stats().map(PageStats::zones).orElse(List.of()).stream()
        .map(z -> z.free() + "/" + z.freeBlockPages())
        .toList();
  }

  private long reclaim(ReclaimRequest request) {
    asked.add(request.toString());
    if (asked.size() % 3 == 2) {
      // Who reclaims may need memory for it.
      long pfn = pages.allocPages(request.cpu(), Gfp.GFP_NOWAIT, asked.size() % 2);
      if (pfn != PageAllocator.NO_PAGE) {
        pages.freePages(request.cpu(), pfn, asked.size() % 2);
      }
    }
    long freed = 0;
    while (freed < request.pages() && !reclaimable.isEmpty()) {
      Twins.Held block = takeOut(reclaimable.removeFirst());
      pages.freePages(request.cpu(), block.pfn(), block.order());
      freed += 1L << block.order();
    }
    return freed;
  }

  /** A block, wherever it was moved to. */
  Twins.Held now(Twins.Held block) {
    return new Twins.Held(moved.getOrDefault(block.pfn(), block.pfn()), block.order());
  }

  /** The same of one that is given up: who moves to its place is another one. */
  private Twins.Held takeOut(Twins.Held block) {
    Twins.Held place = now(block);
    if (origins.remove(place.pfn()) != null) {
      moved.remove(block.pfn());
    }
    return place;
  }

  /** What is left after a range: reclaim and the last resort know where their blocks are. */
  Map<Long, Long> takeMoved() {
    follow(reclaimable);
    follow(killable);
    Map<Long, Long> all = Map.copyOf(moved);
    moved.clear();
    origins.clear();
    return all;
  }

  private void follow(Deque<Twins.Held> blocks) {
    List<Twins.Held> places = blocks.stream().map(this::now).toList();
    blocks.clear();
    blocks.addAll(places);
  }

  /** From now on there is a last resort; so many blocks go at once. */
  void mayKill(int blocks) {
    if (killedAtOnce == 0) {
      machine.pressure().registerOom(this::kill);
    }
    killedAtOnce = blocks;
  }

  private boolean kill(ReclaimRequest request) {
    asked.add("last resort: " + request);
    boolean some = !killable.isEmpty();
    for (int i = 0; i < killedAtOnce && !killable.isEmpty(); i++) {
      Twins.Held block = takeOut(killable.removeFirst());
      pages.freePages(request.cpu(), block.pfn(), block.order());
    }
    return some;
  }

  /** Gives a whole pageblock of no reserve another type; -1 if it is none. */
  long retype(long pfn, int type) {
    for (ManagedZone managed : pages.zones()) {
      Zone zone = managed.zone();
      long first = zone.pageblocks().start(pfn);
      boolean whole =
          first >= zone.startPfn() && first + zone.pageblocks().pages() <= zone.endPfn();
      if (whole && zone.pageblocks().get(pfn) < Migratetype.PCPTYPES) {
        return managed.frames().movePageblock(pfn, type);
      }
    }
    return -1;
  }

  Cpu cpu(int number) {
    return machine.cpus().get(number % machine.cpus().count());
  }

  /** The allocator of a CPU. */
  CpuPages on(int number) {
    return pages.on(cpu(number));
  }

  /** What the reclaimer was asked since the last call. */
  List<String> takeAsked() {
    List<String> taken = List.copyOf(asked);
    asked.clear();
    return taken;
  }

  @Override
  public void close() {
    machine.close();
  }
}
