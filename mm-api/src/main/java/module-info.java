// SPDX-License-Identifier: Apache-2.0

/**
 * The contracts of mm4j: the SPI of every floor, the value types that cross floors, the plugin
 * registry, and {@link io.mm4j.api.machine.Machine}, which boots a simulated machine from plugins.
 *
 * <p>Nothing here implements an algorithm of memory management; implementations are found by {@link
 * java.util.ServiceLoader} and meet only through these types.
 */
module io.mm4j.api {
  requires static transitive org.apiguardian.api;
  requires static transitive org.jspecify;

  exports io.mm4j.api;
  exports io.mm4j.api.boot;
  exports io.mm4j.api.kernel;
  exports io.mm4j.api.machine;
  exports io.mm4j.api.memory;
  exports io.mm4j.api.page;
  exports io.mm4j.api.pagetable;
  exports io.mm4j.api.plugin;
  exports io.mm4j.api.process;
  exports io.mm4j.api.slab;
  exports io.mm4j.api.vma;
  exports io.mm4j.api.vmalloc;

  uses io.mm4j.api.memory.PhysicalMemoryProvider;
  uses io.mm4j.api.page.FrameAllocatorProvider;
  uses io.mm4j.api.page.PageAllocatorProvider;
  uses io.mm4j.api.pagetable.PageTableFormatProvider;
  uses io.mm4j.api.pagetable.PageTablesProvider;
  uses io.mm4j.api.process.ProcessFloorProvider;
  uses io.mm4j.api.slab.SlabAllocatorProvider;
  uses io.mm4j.api.vma.VmaIndexProvider;
  uses io.mm4j.api.vmalloc.VmallocAllocatorProvider;
}
