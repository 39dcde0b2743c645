// SPDX-License-Identifier: Apache-2.0

package io.example.offheap;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/**
 * The load: 4 threads and 64 virtual threads, 200000 keys of which a fifth gets four of five
 * requests, nine reads for a write, values of 64 bytes to 16 KiB, under a cap of 256 MiB that holds
 * a part of them.
 */
public final class CacheLoad {
  private static final long CAP = 256L << 20;
  private static final int KEYS = 200_000;
  private static final int THREADS = 4;
  private static final int VIRTUAL = 64;

  private CacheLoad() {}

  /** {@code SECONDS STORE,...}. */
  public static void main(String[] args) throws Exception {
    int seconds = args.length > 0 ? Integer.parseInt(args[0]) : 60;
    String stores = args.length > 1 ? args[1] : "mm-slab,netty,arena";
    System.out.printf(
        "%-10s%12s%12s%10s%12s%12s%12s%14s%14s%n",
        "store",
        "reads/s",
        "writes/s",
        "hits %",
        "evictions",
        "us CPU/op",
        "p99 us",
        "store MiB",
        "resident MiB");
    for (String name : stores.split(",")) {
      run(name, seconds);
    }
  }

  private static void run(String name, int seconds) throws Exception {
    try (Store store = Stores.of(name, CAP)) {
      Cache cache = new Cache(store);
      LongAdder reads = new LongAdder();
      LongAdder hits = new LongAdder();
      LongAdder writes = new LongAdder();
      LongAdder evictions = new LongAdder();
      ConcurrentLinkedQueue<Long> samples = new ConcurrentLinkedQueue<>();
      AtomicReference<Throwable> failure = new AtomicReference<>();
      long cpuBefore = cpuNs();
      long end = System.nanoTime() + seconds * 1_000_000_000L;
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < THREADS + VIRTUAL; i++) {
        Random random = new Random(i);
        Runnable work =
            () -> {
              try {
                for (int n = 0; System.nanoTime() < end && failure.get() == null; n++) {
                  long key =
                      random.nextInt(5) > 0 ? random.nextInt(KEYS / 5) : random.nextInt(KEYS);
                  long start = n % 64 == 0 ? System.nanoTime() : 0;
                  boolean hit = random.nextInt(10) > 0 && cache.get(key);
                  reads.increment();
                  if (hit) {
                    hits.increment();
                  } else {
                    evictions.add(cache.put(key, (int) (64 * Math.pow(256, random.nextDouble()))));
                    writes.increment();
                  }
                  if (start != 0) {
                    samples.add(System.nanoTime() - start);
                    Thread.yield();
                  }
                }
              } catch (Throwable t) {
                failure.compareAndSet(null, t);
              }
            };
        threads.add(i < THREADS ? Thread.ofPlatform().start(work) : Thread.ofVirtual().start(work));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      if (failure.get() != null) {
        throw new IllegalStateException(name, failure.get());
      }
      double cpu = (cpuNs() - cpuBefore) / 1e3 / reads.sum();
      long used = store.usedBytes();
      long resident = resident();
      long values = cache.checkAll();
      long[] sorted = samples.stream().mapToLong(Long::longValue).toArray();
      Arrays.sort(sorted);
      System.out.printf(
          "%-10s%12d%12d%10.1f%12d%12.2f%12.1f%14d%14d   %d values checked%n",
          name,
          reads.sum() / seconds,
          writes.sum() / seconds,
          100.0 * hits.sum() / reads.sum(),
          evictions.sum(),
          cpu,
          sorted.length == 0 ? 0 : sorted[sorted.length * 99 / 100] / 1e3,
          used >> 20,
          resident >> 20,
          values);
      cache.clear();
    }
  }

  private static long cpuNs() {
    var system = ManagementFactory.getOperatingSystemMXBean();
    return system instanceof com.sun.management.OperatingSystemMXBean sun
        ? sun.getProcessCpuTime()
        : 0;
  }

  private static long resident() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    return 0;
  }
}
