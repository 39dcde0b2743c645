// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.frame;

import io.mm4j.api.KernelLock;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A frame allocator of a zone of 4 GiB in which 10,000 blocks are held, each call under the zone's
 * lock. The peer is src/main/c/buddy.c.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"-XX:+UseSerialGC", "-Xms512m", "-Xmx512m"})
public class FrameAllocatorBenchmark {
  private static final int FRAMES = 1 << 20;
  private static final int LIVE = 10_000;
  private static final List<String> ALL = List.of("buddy", "bitmap", "llfree");

  /** The plugin. */
  @Param({"buddy", "llfree", "bitmap"})
  public String plugin = "buddy";

  /** How many plugins the calls have met: with three a call is no longer bound to one of them. */
  @Param({"1", "3"})
  public int loaded;

  private FrameAllocator frames = create("buddy");
  private KernelLock lock = zone().lock();
  private long[] live = new long[LIVE];
  private byte[] orders = new byte[LIVE];
  private long seed = 88172645463325252L;

  private static Zone zone() {
    return new Zone(ZoneType.NORMAL, 0, 0, FRAMES, FRAMES, FRAMES, Migratetype.MOVABLE);
  }

  private static FrameAllocator create(String plugin) {
    FrameAllocatorProvider provider =
        PluginRegistry.discover().provider(Spi.FRAME_ALLOCATOR, plugin, "plugin");
    FrameAllocator frames = provider.create(zone(), Options.defaults(provider));
    for (int pfn = 0; pfn < FRAMES; pfn += 1024) {
      frames.freeToTail(pfn, 10, Migratetype.MOVABLE);
    }
    return frames;
  }

  /** Fills the zone; first with the other plugins, if they are to be met. */
  @Setup
  public void setUp() {
    for (String other : ALL) {
      if (loaded == 3 && !other.equals(plugin)) {
        start(other);
        for (int i = 0; i < 50_000; i++) {
          order0();
          order3();
          mixed();
        }
      }
    }
    start(plugin);
  }

  private void start(String name) {
    frames = create(name);
    lock = zone().lock();
    for (int i = 0; i < LIVE; i++) {
      orders[i] = (byte) randomOrder();
      live[i] = allocate(orders[i]);
    }
  }

  private long random() {
    seed ^= seed << 13;
    seed ^= seed >>> 7;
    seed ^= seed << 17;
    return seed;
  }

  private int randomOrder() {
    return Long.numberOfTrailingZeros(random() | 1 << 10);
  }

  private long allocate(int order) {
    lock.lock();
    long pfn = frames.allocate(order, Migratetype.MOVABLE);
    lock.unlock();
    return pfn;
  }

  private void free(long pfn, int order) {
    lock.lock();
    frames.free(pfn, order, Migratetype.MOVABLE);
    lock.unlock();
  }

  /** A page, there and back. */
  @Benchmark
  public void order0() {
    free(allocate(0), 0);
  }

  /** Eight pages, there and back. */
  @Benchmark
  public void order3() {
    free(allocate(3), 3);
  }

  /** One of the held blocks goes, another comes; order p with a chance of 2^-(p+1). */
  @Benchmark
  public void mixed() {
    int at = (int) ((random() >>> 33) % LIVE);
    free(live[at], orders[at]);
    orders[at] = (byte) randomOrder();
    live[at] = allocate(orders[at]);
  }
}
