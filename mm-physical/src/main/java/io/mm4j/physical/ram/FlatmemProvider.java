// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.physical.boot.BootAllocators;
import io.mm4j.physical.memmap.PageMap;
import java.util.List;

/** Provides the physical memory {@code flatmem}. */
public final class FlatmemProvider implements PhysicalMemoryProvider {
  /** For the service loader. */
  public FlatmemProvider() {}

  @Override
  public String name() {
    return "flatmem";
  }

  @Override
  public String summary() {
    return "one mem_map[] for all frames, as in Linux 2.4; up to 1 TiB";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(BootAllocators.option("bootmem"), RamChoice.option());
  }

  @Override
  public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
    if (layout.endPfn() > PageMap.MAX_FLAT_PFN) {
      throw new InputException(
          "memory up to " + Sizes.format(layout.endPfn() << Pages.PAGE_SHIFT),
          "physical-memory=flatmem",
          "memory up to " + Sizes.format(PageMap.MAX_FLAT_PFN << Pages.PAGE_SHIFT));
    }
    return MappedMemory.create(layout, PageMap.flat(layout), contents, options);
  }
}
