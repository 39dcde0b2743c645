// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.api.vmalloc.VmallocStats;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Areas, holes and pools in sorted maps and lists, as plainly as Linux's rules can be written down.
 * Slow, for one thread.
 */
public class NaiveVmalloc implements VmallocAllocator {
  private static final long PAGE = 4096;
  private static final int PER_CPU_DIGIT = 8192;

  private record Area(long start, long end, int node) {
    long pages() {
      return (end - start) / PAGE;
    }
  }

  private record Pool(int node, long pages) {}

  private final Set<Habit> habits;
  private final long start;
  private final long end;
  private final int nodes;
  private final long lazyMax;
  private final TreeMap<Long, Long> holes = new TreeMap<>();
  private final TreeMap<Long, Area> busy = new TreeMap<>();
  private final List<Area> lazy = new ArrayList<>();
  private final Map<Pool, Deque<Area>> pools =
      new TreeMap<>(Comparator.comparingInt(Pool::node).thenComparingLong(Pool::pages));
  private long lazyPages;
  private long purges;
  private long purgedAreas;
  private long lastEnd;
  private @Nullable Area last;
  private boolean lastFromPool;

  /** With everything free. */
  public NaiveVmalloc(VmallocAllocatorProvider.Floors floors, Set<Habit> habits) {
    this.habits = habits.isEmpty() ? Set.of() : EnumSet.copyOf(habits);
    start = floors.start();
    end = floors.end();
    nodes = floors.is64Bit() ? Math.min(floors.cpus(), 128) : 1;
    lazyMax = (long) Integer.toBinaryString(floors.cpus()).length() * PER_CPU_DIGIT;
    holes.put(floors.start(), floors.top());
  }

  private boolean has(Habit habit) {
    return habits.contains(habit);
  }

  private long poolPages() {
    return has(Habit.NO_POOL) || nodes == 1
        ? 0
        : has(Habit.POOL_255) ? 255 : has(Habit.POOL_257) ? 257 : 256;
  }

  @Override
  public long alloc(Cpu cpu, long bytes, long align, long from, long to) {
    if (bytes <= 0 || bytes % PAGE != 0 || Long.bitCount(align) != 1 || align < 0 || from >= to) {
      throw new MisuseException("no request for an area: bytes=" + bytes + " align=" + align);
    }
    long step = has(Habit.NOT_ALIGNED) ? PAGE : Math.max(PAGE, align);
    boolean whole = (from == start && to == end) || has(Habit.POOL_FOR_ANY_WINDOW);
    int node = whole && nodes > 1 ? cpu.id() % nodes : NO_NODE;
    Area area = whole ? fromPool(node, bytes / PAGE, step) : null;
    lastFromPool = area != null;
    if (area == null) {
      long address = place(bytes, step, from, to);
      if (address == NO_ADDRESS) {
        last = has(Habit.REMEMBERS_OVER_A_FAILURE) ? last : null;
        return NO_ADDRESS;
      }
      long used = has(Habit.NO_GUARD) && bytes > PAGE ? bytes - PAGE : bytes;
      cut(address, address + used);
      lastEnd = address + used;
      area = new Area(address, address + bytes, node);
    }
    busy.put(area.start, area);
    last = area;
    return area.start;
  }

  private @Nullable Area fromPool(int node, long pages, long step) {
    if (pages > poolPages()) {
      return null;
    }
    int from = node;
    if (has(Habit.POOL_OF_ANY) && pool(node, pages).isEmpty()) {
      from = (node + 1) % nodes;
    }
    Deque<Area> pool = pool(from, pages);
    if (pool.isEmpty()) {
      return null;
    }
    Area top =
        has(Habit.POOL_FIFO)
            ? pool.peekLast()
            : has(Habit.POOL_LOWEST)
                ? pool.stream().min(Comparator.comparingLong(Area::start)).orElseThrow()
                : pool.peekFirst();
    boolean fits = top.start % step == 0;
    if (fits || !has(Habit.NO_ROTATE)) {
      pool.remove(top);
    }
    if (fits) {
      return top;
    }
    if (!has(Habit.NO_ROTATE)) {
      pool.addLast(top);
    }
    return null;
  }

  private Deque<Area> pool(int node, long pages) {
    return pools.computeIfAbsent(new Pool(node, pages), p -> new ArrayDeque<>());
  }

  /** The address that a hole gives, or NO_ADDRESS. */
  private long place(long bytes, long step, long from, long to) {
    long best = NO_ADDRESS;
    long bestSize = 0;
    long behind = NO_ADDRESS;
    boolean tight = step <= PAGE || to - from == bytes || has(Habit.ALIGNED_LOWEST);
    for (Map.Entry<Long, Long> hole : holes.entrySet()) {
      long low = Math.max(hole.getKey(), from);
      long high = has(Habit.BEYOND_END) ? hole.getValue() : Math.min(hole.getValue(), to);
      long address = (low + step - 1) & -step;
      boolean fits = low < high && address >= low && high - address >= bytes && address < high;
      if (!fits || (!tight && hole.getValue() - hole.getKey() < bytes + step - 1)) {
        continue;
      }
      long size = hole.getValue() - hole.getKey();
      if (has(Habit.HIGH_FIT)) {
        best = (high - bytes) & -step;
      } else if (best == NO_ADDRESS
          || (has(Habit.BEST_FIT) && size < bestSize)
          || (has(Habit.WORST_FIT) && size > bestSize)) {
        best = address;
        bestSize = size;
      }
      if (has(Habit.NEXT_FIT) && behind == NO_ADDRESS && lastEnd != 0 && address >= lastEnd) {
        behind = address;
      }
    }
    return behind == NO_ADDRESS ? best : behind;
  }

  /** Takes a range out of the holes; returns how many bytes of it were in some. */
  private long cut(long from, long to) {
    long known = 0;
    Map.Entry<Long, Long> hole = holes.floorEntry(to - 1);
    while (hole != null && hole.getValue() > from) {
      holes.remove(hole.getKey());
      if (hole.getKey() < from) {
        holes.put(hole.getKey(), from);
      }
      if (hole.getValue() > to) {
        holes.put(to, hole.getValue());
      }
      known += Math.min(to, hole.getValue()) - Math.max(from, hole.getKey());
      hole = holes.lowerEntry(Math.max(from, hole.getKey()));
    }
    return known;
  }

  private void give(long from, long to) {
    long low = from;
    long high = to;
    if (!has(Habit.NO_MERGE)) {
      Long above = holes.remove(to);
      high = above == null ? high : above;
      Map.Entry<Long, Long> below = holes.lowerEntry(from);
      if (below != null && below.getValue() == from) {
        low = below.getKey();
      }
    }
    holes.put(low, high);
  }

  @Override
  public void free(Cpu cpu, long address) {
    Map.Entry<Long, Area> found = busy.floorEntry(address);
    boolean inside = found != null && address < found.getValue().end;
    if (!inside || (found.getKey() != address && !has(Habit.FREES_INSIDE))) {
      throw new MisuseException(String.format("no area begins here: address=0x%x", address));
    }
    Area area = found.getValue();
    busy.remove(area.start);
    last = null;
    if (has(Habit.EAGER)) {
      give(area.start, area.end);
      return;
    }
    int node = area.node;
    if (node != NO_NODE && has(Habit.POOL_OF_FREER)) {
      node = cpu.id() % nodes;
    }
    if (node != NO_NODE && has(Habit.POOL_BY_ADDRESS)) {
      node = (int) (area.start >>> 16) % nodes;
      node = node < 0 ? node + nodes : node;
    }
    lazyPages += area.pages();
    lazy.add(new Area(area.start, area.end, node));
    if (has(Habit.EARLY_REUSE)) {
      give(area.start, area.end);
    }
  }

  @Override
  public int purge(AreaVisitor flush) {
    last = null;
    if (!has(Habit.DECAY_AFTER)) {
      decay(false);
    }
    List<Area> gone = new ArrayList<>(lazy);
    lazy.clear();
    if (has(Habit.PURGES_ONE_NODE)) {
      gone.stream().filter(a -> a.node > 0).forEach(lazy::add);
      gone.removeIf(a -> a.node > 0);
    }
    if (!has(Habit.POOL_BY_TIME)) {
      gone.sort(Comparator.comparingLong(Area::start));
    }
    if (has(Habit.POOL_DESCENDING)) {
      gone.sort(Comparator.comparingLong(Area::start).reversed());
    }
    long from = gone.stream().mapToLong(Area::start).min().orElse(0);
    long to = gone.stream().mapToLong(Area::end).max().orElse(0);
    if (!gone.isEmpty() && !has(Habit.LATE_FLUSH)) {
      flush.range(from, to);
    }
    for (Area area : gone) {
      lazyPages -= area.pages();
      if (has(Habit.EARLY_REUSE)) {
        continue;
      }
      if (area.node != NO_NODE && area.pages() <= poolPages()) {
        pool(area.node, area.pages()).addFirst(area);
      } else {
        give(area.start, has(Habit.LOSES_A_PAGE) ? area.end - PAGE : area.end);
      }
    }
    if (!gone.isEmpty() && has(Habit.LATE_FLUSH)) {
      flush.range(from, to);
    }
    if (has(Habit.DECAY_AFTER)) {
      decay(false);
    }
    purges += gone.isEmpty() ? 0 : 1;
    purgedAreas += gone.size();
    return gone.size();
  }

  private int decay(boolean all) {
    int count = 0;
    for (Map.Entry<Pool, Deque<Area>> entry : pools.entrySet()) {
      Deque<Area> pool = entry.getValue();
      if (all && has(Habit.SHRINKS_HALF) && entry.getKey().node == nodes - 1) {
        continue;
      }
      int n = pool.size();
      int goes =
          all
              ? n
              : has(Habit.NO_DECAY)
                  ? 0
                  : has(Habit.HALF_DECAY)
                      ? n / 2
                      : has(Habit.DECAY_ROUNDED_UP) ? (n + 3) / 4 : n / 4;
      for (int i = 0; i < goes; i++) {
        Area area = has(Habit.DECAY_OLDEST) ? pool.removeLast() : pool.removeFirst();
        give(area.start, area.end);
        count++;
      }
    }
    return count;
  }

  @Override
  public int shrink() {
    last = null;
    return decay(true);
  }

  @Override
  public int pooled() {
    return pools.values().stream().mapToInt(Deque::size).sum();
  }

  @Override
  public long bytes(long address) {
    Area area = busy.get(address);
    return area == null ? 0 : area.end - area.start;
  }

  @Override
  public long find(long address) {
    Map.Entry<Long, Area> found = busy.floorEntry(address);
    long cut = has(Habit.FINDS_ALL_BUT_LAST) ? PAGE : 0;
    return found != null && address < found.getValue().end - cut ? found.getKey() : NO_ADDRESS;
  }

  @Override
  public void forEach(AreaVisitor visitor) {
    busy.values().forEach(a -> visitor.range(a.start, a.end));
  }

  @Override
  public void forEachFree(AreaVisitor visitor) {
    holes.forEach(visitor::range);
  }

  @Override
  public void forEachLazy(AreaVisitor visitor) {
    lazy.stream()
        .skip(has(Habit.HIDES_A_LAZY_ONE) ? 1 : 0)
        .forEach(a -> visitor.range(a.start, a.end));
  }

  @Override
  public long lazyPages() {
    return lazyPages;
  }

  @Override
  public long lazyMax() {
    return has(Habit.EAGER) ? 0 : lazyMax;
  }

  @Override
  public boolean isPurgeDue() {
    return has(Habit.DUE_TOO_EARLY) ? lazyPages >= lazyMax : lazyPages() > lazyMax();
  }

  @Override
  public void clear() {
    holes.clear();
    busy.clear();
    lazy.clear();
    pools.clear();
    lazyPages = has(Habit.CLEARS_ALL_BUT_A_COUNT) ? lazyPages : 0;
    last = null;
  }

  @Override
  public void addFree(long from, long to) {
    give(from, to);
  }

  @Override
  public void addPooled(int node, long address, long bytes) {
    Deque<Area> pool = pool(node, bytes / PAGE);
    Area area = new Area(address, address + bytes, node);
    if (has(Habit.RESTORED_BACKWARDS)) {
      pool.addFirst(area);
    } else {
      pool.addLast(area);
    }
  }

  @Override
  public long takeExactly(int node, long address, long bytes) {
    long to = address + bytes;
    for (Deque<Area> pool : pools.values()) {
      for (Area area : pool) {
        if (area.start == address && area.end == to) {
          pool.remove(area);
          busy.put(address, area);
          last = null;
          return bytes / PAGE;
        }
        if (area.start < to && area.end > address) {
          return -1;
        }
      }
    }
    Map.Entry<Long, Area> below = busy.lowerEntry(to);
    if ((below != null && below.getValue().end > address)
        || (!has(Habit.TAKES_LAZY)
            && lazy.stream().anyMatch(a -> a.start < to && a.end > address))) {
      return -1;
    }
    busy.put(address, new Area(address, to, nodes > 1 ? node : NO_NODE));
    last = null;
    return cut(address, to) / PAGE;
  }

  @Override
  public void undo(long address) {
    Area area = last;
    if (area == null || area.start != address) {
      throw new MisuseException(String.format("not the last allocation: address=0x%x", address));
    }
    last = null;
    busy.remove(address);
    if (lastFromPool) {
      pool(area.node, area.pages()).addFirst(area);
    } else {
      give(area.start, area.end);
    }
  }

  @Override
  public VmallocStats stats() {
    return new VmallocStats(
        busy.size(),
        busy.values().stream().mapToLong(Area::pages).sum(),
        lazy.size(),
        lazyPages,
        pooled(),
        holes.size(),
        holes.entrySet().stream()
            .mapToLong(h -> (h.getValue() - h.getKey()) / PAGE)
            .max()
            .orElse(0),
        purges,
        purgedAreas);
  }

  @Override
  public void validate() {
    // the rules look at everything from outside
  }
}
