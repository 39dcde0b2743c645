// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Fragmentation;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory with a cap, in which single objects can be freed: a simulated machine whose RAM
 * is memory of the host, and whose slab allocator hands it out.
 *
 * <p>Three ways to allocate, see the package: arenas, segments, offsets. All of them can be mixed;
 * what an arena has allocated only the arena frees.
 *
 * <p>Bounds: every segment has the size that was asked for. Lifetime: that of its arena, else that
 * of the heap; closing the heap ends the life of all its segments, so that each access throws
 * {@link IllegalStateException}. It is refused while arenas are open that hold something. Threads:
 * all methods may be called by any number of threads, virtual ones included, at once; a call
 * borrows one of the machine's CPUs, of which there may be fewer. Segments that no arena has, and
 * those of {@link #sharedArena}, may be used by any thread, those of {@link #confinedArena} by the
 * thread that made the arena.
 *
 * <p>Out of memory - the cap is reached, or no piece is large enough - is {@link OutOfMemoryError},
 * as of the JDK's arenas; {@link #malloc} returns 0.
 *
 * <p>The host's memory is taken page by page when it is first written to, and stays taken until
 * {@link #trim}. A small part of the heap, a 64th at most, stays at hand for confined arenas, until
 * it is trimmed or nothing else is left. RAM is mapped by a restricted method: run with {@code
 * --enable-native-access=io.mm4j.physical,io.mm4j.slab}, or {@code ALL-UNNAMED} on the class path.
 */
public final class OffHeap implements SegmentAllocator, AutoCloseable {
  /** The largest piece: a block of the largest order, 4 MiB. */
  public static final long MAX_BYTES = Pages.PAGE_SIZE << Pages.MAX_PAGE_ORDER;

  private static final int GFP = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY;

  private final String name;
  private final Machine machine;
  private final SlabAllocator slabs;
  private final Cpus cpus;
  private final MemorySegment ram;
  private final Stripe[] stripes;
  private final HeapSizes sizes;
  private final ArenaBlocks blocks;
  private final LongAdder failures = new LongAdder();
  private final long capacity;
  private final @Nullable Callers callers;
  private final Runnable unregister;
  private boolean closed;

  private OffHeap(Builder builder) {
    name = builder.name;
    // Beside the cap: what boot takes for itself below 1 MiB, and what zones keep as a reserve.
    machine =
        new MachineConfig()
            .memory(builder.bytes)
            .cpus(builder.cpus)
            .plugin("slab=" + builder.plugin)
            .boot();
    slabs = machine.slabs();
    cpus = machine.cpus();
    ram = machine.memory().ram();
    stripes = new Stripe[cpus.count()];
    for (int i = 0; i < stripes.length; i++) {
      stripes[i] = new Stripe(slabs.on(cpus.get(i)));
    }
    sizes = new HeapSizes(slabs);
    capacity = freePages() << Pages.PAGE_SHIFT;
    blocks = new ArenaBlocks(capacity, stripes.length);
    callers = builder.callers ? new Callers() : null;
    unregister = builder.metrics ? OffHeapEvents.register(this) : () -> {};
  }

  /** A heap with this cap, for twice as many threads at once as the host has processors. */
  public static OffHeap ofBytes(long bytes) {
    return new Builder(bytes).open();
  }

  /** A heap with this cap and more to choose. */
  public static Builder builder(long bytes) {
    return new Builder(bytes);
  }

  /** What a heap is to be. */
  public static final class Builder {
    /** What boot itself takes. */
    private static final long LEAST = 8L << 20;

    /** A thread may lose its processor while it has a CPU; others find another one then. */
    private static final int CPUS_PER_PROCESSOR = 2;

    private final long bytes;
    private String name = "heap";
    private int cpus = CPUS_PER_PROCESSOR * Runtime.getRuntime().availableProcessors();
    private String plugin = "slub:sheaves=all";
    private boolean callers;
    private boolean metrics;

    private Builder(long bytes) {
      if (bytes < LEAST) {
        throw new IllegalArgumentException("a heap has 8 MiB or more: bytes=" + bytes);
      }
      this.bytes = (bytes + Pages.PAGE_SIZE - 1) & -Pages.PAGE_SIZE;
    }

    /** The name in metrics and messages. */
    public Builder name(String text) {
      name = Objects.requireNonNull(text);
      return this;
    }

    /** How many threads can allocate at the same moment; others wait. */
    public Builder cpus(int count) {
      cpus = count;
      return this;
    }

    /** Another slab allocator, as {@code mm plugins} names it; {@code slub:sheaves=all} is used. */
    public Builder plugin(String choice) {
      plugin = Objects.requireNonNull(choice);
      return this;
    }

    /** Remembers who allocated what: for {@link OffHeap#leaks}. Costs a walk of the stack each. */
    public Builder rememberCallers() {
      callers = true;
      return this;
    }

    /** Registers an {@link OffHeapMXBean} and JFR's periodic event {@code io.mm4j.OffHeapUsage}. */
    public Builder withMetrics() {
      metrics = true;
      return this;
    }

    /**
     * Opens it.
     *
     * @throws io.mm4j.api.InputException for a plugin or number of CPUs that cannot be
     */
    public OffHeap open() {
      return new OffHeap(this);
    }
  }

  /** Its name. */
  public String name() {
    return name;
  }

  /** All of its memory, into which {@link #malloc} gives offsets. */
  public MemorySegment memory() {
    return ram;
  }

  /** The machine behind it: its caches, its pages, its /proc. */
  public Machine machine() {
    return machine;
  }

  /** An arena for the calling thread: {@link Arena#ofConfined}. */
  public Arena confinedArena() {
    return new OffHeapArena(this, Arena.ofConfined(), Thread.currentThread());
  }

  /** An arena for any threads: {@link Arena#ofShared}. */
  public Arena sharedArena() {
    return new OffHeapArena(this, Arena.ofShared(), null);
  }

  /**
   * A zeroed segment that lives until {@link #free(MemorySegment)} or {@link #close}.
   *
   * @param byteSize 0 to {@link #MAX_BYTES}
   * @param byteAlignment a power of two, up to a page
   * @throws OutOfMemoryError if there is no room under the cap
   */
  @Override
  public MemorySegment allocate(long byteSize, long byteAlignment) {
    checkShape(byteSize, byteAlignment);
    if (byteAlignment > Pages.PAGE_SIZE) {
      throw new IllegalArgumentException(
          "a segment that can be freed is aligned to a page at most: byteAlignment="
              + byteAlignment);
    }
    if (byteSize == 0) {
      return ram.asSlice(byteAlignment, 0);
    }
    long offset = take(roomFor(byteSize, byteAlignment), byteSize, GFP | Gfp.__GFP_ZERO, false);
    return ram.asSlice(offset, byteSize);
  }

  static void checkShape(long byteSize, long byteAlignment) {
    if (byteSize < 0) {
      throw new IllegalArgumentException("byteSize=" + byteSize + " is negative");
    }
    if (byteAlignment <= 0 || (byteAlignment & (byteAlignment - 1)) != 0) {
      throw new IllegalArgumentException("byteAlignment=" + byteAlignment + " is no power of two");
    }
  }

  /** What to ask for, so that the object is aligned: powers of two are aligned to their size. */
  long roomFor(long bytes, long align) {
    if (align <= Long.BYTES) {
      return bytes;
    }
    long size = sizes.roundup(bytes);
    boolean serves = (size & (align - 1)) == 0 && bytes <= size;
    return serves ? bytes : Long.highestOneBit(Math.max(bytes, align) * 2 - 1);
  }

  /** An object of the heap; the error if there is none. */
  long take(long room, long bytes, int gfp, boolean opensArena) {
    long offset = tryTake(room, gfp, opensArena);
    if (offset == SlabAllocator.NO_OBJECT) {
      OffHeapEvents.Exhausted event = new OffHeapEvents.Exhausted();
      event.heap = name;
      event.bytes = bytes;
      event.commit();
      OffHeapUsage now = usage();
      throw new OutOfMemoryError(
          "no room in heap '"
              + name
              + "': bytes="
              + bytes
              + " used="
              + now.usedBytes()
              + " capacity="
              + now.capacityBytes());
    }
    if (callers != null) {
      callers.add(offset, bytes);
    }
    return offset;
  }

  /** The same, or 0. */
  private long tryTake(long room, int gfp, boolean opensArena) {
    long offset = takeOnce(room, gfp, opensArena);
    return offset == SlabAllocator.NO_OBJECT ? takeLast(room, gfp, opensArena) : offset;
  }

  private long takeOnce(long room, int gfp, boolean opensArena) {
    Cpu cpu = cpus.acquire();
    try {
      Stripe stripe = stripes[cpu.id()];
      KmemCache cache = sizes.of(room);
      long offset =
          cache == null ? stripe.slabs.kmalloc(room, gfp) : stripe.slabs.alloc(cache, gfp);
      if (offset != SlabAllocator.NO_OBJECT) {
        stripe.allocations++;
        if (opensArena) {
          stripe.arenasOpened++;
        }
      }
      return offset;
    } finally {
      cpus.release(cpu);
    }
  }

  /** There is no room but what is kept for arenas. */
  private long takeLast(long room, int gfp, boolean opensArena) {
    long offset = blocks.empty(this) ? takeOnce(room, gfp, opensArena) : SlabAllocator.NO_OBJECT;
    if (offset == SlabAllocator.NO_OBJECT) {
      failures.increment();
    }
    return offset;
  }

  /** Whether every allocation is to be remembered. */
  boolean remembersCallers() {
    return callers != null;
  }

  /** A block with memory for an arena of this thread, or null. */
  @Nullable ArenaBlock takeBlock(Thread thread) {
    ArenaBlock block = blocks.take(thread);
    return block == null || block.offset != 0 ? block : fillBlock(block);
  }

  private @Nullable ArenaBlock fillBlock(ArenaBlock block) {
    Cpu cpu = cpus.acquire();
    try {
      block.offset = stripes[cpu.id()].slabs.kmalloc(ArenaBlocks.BYTES, GFP);
    } finally {
      cpus.release(cpu);
    }
    if (block.offset == SlabAllocator.NO_OBJECT) {
      block.give();
      return null;
    }
    return block;
  }

  /** The memory of a block goes back. */
  void giveBlock(long offset) {
    Cpu cpu = cpus.acquire();
    try {
      stripes[cpu.id()].slabs.kfree(offset);
    } finally {
      cpus.release(cpu);
    }
  }

  /**
   * Frees a segment that {@link #allocate} has given.
   *
   * @throws MisuseException if no live object begins at its address; nothing is changed
   */
  public void free(MemorySegment segment) {
    if (segment.byteSize() > 0) {
      long offset = segment.address() - ram.address();
      if (!segment.isNative() || offset < 0 || offset >= ram.byteSize()) {
        throw new MisuseException("not a segment of heap '" + name + "': " + segment);
      }
      free(offset);
    }
  }

  /**
   * {@code malloc()}: the offset into {@link #memory()} of so many bytes, which hold anything.
   *
   * @return 0 if there is no room
   */
  public long malloc(long bytes) {
    long offset = tryTake(Math.max(1, bytes), GFP, false);
    if (callers != null && offset != 0) {
      callers.add(offset, bytes);
    }
    return offset;
  }

  /**
   * {@code free()}: frees what {@link #malloc} has given; 0 is nothing.
   *
   * @throws MisuseException if no live object begins there; nothing is changed
   */
  public void free(long offset) {
    if (offset == 0) {
      return;
    }
    Cpu cpu = cpus.acquire();
    try {
      Stripe stripe = stripes[cpu.id()];
      stripe.slabs.kfree(offset);
      stripe.frees++;
    } finally {
      cpus.release(cpu);
    }
    if (callers != null) {
      callers.remove(offset);
    }
  }

  /** {@code malloc_usable_size()}: the bytes that an object has. */
  public long usableSize(long offset) {
    return slabs.ksize(offset);
  }

  /** An arena gives back what it has. */
  void freeAll(long[] offsets, int count, boolean closesArena) {
    Cpu cpu = cpus.acquire();
    try {
      Stripe stripe = stripes[cpu.id()];
      for (int i = 0; i < count; i++) {
        stripe.slabs.kfree(offsets[i]);
      }
      stripe.frees += count;
      if (closesArena) {
        stripe.arenasClosed++;
      }
    } finally {
      cpus.release(cpu);
    }
    for (int i = 0; callers != null && i < count; i++) {
      callers.remove(offsets[i]);
    }
  }

  private long freePages() {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  /** What it holds. */
  public OffHeapUsage usage() {
    long free = Math.min(freePages() << Pages.PAGE_SHIFT, capacity);
    long allocations = blocks.allocations();
    long frees = blocks.frees();
    long arenas = blocks.arenas();
    for (Stripe stripe : stripes) {
      allocations += stripe.allocations;
      frees += stripe.frees;
      arenas += stripe.arenasOpened - stripe.arenasClosed;
    }
    return new OffHeapUsage(
        capacity, capacity - free, free, allocations, frees, failures.sum(), Math.max(0, arenas));
  }

  /** Where memory is that cannot be used; walks over all slabs. */
  public OffHeapFragmentation fragmentation() {
    long pages = slabs.largePages();
    long bytes = pages << Pages.PAGE_SHIFT;
    for (KmemCache cache : slabs.caches()) {
      CacheStats stats = cache.stats();
      pages += stats.pages();
      bytes += stats.liveObjects() * cache.objectBytes();
    }
    long free = 0;
    long unusable = 0;
    for (ManagedZone zone : machine.zones()) {
      long here = zone.frames().freePages();
      free += here;
      unusable += here * Fragmentation.unusableIndex(zone.frames(), HostPages.RANGE_ORDER);
    }
    return new OffHeapFragmentation(
        pages << Pages.PAGE_SHIFT, bytes, free == 0 ? 0 : (int) (unusable / free));
  }

  /** What was allocated and not freed yet; empty if callers are not remembered. */
  public List<OffHeapLeak> leaks() {
    return callers == null ? List.of() : callers.list();
  }

  /**
   * Gives the host's memory behind free pages back, all but a few that zones keep as a reserve:
   * empty slabs and what CPUs keep are given up before. Others may allocate meanwhile; free pieces
   * are out of their reach one at a time.
   *
   * @return the bytes of the free pages that were given back, each counted once, whether or not the
   *     host had memory behind it
   */
  public long trim() {
    OffHeapEvents.Trim event = new OffHeapEvents.Trim();
    event.begin();
    boolean _ = blocks.empty(this);
    Cpu cpu = cpus.acquire();
    long bytes;
    try {
      long _ = slabs.shrinkAll(cpu);
      machine.pages().drainAllPages(cpu);
      bytes = HostPages.giveBack(machine, cpu) << Pages.PAGE_SHIFT;
    } finally {
      cpus.release(cpu);
    }
    event.heap = name;
    event.bytes = bytes;
    event.commit();
    return bytes;
  }

  /**
   * Gives everything back. Segments and offsets are worth nothing afterwards; closing twice does
   * nothing.
   *
   * @throws IllegalStateException while arenas are open that hold something, as their segments
   *     would be of memory that is not there; nothing is changed
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    long arenas = usage().openArenas();
    if (arenas > 0 || !blocks.close(this)) {
      throw new IllegalStateException(
          "heap '" + name + "' has open arenas: " + Math.max(1, arenas));
    }
    closed = true;
    unregister.run();
    machine.close();
  }
}
