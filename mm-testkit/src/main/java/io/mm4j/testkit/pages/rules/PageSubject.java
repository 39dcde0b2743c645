// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.GivenFloors;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A machine of 20 MiB with two nodes and two CPUs, whose page allocator is under test; the floors
 * below are the kit's naive ones, or a frame allocator that was given. Beside it the frames that
 * are held.
 */
final class PageSubject extends Subject {
  static final long FRAMES = 5120;

  /** A block that is held. */
  record Held(long pfn, int order) {}

  final Machine machine;
  final PageAllocator pages;
  final MemMap map;
  final List<Held> held = new ArrayList<>();
  final BitSet owned = new BitSet();
  final long total;

  PageSubject(PageAllocatorProvider provider, Options options, boolean contents, long failNth) {
    GivenFloors.Floor<FrameAllocatorProvider> frames =
        GivenFloors.of(Spi.FRAME_ALLOCATOR, NaiveFrames::new);
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(
                    new NaiveMemories(
                        "naive", (l, bytes) -> new NaiveMemory(l, bytes, new HookedMap(l)))),
                Spi.FRAME_ALLOCATOR,
                List.of(new FailNth(frames.provider(), failNth)),
                Spi.PAGE_ALLOCATOR,
                List.of(provider)));
    machine =
        new MachineConfig()
            .layout(layout())
            .cpus(2)
            .contents(contents)
            .registry(registry)
            .plugin(Spi.PHYSICAL_MEMORY, PluginSpec.of("naive"))
            .plugin(Spi.FRAME_ALLOCATOR, frames.spec())
            .plugin(Spi.PAGE_ALLOCATOR, new PluginSpec(provider.name(), given(provider, options)))
            .boot();
    pages = machine.pages();
    map = machine.memory().memMap();
    total = pages.freePages() + pages.pcpPages();
  }

  private static Map<String, String> given(PageAllocatorProvider provider, Options options) {
    return provider.options().isEmpty() ? Map.of() : options.asMap();
  }

  /** Node 0: DMA to 4 MiB, Normal to 12 MiB. Node 1: Normal to 20 MiB. */
  static MemoryLayout layout() {
    MemoryMap map =
        new MemoryMap(
            List.of(new MemoryMap.Range(0, FRAMES << Pages.PAGE_SHIFT, MemoryMap.Type.USABLE)));
    Zone dma = zone(ZoneType.DMA, 0, 1, 1024);
    Zone near = zone(ZoneType.NORMAL, 0, 1024, 3072);
    Zone far = zone(ZoneType.NORMAL, 1, 3072, FRAMES);
    return new MemoryLayout(
        map,
        List.of(
            new Node(0, List.of(dma, near), List.of(10, 20)),
            new Node(1, List.of(far), List.of(20, 10))));
  }

  private static Zone zone(ZoneType type, int node, long start, long end) {
    return new Zone(type, node, start, end, end - start, end - start, Migratetype.MOVABLE);
  }

  /** What others do around one call about a frame, once. */
  private static final class Hook {
    private long at = -1;
    private Runnable before = () -> {};
    private Runnable after = () -> {};

    private void set(long pfn, Runnable first, Runnable then) {
      at = pfn;
      before = first;
      after = then;
    }

    private boolean around(long pfn, BooleanSupplier call) {
      if (pfn != at) {
        return call.getAsBoolean();
      }
      at = -1;
      before.run();
      boolean result = call.getAsBoolean();
      after.run();
      return result;
    }
  }

  /** A {@code mem_map} in which others come by when references are taken and given up. */
  private static final class HookedMap extends NaiveMemMap {
    private final Hook taking = new Hook();
    private final Hook freezing = new Hook();

    HookedMap(MemoryLayout layout) {
      super(layout, FrameStates.sparse(layout.endPfn()));
    }

    @Override
    public synchronized boolean tryGet(long pfn) {
      return taking.around(pfn, () -> super.tryGet(pfn));
    }

    @Override
    public synchronized boolean freeze(long pfn, int expected) {
      return freezing.around(pfn, () -> super.freeze(pfn, expected));
    }
  }

  /** Does something when a reference of this frame is about to be taken, and just after, once. */
  void aroundReference(long pfn, Runnable before, Runnable after) {
    if (map instanceof HookedMap hooked) {
      hooked.taking.set(pfn, before, after);
    }
  }

  /** Does something when this frame is about to be frozen, once. */
  void beforeFreeze(long pfn, Runnable what) {
    if (map instanceof HookedMap hooked) {
      hooked.freezing.set(pfn, what, () -> {});
    }
  }

  Cpu cpu(int number) {
    return machine.cpus().get(number % 2);
  }

  /** The zone of a frame. */
  Zone zoneOf(long pfn) {
    for (ManagedZone managed : pages.zones()) {
      if (managed.zone().contains(pfn)) {
        return managed.zone();
      }
    }
    throw new RuleViolation("a frame of a zone", "frame " + pfn);
  }

  /** Allocates and enters the block as held; null if there was none. */
  @Nullable Held allocate(int cpu, int gfp, int order, int node) {
    long pfn = pages.allocPages(cpu(cpu), gfp, order, node);
    if (pfn == PageAllocator.NO_PAGE) {
      tell("none");
      return null;
    }
    if (telling()) {
      tell(String.format("0x%x/%d", pfn, order));
    }
    return enter(pfn, order);
  }

  /** Enters a block that was handed out. */
  Held enter(long pfn, int order) {
    zoneOf(pfn);
    zoneOf(pfn + (1L << order) - 1);
    int from = Math.toIntExact(pfn);
    int taken = owned.nextSetBit(from);
    RuleViolation.check(
        taken < 0 || taken >= from + (1 << order),
        "frames that nobody holds",
        "frame " + taken + " in block " + pfn + "/" + order);
    owned.set(from, from + (1 << order));
    Held block = new Held(pfn, order);
    held.add(block);
    return block;
  }

  /** Frees a held block that has one reference. */
  void free(int cpu, Held block) {
    leave(block);
    if (telling()) {
      tell(String.format("0x%x/%d", block.pfn, block.order));
    }
    pages.freePages(cpu(cpu), block.pfn, block.order);
  }

  /** Takes a block off the list of what is held. */
  void leave(Held block) {
    // Mostly the last one.
    int at = held.lastIndexOf(block);
    Held last = held.removeLast();
    if (at < held.size()) {
      held.set(at, last);
    }
    owned.clear((int) block.pfn, (int) block.pfn + (1 << block.order));
  }

  /** The held block that an operation means by a number, or null. */
  @Nullable Held pick(int number) {
    return held.isEmpty() ? null : held.get(number % held.size());
  }

  /** Frees everything and drains the per-cpu lists. */
  void freeAll() {
    while (!held.isEmpty()) {
      free(0, held.getLast());
    }
    pages.drainAllPages(cpu(0));
    LeakReport inUse = machine.framesInUse();
    RuleViolation.check(inUse.isEmpty(), "no frame in use, as all were freed", inUse.toString());
  }

  /** Allocates single pages until there are none; returns how many came. */
  int exhaust(int cpu, int gfp, int node) {
    int count = 0;
    while (count <= FRAMES && allocate(cpu, gfp, 0, node) != null) {
      count++;
    }
    RuleViolation.check(count <= FRAMES, "at most " + FRAMES + " pages", "" + count);
    return count;
  }

  /** What can be seen of frames and counters: equal texts mean that nothing changed. */
  String snapshot() {
    StringBuilder text = new StringBuilder();
    text.append(pages.freePages()).append(' ').append(pages.pcpPages());
    for (long pfn = 1; pfn < FRAMES; pfn++) {
      text.append(' ').append(map.owner(pfn)).append(map.refcount(pfn)).append(map.order(pfn));
    }
    return text.toString();
  }

  /** Free, on per-cpu lists and held together are all there is. */
  void conserved() {
    long now = pages.freePages() + pages.pcpPages() + owned.cardinality();
    RuleViolation.checkEqual(total, now, "free + per-cpu + held frames");
  }

  @Override
  public void validate() {
    machine.validate();
  }

  @Override
  public void close() {
    machine.close();
  }
}
