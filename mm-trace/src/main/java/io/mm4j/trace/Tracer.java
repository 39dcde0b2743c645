// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Lets a receiver see what plugins do: hands out a registry whose providers wrap what they create.
 * A machine that boots from it is traced; every other one has the plugins' own objects.
 *
 * <pre>{@code
 * try (Tracer tracer = Tracer.to(new FtraceText(System.out));
 *     Machine machine = new MachineConfig().registry(tracer.trace(registry)).boot()) {
 *   ...
 * }
 * }</pre>
 *
 * <p>Wrapped are {@code frame-allocator}, {@code page-allocator}, {@code slab}, {@code vmalloc} and
 * {@code process}; names, options and capabilities stay the plugins' own. What a plugin answers
 * does not change.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Tracer implements AutoCloseable {
  private final TraceSink sink;
  private final @Nullable FaultKnobs pageFaults;
  private final @Nullable FaultKnobs slabFaults;

  /** Who receives the events of the machine that boots, or has booted last. */
  private TraceSink machine;

  /** Where its zones begin, until it has a page allocator. */
  private final Set<Long> zones = new HashSet<>();

  private Tracer(TraceSink sink, @Nullable FaultKnobs pageFaults, @Nullable FaultKnobs slabFaults) {
    this.sink = sink;
    this.machine = sink;
    this.pageFaults = pageFaults;
    this.slabFaults = slabFaults;
  }

  /** A tracer whose events go to this receiver, which is closed with it. */
  public static Tracer to(TraceSink sink) {
    return new Tracer(sink, null, null);
  }

  /** The same, and page allocations fail as {@code fail_page_alloc} says; null for none. */
  public Tracer failPageAlloc(@Nullable FaultKnobs knobs) {
    return new Tracer(sink, knobs, slabFaults);
  }

  /** The same, and object allocations fail as {@code failslab} says; null for none. */
  public Tracer failslab(@Nullable FaultKnobs knobs) {
    return new Tracer(sink, pageFaults, knobs);
  }

  /** The same plugins, which are traced once they are created. */
  public PluginRegistry trace(PluginRegistry registry) {
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    for (Spi<?> spi : Spi.all()) {
      providers.put(spi, traced(spi, registry));
    }
    return PluginRegistry.of(providers);
  }

  private <P extends PluginProvider> List<P> traced(Spi<P> spi, PluginRegistry registry) {
    List<P> providers = new ArrayList<>();
    for (PluginInfo info : registry.plugins(spi)) {
      P provider = spi.providerType().cast(info.provider());
      Forward.Hook create = creation(spi);
      providers.add(
          create == null
              ? provider
              : Forward.wrap(
                  spi.providerType(), provider, new Forward.Hooks().on("create", create)));
    }
    return providers;
  }

  /** What happens when a plugin of an SPI is created; null if it is not wrapped. */
  private Forward.@Nullable Hook creation(Spi<?> spi) {
    return switch (spi.id()) {
      case "frame-allocator" -> this::frames;
      case "page-allocator" -> this::pages;
      case "slab" -> this::slabs;
      case "vmalloc" ->
          call -> VmallocHooks.wrap((VmallocAllocator) made(call.proceed()), machine());
      case "process" -> call -> ProcessHooks.wrap((ProcessFloor) made(call.proceed()), machine());
      default -> null;
    };
  }

  private synchronized TraceSink machine() {
    return machine;
  }

  /** A machine boots its zones first, each with an allocator, and then its page allocator. */
  private Object frames(Forward.Call call) throws Throwable {
    Zone zone = (Zone) call.arguments()[0];
    FrameAllocator made = (FrameAllocator) made(call.proceed());
    synchronized (this) {
      if (zones.isEmpty() || zones.contains(zone.startPfn())) {
        zones.clear();
        machine = sink.machine();
      }
      zones.add(zone.startPfn());
      return FrameHooks.wrap(made, zone, machine);
    }
  }

  private synchronized void zonesDone() {
    zones.clear();
  }

  private Object pages(Forward.Call call) throws Throwable {
    zonesDone();
    var floors = (PageAllocatorProvider.Floors) call.arguments()[0];
    PageAllocator inner = (PageAllocator) made(call.proceed());
    PageAllocator pages = PageHooks.wrap(inner, floors.memory().memMap(), machine());
    return pageFaults == null ? pages : PageHooks.failing(pages, pageFaults, machine());
  }

  private Object slabs(Forward.Call call) throws Throwable {
    SlabAllocator slabs = SlabHooks.wrap((SlabAllocator) made(call.proceed()), machine());
    return slabFaults == null ? slabs : SlabHooks.failing(slabs, slabFaults, machine());
  }

  private static Object made(@Nullable Object created) {
    if (created == null) {
      throw new IllegalStateException("a provider created nothing");
    }
    return created;
  }

  /** Closes the receiver. */
  @Override
  public void close() {
    sink.close();
  }
}
