// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.apiguardian.api.API;

/**
 * What a thread has allocated on the Java heap, for tests of calls that are to allocate nothing.
 */
@API(status = API.Status.MAINTAINED)
public final class HeapUse {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private HeapUse() {}

  /** Bytes that this thread has allocated since it began; calling it allocates nothing. */
  public static long ofThisThread() {
    return THREADS.getCurrentThreadAllocatedBytes();
  }
}
