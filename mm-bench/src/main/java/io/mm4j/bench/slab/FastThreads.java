// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** JMH's threads as Netty's: for {@code -Djmh.executor=CUSTOM}. */
public final class FastThreads extends ThreadPoolExecutor {
  private static final AtomicInteger NUMBER = new AtomicInteger();

  /** Called by JMH by reflection. */
  public FastThreads(int maxThreads, String prefix) {
    super(
        maxThreads,
        maxThreads,
        1,
        TimeUnit.SECONDS,
        new SynchronousQueue<>(),
        task ->
            new FastThreadLocalThread(task, prefix + "-jmh-worker-" + NUMBER.incrementAndGet()));
  }
}
