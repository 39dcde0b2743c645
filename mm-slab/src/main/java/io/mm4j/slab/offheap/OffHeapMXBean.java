// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

/**
 * A heap as a bean of the platform's MBean server: {@code io.mm4j:type=OffHeap,name=NAME}. Made by
 * {@link OffHeap.Builder#withMetrics}.
 */
public interface OffHeapMXBean {
  /** {@link OffHeapUsage#capacityBytes}. */
  long getCapacityBytes();

  /** {@link OffHeapUsage#usedBytes}. */
  long getUsedBytes();

  /** {@link OffHeapUsage#allocations}. */
  long getAllocations();

  /** {@link OffHeapUsage#frees}. */
  long getFrees();

  /** {@link OffHeapUsage#failures}. */
  long getFailures();

  /** {@link OffHeapUsage#openArenas}. */
  long getOpenArenas();

  /** {@link OffHeapFragmentation#slackPermille}; walks. */
  int getSlackPermille();

  /** {@link OffHeapFragmentation#unusablePermille}; walks. */
  int getUnusablePermille();

  /** {@link OffHeap#trim}. */
  long trim();
}
