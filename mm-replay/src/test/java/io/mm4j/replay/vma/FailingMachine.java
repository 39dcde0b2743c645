// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.paging.rules.HookedPages;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One machine for any number of process floors, whose page allocator can be told to fail. */
final class FailingMachine implements AutoCloseable {
  private static final String NAME = "failing";
  private static final PluginRegistry FOUND = PluginRegistry.discover();

  /** The page allocator that is found, with a hook before it. */
  private static final class Hooked implements PageAllocatorProvider {
    private final PageAllocatorProvider inner =
        FOUND.provider(Spi.PAGE_ALLOCATOR, Spi.PAGE_ALLOCATOR.reference(), "a test");
    private @Nullable HookedPages made;

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public String summary() {
      return "fails when a test wants it";
    }

    @Override
    public Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public PageAllocator create(Floors floors, Options options) {
      HookedPages hooked = new HookedPages(inner.create(floors, Options.defaults(inner)));
      made = hooked;
      return hooked;
    }
  }

  private final Hooked hooked = new Hooked();
  final Machine machine;

  FailingMachine() {
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    for (Spi<?> spi :
        List.of(Spi.PHYSICAL_MEMORY, Spi.FRAME_ALLOCATOR, Spi.PAGE_TABLE, Spi.PAGING)) {
      String name = spi.equals(Spi.PAGE_TABLE) ? "x86-64" : spi.reference();
      providers.put(spi, List.of((PluginProvider) FOUND.provider(spi, name, "a test")));
    }
    providers.put(Spi.PAGE_ALLOCATOR, List.of(hooked));
    MachineConfig config =
        new MachineConfig().registry(PluginRegistry.of(providers)).memory(512L << 20).cpus(1);
    providers.forEach((spi, list) -> config.plugin(spi, PluginSpec.of(list.getFirst().name())));
    machine = config.boot();
    long _ = machine.pageTables().kernelRoot(machine.cpus().get(0)); // stays as long as the machine
  }

  /** What counts and fails allocations of frames. */
  HookedPages pages() {
    return Objects.requireNonNull(hooked.made);
  }

  /** Frames that nobody has. */
  long freeFrames() {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  /** A floor without processes, on the reference index. */
  ProcessFloor floor() {
    ProcessFloorProvider found = FOUND.provider(Spi.PROCESS, Spi.PROCESS.reference(), "a test");
    VmaIndexProvider index = FOUND.provider(Spi.VMA_INDEX, Spi.VMA_INDEX.reference(), "a test");
    int most = Math.min(index.capabilities().maxVmas(), 1 << 17);
    return found.create(
        new ProcessFloorProvider.Floors(
            machine.memory(),
            machine.pages(),
            machine.cpus(),
            machine.pressure(),
            machine.pageTables(),
            () -> index.create(most, Options.defaults(index)),
            Map.of()),
        Options.defaults(found));
  }

  @Override
  public void close() {
    machine.close();
  }
}
