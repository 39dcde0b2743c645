// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.suites;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.frames.FrameAllocatorSuite;
import io.mm4j.testkit.memory.PhysicalMemorySuite;
import io.mm4j.testkit.pages.PageAllocatorSuite;
import io.mm4j.testkit.process.AddressSpaceSuite;
import io.mm4j.testkit.slab.SlabAllocatorSuite;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apiguardian.api.API;

/** The suites of the kit, by SPI. */
@API(status = API.Status.MAINTAINED)
public final class TestKit {
  private TestKit() {}

  /** Every suite, in boot order of the SPIs. */
  public static List<Suite<?>> suites() {
    return List.of(
        PhysicalMemorySuite.suite(),
        FrameAllocatorSuite.suite(),
        PageAllocatorSuite.suite(),
        SlabAllocatorSuite.suite(),
        VmaIndexSuite.suite(),
        AddressSpaceSuite.suite());
  }

  /** Every suite that judges plugins of an SPI: that of the SPI, then those built above it. */
  @SuppressWarnings("unchecked") // a suite's type parameter is that of its own SPI constant
  public static <P extends PluginProvider> List<Suite<P>> suites(Spi<P> spi) {
    return suites().stream().filter(s -> s.spi() == spi).map(s -> (Suite<P>) s).toList();
  }

  /** Every rule that judges plugins of an SPI. */
  public static <P extends PluginProvider> List<Rule<P>> rules(Spi<P> spi) {
    return suites(spi).stream().flatMap(s -> s.rules().stream()).toList();
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
    return rules().stream()
        .filter(r -> r.info().id().equalsIgnoreCase(id))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "there is no rule '" + id + "'",
                    where,
                    rules().stream().map(r -> r.info().id()).collect(Collectors.joining(", "))));
  }
}
