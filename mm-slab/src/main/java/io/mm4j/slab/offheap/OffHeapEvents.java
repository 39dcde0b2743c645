// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.ObjectName;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;

/** What a heap tells JFR and JMX. */
final class OffHeapEvents {
  private OffHeapEvents() {}

  /** How full a heap is, once a second. */
  @Name("io.mm4j.OffHeapUsage")
  @Label("Off-heap usage")
  @Category("mm4j")
  @Period("1 s")
  @StackTrace(false)
  static final class Usage extends Event {
    @Label("Heap")
    String heap = "";

    @Label("Capacity")
    @DataAmount
    long capacityBytes;

    @Label("Used")
    @DataAmount
    long usedBytes;

    @Label("Allocations")
    long allocations;

    @Label("Frees")
    long frees;

    @Label("Failures")
    long failures;
  }

  /** Memory was given back to the host. */
  @Name("io.mm4j.OffHeapTrim")
  @Label("Off-heap trim")
  @Category("mm4j")
  static final class Trim extends Event {
    @Label("Heap")
    String heap = "";

    @Label("Given back")
    @DataAmount
    long bytes;
  }

  /** A request could not be served. */
  @Name("io.mm4j.OffHeapExhausted")
  @Label("Off-heap exhausted")
  @Category("mm4j")
  static final class Exhausted extends Event {
    @Label("Heap")
    String heap = "";

    @Label("Requested")
    @DataAmount
    long bytes;
  }

  /** Registers a heap; what is returned ends it. */
  static Runnable register(OffHeap heap) {
    Runnable usage =
        () -> {
          Usage event = new Usage();
          if (event.isEnabled()) {
            OffHeapUsage now = heap.usage();
            event.heap = heap.name();
            event.capacityBytes = now.capacityBytes();
            event.usedBytes = now.usedBytes();
            event.allocations = now.allocations();
            event.frees = now.frees();
            event.failures = now.failures();
            event.commit();
          }
        };
    try {
      ObjectName name =
          new ObjectName("io.mm4j:type=OffHeap,name=" + ObjectName.quote(heap.name()));
      ManagementFactory.getPlatformMBeanServer().registerMBean(new Bean(heap), name);
      FlightRecorder.addPeriodicEvent(Usage.class, usage);
      return () -> {
        FlightRecorder.removePeriodicEvent(usage);
        try {
          ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
        } catch (JMException e) {
          throw new IllegalStateException("no bean of the heap: name=" + heap.name(), e);
        }
      };
    } catch (JMException e) {
      throw new IllegalArgumentException("a heap of this name has a bean: " + heap.name(), e);
    }
  }

  private record Bean(OffHeap heap) implements OffHeapMXBean {
    @Override
    public long getCapacityBytes() {
      return heap.usage().capacityBytes();
    }

    @Override
    public long getUsedBytes() {
      return heap.usage().usedBytes();
    }

    @Override
    public long getAllocations() {
      return heap.usage().allocations();
    }

    @Override
    public long getFrees() {
      return heap.usage().frees();
    }

    @Override
    public long getFailures() {
      return heap.usage().failures();
    }

    @Override
    public long getOpenArenas() {
      return heap.usage().openArenas();
    }

    @Override
    public int getSlackPermille() {
      return heap.fragmentation().slackPermille();
    }

    @Override
    public int getUnusablePermille() {
      return heap.fragmentation().unusablePermille();
    }

    @Override
    public long trim() {
      return heap.trim();
    }
  }
}
