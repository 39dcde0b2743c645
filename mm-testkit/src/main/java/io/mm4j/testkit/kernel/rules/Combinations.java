// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.pages.naive.NaivePages;
import io.mm4j.testkit.paging.naive.NaiveFormats;
import io.mm4j.testkit.slab.naive.NaiveSlabs;
import io.mm4j.testkit.vmalloc.naive.NaiveVmallocs;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The plugins below the kernel's mappings: every one that is found beside the kit, and its own. */
final class Combinations {
  /**
   * What gives frames.
   *
   * @param memory RAM
   * @param frames the free blocks of a zone
   * @param pages above them
   */
  record Below(
      PhysicalMemoryProvider memory, FrameAllocatorProvider frames, PageAllocatorProvider pages) {
    @Override
    public String toString() {
      return memory.name() + ", " + frames.name() + ", " + pages.name();
    }
  }

  private static final PluginRegistry FOUND = PluginRegistry.discover();
  private static final List<Below> BELOW = below();
  private static final List<VmallocAllocatorProvider> AREAS = areas();

  private Combinations() {}

  private static <P extends PluginProvider> List<P> found(Spi<P> spi) {
    List<P> list = new ArrayList<>();
    FOUND.plugins(spi).forEach(info -> list.add(spi.providerType().cast(info.provider())));
    return list;
  }

  private static List<Below> below() {
    List<Below> all = new ArrayList<>();
    all.add(new Below(new NaiveMemories(), new NaiveFrames(), new NaivePages()));
    for (PhysicalMemoryProvider memory : found(Spi.PHYSICAL_MEMORY)) {
      for (FrameAllocatorProvider frames : found(Spi.FRAME_ALLOCATOR)) {
        for (PageAllocatorProvider pages : found(Spi.PAGE_ALLOCATOR)) {
          all.add(new Below(memory, frames, pages));
        }
      }
    }
    return List.copyOf(all);
  }

  private static List<VmallocAllocatorProvider> areas() {
    List<VmallocAllocatorProvider> all = new ArrayList<>();
    all.add(new NaiveVmallocs());
    all.addAll(found(Spi.VMALLOC));
    return List.copyOf(all);
  }

  /** Every row of plugins that gives frames. */
  static List<Below> all() {
    return BELOW;
  }

  /** The rows in turn. */
  static Below turn(long number) {
    return BELOW.get((int) Long.remainderUnsigned(number, BELOW.size()));
  }

  /** Every allocator of addresses. */
  static List<VmallocAllocatorProvider> allAreas() {
    return AREAS;
  }

  /** The found format of this name, or the kit's. */
  static PageTableFormatProvider format(String name) {
    return found(Spi.PAGE_TABLE).stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseGet(() -> new NaiveFormats(name.toLowerCase(Locale.ROOT), name, f -> f));
  }

  /** A slab allocator. */
  static SlabAllocatorProvider slab() {
    return found(Spi.SLAB).stream().findFirst().orElseGet(NaiveSlabs::new);
  }
}
