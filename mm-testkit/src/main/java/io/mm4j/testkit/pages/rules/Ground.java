// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import io.mm4j.testkit.pages.model.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A machine that can be booted twice, once for the plugin and once for the model.
 *
 * @param nodes its nodes
 * @param cpus how many CPUs; they lie on the nodes in turn
 * @param sysctls settings {@code vm.*}
 * @param contents whether its memory has bytes
 * @param pageblockOrder 9, or 10 as on x86-32 without PAE
 * @param words whether its naive {@code mem_map} shows frames as words, by {@code states()}
 */
record Ground(
    List<Place> nodes,
    int cpus,
    Map<String, String> sysctls,
    boolean contents,
    int pageblockOrder,
    boolean words) {
  /**
   * A zone.
   *
   * @param type its kind
   * @param startPfn its first frame
   * @param endPfn one past its last frame
   */
  record Span(ZoneType type, long startPfn, long endPfn) {}

  /**
   * A node.
   *
   * @param spans its zones, the lowest first
   * @param distances how far each node is
   */
  record Place(List<Span> spans, List<Integer> distances) {}

  private MemoryLayout layout() {
    List<Node> list = new ArrayList<>();
    List<MemoryMap.Range> ram = new ArrayList<>();
    for (int id = 0; id < nodes.size(); id++) {
      List<Zone> zones = new ArrayList<>();
      for (Span s : nodes.get(id).spans) {
        long pages = s.endPfn - s.startPfn;
        Pageblocks types =
            new Pageblocks(s.startPfn, s.endPfn, Migratetype.MOVABLE, pageblockOrder);
        zones.add(new Zone(s.type, id, s.startPfn, s.endPfn, pages, pages, types));
        ram.add(
            new MemoryMap.Range(
                s.startPfn << Pages.PAGE_SHIFT,
                s.endPfn << Pages.PAGE_SHIFT,
                MemoryMap.Type.USABLE));
      }
      list.add(new Node(id, zones, nodes.get(id).distances));
    }
    return new MemoryLayout(new MemoryMap(ram), list);
  }

  /** Boots it over the kit's naive floors, or over the reference ones. */
  Machine boot(PageAllocatorProvider provider, Options options, boolean reference) {
    return reference ? bootOverReference(provider, options) : boot(provider, options);
  }

  private Machine boot(PageAllocatorProvider provider, Options options) {
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(
                    new NaiveMemories(
                        "naive",
                        (l, bytes) -> new NaiveMemory(l, bytes, new TouchedMap(l, words)))),
                Spi.FRAME_ALLOCATOR,
                List.of(new NaiveFrames()),
                Spi.PAGE_ALLOCATOR,
                List.of(provider)));
    return config(provider, options)
        .registry(registry)
        .plugin(Spi.PHYSICAL_MEMORY, PluginSpec.of("naive"))
        .plugin(Spi.FRAME_ALLOCATOR, PluginSpec.of("naive"))
        .boot();
  }

  private Machine bootOverReference(PageAllocatorProvider provider, Options options) {
    PluginRegistry found = PluginRegistry.discover();
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(reference(found, Spi.PHYSICAL_MEMORY)),
                Spi.FRAME_ALLOCATOR,
                List.of(reference(found, Spi.FRAME_ALLOCATOR)),
                Spi.PAGE_ALLOCATOR,
                List.of(provider)));
    return config(provider, options).registry(registry).boot();
  }

  private static <P extends PluginProvider> P reference(PluginRegistry found, Spi<P> spi) {
    return found.provider(spi, spi.reference(), "the floors below a page allocator");
  }

  private MachineConfig config(PageAllocatorProvider provider, Options options) {
    return Settings.machine(sysctls)
        .layout(layout())
        .cpus(cpus)
        .contents(contents)
        .plugin(
            Spi.PAGE_ALLOCATOR,
            new PluginSpec(
                provider.name(), provider.options().isEmpty() ? Map.of() : options.asMap()));
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(cpus + " CPUs, vm " + sysctls);
    text.append(pageblockOrder == 9 ? "" : "; pageblocks of order " + pageblockOrder);
    text.append(words ? "" : "; a mem_map without states()");
    for (int id = 0; id < nodes.size(); id++) {
      text.append("; node ").append(id).append(' ').append(nodes.get(id).distances);
      for (Span s : nodes.get(id).spans) {
        text.append(' ').append(s.type.procName());
        text.append(" 0x").append(Long.toHexString(s.startPfn));
        text.append("-0x").append(Long.toHexString(s.endPfn));
      }
    }
    return text.toString();
  }
}
