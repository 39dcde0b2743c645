// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.Migrator;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A machine in use whose pages can be moved, and what a range must leave behind. */
final class RangeCase implements Migrator {
  final DrawnSubject s;
  final Seeded random;
  final Cpu cpu;
  final MemMap map;
  final Set<Long> movable = new HashSet<>();
  final List<Long> fixed = new ArrayList<>();
  final Map<Long, Integer> blocks = new HashMap<>();

  /** Where each move went. */
  final List<Long> destinations = new ArrayList<>();

  /** Done in the middle of the next move. */
  Runnable meanwhile = () -> {};

  RangeCase(DrawnSubject s, Seeded random) {
    this.s = s;
    this.random = random;
    this.cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    this.map = s.machine.memory().memMap();
    s.machine.pressure().register(FrameOwner.ANON, this);
  }

  /** Takes some pages that can move, here and there. */
  void use(int count) {
    List<Long> all = new ArrayList<>();
    for (int i = 0; i < count * 3; i++) {
      long pfn = s.pages.allocPages(cpu, Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_NORETRY, 0);
      if (pfn >= 0) {
        all.add(pfn);
      }
    }
    for (long pfn : all) {
      if (random.oneIn(3)) {
        holdMovable(pfn);
      } else {
        s.pages.freePages(s.machine.cpus().get(random.below(s.drawn.cpus())), pfn, 0);
      }
    }
  }

  /** A page that can move from now on, as its owner holds it. */
  void holdMovable(long pfn) {
    map.hold(pfn, 0, FrameOwner.ANON, 0, 0, 7 * pfn);
    movable.add(pfn);
  }

  @Override
  public boolean migrate(Cpu who, long source, long destination, int order) {
    if (order > 0) {
      // Only single pages here.
      checkEqual(map.order(source), order, "order of a block that is to move");
      return false;
    }
    check(movable.remove(source), "only pages moved that their owner holds", "frame " + source);
    check(
        map.owner(source) == FrameOwner.ANON && map.order(source) == 0,
        "only single pages moved",
        "frame " + source);
    Runnable now = meanwhile;
    meanwhile = () -> {};
    now.run();
    map.move(destination, source);
    movable.add(destination);
    destinations.add(destination);
    return true;
  }

  /** Gives pageblocks of a zone other types, as a long life would. */
  void mix() {
    for (var managed : s.pages.zones()) {
      Zone zone = managed.zone();
      long first = (zone.startPfn() + 511) & -512;
      for (long pfn = first; pfn + 512 <= zone.endPfn(); pfn += 512) {
        if (random.oneIn(3)) {
          managed.frames().movePageblock(pfn, random.below(Migratetype.PCPTYPES));
        }
      }
    }
  }

  /** The types of the pageblocks that a range touches. */
  List<Integer> types(long start, long end) {
    List<Integer> types = new ArrayList<>();
    for (Zone zone : s.drawn.layout().zones()) {
      for (long pfn = zone.startPfn(); pfn < zone.endPfn(); pfn = (pfn | 511) + 1) {
        // Others may be claimed for what is moved.
        boolean touched = (pfn >> 9) >= (start >> 9) && (pfn >> 9) <= ((end - 1) >> 9);
        if (touched) {
          types.add(zone.pageblocks().get(pfn));
        }
      }
    }
    return types;
  }

  long free() {
    s.pages.drainAllPages(cpu);
    return s.pages.freePages() + s.pages.pcpPages();
  }

  /** Takes a range that can be had; checks every frame and what is left. */
  void take(long start, long end, int gfp) {
    List<Integer> types = types(start, end);
    long free = free();
    check(s.pages.allocContigRange(cpu, start, end, gfp), "the range " + start + "-" + end, "no");
    taken(start, end);
    check(types.equals(types(start, end)), "pageblocks of " + types, "" + types(start, end));
    checkEqual(free - (end - start), free(), "free pages after the range");
    for (long pfn : movable) {
      check(pfn < start || pfn >= end, "no moved page in the range", "frame " + pfn);
    }
    checkLists();
  }

  /** Every free block is on a list of its pageblock's type. */
  private void checkLists() {
    for (var managed : s.pages.zones()) {
      managed
          .frames()
          .forEachFree(
              (pfn, order, type) -> {
                if (order <= Pages.PAGEBLOCK_ORDER) {
                  checkEqual(managed.zone().pageblocks().get(pfn), type, "list of block " + pfn);
                }
              });
    }
  }

  private void taken(long start, long end) {
    for (long pfn = start; pfn < end; pfn++) {
      boolean good =
          map.refcount(pfn) == 1 && map.owner(pfn) == FrameOwner.KERNEL && map.order(pfn) == 0;
      check(
          good,
          "frame " + pfn + " for KERNEL, single, with one reference",
          map.owner(pfn) + " " + map.order(pfn) + " " + map.refcount(pfn));
    }
  }

  /** A range that must be refused, and nothing changes hands. */
  void refused(long start, long end) {
    List<Integer> types = types(start, end);
    long free = free();
    check(
        !s.pages.allocContigRange(cpu, start, end, Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE),
        "the range " + start + "-" + end + " refused",
        "given");
    check(types.equals(types(start, end)), "pageblocks of " + types, "" + types(start, end));
    checkEqual(free, free(), "free pages after a refused range");
    checkLists();
    for (long pfn : movable) {
      check(
          map.refcount(pfn) == 1 && map.owner(pfn) == FrameOwner.ANON,
          "page " + pfn + " still its owner's",
          map.owner(pfn) + " " + map.refcount(pfn));
    }
  }
}
