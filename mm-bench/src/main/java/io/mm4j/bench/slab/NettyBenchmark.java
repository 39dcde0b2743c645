// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Netty's direct buffers, which are objects with bounds and a count of references: what a Java team
 * uses today. On threads of JMH, or with {@code mm4j.ftl} on Netty's own ({@link FastThreads}),
 * without which its pool has no cache.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 150, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "-XX:MaxDirectMemorySize=1g",
      "-Dio.netty.leakDetection.level=disabled",
      "--enable-native-access=ALL-UNNAMED"
    })
public class NettyBenchmark {
  /** Which allocator. */
  @Param({"pooled", "adaptive"})
  public String kind = "";

  private @Nullable ByteBufAllocator allocator;

  /** Makes it. */
  @Setup
  public void setUp() {
    allocator =
        kind.equals("pooled") ? PooledByteBufAllocator.DEFAULT : new AdaptiveByteBufAllocator(true);
  }

  @SuppressWarnings("NullAway") // set up before
  private ByteBuf take(int bytes) {
    return allocator.directBuffer(bytes, bytes);
  }

  /** Pairs of a size. */
  public static class Pairs extends NettyBenchmark {
    /** Bytes of an object. */
    @Param({"64", "256", "1024", "4096", "65536"})
    public int bytes;

    /** A buffer out and back. */
    @Benchmark
    public boolean pair() {
      return super.take(bytes).release();
    }
  }

  /** The random mix. */
  public static class Mixed extends NettyBenchmark {
    private final ByteBuf[] live = new ByteBuf[Mix.LIVE];
    private final Mix mix = new Mix(1);

    /** Fills the places. */
    @Setup
    public void fill() {
      int[] sizes = Mix.first(1);
      for (int i = 0; i < Mix.LIVE; i++) {
        live[i] = super.take(sizes[i]);
      }
    }

    private ByteBuf step() {
      mix.step();
      int place = mix.place();
      boolean _ = live[place].release();
      ByteBuf buffer = super.take(mix.size());
      live[place] = buffer;
      return buffer;
    }

    /** One thread. */
    @Benchmark
    public ByteBuf mix() {
      return step();
    }

    /** Two threads, each its own objects. */
    @Benchmark
    @Threads(2)
    public ByteBuf mixOfTwo() {
      return step();
    }
  }
}
