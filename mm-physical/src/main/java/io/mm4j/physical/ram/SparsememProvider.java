// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.physical.boot.BootAllocators;
import io.mm4j.physical.memmap.PageMap;
import java.util.List;

/** Provides the physical memory {@code sparsemem}. */
public final class SparsememProvider implements PhysicalMemoryProvider {
  /** For the service loader. */
  public SparsememProvider() {}

  @Override
  public String name() {
    return "sparsemem";
  }

  @Override
  public String summary() {
    return "mem_map in sections of 128 MiB, made when first touched";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(BootAllocators.option("memblock"), RamChoice.option());
  }

  @Override
  public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
    return MappedMemory.create(layout, PageMap.sparse(layout), contents, options);
  }
}
