// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.faults;

import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.vmalloc.naive.Habit;
import io.mm4j.testkit.vmalloc.naive.NaiveVmallocs;
import java.util.List;
import java.util.Locale;

/** Allocators with one wrong habit each. */
public final class VmallocFaults {
  private VmallocFaults() {}

  private static Fault<VmallocAllocatorProvider> fault(
      Habit habit, String what, String... meantFor) {
    String name = habit.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return new Fault<>(name, what, List.of(meantFor), new NaiveVmallocs(name, habit));
  }

  /** All of them. */
  public static List<Fault<VmallocAllocatorProvider>> all() {
    return List.of(
        fault(Habit.BEST_FIT, "The smallest hole that fits is taken.", "VM-01", "VM-02"),
        fault(Habit.WORST_FIT, "The largest hole is taken.", "VM-02"),
        fault(Habit.HIGH_FIT, "The highest hole is taken.", "VM-02"),
        fault(Habit.NEXT_FIT, "The search goes on behind the last area.", "VM-02", "VM-T01"),
        fault(Habit.NO_MERGE, "Neighbouring holes stay apart.", "VM-07"),
        fault(Habit.NO_GUARD, "The guard page of an area is free.", "VM-01"),
        fault(Habit.EARLY_REUSE, "A freed area is used again before it is purged.", "VM-10"),
        fault(
            Habit.NOT_ALIGNED,
            "Alignment is that of a page.",
            "VM-03",
            "VM-T03",
            "VM-T04",
            "VM-T05"),
        fault(Habit.BEYOND_END, "The end of a window is not looked at.", "VM-04", "VM-06"),
        fault(Habit.FINDS_ALL_BUT_LAST, "The guard page is not found.", "VM-05"),
        fault(Habit.FREES_INSIDE, "Any address of an area frees it.", "VM-08"),
        fault(Habit.LOSES_A_PAGE, "A purged area loses its last page.", "VM-07", "VM-01", "VM-T02"),
        fault(Habit.DUE_TOO_EARLY, "A purge is due one page early.", "VM-10"),
        fault(Habit.LATE_FLUSH, "The flush comes when the areas are free.", "VM-11"),
        fault(Habit.PURGES_ONE_NODE, "A purge takes the areas of one CPU.", "VM-11", "VM-21"),
        fault(Habit.NO_POOL, "Purged areas are free for everybody.", "VM-20", "VM-21"),
        fault(Habit.POOL_FIFO, "A pool hands out what came first.", "VM-20"),
        fault(Habit.POOL_LOWEST, "A pool hands out its lowest area.", "VM-20"),
        fault(Habit.POOL_BY_TIME, "A pool is filled in the order of frees.", "VM-20"),
        fault(Habit.POOL_DESCENDING, "A pool is filled from the top down.", "VM-20"),
        fault(Habit.POOL_BY_ADDRESS, "The address says whose pool it is.", "VM-21"),
        fault(Habit.POOL_OF_FREER, "The CPU that frees has it in its pool.", "VM-21"),
        fault(Habit.POOL_OF_ANY, "A CPU without takes from another one's pool.", "VM-21"),
        fault(Habit.POOL_255, "Pools take up to 255 pages.", "VM-22"),
        fault(Habit.POOL_257, "Pools take up to 257 pages.", "VM-22"),
        fault(Habit.NO_DECAY, "A purge leaves pools as they are.", "VM-23"),
        fault(Habit.HALF_DECAY, "A purge takes half of each pool.", "VM-23"),
        fault(Habit.DECAY_ROUNDED_UP, "A purge takes a quarter, rounded up.", "VM-23"),
        fault(Habit.DECAY_OLDEST, "A purge takes the oldest quarter.", "VM-23"),
        fault(Habit.DECAY_AFTER, "A purge takes the quarter after filling.", "VM-23"),
        fault(Habit.NO_ROTATE, "A misaligned area stays in front of its pool.", "VM-24"),
        fault(Habit.SHRINKS_HALF, "The last CPU's pools are not emptied.", "VM-25"),
        fault(Habit.POOL_FOR_ANY_WINDOW, "Any window takes from a pool.", "VM-26"),
        fault(Habit.RESTORED_BACKWARDS, "A restored pool is upside down.", "VM-09"),
        fault(Habit.TAKES_LAZY, "What waits for a purge is taken exactly.", "VM-13"),
        fault(Habit.HIDES_A_LAZY_ONE, "The area that was freed first is not told.", "VM-12"),
        fault(
            Habit.REMEMBERS_OVER_A_FAILURE,
            "What was allocated before a request that failed can still be undone.",
            "VM-27"),
        fault(
            Habit.CLEARS_ALL_BUT_A_COUNT,
            "clear leaves the count of pages that wait for a purge.",
            "VM-28"),
        new Fault<>(
            "shared-scratch",
            "alloc() keeps its size in a field of all machines and reads it again at once.",
            List.of("VM-29"),
            new SharedVmallocs()),
        fault(Habit.EAGER, "A freed area is free at once.", "VM-10"));
  }
}
