// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.pages.naive.NaivePages;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The process floor that is run above an index: the one that is found beside the test kit. */
public final class Floors {
  private static final Optional<ProcessFloorProvider> FOUND =
      PluginRegistry.discover().plugins(Spi.PROCESS).stream()
          .sorted(Comparator.comparing(info -> !info.name().equals(Spi.PROCESS.reference())))
          .map(info -> Spi.PROCESS.providerType().cast(info.provider()))
          .findFirst();

  /** The floors below, made of the kit's naive ones; all process floors of the kit share them. */
  private static final class Below {
    static final Machine MACHINE =
        new MachineConfig()
            .registry(
                PluginRegistry.of(
                    Map.of(
                        Spi.PHYSICAL_MEMORY,
                        List.of(new NaiveMemories()),
                        Spi.FRAME_ALLOCATOR,
                        List.of(new NaiveFrames()),
                        Spi.PAGE_ALLOCATOR,
                        List.of(new NaivePages()))))
            .plugin("physical-memory=naive")
            .plugin("frame-allocator=naive")
            .plugin("page-allocator=naive")
            .memory(4L << 20)
            .cpus(1)
            .contents(false)
            .boot();
  }

  private Floors() {}

  /** A right index below a floor that is wrong. */
  public record Wrong(String name, VmaIndexProvider inner, UnaryOperator<ProcessFloor> wrap)
      implements VmaIndexProvider {
    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      return inner.create(maxVmas, options);
    }
  }

  /** A right index below a floor of somebody's. */
  public record Under(ProcessFloorProvider floor, Options floorOptions, VmaIndexProvider inner)
      implements VmaIndexProvider {
    @Override
    public String name() {
      return inner.name();
    }

    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      return inner.create(maxVmas, options);
    }
  }

  /** Why no address space can be judged here, or null. */
  static @Nullable public String missing() {
    return FOUND.isPresent()
        ? null
        : "no process floor is on the module path: add io.mm4j:mm-process";
  }

  /** A floor without processes, on this index. */
  static ProcessFloor create(VmaIndexProvider provider, Options options) {
    boolean given = provider instanceof Under;
    ProcessFloorProvider found = given ? ((Under) provider).floor : FOUND.orElseThrow();
    Options chosen = given ? ((Under) provider).floorOptions : Options.defaults(found);
    Machine below = Below.MACHINE;
    ProcessFloor floor =
        found.create(
            new ProcessFloorProvider.Floors(
                below.memory(),
                below.pages(),
                below.cpus(),
                below.pressure(),
                indexes(provider, options),
                Map.of()),
            chosen);
    return provider instanceof Wrong wrong ? wrong.wrap.apply(floor) : floor;
  }

  /** What makes a floor without processes on the kit's own index. */
  static Supplier<ProcessFloor> naive() {
    VmaIndexProvider provider = VmaIndexSuite.correct();
    return () -> create(provider, Options.defaults(provider));
  }

  private static Supplier<VmaIndex> indexes(VmaIndexProvider provider, Options options) {
    int most = Math.min(provider.capabilities().maxVmas(), 1 << 17);
    return () -> provider.create(most, options);
  }
}
