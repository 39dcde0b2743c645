// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.MisuseException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.ObjectName;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Off-heap memory for JVM programs, by the rules of the JDK's own arenas. */
class OffHeapTest {
  private static final Pattern AREA = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) ");

  private static final long MIB = 1 << 20;

  @Test
  void threeLinesAreEnough() {
    try (OffHeap heap = OffHeap.ofBytes(64 << 20);
        Arena arena = heap.confinedArena()) {
      assertEquals("hello", arena.allocateFrom("hello").getString(0));
    }
  }

  @Test
  void segmentsHaveTheirBoundsAndAlignmentAndAreZeroed() {
    try (OffHeap heap = OffHeap.ofBytes(64 << 20)) {
      Random random = new Random(3);
      for (int round = 0; round < 50; round++) {
        try (Arena arena = round % 2 == 0 ? heap.confinedArena() : heap.sharedArena()) {
          for (int i = 0; i < 30; i++) {
            long bytes = random.nextInt(List.of(300, 9000, 70_000, 200_000).get(i & 3));
            long align = 1L << random.nextInt(15);
            MemorySegment segment = arena.allocate(bytes, align);
            assertEquals(bytes, segment.byteSize());
            assertEquals(0, segment.address() % align);
            assertThrows(
                IndexOutOfBoundsException.class, () -> segment.set(JAVA_BYTE, bytes, (byte) 1));
            assertEquals(-1, segment.mismatch(MemorySegment.ofArray(new byte[(int) bytes])));
            segment.fill((byte) 0xee);
          }
        }
      }
      assertEquals(heap.usage().allocations(), heap.usage().frees());
      heap.machine().validate();
    }
  }

  @Test
  void whatIsNoShapeIsRefusedAsTheJdkDoes() {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20);
        Arena ours = heap.confinedArena();
        Arena theirs = Arena.ofConfined()) {
      for (Arena arena : List.of(ours, theirs)) {
        assertThrows(IllegalArgumentException.class, () -> arena.allocate(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> arena.allocate(8, 0));
        assertThrows(IllegalArgumentException.class, () -> arena.allocate(8, 3));
        assertEquals(0, arena.allocate(0, 64).byteSize());
        assertEquals(0, arena.allocate(0, 64).address() % 64);
      }
      assertThrows(IllegalArgumentException.class, () -> heap.allocate(8, 8192));
    }
  }

  @Test
  void aClosedArenaEndsItsSegments() {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20)) {
      for (Arena arena : List.of(heap.confinedArena(), heap.sharedArena())) {
        MemorySegment segment = arena.allocate(100);
        assertTrue(segment.scope().isAlive());
        assertThrows(IllegalStateException.class, heap::close, "an arena is open");
        arena.close();
        assertFalse(segment.scope().isAlive());
        assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> arena.allocate(1));
        assertThrows(IllegalStateException.class, arena::close);
      }
      assertEquals(0, heap.usage().openArenas());
    }
  }

  @Test
  void aConfinedArenaIsItsThreadsAlone() throws InterruptedException {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20);
        Arena arena = heap.confinedArena();
        Arena shared = heap.sharedArena()) {
      MemorySegment segment = arena.allocate(JAVA_LONG);
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Thread other =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      assertThrows(WrongThreadException.class, () -> segment.get(JAVA_LONG, 0));
                      assertThrows(WrongThreadException.class, () -> arena.allocate(1));
                      assertThrows(WrongThreadException.class, arena::close);
                      shared.allocate(JAVA_LONG).set(JAVA_LONG, 0, 1);
                    } catch (Throwable t) {
                      failure.set(t);
                    }
                  });
      other.join();
      assertEquals(null, failure.get());
      segment.set(JAVA_LONG, 0, 5);
    }
  }

  @Test
  void openArenasShareNoBytes() {
    try (OffHeap heap = OffHeap.ofBytes(64 << 20)) {
      Random random = new Random(5);
      List<Arena> arenas = new ArrayList<>();
      List<List<MemorySegment>> segments = new ArrayList<>();
      for (int step = 0; step < 3000; step++) {
        if (arenas.isEmpty() || (arenas.size() < 12 && random.nextInt(8) == 0)) {
          arenas.add(heap.confinedArena());
          segments.add(new ArrayList<>());
        }
        int at = random.nextInt(arenas.size());
        List<MemorySegment> mine = segments.get(at);
        if (random.nextInt(20) == 0) {
          Arena arena = arenas.remove(at);
          for (MemorySegment segment : segments.remove(at)) {
            byte first = segment.get(JAVA_BYTE, 0);
            assertEquals(-1, segment.mismatch(filled(first, segment.byteSize())));
          }
          arena.close();
        } else {
          long bytes = 1L + random.nextInt(random.nextInt(4) == 0 ? 9000 : 200);
          MemorySegment segment = arenas.get(at).allocate(bytes, 1L << random.nextInt(13));
          assertEquals(-1, segment.mismatch(filled((byte) 0, bytes)));
          segment.fill((byte) (1 + random.nextInt(120)));
          mine.add(segment);
        }
        long holding = segments.stream().filter(list -> !list.isEmpty()).count();
        assertEquals(holding, heap.usage().openArenas(), "step " + step);
      }
      arenas.forEach(Arena::close);
      OffHeapUsage usage = heap.usage();
      assertEquals(0, usage.openArenas());
      assertEquals(usage.allocations(), usage.frees());
      heap.machine().validate();
    }
  }

  private static MemorySegment filled(byte value, long bytes) {
    return MemorySegment.ofArray(new byte[(int) bytes]).fill(value);
  }

  @Test
  void whatIsKeptForArenasIsNotMissing() {
    long room;
    try (OffHeap heap = OffHeap.builder(16 << 20).cpus(2).open()) {
      room = fillWithPages(heap);
    }
    try (OffHeap heap = OffHeap.builder(16 << 20).cpus(2).open()) {
      for (int i = 0; i < 3; i++) {
        Arena arena = heap.confinedArena();
        assertEquals(0, arena.allocate(10).get(JAVA_BYTE, 0));
        arena.close();
      }
      assertTrue(heap.usage().usedBytes() > 0, "something is kept");
      long pages = fillWithPages(heap);
      assertEquals(pages * 4096, heap.usage().usedBytes(), "nothing but these pages is held");
      assertTrue(pages >= room - 8, pages + " pages instead of " + room); // watermarks count slabs
      try (Arena full = heap.confinedArena()) {
        assertThrows(OutOfMemoryError.class, () -> full.allocate(10));
        assertEquals(0, heap.usage().openArenas());
      }
    }
  }

  /** Takes all there is, page by page; how many pages that were. */
  private static long fillWithPages(OffHeap heap) {
    long count = 0;
    while (heap.malloc(4096) != 0) {
      count++;
    }
    while (heap.malloc(8) != 0) {} // what slabs have left, too
    return count;
  }

  @Test
  void anArenaThatIsInUseIsNotClosed() {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20)) {
      Arena arena = heap.confinedArena();
      MemorySegment segment = arena.allocate(16);
      var buffers = new java.nio.ByteBuffer[] {segment.asByteBuffer()};
      assertEquals(16, buffers[0].remaining());
      Arena inner = heap.confinedArena();
      MemorySegment other = inner.allocate(16);
      other.set(JAVA_LONG, 0, 1);
      arena.close();
      assertThrows(IllegalStateException.class, () -> buffers[0].get(0));
      assertEquals(1, other.get(JAVA_LONG, 0));
      assertEquals(1, heap.usage().openArenas());
      inner.close();
    }
  }

  @Test
  void sizesBetweenPowersOfTwoWasteLittle() { // with powers of two 1.36 to 1.9 times as much
    for (int bytes : new int[] {300, 600, 700, 1100, 1300, 2200, 2700, 5000, 6000, 10_000}) {
      try (OffHeap heap = OffHeap.builder(32 << 20).cpus(1).open()) {
        long before = heap.usage().usedBytes();
        for (int i = 0; i < 1000; i++) {
          long offset = heap.malloc(bytes);
          assertEquals(0, offset % Integer.lowestOneBit((int) heap.usableSize(offset)));
        }
        long each = (heap.usage().usedBytes() - before) / 1000;
        assertTrue(each < 1.3 * bytes, "bytes=" + bytes + " used for each: " + each);
      }
    }
  }

  @Test
  void whatComesAfterTheEndOfAHeapIsRefused() {
    OffHeap heap = OffHeap.ofBytes(16 << 20);
    long offset = heap.malloc(64);
    Arena arena = heap.confinedArena();
    assertEquals(0, arena.allocate(16).get(JAVA_LONG, 0));
    assertThrows(IllegalStateException.class, heap::close, "an arena is open");
    assertEquals(0, arena.allocate(16).get(JAVA_LONG, 0), "it goes on");
    arena.close();
    heap.free(offset);
    heap.close();
    assertThrows(MisuseException.class, () -> heap.free(offset));
    try (Arena late = heap.confinedArena()) {
      assertThrows(RuntimeException.class, () -> late.allocate(1000));
    }
  }

  @Test
  void singleSegmentsAreFreedOnce() {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20);
        OffHeap other = OffHeap.ofBytes(16 << 20)) {
      MemorySegment one = heap.allocate(100);
      MemorySegment two = heap.allocate(20_000, 4096);
      assertThrows(MisuseException.class, () -> heap.free(one.asSlice(8)));
      assertThrows(MisuseException.class, () -> other.free(one));
      assertThrows(MisuseException.class, () -> heap.free(MemorySegment.ofArray(new byte[8])));
      heap.free(one);
      assertThrows(MisuseException.class, () -> heap.free(one));
      heap.free(two);
      long offset = heap.malloc(24);
      heap.memory().set(JAVA_LONG, offset, 7);
      assertTrue(heap.usableSize(offset) >= 24);
      heap.free(offset);
      heap.free(0);
      assertThrows(MisuseException.class, () -> heap.free(offset));
      heap.machine().validate();
    }
  }

  @Test
  void segmentsOfTheHeapEndWithIt() {
    OffHeap heap = OffHeap.ofBytes(16 << 20);
    MemorySegment segment = heap.allocate(10);
    heap.free(segment);
    heap.close();
    heap.close();
    assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
  }

  @Test
  void theCapHolds() {
    try (OffHeap heap = OffHeap.builder(32 << 20).name("small").open()) {
      List<MemorySegment> held = new ArrayList<>();
      OutOfMemoryError error =
          assertThrows(
              OutOfMemoryError.class,
              () -> {
                while (true) {
                  held.add(heap.allocate(100_000));
                }
              });
      assertTrue(String.valueOf(error.getMessage()).contains("small"), error.toString());
      OffHeapUsage full = heap.usage();
      assertTrue(full.usedBytes() <= full.capacityBytes() && full.capacityBytes() <= 32 << 20);
      assertTrue(held.size() > 180, "128 KiB each: " + held.size());
      assertTrue(full.failures() > 0);
      assertThrows(OutOfMemoryError.class, () -> heap.allocate(OffHeap.MAX_BYTES + 1));
      held.forEach(heap::free);
      assertNotEquals(0, heap.malloc(100_000));
    }
  }

  @Test
  void manyVirtualThreadsShareFewCpus() throws Exception {
    try (OffHeap heap = OffHeap.builder(64 << 20).cpus(2).open();
        ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> tasks = new ArrayList<>();
      for (int t = 0; t < 200; t++) {
        int seed = t;
        tasks.add(executor.submit(() -> work(heap, new Random(seed))));
      }
      for (Future<?> task : tasks) {
        Object _ = task.get();
      }
      OffHeapUsage usage = heap.usage();
      assertEquals(usage.allocations(), usage.frees());
      assertEquals(0, usage.openArenas());
      heap.machine().validate();
      long _ = heap.trim();
      assertEquals(0, heap.usage().usedBytes());
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  private static void work(OffHeap heap, Random random) {
    for (int i = 0; i < 30; i++) {
      try (Arena arena = heap.confinedArena()) {
        MemorySegment a = arena.allocate(1 + random.nextInt(4000));
        MemorySegment b = heap.allocate(1 + random.nextInt(4000));
        long mark = random.nextLong();
        a.fill((byte) mark);
        b.fill((byte) ~mark);
        Thread.yield();
        for (long at = 0; at < a.byteSize(); at++) {
          assertEquals((byte) mark, a.get(JAVA_BYTE, at));
        }
        for (long at = 0; at < b.byteSize(); at++) {
          assertEquals((byte) ~mark, b.get(JAVA_BYTE, at));
        }
        heap.free(b);
      }
    }
  }

  @Test
  void leaksNameTheirCaller() {
    try (OffHeap heap = OffHeap.builder(16 << 20).rememberCallers().open()) {
      MemorySegment kept = heap.allocate(123);
      heap.free(heap.allocate(77));
      Arena arena = heap.confinedArena();
      MemorySegment _ = arena.allocate(5);
      assertEquals(2, heap.leaks().size());
      arena.close();
      OffHeapLeak leak = heap.leaks().getFirst();
      assertEquals(123, leak.bytes());
      assertTrue(leak.caller().contains("OffHeapTest.leaksNameTheirCaller"), leak.caller());
      heap.free(kept);
      assertEquals(List.of(), heap.leaks());
    }
  }

  @Test
  void fragmentationIsMeasured() {
    try (OffHeap heap = OffHeap.ofBytes(64 << 20)) {
      List<Long> offsets = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        offsets.add(heap.malloc(1024));
      }
      OffHeapFragmentation dense = heap.fragmentation();
      assertTrue(dense.slackPermille() < 50, dense.toString());
      for (int i = 0; i < offsets.size(); i++) {
        if (i % 8 != 0) {
          heap.free(offsets.get(i));
        }
      }
      OffHeapFragmentation sparse = heap.fragmentation();
      assertTrue(sparse.slackPermille() > 700, sparse.toString());
      assertEquals(1250 * 1024, sparse.objectBytes());
    }
  }

  @Test
  void metricsAreABeanAndEvents(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("heap.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("io.mm4j.OffHeapTrim");
      recording.enable("io.mm4j.OffHeapExhausted");
      recording.start();
      var server = ManagementFactory.getPlatformMBeanServer();
      ObjectName bean = new ObjectName("io.mm4j:type=OffHeap,name=\"seen\"");
      try (OffHeap heap = OffHeap.builder(16 << 20).name("seen").withMetrics().open()) {
        heap.free(heap.malloc(10));
        assertEquals(1L, server.getAttribute(bean, "Frees"));
        assertThrows(OutOfMemoryError.class, () -> heap.allocate(100 << 20));
        assertTrue((long) server.invoke(bean, "trim", new Object[0], new String[0]) > 0);
        assertTrue((long) server.getAttribute(bean, "UsedBytes") >= 0);
      }
      assertFalse(server.isRegistered(bean));
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    assertEquals(1, events.stream().filter(e -> isOf(e, "OffHeapTrim")).count());
    assertTrue(events.stream().anyMatch(e -> isOf(e, "OffHeapExhausted")));
  }

  private static boolean isOf(RecordedEvent event, String name) {
    return event.getEventType().getName().equals("io.mm4j." + name)
        && event.getString("heap").equals("seen");
  }

  @Test
  void footprintComesDownAgain() throws Exception {
    burst(160 * MIB);
  }

  @Test
  @Tag("soak")
  void footprintOfOneGibibyteComesDownAgain() throws Exception {
    burst(1024 * MIB);
  }

  private static void burst(long bytes) throws Exception {
    try (OffHeap heap = OffHeap.ofBytes(bytes + bytes / 2)) {
      long[] offsets = new long[(int) (bytes / 1024)];
      fillAndFree(heap, offsets, 8 * MIB); // classes and tables are there
      long _ = heap.trim();
      long before = resident(heap);
      long peak = fillAndFree(heap, offsets, bytes);
      long _ = heap.trim();
      long after = resident(heap);
      assertTrue(peak - before > bytes * 9 / 10, "peak=" + peak + " before=" + before);
      assertTrue(after - before < 32 * MIB, "before=" + before + " after=" + after);
      assertEquals(0, heap.usage().usedBytes());
    }
  }

  /** Objects of 64 bytes to 64 KiB, all written to; the resident size when all are there. */
  private static long fillAndFree(OffHeap heap, long[] offsets, long bytes) throws Exception {
    Random random = new Random(11);
    int count = 0;
    for (long sum = 0; sum < bytes; ) {
      int size = 1 << random.nextInt(9, 17);
      long offset = heap.malloc(size);
      assertNotEquals(0, offset);
      heap.memory().asSlice(offset, size).fill((byte) 1);
      offsets[count] = offset;
      count++;
      sum += size;
    }
    long peak = resident(heap);
    for (int i = 0; i < count; i++) {
      heap.free(offsets[i]);
    }
    return peak;
  }

  /** What the host has resident of the heap's memory, in bytes: {@code Rss} of its mappings. */
  private static long resident(OffHeap heap) throws Exception {
    long start = heap.memory().address();
    long end = start + heap.memory().byteSize();
    boolean inside = false;
    long kib = 0;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      Matcher area = AREA.matcher(line);
      if (area.lookingAt()) {
        inside =
            Long.parseUnsignedLong(area.group(1), 16) < end
                && Long.parseUnsignedLong(area.group(2), 16) > start;
      } else if (inside && line.startsWith("Rss:")) {
        kib += Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return kib << 10;
  }
}
