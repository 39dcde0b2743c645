// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a plugin or its caller does wrong is named; what is right is not. */
class ChecksTest {
  private static final PluginRegistry FOUND = PluginRegistry.discover();

  private final List<String> findings = new ArrayList<>();
  private final Checks checks = new Checks(findings::add);

  /** A defect: answers a call of a plugin itself, or makes it. */
  private interface Defect {
    Object call(Object plugin, Method method, Object[] args) throws Throwable;
  }

  private static Object made(Object on, Method method, Object[] args) throws Throwable {
    try {
      return method.invoke(on, args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(
        Proxy.newProxyInstance(ChecksTest.class.getClassLoader(), new Class<?>[] {type}, handler));
  }

  /** The plugins that there are, those of one SPI with a defect and without a sink of their own. */
  private static <P extends PluginProvider> PluginRegistry with(
      Spi<P> spi, Class<?> plugin, Defect defect) {
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    for (Spi<?> other : Spi.all()) {
      List<PluginProvider> all = new ArrayList<>();
      for (PluginInfo info : FOUND.plugins(other)) {
        PluginProvider provider = info.provider();
        all.add(
            other != spi
                ? provider
                : proxy(
                    spi.providerType(),
                    (self, method, args) -> {
                      Object inner = made(provider, method, args);
                      return plugin.isInstance(inner) ? defective(plugin, inner, defect) : inner;
                    }));
      }
      providers.put(other, all);
    }
    return PluginRegistry.of(providers);
  }

  private static Object defective(Class<?> type, Object inner, Defect defect) {
    return proxy(
        type,
        (self, method, args) -> {
          if (method.getName().equals("watch")) {
            return false;
          }
          return method.isDefault() && !method.getName().startsWith("alloc")
              ? InvocationHandler.invokeDefault(self, method, args)
              : defect.call(inner, method, args);
        });
  }

  private Machine boot(PluginRegistry registry, String... plugins) {
    MachineConfig config =
        new MachineConfig().memory(64L << 20).registry(Tracer.to(checks).trace(registry));
    for (String plugin : plugins) {
      config = config.plugin(plugin);
    }
    return config.boot();
  }

  private void assertFound(String beginning) {
    assertTrue(
        findings.stream().anyMatch(finding -> finding.startsWith(beginning)),
        () -> beginning + " is not among " + findings);
    assertEquals(findings.size(), checks.findings());
  }

  @Test
  void aFrameAllocatorThatGivesBlocksTwiceIsFound() {
    long[] last = {FrameAllocator.NONE};
    PluginRegistry registry =
        with(
            Spi.FRAME_ALLOCATOR,
            FrameAllocator.class,
            (frames, method, args) -> {
              boolean five = method.getName().equals("allocate") && args[0].equals(5);
              boolean again = five && last[0] != FrameAllocator.NONE;
              Object pfn = again ? (Object) last[0] : made(frames, method, args);
              last[0] = five ? (Long) pfn : last[0];
              return pfn;
            });
    try (Machine machine = boot(registry, "page-allocator=direct")) {
      Cpu cpu = machine.cpus().get(0);
      long first = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 5);
      assertEquals(List.of(), findings);
      assertEquals(first, machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 5));
    }
    assertFound(String.format("overlap: block pfn=0x%x order=5 of zone ", last[0]));
  }

  @Test
  void aPageAllocatorThatGivesPagesTwiceIsFound() {
    long[] last = {PageAllocator.NO_PAGE};
    PluginRegistry registry =
        with(
            Spi.PAGE_ALLOCATOR,
            PageAllocator.class,
            (pages, method, args) -> {
              if (!method.getName().equals("allocPages") || last[0] != PageAllocator.NO_PAGE) {
                return method.getName().equals("allocPages") ? last[0] : made(pages, method, args);
              }
              Object pfn = made(pages, method, args);
              last[0] = args[2].equals(2) ? (Long) pfn : last[0];
              return pfn;
            });
    try (Machine machine = boot(registry, "page-allocator=direct")) {
      Cpu cpu = machine.cpus().get(0);
      long first = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 2);
      assertEquals(first, machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 2));
    }
    assertFound(String.format("overlap: block pfn=0x%x order=2 was given out while", last[0]));
  }

  @Test
  void aSlabAllocatorWhoseObjectsOverlapIsFound() {
    long[] last = {0};
    PluginRegistry registry =
        with(
            Spi.SLAB,
            SlabAllocator.class,
            (slabs, method, args) -> {
              boolean again = method.getName().equals("kmemCacheAlloc") && last[0] != 0;
              Object object = again ? (Object) (last[0] + 8) : made(slabs, method, args);
              last[0] = method.getName().equals("kmemCacheAlloc") ? (Long) object : last[0];
              return object;
            });
    try (Machine machine = boot(registry)) {
      Cpu cpu = machine.cpus().get(0);
      KmemCache cache = machine.slabs().kmemCacheCreate(KmemCacheArgs.of("foo", 64));
      long first = machine.slabs().kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL, -1);
      assertEquals(first + 8, machine.slabs().kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL, -1));
      assertFound(
          String.format("overlap: object ptr=0x%x of foo, 64 bytes, was given out", first + 8));
    }
  }

  /** A replay takes what was recorded in the place of what would have been given. */
  @Test
  void anAreaThatIsPutWhereARecordingHasItIsNoFinding() {
    try (Machine machine = boot(FOUND)) {
      Cpu cpu = machine.cpus().get(0);
      VmallocAllocator areas = machine.vmalloc();
      long from = 0xffffc90000000000L;
      long given = areas.alloc(cpu, 8192, 4096, from, from + (1 << 20));
      areas.undo(given);
      assertEquals(2, areas.takeExactly(VmallocAllocator.NO_NODE, given, 8192));
      assertEquals(-1, areas.takeExactly(VmallocAllocator.NO_NODE, given, 8192));
      areas.free(cpu, given);
      assertEquals(List.of(), findings);
      assertEquals(List.of(), checks.held().stream().filter(h -> h.contains("areas")).toList());
    }
  }

  @Test
  void aVmallocAllocatorWhoseAreasOverlapIsFound() {
    long[] last = {0};
    PluginRegistry registry =
        with(
            Spi.VMALLOC,
            VmallocAllocator.class,
            (areas, method, args) -> {
              boolean alloc = method.getName().equals("alloc");
              Object address = alloc && last[0] != 0 ? (Object) last[0] : made(areas, method, args);
              last[0] = alloc ? (Long) address : last[0];
              return address;
            });
    try (Machine machine = boot(registry)) {
      Cpu cpu = machine.cpus().get(0);
      VmallocAllocator areas = machine.vmalloc();
      long start = last[0] == 0 ? 0xffffc90000000000L : last[0];
      long at = areas.alloc(cpu, 8192, 4096, start, start + (1L << 30));
      assertEquals(at, areas.alloc(cpu, 8192, 4096, start, start + (1L << 30)));
      assertFound(String.format("overlap: area 0x%x of 8192 bytes was given out while", at));
    }
  }

  /** What callers do wrong, on allocators with a sink of their own and without. */
  @ParameterizedTest
  @CsvSource({"slub", "slab", "slob", "page"})
  void callersThatFreeWronglyAreFound(String slab) {
    try (Machine machine = boot(FOUND, "slab=" + slab)) {
      Cpu cpu = machine.cpus().get(0);
      SlabAllocator slabs = machine.slabs();
      long twice = slabs.kmalloc(cpu, 100, Gfp.GFP_KERNEL);
      slabs.kfree(cpu, twice);
      long kept = slabs.kmalloc(cpu, 3000, Gfp.GFP_KERNEL);
      assertEquals(List.of(), findings);
      assertTrue(
          checks.held().stream()
              .anyMatch(
                  held ->
                      held.matches("(?s)\\d+ bytes in 1 objects of .*, allocated at.*kmalloc.*")),
          () -> checks.held().toString());
      // What the allocator refuses to do is told by a check that does not trust it.
      TraceSink seen = checks.machine();
      seen.alloc(cpu, null, kept, 3000, 4096, 0);
      seen.free(cpu, null, kept);
      seen.free(cpu, null, kept);
      seen.free(cpu, null, kept + 8);
    }
    assertEquals(2, findings.size(), findings::toString);
    assertTrue(findings.getFirst().startsWith("double free: object ptr=0x"), findings::toString);
    assertTrue(findings.getLast().contains(" is no object, freed at"), findings::toString);
  }

  /** Machines of one command have the same frames; each is looked at for itself. */
  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void machinesInTurnsAreNoFinding(String pages) {
    PluginRegistry traced = Tracer.to(checks).trace(FOUND);
    MachineConfig config =
        new MachineConfig().memory(64L << 20).registry(traced).plugin("page-allocator=" + pages);
    try (Machine first = config.boot();
        Machine second = config.boot()) {
      List<Long> pfns = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        for (Machine machine : List.of(first, second)) {
          Cpu cpu = machine.cpus().get(0);
          pfns.add(machine.pages().on(cpu).alloc(Gfp.GFP_KERNEL, 1));
          long object = machine.slabs().on(cpu).kmalloc(100, Gfp.GFP_KERNEL);
          machine.slabs().on(cpu).kfree(object);
          machine.kernelSpace().vfree(cpu, machine.kernelSpace().vmalloc(cpu, 5000));
        }
        assertEquals(pfns.get(2 * i), pfns.get(2 * i + 1));
      }
    }
    assertEquals(List.of(), findings);
  }

  /**
   * Findings are told under a machine's lock and held() asks every machine: neither waits for the
   * other, and what is held is complete at any moment.
   */
  @Test
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void whoHoldsWhatMayBeAskedWhileMachinesWork() throws InterruptedException {
    AtomicLong told = new AtomicLong();
    Checks busy = new Checks(finding -> told.incrementAndGet());
    List<Thread> machines = new ArrayList<>();
    long rounds = 300;
    for (int i = 0; i < 3; i++) {
      TraceSink machine = busy.machine();
      Cpu cpu = new Cpu(i, 0);
      machine.alloc(cpu, 1 << 20, 3, Gfp.GFP_KERNEL, 0); // stays
      machines.add(
          Thread.ofPlatform()
              .unstarted(
                  () -> {
                    for (int round = 0; round < rounds; round++) {
                      machine.alloc(cpu, round, 0, Gfp.GFP_KERNEL, 0);
                      machine.alloc(cpu, round, 0, Gfp.GFP_KERNEL, 0); // a finding
                      machine.free(cpu, round, 0);
                    }
                  }));
    }
    machines.forEach(Thread::start);
    while (machines.stream().anyMatch(Thread::isAlive)) {
      List<String> held = busy.held();
      assertEquals(3, held.stream().filter(h -> h.startsWith("8 pages in 1 blocks")).count());
      TraceSink another = busy.machine();
      another.alloc(new Cpu(0, 0), 1, 0, Gfp.GFP_KERNEL, 0);
      another.free(new Cpu(0, 0), 1, 0);
    }
    for (Thread machine : machines) {
      machine.join();
    }
    assertEquals(3 * rounds, busy.findings());
    assertEquals(3 * rounds, told.get());
    assertEquals(3, busy.held().size());
  }
}
