// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.Cpu;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Plays the requests of a recording, not what became of them: any page allocator on any frame
 * allocator answers them in its own way, and the free blocks over time can be compared with the
 * recorded kernel's, which the exact replay shows at the same moments.
 *
 * <p>Protocol. Everything that is not free at the start is in use. Blocks that {@link Requests}
 * found on per-cpu lists are freed first. Then every {@code a} is asked for, and every removal that
 * was a bulk allocation at its {@code z}; every free gives back what the request of that frame got,
 * as the block that it was, or page by page if the kernel freed other blocks than were allocated.
 * Pageblocks begin with the first type that the trace shows in them, else as Movable.
 *
 * <p>The machine has the recorded zones, CPUs and {@code vm.*} values.
 *
 * <p>This is not determined by the recording: the order of lists, the contents of per-cpu lists and
 * who reclaimed what are not in it. What had to be inferred is counted. Nothing is reclaimed: pages
 * that the kernel reclaimed are freed in the trace.
 *
 * <p>Memory: a few numbers per frame of the recorded machine.
 */
public final class PolicyReplay {
  /** Of a frame: it holds nothing here, as its request failed or it was freed. */
  private static final long NOTHING = -1;

  private final RecordedZones zones;
  private final Machine machine;
  private final PageAllocator pages;
  private final MemMap memMap;
  private final FreePages startFree;
  private final Requests requests;

  /** Of a recorded frame: 0, {@link #NOTHING}, or the frame here plus 1. */
  private final FrameTable held;

  /** Of the first recorded frame of a block: its order plus 1. */
  private final FrameTable orders;

  private final long[] failures = new long[Counts.ORDERS];
  private long asked;
  private long frees;
  private long freesByPage;
  private long freesOfStart;
  private long freesLeftOut;
  private long lostFrees;
  private long recordedFailures;
  private int removals;

  private PolicyReplay(
      RecordedZones zones, Machine machine, FreePages startFree, Requests requests) {
    this.zones = zones;
    this.machine = machine;
    this.pages = machine.pages();
    this.memMap = machine.memory().memMap();
    this.startFree = startFree;
    this.requests = requests;
    this.held = new FrameTable(zones);
    this.orders = new FrameTable(zones);
  }

  /**
   * Plays one recording.
   *
   * @param config the machine's plugins; its layout, CPUs, contents and free memory are set here
   * @param points how many samples to take at least, 0 for none; the same number gives the samples
   *     of the same moments as {@link KmemReplay#run}
   * @throws io.mm4j.api.InputException if the recording is incomplete or not well formed
   */
  public static PolicyRun run(KmemSource source, MachineConfig config, int points) {
    RecordedZones zones = RecordedZones.read(source);
    FreePages free = FreePages.before(source, zones);
    PageblockTypes types = PageblockTypes.lookAhead(source, zones);
    Requests requests = Requests.lookAhead(source, zones, free);
    config.cpus(Math.clamp(zones.cpus(), 1, 4096));
    recordedSysctls(source, config);
    try (Machine machine = KmemReplay.boot(zones, config)) {
      PolicyReplay replay = new PolicyReplay(zones, machine, free, requests);
      replay.load(source, types);
      long startFreePages = machine.pages().freePages();
      replay.freePcpOfStart();
      List<Sample> samples = replay.play(source, points);
      return replay.result(source, types, startFreePages, samples);
    }
  }

  /** The recorded machine's {@code vm.*}, and what was set for this recording alone. */
  static void recordedSysctls(KmemSource source, MachineConfig config) {
    List<String> lines = source.machineLines("sysctl_vm.txt");
    for (String line : lines == null ? List.<String>of() : lines) {
      int eq = line.indexOf('=');
      if (eq > 0 && line.startsWith("vm.")) {
        config.recordedSysctl(line.substring(3, eq).strip(), line.substring(eq + 1).strip());
      }
    }
    for (String word : Meta.read(source).get("sysctl").split(" ", -1)) {
      int eq = word.indexOf('=');
      if (eq > 0) {
        config.recordedSysctl(word.substring(0, eq), word.substring(eq + 1));
      }
    }
  }

  private void load(KmemSource source, PageblockTypes types) {
    List<ManagedZone> managed = KmemReplay.inOrder(machine);
    byte[] table = types.copy();
    for (ManagedZone zone : managed) {
      long start = zone.zone().startPfn();
      for (long p = start; p < zone.zone().endPfn(); p += Pages.PAGEBLOCK_NR_PAGES) {
        zone.zone().pageblocks().set(p, table[(int) (p >>> Pages.PAGEBLOCK_ORDER)]);
        p &= -Pages.PAGEBLOCK_NR_PAGES;
      }
    }
    try (FreeBlocks blocks = new FreeBlocks(source, FreeBlocks.BEFORE, zones)) {
      while (blocks.next()) {
        ManagedZone zone = managed.get(blocks.zone());
        memMap.release(blocks.pfn(), blocks.order(), FrameOwner.FREE);
        int piece = Math.min(blocks.order(), zone.capabilities().maxOrder());
        for (long p = blocks.pfn(); p < blocks.pfn() + (1L << blocks.order()); p += 1L << piece) {
          zone.frames().free(p, piece, zone.zone().pageblocks().get(blocks.pfn()));
        }
      }
    }
    pages.freeBlocksChanged();
  }

  private void freePcpOfStart() {
    for (int i = 0; i < requests.atStartCount(); i++) {
      long pfn = requests.atStartPfn(i);
      int order = requests.atStartOrder(i);
      startFree.set(pfn, order, true);
      memMap.prepare(pfn, order, FrameOwner.KERNEL);
      pages.freePages(cpu(requests.atStartCpu(i)), pfn, order);
    }
  }

  private Cpu cpu(int recorded) {
    return machine.cpus().get(recorded % machine.cpus().count());
  }

  private List<Sample> play(KmemSource source, int points) {
    Sampler sampler = new Sampler(points, KmemReplay.inOrder(machine));
    try (TraceReader event = new TraceReader(source, zones)) {
      long timeNs = event.timeNs();
      while (event.next()) {
        if (sampler.due(event.timeNs())) {
          sampler.take(event.timeNs(), event.line() - 1, pages.pcpPages(), failed());
        }
        machine.clock().advance(Math.max(0, event.timeNs() - timeNs));
        timeNs = event.timeNs();
        step(event);
      }
      return sampler.finish(timeNs, event.line(), pages.pcpPages(), failed());
    }
  }

  private void step(TraceReader event) {
    switch (event.op()) {
      case 'a' -> {
        if (event.pfn() < 0) {
          recordedFailures++;
        } else {
          allocate(event, event.gfp());
        }
      }
      case 'z', 'E' -> {
        if (requests.isBulk(removals++)) {
          allocate(event, RecordedRequests.bulkGfp(event.type()));
        }
      }
      case 'f', 'g', 'F' -> free(event);
      default -> {
        // what became of requests on the recorded machine, or an event about something else
      }
    }
  }

  private void allocate(TraceReader event, int gfp) {
    long pfn = event.pfn();
    int order = event.order();
    if (!zones.holdsBlock(event.zone(), pfn, order)) {
      recordedFailures++;
      return;
    }
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (held.get(p) > 0) {
        lostFrees++;
        freeOne(event, p);
      }
    }
    asked++;
    long got = request(event, gfp);
    if (got == PageAllocator.NO_PAGE) {
      failures[order]++;
    }
    for (int i = 0; i < 1 << order; i++) {
      held.set(pfn + i, got == PageAllocator.NO_PAGE ? NOTHING : got + i + 1);
      orders.set(pfn + i, i == 0 ? order + 1 : 0);
    }
  }

  /** A request that must not fail and cannot be served is a failure like any other here. */
  private long request(TraceReader event, int gfp) {
    try {
      return pages.allocPages(cpu(event.cpu()), gfp, event.order());
    } catch (MemoryDeadlockException e) {
      return PageAllocator.NO_PAGE;
    }
  }

  private void free(TraceReader event) {
    long pfn = event.pfn();
    int order = event.order();
    if (!zones.holdsBlock(event.zone(), pfn, order)) {
      freesLeftOut += 1L << order;
      return;
    }
    frees++;
    long here = held.get(pfn);
    if (here > 0 && orders.get(pfn) == order + 1) {
      forget(pfn, order);
      pages.freePages(cpu(event.cpu()), here - 1, order);
      return;
    }
    if (unknownOfStart(pfn, order)) {
      freesOfStart++;
      forget(pfn, order);
      memMap.prepare(pfn, order, FrameOwner.KERNEL);
      pages.freePages(cpu(event.cpu()), pfn, order);
      return;
    }
    freesByPage++;
    for (long p = pfn; p < pfn + (1L << order); p++) {
      freeOne(event, p);
    }
  }

  /** Whether the whole block was in use at the start and nothing has happened to it since. */
  private boolean unknownOfStart(long pfn, int order) {
    if (startFree.count(pfn, order) != 0) {
      return false;
    }
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (held.get(p) != 0) {
        return false;
      }
    }
    return true;
  }

  private void freeOne(TraceReader event, long pfn) {
    long here = held.get(pfn);
    if (here > 0) {
      split(pfn);
      forget(pfn, 0);
      pages.freePages(cpu(event.cpu()), here - 1, 0);
    } else if (here == 0 && !startFree.get(pfn)) {
      forget(pfn, 0);
      memMap.prepare(pfn, 0, FrameOwner.KERNEL);
      pages.freePages(cpu(event.cpu()), pfn, 0);
    } else {
      freesLeftOut++;
    }
  }

  /** Makes single pages of the block that holds this recorded frame, if it is larger. */
  private void split(long pfn) {
    for (int o = 0; o < Counts.ORDERS; o++) {
      long head = pfn & -(1L << o);
      int order = (int) orders.get(head) - 1;
      if (order >= 0 && head + (1L << order) > pfn) {
        if (order > 0) {
          long here = held.get(head) - 1;
          for (long p = here; p < here + (1L << order); p++) {
            // The holder of a compound block takes it apart before it frees parts of it.
            memMap.setFlags(p, 0);
          }
          pages.splitPage(here, order);
          for (long p = head; p < head + (1L << order); p++) {
            orders.set(p, 1);
          }
        }
        return;
      }
    }
  }

  private void forget(long pfn, int order) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      held.set(p, NOTHING);
      orders.set(p, 0);
    }
  }

  private long failed() {
    return Arrays.stream(failures).sum();
  }

  private PolicyRun result(
      KmemSource source, PageblockTypes types, long startFreePages, List<Sample> samples) {
    long pageblocks = 0;
    for (ManagedZone zone : machine.zones()) {
      pageblocks += (zone.zone().spannedPages() + Pages.PAGEBLOCK_NR_PAGES - 1) >>> 9;
    }
    return new PolicyRun(
        source.name(),
        Objects.requireNonNull(machine.plugins().get(Spi.PAGE_ALLOCATOR)).name(),
        Objects.requireNonNull(machine.plugins().get(Spi.FRAME_ALLOCATOR)).name(),
        zones,
        asked,
        failed(),
        Arrays.stream(failures).boxed().toList(),
        frees,
        startFreePages,
        pages.freePages(),
        pages.pcpPages(),
        new PolicyRun.Inferred(
            requests.atStartPages(),
            requests.bulkAllocations(),
            types.known(),
            pageblocks,
            freesByPage,
            freesOfStart,
            freesLeftOut,
            lostFrees,
            recordedFailures),
        samples);
  }
}
