// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.vmalloc;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.Map;
import org.apiguardian.api.API;

/** Creates {@link VmallocAllocator}s: the SPI {@code vmalloc}. */
@API(status = API.Status.EXPERIMENTAL)
public interface VmallocAllocatorProvider extends PluginProvider {
  /**
   * What it is created for.
   *
   * @param cpus how many CPUs there are
   * @param start {@code VMALLOC_START}
   * @param end {@code VMALLOC_END}: one past the last address of the vmalloc area
   * @param top one past the last address that can be asked for; beyond {@code end} on 64 bits,
   *     where other areas come from the same allocator
   * @param is64Bit whether the kernel is one of 64 bits
   * @param settings what was set of the provider's {@link #settings()}
   */
  record Floors(
      int cpus, long start, long end, long top, boolean is64Bit, Map<String, String> settings) {
    /** Copies the map. */
    public Floors {
      settings = Map.copyOf(settings);
    }
  }

  /**
   * What a plugin can do; a test that needs more is skipped, with the reason.
   *
   * @param lazy freed areas wait for a purge
   * @param takesExactly a recorded state can be restored, and recorded areas be taken
   * @param lowestFirst a request of page alignment gets the lowest hole that it fits in
   * @param pools of 64 bits, with more than one CPU: purged areas of up to 256 pages are kept for
   *     the CPU that had asked for them, as Linux 6.18 does
   */
  record Capabilities(boolean lazy, boolean takesExactly, boolean lowestFirst, boolean pools) {}

  /** The plugin's capabilities. */
  Capabilities capabilities();

  @Override
  default Map<String, String> describeCapabilities() {
    return Map.of(
        "lazy", Boolean.toString(capabilities().lazy()),
        "takes-exactly", Boolean.toString(capabilities().takesExactly()),
        "lowest-first", Boolean.toString(capabilities().lowestFirst()),
        "pools", Boolean.toString(capabilities().pools()));
  }

  /** Creates an allocator that has everything from {@code start} to {@code top} free. */
  VmallocAllocator create(Floors floors, Options options);
}
