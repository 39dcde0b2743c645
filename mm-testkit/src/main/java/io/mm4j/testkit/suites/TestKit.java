// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.suites;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.frames.FrameAllocatorSuite;
import io.mm4j.testkit.kernel.KernelSpaceSuite;
import io.mm4j.testkit.memory.PhysicalMemorySuite;
import io.mm4j.testkit.pages.PageAllocatorSuite;
import io.mm4j.testkit.paging.PageTableFormatSuite;
import io.mm4j.testkit.paging.PageTablesSuite;
import io.mm4j.testkit.process.AddressSpaceSuite;
import io.mm4j.testkit.process.ProcessFloorSuite;
import io.mm4j.testkit.slab.SlabAllocatorSuite;
import io.mm4j.testkit.task.TaskSuite;
import io.mm4j.testkit.vma.VmaIndexSuite;
import io.mm4j.testkit.vmalloc.VmallocAllocatorSuite;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apiguardian.api.API;

/** The suites of the kit, by SPI. */
@API(status = API.Status.MAINTAINED)
public final class TestKit {
  /** A suite that is made when it is asked for: all together are a thousand rules and faults. */
  private record Made(Spi<?> spi, Supplier<Suite<?>> suite) {}

  private static final List<Made> ALL =
      List.of(
          new Made(Spi.PHYSICAL_MEMORY, PhysicalMemorySuite::suite),
          new Made(Spi.FRAME_ALLOCATOR, FrameAllocatorSuite::suite),
          new Made(Spi.PAGE_ALLOCATOR, PageAllocatorSuite::suite),
          new Made(Spi.PAGE_TABLE, PageTableFormatSuite::suite),
          new Made(Spi.PAGING, PageTablesSuite::suite),
          new Made(Spi.VMALLOC, VmallocAllocatorSuite::suite),
          new Made(Spi.PAGING, KernelSpaceSuite::suite),
          new Made(Spi.SLAB, SlabAllocatorSuite::suite),
          new Made(Spi.VMA_INDEX, VmaIndexSuite::suite),
          new Made(Spi.VMA_INDEX, AddressSpaceSuite::suite),
          new Made(Spi.PROCESS, TaskSuite::suite));

  /** Of rules of one kind: AS-100 comes after AS-99. */
  private static final Comparator<String> BY_NUMBER =
      Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder());

  private TestKit() {}

  /** Every suite, in boot order of the SPIs. */
  public static List<Suite<?>> suites() {
    List<Suite<?>> suites = new ArrayList<>();
    ALL.forEach(made -> suites.add(made.suite().get()));
    return List.copyOf(suites);
  }

  /** Every suite that judges plugins of an SPI: that of the SPI, then those built above it. */
  @SuppressWarnings("unchecked") // a suite's type parameter is that of its own SPI constant
  public static <P extends PluginProvider> List<Suite<P>> suites(Spi<P> spi) {
    return ALL.stream()
        .filter(made -> made.spi() == spi)
        .map(made -> (Suite<P>) made.suite().get())
        .toList();
  }

  /**
   * Every rule that judges plugins of an SPI; those of {@code process} are the rules of address
   * spaces, whose suite is that of {@code vma-index}, and those of tasks.
   */
  @SuppressWarnings("unchecked") // as above
  public static <P extends PluginProvider> List<Rule<P>> rules(Spi<P> spi) {
    if (spi == Spi.PROCESS) {
      return Stream.concat(ProcessFloorSuite.rules().stream(), TaskSuite.suite().rules().stream())
          .map(r -> (Rule<P>) r)
          .toList();
    }
    return suites(spi).stream().flatMap(s -> s.rules().stream()).toList();
  }

  /** Whether the faults of a suite prove the rules that judge plugins of an SPI. */
  public static boolean proves(Suite<?> suite, Spi<?> spi) {
    return suite.spi() == spi
        || (spi == Spi.PROCESS && suite.name().equals(AddressSpaceSuite.NAME));
  }

  /** The suite of an SPI itself, if the kit has one. */
  public static <P extends PluginProvider> Optional<Suite<P>> suite(Spi<P> spi) {
    return suites(spi).stream().findFirst();
  }

  /** Every rule of every SPI. */
  public static List<Rule<?>> rules() {
    return suites().stream().<Rule<?>>flatMap(s -> s.rules().stream()).toList();
  }

  /**
   * The rule with this id.
   *
   * @param where the option that named it, for the message
   * @throws InputException if there is none
   */
  public static Rule<?> rule(String id, String where) {
    return ALL.stream()
        .<Rule<?>>flatMap(made -> made.suite().get().rules().stream())
        .filter(r -> r.info().id().equalsIgnoreCase(id))
        .findFirst()
        .orElseThrow(() -> new InputException("there is no rule '" + id + "'", where, ids()));
  }

  /** The first and the last rule of each kind, by suite. */
  private static String ids() {
    Map<String, List<String>> byKind = new LinkedHashMap<>();
    for (Suite<?> suite : suites()) {
      for (Rule<?> rule : suite.rules()) {
        String id = rule.info().id();
        String kind = suite.name() + " " + id.replaceAll("[0-9]+$", "");
        byKind.computeIfAbsent(kind, k -> new ArrayList<>()).add(id);
      }
    }
    return byKind.entrySet().stream()
        .map(
            e ->
                e.getKey().replaceAll(" .*", "")
                    + ": "
                    + e.getValue().size()
                    + " from "
                    + Collections.min(e.getValue(), BY_NUMBER)
                    + " to "
                    + Collections.max(e.getValue(), BY_NUMBER))
        .collect(Collectors.joining("; ", "", "; each in docs/test-kit.md"));
  }
}
