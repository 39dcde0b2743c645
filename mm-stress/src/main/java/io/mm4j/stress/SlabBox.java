// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * As {@link Box}, with one cache of a slab allocator: small slabs, and little that a CPU keeps, so
 * that the two meet often.
 */
final class SlabBox {
  /** Which allocator; each has its own idle machines. */
  enum Kind {
    /** A freelist and partial slabs for each CPU. */
    SLUB("slub:sheaves=off"),
    /** Sheaves for each CPU, and a barn between them. */
    SHEAVES("slub:sheaves=all"),
    /** Bonwick's: arrays for each CPU, and a shared one. */
    SLAB("slab"),
    /** One list of pages for all. */
    SLOB("slob");

    private final String plugin;

    Kind(String plugin) {
      this.plugin = plugin;
    }
  }

  private static final Map<Kind, Queue<SlabBox>> IDLE = new EnumMap<>(Kind.class);

  static {
    for (Kind kind : Kind.values()) {
      IDLE.put(kind, new ConcurrentLinkedQueue<>());
    }
  }

  private final Queue<SlabBox> idle;
  final Machine machine;
  final SlabAllocator slabs;
  final KmemCache cache;

  private SlabBox(Kind kind) {
    idle = idle(kind);
    machine = new MachineConfig().memory(16L << 20).cpus(2).plugin("slab=" + kind.plugin).boot();
    slabs = machine.slabs();
    cache =
        slabs.kmemCacheCreate(
            KmemCacheArgs.of("stress", 500).withFlags(SlabFlags.SLAB_NO_MERGE).withSheaves(4));
  }

  private static Queue<SlabBox> idle(Kind kind) {
    return Objects.requireNonNull(IDLE.get(kind));
  }

  /** A machine that nobody else has. */
  static SlabBox borrow(Kind kind) {
    SlabBox box = idle(kind).poll();
    return box == null ? new SlabBox(kind) : box;
  }

  Cpu cpu(int id) {
    return machine.cpus().get(id);
  }

  /**
   * Looks at everything after both threads are done, takes back what they hold, and gives the
   * machine to the next test if all is well.
   *
   * @return {@link Box#WHOLE}, or what is wrong
   */
  String check(SlabWorker... workers) {
    String wrong;
    try {
      wrong = look(workers);
    } catch (RuntimeException | Error e) {
      wrong = e.toString();
    }
    if (wrong != null) {
      return wrong;
    }
    idle.add(this);
    return Box.WHOLE;
  }

  private @Nullable String look(SlabWorker... workers) {
    Set<Long> held = new HashSet<>();
    List<String> failures = new ArrayList<>();
    int sum = 0;
    for (SlabWorker worker : workers) {
      sum += worker.markHeld(held);
      if (worker.failure() != null) {
        failures.add(worker.failure());
      }
    }
    if (!failures.isEmpty()) {
      return "threw " + failures;
    }
    if (held.size() != sum) {
      return "two hold one object";
    }
    long live = cache.stats().liveObjects();
    if (live != sum) {
      return live + " objects are live, and " + sum + " held";
    }
    machine.validate();
    for (SlabWorker worker : workers) {
      worker.asOwner(worker::giveAll);
      if (worker.failure() != null) {
        return "freeing threw " + worker.failure();
      }
    }
    long _ = slabs.shrinkAll(cpu(0));
    long frames = machine.framesOwnedBy(FrameOwner.SLAB);
    return frames == 0 ? null : frames + " frames are lost when all is freed and shrunk";
  }
}
