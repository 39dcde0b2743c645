// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.slab.KmemCache;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Off-heap memory beside models of what it must say, and of where its pieces lie. */
class OffHeapModelTest {
  private static final int PAGE = 4096;

  /** What requests leave in the zones of a machine of 48 MiB, in pages. */
  private static final long MIN_RESERVE = 16;

  private static final int[] CLASSES = {
    8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792,
    2048, 2560, 3072, 3584, 4096, 5120, 6144, 8192, 10240, 16384, 32768, 65536, 131072
  };

  private static int classOf(long bytes) {
    for (int size : CLASSES) {
      if (size >= bytes) {
        return size;
      }
    }
    throw new AssertionError("bytes=" + bytes);
  }

  @Test
  void aPieceIsOfTheSmallestSizeThatServes() {
    try (OffHeap heap = OffHeap.builder(32 << 20).cpus(1).open()) {
      for (int bytes = 1; bytes <= 20_000; bytes += bytes < 2600 ? 1 : 13) {
        long offset = heap.malloc(bytes);
        assertEquals(classOf(bytes), heap.usableSize(offset), "bytes=" + bytes);
        heap.free(offset);
      }
      for (int size : CLASSES) {
        for (int bytes = Math.max(1, size - 1); bytes <= Math.min(size + 1, 131072); bytes++) {
          long offset = heap.malloc(bytes);
          assertEquals(classOf(bytes), heap.usableSize(offset), "bytes=" + bytes);
          heap.free(offset);
        }
      }
      long least = heap.malloc(0);
      assertEquals(8, heap.usableSize(least));
      heap.free(least);
    }
  }

  @Test
  void anAlignedPieceIsOfTheSmallestSizeThatServes() {
    try (OffHeap heap = OffHeap.builder(32 << 20).cpus(1).open()) {
      long base = heap.memory().address();
      Random random = new Random(7);
      for (int i = 0; i < 3000; i++) {
        int align = 1 << random.nextInt(13);
        int bytes = 1 + random.nextInt(1 << (1 + random.nextInt(14)));
        Arena shared = heap.sharedArena(); // which has no block to cut pieces from
        MemorySegment segment = heap.allocate(bytes, align);
        MemorySegment other = shared.allocate(bytes, align);
        int size = classOf(bytes);
        int power = Integer.highestOneBit(Math.max(bytes, align) * 2 - 1);
        int expected = align <= 8 || size % align == 0 ? size : classOf(power);
        String what = "bytes=" + bytes + " align=" + align;
        assertEquals(0, segment.address() % align, what);
        assertEquals(expected, heap.usableSize(segment.address() - base), what);
        assertEquals(0, other.address() % align, what);
        assertEquals(expected, heap.usableSize(other.address() - base), what);
        heap.free(segment);
        shared.close();
      }
    }
  }

  /** Small segments of a confined arena come from one block, side by side, as long as they fit. */
  @Test
  void smallSegmentsLieSideBySide() {
    Random random = new Random(8);
    try (OffHeap heap = OffHeap.ofBytes(64 << 20)) {
      for (int round = 0; round < 200; round++) {
        try (Arena arena = heap.confinedArena()) {
          int first = round % 3 == 0 ? ArenaBlocks.BYTES - round % 2 : 1 + random.nextInt(500);
          assertEquals(0, arena.allocate(0, 8).byteSize()); // takes no block
          long block = arena.allocate(first).address();
          assertEquals(0, block % ArenaBlocks.BYTES, "a block of its own");
          long next = block + first;
          for (int i = 0; i < 40; i++) {
            long align = 1L << random.nextInt(15);
            long bytes = 1L + random.nextInt(random.nextInt(5) == 0 ? 9000 : 400);
            long unit = Math.max(8, align);
            long start = (next + unit - 1) & -unit;
            boolean fits = align <= PAGE && start + bytes <= block + ArenaBlocks.BYTES;
            long seen = arena.allocate(bytes, align).address();
            assertEquals(0, seen % align);
            if (fits) {
              assertEquals(start, seen, "round " + round + " segment " + i);
              next = start + bytes;
            } else {
              assertTrue(seen < block || seen >= block + ArenaBlocks.BYTES, "outside the block");
            }
          }
        }
      }
    }
  }

  /** What a thread's arena had is what its next one gets. */
  @Test
  void theBlockOfAThreadIsUsedAgain() {
    try (OffHeap heap = OffHeap.ofBytes(64 << 20)) {
      long block = 0;
      for (int i = 0; i < 20; i++) {
        try (Arena arena = heap.confinedArena()) {
          long seen = arena.allocate(100).address();
          assertTrue(block == 0 || block == seen);
          block = seen;
        }
      }
      try (Arena one = heap.confinedArena();
          Arena two = heap.confinedArena();
          Arena three = heap.confinedArena()) {
        assertEquals(block, one.allocate(8).address());
        long other = two.allocate(8).address();
        assertEquals(0, other % ArenaBlocks.BYTES, "the thread's other block");
        for (int i = 0; i < 10; i++) {
          long alone = three.allocate(8).address() & -ArenaBlocks.BYTES;
          assertTrue(alone != block && alone != other, "no block is left for it");
        }
      }
    }
  }

  @Test
  void exactlyWhatWasAskedForIsCleared() {
    int end = 300_000;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(end);
      Random random = new Random(9);
      int[] near = {0, 8, 64, 128, 2048, 4096, 1 << 16, 1 << 17};
      for (int i = 0; i < 2000; i++) {
        int bytes = Math.max(1, near[random.nextInt(near.length)] + random.nextInt(-3, 4));
        int room = bytes + (random.nextBoolean() ? random.nextInt(3) : random.nextInt(200));
        int start = random.nextInt(1000);
        boolean owned = random.nextInt(4) != 0;
        int looked = Math.min(end, start + room + 70_000);
        memory.asSlice(0, looked).fill((byte) 0x5a);
        if (owned) {
          Zeroes.fillOwned(memory, start, bytes, room);
        } else {
          Zeroes.fill(memory.asSlice(start, bytes));
        }
        String what = "start=" + start + " bytes=" + bytes + " room=" + room;
        int written = owned && bytes <= Zeroes.FEW && room >= Zeroes.FEW ? Zeroes.FEW : bytes;
        byte[] expected = new byte[looked];
        Arrays.fill(expected, (byte) 0x5a);
        Arrays.fill(expected, start, start + written, (byte) 0);
        long at = memory.asSlice(0, looked).mismatch(MemorySegment.ofArray(expected));
        assertEquals(-1, at, what);
      }
    }
  }

  /** Every number of usage(), and the list of leaks, beside a model. */
  @Test
  void usageAndLeaksAreExact() {
    for (int seed = 0; seed < 6; seed++) {
      boolean remembers = seed % 2 == 0;
      OffHeap.Builder builder = OffHeap.builder(16 << 20).cpus(2);
      try (OffHeap heap = (remembers ? builder.rememberCallers() : builder).open()) {
        new Play(heap, new Random(seed), remembers).run();
      }
    }
  }

  /** An open arena, and what it has. */
  private record Opened(Arena arena, boolean shared, List<Long> live) {}

  private static final class Play {
    private final OffHeap heap;
    private final Random random;
    private final boolean remembers;
    private final long capacity;
    private final TreeMap<Long, Long> live = new TreeMap<>();
    private final List<Long> singles = new ArrayList<>();
    private final List<Opened> arenas = new ArrayList<>();
    private long allocations;
    private long frees;
    private long failures;

    Play(OffHeap heap, Random random, boolean remembers) {
      this.heap = heap;
      this.random = random;
      this.remembers = remembers;
      this.capacity = heap.usage().capacityBytes();
    }

    void run() {
      for (int step = 0; step < 1500; step++) {
        switch (random.nextInt(8)) {
          case 0, 1 -> single();
          case 2 -> release();
          case 3 -> arenas.add(open());
          case 4, 5 -> segment();
          case 6 -> close();
          default -> refused();
        }
        compare("step " + step);
      }
      while (!arenas.isEmpty()) {
        close();
      }
      compare("the end");
    }

    private Opened open() {
      boolean shared = random.nextInt(3) == 0;
      return new Opened(
          shared ? heap.sharedArena() : heap.confinedArena(), shared, new ArrayList<>());
    }

    private void single() {
      long bytes = 1L + random.nextInt(3000);
      long offset =
          random.nextBoolean()
              ? heap.malloc(bytes)
              : heap.allocate(bytes).address() - heap.memory().address();
      live.put(offset, bytes);
      singles.add(offset);
      allocations++;
    }

    private void release() {
      if (!singles.isEmpty()) {
        long offset = singles.remove(random.nextInt(singles.size()));
        heap.free(offset);
        live.remove(offset);
        frees++;
      }
    }

    private void segment() {
      if (!arenas.isEmpty()) {
        Opened to = arenas.get(random.nextInt(arenas.size()));
        long bytes = random.nextInt(3) == 0 ? 0 : 1L + random.nextInt(3000);
        MemorySegment segment = to.arena.allocate(bytes, 1L << random.nextInt(4));
        if (bytes > 0) {
          long offset = segment.address() - heap.memory().address();
          live.put(offset, bytes);
          to.live.add(offset);
          allocations++;
        }
      }
    }

    private void close() {
      if (!arenas.isEmpty()) {
        Opened from = arenas.remove(random.nextInt(arenas.size()));
        from.arena.close();
        frees += from.live.size();
        from.live.forEach(live::remove);
      }
    }

    /** More than there is: with the error of allocate, and without. */
    private void refused() {
      long bytes = capacity + random.nextInt(1 << 20);
      if (random.nextBoolean()) {
        assertEquals(0, heap.malloc(bytes));
      } else {
        assertThrows(OutOfMemoryError.class, () -> heap.allocate(bytes));
      }
      failures++;
    }

    private void compare(String when) {
      OffHeapUsage usage = heap.usage();
      assertEquals(capacity, usage.capacityBytes(), when);
      assertEquals(capacity, usage.usedBytes() + usage.freeBytes(), when);
      assertTrue(
          usage.usedBytes() >= live.values().stream().mapToLong(Long::longValue).sum(), when);
      assertEquals(allocations, usage.allocations(), when);
      assertEquals(frees, usage.frees(), when);
      assertEquals(failures, usage.failures(), when);
      long holding = arenas.stream().filter(a -> !a.live.isEmpty()).count();
      assertEquals(holding, usage.openArenas(), when);
      List<OffHeapLeak> leaks = heap.leaks();
      assertEquals(remembers ? live.size() : 0, leaks.size(), when);
      assertEquals(
          leaks, leaks.stream().sorted(Comparator.comparingLong(OffHeapLeak::offset)).toList());
      for (OffHeapLeak leak : leaks) {
        assertEquals(live.get(leak.offset()), leak.bytes(), when);
        assertEquals(Thread.currentThread().getName(), leak.thread());
        assertTrue(leak.caller().startsWith(Play.class.getName() + "."), leak.caller());
      }
    }
  }

  /** DMA's pages are for devices: as long as others have room, nobody gets one. */
  @Test
  void nothingComesOfTheDmaZone() {
    try (OffHeap heap = OffHeap.builder(64 << 20).cpus(2).open()) {
      long before = dmaPages(heap);
      Random random = new Random(10);
      List<Arena> arenas = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        arenas.add(i % 3 == 0 ? heap.sharedArena() : heap.confinedArena());
        for (int k = 0; k < 4; k++) {
          arenas.getLast().allocate(1 + random.nextInt(6000)).fill((byte) 1);
        }
        heap.free(heap.malloc(random.nextInt(20_000)));
      }
      assertEquals(before, dmaPages(heap));
      for (KmemCache cache : heap.machine().slabs().caches()) {
        assertFalse(cache.name().startsWith("dma-") && cache.stats().pages() > 0, cache.name());
      }
      arenas.forEach(Arena::close);
    }
  }

  private static long dmaPages(OffHeap heap) {
    return heap.machine().zones().stream()
        .filter(zone -> zone.zone().type() == ZoneType.DMA)
        .map(ManagedZone::frames)
        .mapToLong(frames -> frames.freePages())
        .sum();
  }

  /** All pages are written to and freed: trim() gives each of them back, once, but a reserve. */
  @Test
  void trimGivesEveryPageBack() throws Exception {
    try (OffHeap heap = OffHeap.builder(48 << 20).cpus(1).open()) {
      assertTrue(heap.trim() >= 0);
      List<Long> pages = new ArrayList<>();
      for (long at = heap.malloc(PAGE); at != 0; at = heap.malloc(PAGE)) {
        heap.memory().asSlice(at, PAGE).fill((byte) 1);
        pages.add(at);
      }
      // At first a page here and there is kept, so that there are smaller free blocks, too.
      List<Long> held = pages.stream().filter(at -> at / PAGE % 97 == 0).toList();
      List<Long> freed = pages.stream().filter(at -> at / PAGE % 97 != 0).toList();
      freed.forEach(heap::free);
      trimmed(heap, freed);
      for (long at : held) {
        assertEquals(1, heap.memory().get(JAVA_BYTE, at), "a page in use, at " + at);
      }
      held.forEach(heap::free);
      trimmed(heap, pages);
      assertEquals(0, heap.usage().usedBytes());
    }
  }

  /** Of these pages, those that are free have no memory of the host's. */
  private static void trimmed(OffHeap heap, List<Long> pages) {
    long bytes = heap.trim();
    assertTrue(bytes <= heap.usage().freeBytes(), "bytes=" + bytes);
    List<Long> free = pages.stream().filter(at -> isFree(heap, at)).toList();
    assertTrue(free.size() > pages.size() * 9 / 10, free.size() + " of " + pages.size());
    assertTrue(bytes >= (free.size() - MIN_RESERVE) * PAGE, bytes + " of " + free.size());
    long kept = free.stream().filter(at -> heap.memory().get(JAVA_BYTE, at) != 0).count();
    assertTrue(kept <= MIN_RESERVE, "what zones keep as a reserve is not to be had: " + kept);
  }

  /** Slabs with an object in use are not. */
  private static boolean isFree(OffHeap heap, long offset) {
    FrameOwner owner = heap.machine().memory().memMap().owner(offset / PAGE);
    return owner == FrameOwner.FREE || owner == FrameOwner.PCP;
  }

  @Test
  void slackIsThePartThatNobodyHas() {
    assertEquals(0, new OffHeapFragmentation(0, 0, 0).slackPermille());
    Random random = new Random(12);
    for (int i = 0; i < 1000; i++) {
      long slab = PAGE * (1L + random.nextInt(1 << 20));
      long objects = random.nextLong(slab + 1);
      long expected = Math.ceilDiv(1000 * (slab - objects), slab);
      assertEquals(expected, new OffHeapFragmentation(slab, objects, 0).slackPermille());
    }
    try (OffHeap heap = OffHeap.ofBytes(16 << 20)) {
      OffHeapFragmentation empty = heap.fragmentation();
      long five = 5L << 16;
      for (int i = 0; i < 5; i++) {
        assertTrue(heap.malloc(1 << 16) != 0);
      }
      OffHeapFragmentation now = heap.fragmentation();
      assertEquals(five, now.slabBytes() - empty.slabBytes(), "large ones have no slab");
      assertEquals(five, now.objectBytes() - empty.objectBytes());
    }
  }

  @Test
  void beanAndEventsSayWhatUsageSays(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("heap.jfr");
    MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    ObjectName bean = new ObjectName("io.mm4j:type=OffHeap,name=\"told\"");
    OffHeapUsage usage;
    long trimmed;
    try (Recording recording = new Recording();
        OffHeap heap = OffHeap.builder(16 << 20).name("told").withMetrics().open()) {
      for (int i = 0; i < 7; i++) {
        heap.free(heap.malloc(100));
      }
      MemorySegment _ = heap.allocate(5000);
      assertThrows(OutOfMemoryError.class, () -> heap.allocate(100 << 20));
      long _ = heap.trim();
      recording.enable("io.mm4j.OffHeapUsage").with("period", "everyChunk"); // as it starts, too
      recording.enable("io.mm4j.OffHeapTrim");
      recording.enable("io.mm4j.OffHeapExhausted");
      try (Arena arena = heap.confinedArena()) {
        MemorySegment _ = arena.allocate(10);
        usage = heap.usage();
        recording.start();
        assertEquals(usage.capacityBytes(), server.getAttribute(bean, "CapacityBytes"));
        assertEquals(usage.usedBytes(), server.getAttribute(bean, "UsedBytes"));
        assertEquals(usage.allocations(), server.getAttribute(bean, "Allocations"));
        assertEquals(usage.frees(), server.getAttribute(bean, "Frees"));
        assertEquals(usage.failures(), server.getAttribute(bean, "Failures"));
        assertEquals(usage.openArenas(), server.getAttribute(bean, "OpenArenas"));
        OffHeapFragmentation fragmentation = heap.fragmentation();
        assertEquals(fragmentation.slackPermille(), server.getAttribute(bean, "SlackPermille"));
        assertEquals(
            fragmentation.unusablePermille(), server.getAttribute(bean, "UnusablePermille"));
      }
      assertThrows(OutOfMemoryError.class, () -> heap.allocate(101 << 20));
      trimmed = heap.trim();
      recording.stop();
      recording.dump(file);
    }
    assertFalse(server.isRegistered(bean));
    assertEquals(1, usage.openArenas());
    boolean told = false;
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      assertEquals("told", event.getString("heap"));
      switch (event.getEventType().getName()) {
        case "io.mm4j.OffHeapTrim" -> assertEquals(trimmed, event.getLong("bytes"));
        case "io.mm4j.OffHeapExhausted" -> assertEquals(101 << 20, event.getLong("bytes"));
        default -> {
          assertEquals(usage.capacityBytes(), event.getLong("capacityBytes"));
          told |=
              usage.usedBytes() == event.getLong("usedBytes")
                  && usage.allocations() == event.getLong("allocations")
                  && usage.frees() == event.getLong("frees")
                  && usage.failures() == event.getLong("failures");
        }
      }
    }
    assertTrue(told, "an event with " + usage);
  }
}
