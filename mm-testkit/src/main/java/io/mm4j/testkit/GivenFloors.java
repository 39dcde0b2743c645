// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apiguardian.api.API;

/**
 * The plugins of lower floors that machines of rules are to stand on, in place of the kit's own
 * simplest ones: {@code mm check page-allocator=linux --plugin frame-allocator=MINE}. What is found
 * then may be a defect of either floor.
 *
 * <p>Fixed for a run of rules by {@link RuleRunner#over}; a rule asks while it makes its machine.
 */
@API(status = API.Status.MAINTAINED)
public final class GivenFloors {
  /** No floors: rules take the kit's own. */
  static final GivenFloors NONE = new GivenFloors(Map.of());

  private static final ThreadLocal<GivenFloors> CURRENT = ThreadLocal.withInitial(() -> NONE);

  /**
   * A floor.
   *
   * @param provider its provider
   * @param spec its name and options
   */
  public record Floor<P extends PluginProvider>(P provider, PluginSpec spec) {}

  private final Map<Spi<?>, Floor<?>> floors;

  private GivenFloors(Map<Spi<?>, Floor<?>> floors) {
    this.floors = Map.copyOf(floors);
  }

  /** The same with one more. */
  <P extends PluginProvider> GivenFloors with(Spi<P> spi, P provider, PluginSpec spec) {
    Map<Spi<?>, Floor<?>> more = new HashMap<>(floors);
    more.put(spi, new Floor<>(provider, spec));
    return new GivenFloors(more);
  }

  boolean isEmpty() {
    return floors.isEmpty();
  }

  /** Does something on these floors, on this thread. */
  <T> T during(Supplier<T> work) {
    GivenFloors before = CURRENT.get();
    CURRENT.set(this);
    try {
      return work.get();
    } finally {
      CURRENT.set(before);
    }
  }

  /** The floor that was given for an SPI, or else one without options. */
  @SuppressWarnings("unchecked") // entered by with(), under the SPI of its provider
  public static <P extends PluginProvider> Floor<P> of(Spi<P> spi, Supplier<? extends P> own) {
    Floor<?> given = CURRENT.get().floors.get(spi);
    if (given != null) {
      return (Floor<P>) given;
    }
    P provider = own.get();
    return new Floor<>(provider, PluginSpec.of(provider.name()));
  }

  /** {@code frame-allocator=mine}; empty if there are none. */
  @Override
  public String toString() {
    Map<String, String> sorted = new TreeMap<>();
    floors.forEach((spi, floor) -> sorted.put(spi.id(), spi.id() + "=" + floor.spec()));
    return String.join(" ", sorted.values());
  }
}
